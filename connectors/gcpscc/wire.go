package gcpscc

import "github.com/quellsec/quell/connectors/wire"

// wireFinding is a finding of Security Command Center, versions 1 and 2.
type wireFinding struct {
	Name         wire.Text      `json:"name"`
	Canonical    wire.Text      `json:"canonicalName"`
	Parent       wire.Text      `json:"parent"`
	ResourceName wire.Text      `json:"resourceName"`
	AssetName    wire.Text      `json:"assetDisplayName"`
	State        wire.Text      `json:"state"`
	Category     wire.Text      `json:"category"`
	Class        wire.Text      `json:"findingClass"`
	Severity     wire.Text      `json:"severity"`
	Mute         wire.Text      `json:"mute"`
	Description  wire.Text      `json:"description"`
	NextSteps    wire.Text      `json:"nextSteps"`
	URI          wire.Text      `json:"externalUri"`
	Created      wire.Time      `json:"createTime"`
	Event        wire.Time      `json:"eventTime"`
	Source       wireSource     `json:"sourceProperties"`
	Resource     wireResource   `json:"resource"` // within the finding, in old notifications
	Vuln         *wireVuln      `json:"vulnerability"`
	Marks        wireMarks      `json:"securityMarks"`
	Contacts     map[string]any `json:"contacts"`
	Compliances  wire.List[struct {
		Standard wire.Text  `json:"standard"`
		IDs      wire.Texts `json:"ids"`
	}] `json:"compliances"`
}

// wireSource is what the detector itself says, in words of its own.
type wireSource struct {
	Severity       wire.Text `json:"SeverityLevel"`
	Recommendation wire.Text `json:"Recommendation"`
	Explanation    wire.Text `json:"Explanation"`
	Scanner        wire.Text `json:"ScannerName"`
	Properties     struct {
		Instance wire.Text `json:"instanceDetails"` // of threats: "/projects/p/zones/z/instances/i"
	} `json:"properties"`
}

type wireMarks struct {
	Marks map[string]any `json:"marks"`
}

// wireResource is the resource beside a finding, in its three spellings.
type wireResource struct {
	Name        wire.Text `json:"name"`
	Display     wire.Text `json:"displayName"`
	OldDisplay  wire.Text `json:"display_name"`
	Type        wire.Text `json:"type"`
	ProjectName wire.Text `json:"projectDisplayName"`
	OldProject  wire.Text `json:"project_display_name"`
	Parent      wire.Text `json:"parentDisplayName"`
	Location    wire.Text `json:"location"`
	GCP         struct {
		Project wire.Text `json:"projectDisplayName"`
		Folders wire.List[struct {
			Name wire.Text `json:"resourceFolderDisplayName"`
		}] `json:"folders"`
	} `json:"gcpMetadata"`
}

type wireVuln struct {
	CVE struct {
		ID         wire.Text `json:"id"`
		References wire.List[struct {
			URI wire.Text `json:"uri"`
		}] `json:"references"`
		CVSS struct {
			Score  wire.Number `json:"baseScore"`
			Vector wire.Text   `json:"attackVector"` // a word, not a vector
		} `json:"cvssv3"`
		Exploited wire.Text `json:"exploitationActivity"`
		ZeroDay   wire.Flag `json:"zeroDay"`
		Impact    wire.Text `json:"impact"`
	} `json:"cve"`
	Offending wirePackage `json:"offendingPackage"`
	Fixed     wirePackage `json:"fixedPackage"`
	Bulletin  struct {
		ID wire.Text `json:"bulletinId"`
	} `json:"securityBulletin"`
}

type wirePackage struct {
	Name    wire.Text `json:"packageName"`
	Type    wire.Text `json:"packageType"`
	Version wire.Text `json:"packageVersion"`
	CPE     wire.Text `json:"cpeUri"`
}
