package sentinelone

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// element is what tells risks from endpoints.
type element struct {
	ID       wire.Text       `json:"id"`
	CVE      wire.Text       `json:"cveId"`
	UUID     wire.Text       `json:"uuid"`
	Computer json.RawMessage `json:"computerName"`
}

// wireRisk is an application risk on an endpoint.
type wireRisk struct {
	ID            wire.Text   `json:"id"`
	CVE           wire.Text   `json:"cveId"`
	Score         wire.Number `json:"baseScore"`
	CVSSVersion   wire.Text   `json:"cvssVersion"`
	Severity      wire.Text   `json:"severity"`
	Detected      wire.Time   `json:"detectionDate"`
	LastScan      wire.Time   `json:"lastScanDate"`
	ScanResult    wire.Text   `json:"lastScanResult"`
	Status        wire.Text   `json:"status"`
	Mitigation    wire.Text   `json:"mitigationStatus"`
	MitigationWhy wire.Text   `json:"mitigationStatusReason"`
	Mark          wireMark    `json:"markType"`
	Reason        wire.Text   `json:"reason"`
	Name          wire.Text   `json:"applicationName"`
	Vendor        wire.Text   `json:"applicationVendor"`
	Version       wire.Text   `json:"applicationVersion"`
	Application   wire.Text   `json:"application"`
	Path          wire.Text   `json:"installationPath"`
	Description   wire.Text   `json:"vulnerabilityDescription"`
	MitreURL      wire.Text   `json:"mitreUrl"`
	NVDURL        wire.Text   `json:"nvdUrl"`
	EPSS          wire.Number `json:"epssScore"`
	ExploitCode   wire.Text   `json:"exploitCodeMaturity"`
	ExploitedWild wire.Flag   `json:"exploitedInTheWild"`
	EndpointID    wire.Text   `json:"endpointId"`
	EndpointUUID  wire.Text   `json:"endpointUuid"`
	EndpointName  wire.Text   `json:"endpointName"`
	Domain        wire.Text   `json:"domain"`
	OSType        wire.Text   `json:"osType"`
	Group         wire.Text   `json:"groupName"`
	Site          wire.Text   `json:"siteName"`
}

type wireMark struct {
	Description wire.Text `json:"description"`
}

// mappedRisk are the fields that have a place of ours.
var mappedRisk = []string{ //nolint:gochecknoglobals // a constant table
	"id", "cveId", "baseScore", "cvssVersion", "severity", "detectionDate", "lastScanDate", "status", "applicationName", "applicationVendor", "applicationVersion", "application",
	"installationPath", "vulnerabilityDescription", "mitreUrl", "nvdUrl", "endpointId", "endpointUuid", "endpointName", "domain", "osType", "groupName", "siteName", "daysDetected",
}

// wireAgent is an endpoint with an agent.
type wireAgent struct {
	ID           wire.Text              `json:"id"`
	UUID         wire.Text              `json:"uuid"`
	Computer     wire.Text              `json:"computerName"`
	Domain       wire.Text              `json:"domain"`
	ExternalIP   wire.Text              `json:"externalIp"`
	LastIP       wire.Text              `json:"lastIpToMgmt"`
	Interfaces   wire.List[wireNetwork] `json:"networkInterfaces"`
	OSName       wire.Text              `json:"osName"`
	OSRevision   wire.Text              `json:"osRevision"`
	Serial       wire.Text              `json:"serialNumber"`
	Model        wire.Text              `json:"modelName"`
	LastActive   wire.Time              `json:"lastActiveDate"`
	Group        wire.Text              `json:"groupName"`
	Site         wire.Text              `json:"siteName"`
	MachineType  wire.Text              `json:"machineType"`
	Decommission wire.Flag              `json:"isDecommissioned"`
	Uninstalled  wire.Flag              `json:"isUninstalled"`
	Tags         struct {
		Own wire.List[wireTag] `json:"sentinelone"`
	} `json:"tags"`
	Cloud map[string]wireCloud `json:"cloudProviders"`
}

type wireNetwork struct {
	IPv4 wire.Texts `json:"inet"`
	IPv6 wire.Texts `json:"inet6"`
	MAC  wire.Text  `json:"physical"`
}

type wireTag struct {
	Key   wire.Text `json:"key"`
	Value wire.Text `json:"value"`
}

type wireCloud struct {
	Account  wire.Text `json:"cloudAccount"`
	Instance wire.Text `json:"cloudInstanceId"`
	Location wire.Text `json:"cloudLocation"`
}

// wirePage is what the puller needs of an answer.
type wirePage struct {
	Data       []json.RawMessage `json:"data"`
	Pagination struct {
		Next  wire.Text   `json:"nextCursor"`
		Total wire.Number `json:"totalItems"`
	} `json:"pagination"`
	Errors []json.RawMessage `json:"errors"`
}
