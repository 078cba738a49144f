package tenable

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// element is what tells the elements of the two exports apart.
type element struct {
	Plugin     json.RawMessage `json:"plugin"`
	Asset      json.RawMessage `json:"asset"`
	ID         wire.Text       `json:"id"`
	HasAgent   json.RawMessage `json:"has_agent"`
	HasResults json.RawMessage `json:"has_plugin_results"`
}

func (e *element) finding() bool { return len(e.Plugin) > 0 && len(e.Asset) > 0 }

func (e *element) asset() bool { return e.ID != "" && len(e.HasAgent)+len(e.HasResults) > 0 }

// wireFinding is an element of a vulnerability chunk.
type wireFinding struct {
	Asset        wireHost    `json:"asset"`
	Output       wire.Text   `json:"output"`
	Plugin       wirePlugin  `json:"plugin"`
	Port         wirePort    `json:"port"`
	Scan         wireScan    `json:"scan"`
	Severity     wire.Text   `json:"severity"`
	SeverityID   wire.Number `json:"severity_id"`
	Modification wire.Text   `json:"severity_modification_type"`
	Reason       wire.Text   `json:"recast_reason"`
	State        wire.Text   `json:"state"`
	FirstFound   wire.Time   `json:"first_found"`
	LastFound    wire.Time   `json:"last_found"`
	LastFixed    wire.Time   `json:"last_fixed"`
	Indexed      wire.Time   `json:"indexed"`
}

// wireHost is the asset inside a finding. It has fewer names than the asset's own export.
type wireHost struct {
	UUID         wire.Text  `json:"uuid"`
	AgentUUID    wire.Text  `json:"agent_uuid"`
	BIOSUUID     wire.Text  `json:"bios_uuid"`
	Serial       wire.Text  `json:"serial_number"`
	Hostname     wire.Text  `json:"hostname"`
	FQDN         wire.Texts `json:"fqdn"`
	NetBIOS      wire.Texts `json:"netbios_name"`
	IPv4         wire.Texts `json:"ipv4"`
	IPv6         wire.Texts `json:"ipv6"`
	MAC          wire.Texts `json:"mac_address"`
	OS           wire.Texts `json:"operating_system"`
	Network      wire.Text  `json:"network_id"`
	DeviceType   wire.Text  `json:"device_type"`
	LastAuthScan wire.Time  `json:"last_authenticated_results"`
}

type wirePlugin struct {
	ID          wire.Text           `json:"id"`
	Name        wire.Text           `json:"name"`
	Family      wire.Text           `json:"family"`
	Synopsis    wire.Text           `json:"synopsis"`
	Description wire.Text           `json:"description"`
	Solution    wire.Text           `json:"solution"`
	SeeAlso     wire.Texts          `json:"see_also"`
	CVE         wire.Texts          `json:"cve"`
	BID         wire.Texts          `json:"bid"`
	CWE         wire.Texts          `json:"cwe"`
	XRefs       wire.List[wireXRef] `json:"xrefs"`
	RiskFactor  wire.Text           `json:"risk_factor"`
	Exploit     wire.Flag           `json:"exploit_available"`
	Malware     wire.Flag           `json:"exploited_by_malware"`
	CVSS2       wire.Number         `json:"cvss_base_score"`
	CVSS3       wire.Number         `json:"cvss3_base_score"`
	CVSS4       wire.Number         `json:"cvss4_base_score"`
	Vector2     wireVector          `json:"cvss_vector"`
	Vector3     wireVector          `json:"cvss3_vector"`
	Vector4     wireVector          `json:"cvss4_vector"`
}

type wireVector struct {
	Raw wire.Text `json:"raw"`
}

// wireXRef is a cross reference: IAVA, MSKB, CWE, CISA-KNOWN-EXPLOITED …
type wireXRef struct {
	Type wire.Text `json:"type"`
	ID   wire.Text `json:"id"`
}

type wirePort struct {
	Port     wire.Number `json:"port"`
	Protocol wire.Text   `json:"protocol"`
}

type wireScan struct {
	StartedAt   wire.Time `json:"started_at"`
	CompletedAt wire.Time `json:"completed_at"`
}

