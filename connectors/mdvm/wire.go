package mdvm

import (
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors/wire"
)

// mark is the first field of our envelopes: of changes, and of one machine's page.
const mark = "quell_mdvm"

// element is what tells rows, machines and vulnerabilities apart.
type element struct {
	DeviceID  wire.Text       `json:"deviceId"`
	MachineID wire.Text       `json:"machineId"`
	CVE       wire.Text       `json:"cveId"`
	Name      json.RawMessage `json:"computerDnsName"`
	Health    json.RawMessage `json:"healthStatus"`
	ID        wire.Text       `json:"id"`
	Exposed   json.RawMessage `json:"exposedMachines"`
}

func (e *element) row() bool { return e.DeviceID+e.MachineID != "" && e.CVE != "" }

func (e *element) machine() bool { return e.ID != "" && len(e.Name)+len(e.Health) > 0 }

func (e *element) vulnerability() bool { return e.ID != "" && len(e.Exposed) > 0 }

// wireRow is a row of the exports (deviceId …) or of the list of vulnerabilities by
// machine and software (machineId …).
type wireRow struct {
	DeviceID       wire.Text   `json:"deviceId"`
	DeviceName     wire.Text   `json:"deviceName"`
	OSPlatform     wire.Text   `json:"osPlatform"`
	OSVersion      wire.Text   `json:"osVersion"`
	Group          wire.Text   `json:"rbacGroupName"`
	CVE            wire.Text   `json:"cveId"`
	Vendor         wire.Text   `json:"softwareVendor"`
	Software       wire.Text   `json:"softwareName"`
	Version        wire.Text   `json:"softwareVersion"`
	Severity       wire.Text   `json:"vulnerabilitySeverityLevel"`
	Score          wire.Number `json:"cvssScore"`
	Exploitability wire.Text   `json:"exploitabilityLevel"`
	Update         wire.Text   `json:"recommendedSecurityUpdate"`
	UpdateID       wire.Text   `json:"recommendedSecurityUpdateId"`
	UpdateURL      wire.Text   `json:"recommendedSecurityUpdateUrl"`
	DiskPaths      wire.Texts  `json:"diskPaths"`
	RegistryPaths  wire.Texts  `json:"registryPaths"`
	FirstSeen      wire.Time   `json:"firstSeenTimestamp"`
	LastSeen       wire.Time   `json:"lastSeenTimestamp"`
	Event          wire.Time   `json:"eventTimestamp"`
	Status         wire.Text   `json:"status"`

	MachineID      wire.Text `json:"machineId"`
	ProductVendor  wire.Text `json:"productVendor"`
	ProductName    wire.Text `json:"productName"`
	ProductVersion wire.Text `json:"productVersion"`
	FixingKB       wire.Text `json:"fixingKbId"`
	PlainSeverity  wire.Text `json:"severity"`
}

// mappedRow are the fields that have a place of ours, in lower case.
var mappedRow = []string{ //nolint:gochecknoglobals // a constant table
	"id", "deviceid", "devicename", "osplatform", "osversion", "osarchitecture", "rbacgroupname", "rbacgroupid", "cveid", "softwarevendor", "softwarename", "softwareversion",
	"vulnerabilityseveritylevel", "cvssscore", "recommendedsecurityupdate", "recommendedsecurityupdateid", "recommendedsecurityupdateurl", "diskpaths", "registrypaths",
	"firstseentimestamp", "lastseentimestamp", "status", "machineid", "productvendor", "productname", "productversion", "fixingkbid", "severity",
}

// rest is what a row says beyond what was mapped: the API writes names one way, and the
// files of the export another.
func rest(raw []byte, mapped []string) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	known := make(map[string]bool, len(mapped))
	for _, name := range mapped {
		known[name] = true
	}
	out := map[string]any{}
	for name, value := range fields {
		if !known[strings.ToLower(name)] && !strings.HasPrefix(name, "@") {
			out[name] = value
		}
	}
	return wire.Fields(out)
}

type wireMachine struct {
	ID         wire.Text              `json:"id"`
	MergedInto wire.Text              `json:"mergedIntoMachineId"`
	Excluded   wire.Flag              `json:"isExcluded"`
	Name       wire.Text              `json:"computerDnsName"`
	LastSeen   wire.Time              `json:"lastSeen"`
	OSPlatform wire.Text              `json:"osPlatform"`
	OSVersion  wire.Text              `json:"osVersion"`
	Version    wire.Text              `json:"version"`
	LastIP     wire.Text              `json:"lastIpAddress"`
	ExternalIP wire.Text              `json:"lastExternalIpAddress"`
	Health     wire.Text              `json:"healthStatus"`
	Onboarding wire.Text              `json:"onboardingStatus"`
	Group      wire.Text              `json:"rbacGroupName"`
	Value      wire.Text              `json:"deviceValue"`
	EntraID    wire.Text              `json:"aadDeviceId"`
	Tags       wire.Texts             `json:"machineTags"`
	Addresses  wire.List[wireAddress] `json:"ipAddresses"`
	VM         struct {
		ID       wire.Text `json:"vmId"`
		Provider wire.Text `json:"cloudProvider"`
		Resource wire.Text `json:"resourceId"`
	} `json:"vmMetadata"`
}

type wireAddress struct {
	IP  wire.Text `json:"ipAddress"`
	MAC wire.Text `json:"macAddress"`
}

// wireVulnerability is what Defender knows of a CVE, which it gives for one machine too.
type wireVulnerability struct {
	ID            wire.Text   `json:"id"`
	Name          wire.Text   `json:"name"`
	Description   wire.Text   `json:"description"`
	Severity      wire.Text   `json:"severity"`
	Score         wire.Number `json:"cvssV3"`
	Vector        wire.Text   `json:"cvssVector"`
	FirstDetected wire.Time   `json:"firstDetected"`
	PublicExploit wire.Flag   `json:"publicExploit"`
	Verified      wire.Flag   `json:"exploitVerified"`
	InKit         wire.Flag   `json:"exploitInKit"`
	ExploitURIs   wire.Texts  `json:"exploitUris"`
	EPSS          wire.Number `json:"epss"`
}

var mappedVulnerability = []string{ //nolint:gochecknoglobals // a constant table
	"id", "name", "description", "severity", "cvssv3", "cvssvector", "firstdetected", "exploituris", "epss",
}

// wirePage is what the puller needs of an answer.
type wirePage struct {
	Value []json.RawMessage `json:"value"`
	Next  wire.Text         `json:"@odata.nextLink"`
}
