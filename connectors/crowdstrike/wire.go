package crowdstrike

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// element is what tells vulnerabilities from hosts.
type element struct {
	AID      wire.Text       `json:"aid"`
	CVE      json.RawMessage `json:"cve"`
	DeviceID wire.Text       `json:"device_id"`
}

type wireVulnerability struct {
	ID              wire.Text           `json:"id"`
	AID             wire.Text           `json:"aid"`
	VulnerabilityID wire.Text           `json:"vulnerability_id"`
	Created         wire.Time           `json:"created_timestamp"`
	Updated         wire.Time           `json:"updated_timestamp"`
	Closed          wire.Time           `json:"closed_timestamp"`
	Status          wire.Text           `json:"status"`
	Confidence      wire.Text           `json:"confidence"`
	Apps            wire.List[wireApp]  `json:"apps"`
	App             wireApp             `json:"app"`
	Suppression     wireSuppression     `json:"suppression_info"`
	CVE             wireCVE             `json:"cve"`
	Host            wireHost            `json:"host_info"`
	Remediation     wireRemediationList `json:"remediation"`
}

type wireApp struct {
	Product   wire.Text `json:"product_name_version"`
	SubStatus wire.Text `json:"sub_status"`
}

type wireSuppression struct {
	Suppressed wire.Flag `json:"is_suppressed"`
	Reason     wire.Text `json:"reason"`
}

type wireCVE struct {
	ID            wire.Text   `json:"id"`
	Name          wire.Text   `json:"name"`
	Description   wire.Text   `json:"description"`
	Score         wire.Number `json:"base_score"`
	Severity      wire.Text   `json:"severity"`
	Vector        wire.Text   `json:"vector"`
	ExploitStatus wire.Number `json:"exploit_status"`
	CISA          struct {
		KEV wire.Flag `json:"is_cisa_kev"`
	} `json:"cisa_info"`
	CWEs       wire.Texts `json:"cwes"`
	References wire.Texts `json:"references"`
	Advisory   wire.Texts `json:"vendor_advisory"`
}

type wireRemediationList struct {
	Entities wire.List[struct {
		Title  wire.Text `json:"title"`
		Action wire.Text `json:"action"`
		Link   wire.Text `json:"link"`
	}] `json:"entities"`
}

// mappedVulnerability are the fields that have a place of ours.
var mappedVulnerability = []string{ //nolint:gochecknoglobals // a constant table
	"id", "aid", "created_timestamp", "updated_timestamp", "closed_timestamp", "status", "suppression_info", "host_info", "app",
	"cve.id", "cve.description", "cve.base_score", "cve.severity", "cve.vector", "cve.references", "cve.vendor_advisory", "cve.cwes", "remediation.entities",
}

// wireHost is a host, as it is in a vulnerability and, with more names, in its own list.
type wireHost struct {
	DeviceID     wire.Text            `json:"device_id"`
	Hostname     wire.Text            `json:"hostname"`
	Domain       wire.Text            `json:"machine_domain"`
	LocalIP      wire.Text            `json:"local_ip"`
	ConnectionIP wire.Text            `json:"connection_ip"`
	ExternalIP   wire.Text            `json:"external_ip"`
	MAC          wire.Text            `json:"mac_address"`
	MAC2         wire.Text            `json:"connection_mac_address"`
	Serial       wire.Text            `json:"serial_number"`
	Manufacturer wire.Text            `json:"system_manufacturer"`
	OS           wire.Text            `json:"os_product_name"`
	OSVersion    wire.Text            `json:"os_version"`
	Platform     wire.Text            `json:"platform_name"`
	Instance     wire.Text            `json:"instance_id"`
	Instance2    wire.Text            `json:"service_provider_instance_id"`
	Provider     wire.Text            `json:"service_provider"`
	Account      wire.Text            `json:"service_provider_account_id"`
	Zone         wire.Text            `json:"zone_group"`
	LastSeen     wire.Time            `json:"last_seen"`
	Tags         wire.Texts           `json:"tags"`
	OU           wire.Texts           `json:"ou"`
	Site         wire.Text            `json:"site_name"`
	Groups       wire.List[wireGroup] `json:"groups"` // of names in a vulnerability, of bare IDs in the host's own list
	Type         wire.Text            `json:"product_type_desc"`
	Internet     wire.Text            `json:"internet_exposure"`
	Criticality  wire.Text            `json:"asset_criticality"`
}

type wireGroup struct {
	Name wire.Text `json:"name"`
}

// wirePage is what the puller needs of an answer.
type wirePage struct {
	Meta struct {
		Pagination struct {
			Total  wire.Number `json:"total"`
			Offset wire.Text   `json:"offset"`
			After  wire.Text   `json:"after"`
		} `json:"pagination"`
	} `json:"meta"`
	Resources []json.RawMessage `json:"resources"`
	Errors    []json.RawMessage `json:"errors"`
}
