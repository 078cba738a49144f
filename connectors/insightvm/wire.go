package insightvm

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/wire"
)

// mark is the first field of our envelope around what a page of a sync is made of.
const mark = "quell_insightvm"

// element is what tells the elements of the API's lists apart.
type element struct {
	ID        wire.Text       `json:"id"`
	Addresses json.RawMessage `json:"addresses"`
	History   json.RawMessage `json:"history"`
	Results   json.RawMessage `json:"results"`
	Instances json.RawMessage `json:"instances"`
	Since     wire.Text       `json:"since"`
}

func (e *element) asset() bool { return e.ID != "" && len(e.Addresses)+len(e.History) > 0 }

func (e *element) finding() bool {
	return e.ID != "" && (len(e.Results) > 0 || len(e.Instances) > 0 && e.Since != "")
}

type wireAsset struct {
	ID        wire.Text              `json:"id"`
	IP        wire.Text              `json:"ip"`
	MAC       wire.Text              `json:"mac"`
	HostName  wire.Text              `json:"hostName"`
	Addresses wire.List[wireAddress] `json:"addresses"`
	HostNames wire.List[wireName]    `json:"hostNames"`
	IDs       wire.List[wireID]      `json:"ids"`
	OS        wire.Text              `json:"os"`
	Type      wire.Text              `json:"type"`
	Assessed  *bool                  `json:"assessedForVulnerabilities"`
	History   wire.List[wireEvent]   `json:"history"`
	Services  wire.List[wireService] `json:"services"`
}

type wireAddress struct {
	IP  wire.Text `json:"ip"`
	MAC wire.Text `json:"mac"`
}

type wireName struct {
	Name wire.Text `json:"name"`
}

// wireID is a name that something on the asset has for it: its agent, its firmware.
type wireID struct {
	ID     wire.Text `json:"id"`
	Source wire.Text `json:"source"`
}

type wireEvent struct {
	Date   wire.Time   `json:"date"`
	ScanID wire.Number `json:"scanId"`
	Type   wire.Text   `json:"type"`
}

type wireService struct {
	Name     wire.Text   `json:"name"`
	Port     wire.Number `json:"port"`
	Protocol wire.Text   `json:"protocol"`
	Product  wire.Text   `json:"product"`
	Version  wire.Text   `json:"version"`
}

// assessment is the last event of an asset's history at which it was looked at. The
// others apply exceptions, or import names.
func (a *wireAsset) assessment() wireEvent {
	var last wireEvent
	for _, e := range a.History {
		switch strings.ToUpper(e.Type.String()) {
		case "SCAN", "AGENT-IMPORT", "SCAN-LOG-IMPORT":
			if e.Date.After(last.Date.Time) {
				last = e
			}
		}
	}
	return last
}

type wireFinding struct {
	ID      wire.Text             `json:"id"`
	Status  wire.Text             `json:"status"`
	Since   wire.Time             `json:"since"`
	Results wire.List[wireResult] `json:"results"`
	Links   wire.List[wireLink]   `json:"links"`
}

type wireResult struct {
	Port     wire.Number `json:"port"`
	Protocol wire.Text   `json:"protocol"`
	Proof    wire.Text   `json:"proof"`
	Since    wire.Time   `json:"since"`
	Status   wire.Text   `json:"status"`
	Key      wire.Text   `json:"key"`
}

type wireLink struct {
	Href wire.Text `json:"href"`
	Rel  wire.Text `json:"rel"`
}

// assetOf finds the asset in a finding's links: ".../assets/41/vulnerabilities/…".
func (f *wireFinding) assetOf() string {
	for _, l := range f.Links {
		parts := strings.Split(l.Href.String(), "/")
		if i := slices.Index(parts, "assets"); i >= 0 && i+2 < len(parts) && parts[i+2] == "vulnerabilities" {
			return parts[i+1]
		}
	}
	return ""
}

// wireVulnerability is what the console knows of a vulnerability.
type wireVulnerability struct {
	ID          wire.Text   `json:"id"`
	Title       wire.Text   `json:"title"`
	Description wireText    `json:"description"`
	CVEs        wire.Texts  `json:"cves"`
	Categories  wire.Texts  `json:"categories"`
	Severity    wire.Text   `json:"severity"`
	Score       wire.Number `json:"severityScore"`
	Exploits    wire.Number `json:"exploits"`
	MalwareKits wire.Number `json:"malwareKits"`
	CVSS        struct {
		V2 wireScore `json:"v2"`
		V3 wireScore `json:"v3"`
	} `json:"cvss"`
}

type wireText struct {
	HTML wire.Text `json:"html"`
	Text wire.Text `json:"text"`
}

type wireScore struct {
	Score  wire.Number `json:"score"`
	Vector wire.Text   `json:"vector"`
}

// mappedVulnerability are the fields that have a place of ours, or say nothing.
var mappedVulnerability = []string{"id", "title", "description", "cves", "categories", "severity", "severityScore", "cvss", "links"} //nolint:gochecknoglobals // a constant table

type wireScan struct {
	Status wire.Text `json:"status"`
}

type wireTag struct {
	Name wire.Text `json:"name"`
	Type wire.Text `json:"type"`
}

// wirePage is a page of any of the API's lists.
type wirePage struct {
	Resources []json.RawMessage `json:"resources"`
	Page      struct {
		Number wire.Number `json:"number"`
		Size   wire.Number `json:"size"`
		Total  wire.Number `json:"totalResources"`
		Pages  wire.Number `json:"totalPages"`
	} `json:"page"`
}

// wireKnown is an asset of our envelope with what came before its findings.
type wireKnown struct {
	asset  wireAsset
	tags   wire.List[wireTag]
	scan   string // status of the scan that assessed it last
	whole  bool   // all of its findings follow
	looked time.Time
}
