package wazuh

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// mark is the first field of our envelopes: of a page of hits, and of an agent with its
// vulnerabilities.
const mark = "quell_wazuh"

// wireHit is a document of the indexer (4.8 and later).
type wireHit struct {
	ID     wire.Text `json:"_id"`
	Source struct {
		Agent wireAgentName `json:"agent"`
		Host  struct {
			OS wireOS `json:"os"`
		} `json:"host"`
		Package       wirePackage       `json:"package"`
		Vulnerability wireVulnerability `json:"vulnerability"`
		Wazuh         struct {
			Agent   wireAgentName `json:"agent"` // since version 5
			Cluster struct {
				Name wire.Text `json:"name"`
			} `json:"cluster"`
		} `json:"wazuh"`
	} `json:"_source"`
}

type wireAgentName struct {
	ID     wire.Text  `json:"id"`
	Name   wire.Text  `json:"name"`
	Groups wire.Texts `json:"groups"`
}

type wireOS struct {
	Full     wire.Text `json:"full"`
	Name     wire.Text `json:"name"`
	Platform wire.Text `json:"platform"`
	Version  wire.Text `json:"version"`
}

type wirePackage struct {
	Name         wire.Text `json:"name"`
	Version      wire.Text `json:"version"`
	Type         wire.Text `json:"type"`
	Architecture wire.Text `json:"architecture"`
	Path         wire.Text `json:"path"`
}

type wireVulnerability struct {
	ID              wire.Text   `json:"id"`
	Description     wire.Text   `json:"description"`
	DetectedAt      wire.Time   `json:"detected_at"`
	Reference       wire.Text   `json:"reference"`
	Severity        wire.Text   `json:"severity"`
	UnderEvaluation wire.Flag   `json:"under_evaluation"`
	Score           wireScore   `json:"score"`
	Scanner         wireScanner `json:"scanner"`
}

type wireScore struct {
	Base    wire.Number `json:"base"`
	Version wire.Text   `json:"version"`
}

type wireScanner struct {
	Condition wire.Text `json:"condition"`
	Reference wire.Text `json:"reference"`
}

// mappedHit are the fields of a document that have a place of ours.
var mappedHit = []string{ //nolint:gochecknoglobals // a constant table
	"agent", "host", "package.name", "package.version", "package.type", "package.path", "wazuh.agent", "wazuh.schema", "vulnerability.id", "vulnerability.description",
	"vulnerability.detected_at", "vulnerability.reference", "vulnerability.severity", "vulnerability.score", "vulnerability.under_evaluation", "vulnerability.scanner.reference",
}

// wireItem is a vulnerability of the manager's API (up to 4.7).
type wireItem struct {
	CVE          wire.Text   `json:"cve"`
	Title        wire.Text   `json:"title"`
	Name         wire.Text   `json:"name"`
	Version      wire.Text   `json:"version"`
	Architecture wire.Text   `json:"architecture"`
	Type         wire.Text   `json:"type"`
	Condition    wire.Text   `json:"condition"`
	Severity     wire.Text   `json:"severity"`
	Status       wire.Text   `json:"status"`
	CVSS2        wire.Number `json:"cvss2_score"`
	CVSS3        wire.Number `json:"cvss3_score"`
	Detected     wire.Time   `json:"detection_time"`
	References   wire.Texts  `json:"external_references"`
}

var mappedItem = []string{ //nolint:gochecknoglobals // a constant table
	"cve", "title", "name", "version", "severity", "status", "cvss2_score", "cvss3_score", "detection_time", "external_references",
}

// wireAgent is an agent of the manager's API.
type wireAgent struct {
	ID         wire.Text  `json:"id"`
	Name       wire.Text  `json:"name"`
	IP         wire.Text  `json:"ip"`
	RegisterIP wire.Text  `json:"registerIP"`
	Status     wire.Text  `json:"status"`
	KeepAlive  wire.Time  `json:"lastKeepAlive"`
	Groups     wire.Texts `json:"group"`
	Manager    wire.Text  `json:"manager"`
	OS         wireOS     `json:"os"`
}

// element is what tells the elements of the manager's answers apart.
type element struct {
	CVE       wire.Text       `json:"cve"`
	ID        wire.Text       `json:"id"`
	KeepAlive json.RawMessage `json:"lastKeepAlive"`
	Status    wire.Text       `json:"status"`
}

// wireAnswer is what the puller needs of the manager's answers.
type wireAnswer struct {
	Data struct {
		Items  []json.RawMessage `json:"affected_items"`
		Failed []json.RawMessage `json:"failed_items"`
		Total  wire.Number       `json:"total_affected_items"`
	} `json:"data"`
	Error wire.Number `json:"error"`
}

// wireSearch is what the puller needs of the indexer's answers.
type wireSearch struct {
	TimedOut bool `json:"timed_out"`
	Shards   struct {
		Failed wire.Number `json:"failed"`
	} `json:"_shards"`
	Hits struct {
		Total struct {
			Value wire.Number `json:"value"`
		} `json:"total"`
		Hits []json.RawMessage `json:"hits"`
	} `json:"hits"`
}
