package runzero

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once.
const (
	largestRecord = 8 << 20
	mostPorts     = 1024
)

// record is an asset, or a vulnerability with the asset's fields beside its own.
type record struct {
	ID          wire.Text        `json:"id"`
	Site        wire.Text        `json:"site_name"`
	SiteID      wire.Text        `json:"site_id"`
	Org         wire.Text        `json:"org_name"`
	Alive       wire.Text        `json:"alive"`
	FirstSeen   wire.Time        `json:"first_seen"`
	LastSeen    wire.Time        `json:"last_seen"`
	Updated     wire.Time        `json:"updated_at"`
	Type        wire.Text        `json:"type"`
	OS          wire.Text        `json:"os"`
	OSVendor    wire.Text        `json:"os_vendor"`
	OSProduct   wire.Text        `json:"os_product"`
	OSVersion   wire.Text        `json:"os_version"`
	HW          wire.Text        `json:"hw"`
	HWVendor    wire.Text        `json:"hw_vendor"`
	HWProduct   wire.Text        `json:"hw_product"`
	Addresses   wire.Texts       `json:"addresses"`
	Extra       wire.Texts       `json:"addresses_extra"`
	MACs        wire.Texts       `json:"macs"`
	Names       wire.Texts       `json:"names"`
	Domains     wire.Texts       `json:"domains"`
	Tags        tagList          `json:"tags"`
	Owners      wire.List[owner] `json:"owners"`
	TCP         wire.Texts       `json:"service_ports_tcp"`
	UDP         wire.Texts       `json:"service_ports_udp"`
	Criticality wire.Text        `json:"criticality"`
	Risk        wire.Text        `json:"risk"`
	Comments    wire.Text        `json:"comments"`
	DetectedBy  wire.Text        `json:"detected_by"`

	// Of vulnerabilities alone.
	VulnAsset     wire.Text   `json:"vulnerability_asset_id"`
	VulnRow       wire.Text   `json:"vulnerability_id"`
	VulnID        wire.Text   `json:"vulnerability_vuln_id"`
	VulnName      wire.Text   `json:"vulnerability_name"`
	VulnText      wire.Text   `json:"vulnerability_description"`
	VulnSolution  wire.Text   `json:"vulnerability_solution"`
	VulnCVE       wire.Texts  `json:"vulnerability_cve"`
	VulnSeverity  wire.Text   `json:"vulnerability_severity"`
	VulnRank      wire.Number `json:"vulnerability_severity_rank"`
	VulnCVSS3     wire.Number `json:"vulnerability_cvss3_base_score"`
	VulnCVSS2     wire.Number `json:"vulnerability_cvss2_base_score"`
	VulnEPSS      wire.Number `json:"vulnerability_epss_score"`
	VulnPort      wire.Text   `json:"vulnerability_service_port"`
	VulnTransport wire.Text   `json:"vulnerability_service_transport"`
	VulnExploit   wire.Flag   `json:"vulnerability_exploitable"`
	VulnHidden    wire.Flag   `json:"vulnerability_suppressed"`
	VulnFirst     wire.Time   `json:"vulnerability_first_detected_at"`
	VulnLast      wire.Time   `json:"vulnerability_last_detected_at"`
	VulnUpdated   wire.Time   `json:"vulnerability_updated_at"`

	// Of sites alone.
	Subnets json.RawMessage `json:"subnets"`
	Count   wire.Text       `json:"asset_count"`
	Name    wire.Text       `json:"name"`
}

// owner is one of an asset's, of one of the types that the organization has.
type owner struct {
	Name wire.Text `json:"owner"`
	Type wire.Text `json:"asset_ownership_type_name"`
	Kind wire.Text `json:"type"`
}

// tagList is a map of tags, or a list of them.
type tagList map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (t *tagList) UnmarshalJSON(b []byte) error {
	*t = tagList{}
	var tags map[string]wire.Text
	if len(b) > 0 && b[0] == '{' && wire.Unmarshal(b, &tags) {
		for k, v := range tags {
			(*t)[k] = v.String()
		}
		return nil
	}
	var texts wire.Texts
	_ = texts.UnmarshalJSON(b) // it never fails
	for _, k := range texts {
		(*t)[k] = ""
	}
	return nil
}
