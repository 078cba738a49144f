package fleet

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once: a host with its software is one element.
const largestHost = 32 << 20

// envelope is what the puller writes for each host: its details and, before them, whose
// device it is.
type envelope struct {
	Version int             `json:"quell_fleet"`
	Mapping json.RawMessage `json:"device_mapping,omitempty"`
	Host    json.RawMessage `json:"host"`
}

// wireMapping is an element of "device_mapping".
type wireMapping struct {
	Email  wire.Text `json:"email"`
	Source wire.Text `json:"source"`
}

// wireHost is a host, with or without its details.
type wireHost struct {
	ID              wire.Text `json:"id"`
	UUID            wire.Text `json:"uuid"`
	Hostname        wire.Text `json:"hostname"`
	ComputerName    wire.Text `json:"computer_name"`
	DisplayName     wire.Text `json:"display_name"`
	Platform        wire.Text `json:"platform"`
	OSVersion       wire.Text `json:"os_version"`
	Build           wire.Text `json:"build"`
	Vendor          wire.Text `json:"hardware_vendor"`
	Model           wire.Text `json:"hardware_model"`
	Serial          wire.Text `json:"hardware_serial"`
	PublicIP        wire.Text `json:"public_ip"`
	PrimaryIP       wire.Text `json:"primary_ip"`
	PrimaryMAC      wire.Text `json:"primary_mac"`
	Team            wire.Text `json:"team_name"`
	Status          wire.Text `json:"status"`
	Osquery         wire.Text `json:"osquery_version"`
	DiskEncryption  wire.Text `json:"disk_encryption_enabled"`
	Seen            wire.Time `json:"seen_time"`
	DetailUpdated   wire.Time `json:"detail_updated_at"`
	SoftwareUpdated wire.Time `json:"software_updated_at"`
	PolicyUpdated   wire.Time `json:"policy_updated_at"`
	MDM             struct {
		Status wire.Text `json:"enrollment_status"`
	} `json:"mdm"`
	Labels wire.List[struct {
		Name wire.Text `json:"name"`
		Type wire.Text `json:"label_type"`
	}] `json:"labels"`
	Mapping  wire.List[wireMapping]  `json:"device_mapping"`
	Software wire.List[wireSoftware] `json:"software"`
	Policies wire.List[wirePolicy]   `json:"policies"`
}

// wireSoftware is an installed package.
type wireSoftware struct {
	ID              wire.Text                    `json:"id"`
	Name            wire.Text                    `json:"name"`
	Version         wire.Text                    `json:"version"`
	Bundle          wire.Text                    `json:"bundle_identifier"`
	Source          wire.Text                    `json:"source"`
	Vendor          wire.Text                    `json:"vendor"`
	Release         wire.Text                    `json:"release"`
	Arch            wire.Text                    `json:"arch"`
	CPE             wire.Text                    `json:"generated_cpe"`
	LastOpened      wire.Text                    `json:"last_opened_at"`
	Paths           wire.Texts                   `json:"installed_paths"`
	Vulnerabilities wire.List[wireVulnerability] `json:"vulnerabilities"`
}

// wireVulnerability is a CVE of a package. All but the number and link come with Fleet
// Premium alone.
type wireVulnerability struct {
	CVE         wire.Text   `json:"cve"`
	Link        wire.Text   `json:"details_link"`
	Score       wire.Number `json:"cvss_score"`
	EPSS        wire.Number `json:"epss_probability"`
	Exploited   wire.Flag   `json:"cisa_known_exploit"`
	Published   wire.Text   `json:"cve_published"`
	Description wire.Text   `json:"cve_description"`
	FixedIn     wire.Text   `json:"resolved_in_version"`
}

// wirePolicy is a policy with the host's answer.
type wirePolicy struct {
	ID          wire.Text `json:"id"`
	Name        wire.Text `json:"name"`
	Query       wire.Text `json:"query"`
	Critical    wire.Flag `json:"critical"`
	Description wire.Text `json:"description"`
	Resolution  wire.Text `json:"resolution"`
	Platform    wire.Text `json:"platform"`
	Author      wire.Text `json:"author_email"`
	Team        wire.Text `json:"team_id"`
	Response    wire.Text `json:"response"`
}