// mappedFinding are the fields of a finding that have a place of ours, or say nothing.
var mappedFinding = []string{ //nolint:gochecknoglobals // a constant table
	"asset", "output", "port.port", "port.protocol", "severity", "severity_id", "state", "first_found", "last_found", "last_fixed",
	"plugin.id", "plugin.name", "plugin.family", "plugin.synopsis", "plugin.description", "plugin.solution", "plugin.see_also", "plugin.cve", "plugin.bid",
	"plugin.cwe", "plugin.xrefs", "plugin.cvss_base_score", "plugin.cvss3_base_score", "plugin.cvss4_base_score",
	"plugin.cvss_vector", "plugin.cvss3_vector", "plugin.cvss4_vector",
}

// wireAsset is an element of an asset chunk: flat as version 1 of the export writes it,
// nested as version 2 does.
type wireAsset struct {
	ID         wire.Text           `json:"id"`
	HasAgent   wire.Flag           `json:"has_agent"`
	Public     wire.Flag           `json:"is_public"`
	Types      wire.Texts          `json:"types"`
	Sources    wire.List[wireName] `json:"sources"`
	Tags       wire.List[wireTag]  `json:"tags"`
	OS         wire.Texts          `json:"operating_systems"`
	Serial     wire.Text           `json:"serial_number"`
	AgentUUID  wire.Text           `json:"agent_uuid"`
	BIOSUUID   wire.Text           `json:"bios_uuid"`
	ServiceNow wire.Text           `json:"servicenow_sysid"`
	LastSeen   wire.Time           `json:"last_seen"`
	Terminated wire.Time           `json:"terminated_at"`
	AgentNames wire.Texts          `json:"agent_names"`
	wireNetwork
	wireFlatCloud
	Network    wireNetwork    `json:"network"`
	Cloud      wireCloud      `json:"cloud"`
	Timestamps wireTimestamps `json:"timestamps"`
}

type wireName struct {
	Name wire.Text `json:"name"`
}

type wireTag struct {
	Key   wire.Text `json:"key"`
	Value wire.Text `json:"value"`
}

type wireNetwork struct {
	NetworkID wire.Text  `json:"network_id"`
	IPv4s     wire.Texts `json:"ipv4s"`
	IPv6s     wire.Texts `json:"ipv6s"`
	FQDNs     wire.Texts `json:"fqdns"`
	Hostnames wire.Texts `json:"hostnames"`
	NetBIOS   wire.Texts `json:"netbios_names"`
	MACs      wire.Texts `json:"mac_addresses"`
}

type wireFlatCloud struct {
	AWSInstance   wire.Text `json:"aws_ec2_instance_id"`
	AWSOwner      wire.Text `json:"aws_owner_id"`
	AWSRegion     wire.Text `json:"aws_region"`
	AWSZone       wire.Text `json:"aws_availability_zone"`
	AWSState      wire.Text `json:"aws_ec2_instance_state_name"`
	AzureVM       wire.Text `json:"azure_vm_id"`
	AzureResource wire.Text `json:"azure_resource_id"`
	GCPProject    wire.Text `json:"gcp_project_id"`
	GCPInstance   wire.Text `json:"gcp_instance_id"`
}

type wireCloud struct {
	AWS struct {
		Instance wire.Text `json:"ec2_instance_id"`
		Owner    wire.Text `json:"owner_id"`
		Region   wire.Text `json:"region"`
		Zone     wire.Text `json:"availability_zone"`
		State    wire.Text `json:"ec2_instance_state_name"`
	} `json:"aws"`
	Azure struct {
		VM       wire.Text `json:"vm_id"`
		Resource wire.Text `json:"resource_id"`
	} `json:"azure"`
	GCP struct {
		Project  wire.Text `json:"project_id"`
		Instance wire.Text `json:"instance_id"`
	} `json:"gcp"`
}

type wireTimestamps struct {
	LastSeen   wire.Time `json:"last_seen"`
	Terminated wire.Time `json:"terminated_at"`
}

// wireStatus is how an export job stands. The asset export gives the first two alone.
type wireStatus struct {
	Status    wire.Text              `json:"status"`
	Available wire.List[wire.Number] `json:"chunks_available"`
	Failed    wire.List[wire.Number] `json:"chunks_failed"`
	Cancelled wire.List[wire.Number] `json:"chunks_cancelled"`
	Total     wire.Number            `json:"total_chunks"`
	Finished  wire.Number            `json:"finished_chunks"`
}
