package securityhub

import "github.com/quellsec/quell/connectors/wire"

// wireFinding is a finding in the AWS Security Finding Format, 2018-10-08.
type wireFinding struct {
	Schema       wire.Text                    `json:"SchemaVersion"`
	ID           wire.Text                    `json:"Id"`
	ProductARN   wire.Text                    `json:"ProductArn"`
	ProductName  wire.Text                    `json:"ProductName"`
	Company      wire.Text                    `json:"CompanyName"`
	Region       wire.Text                    `json:"Region"`
	Generator    wire.Text                    `json:"GeneratorId"`
	Account      wire.Text                    `json:"AwsAccountId"`
	AccountName  wire.Text                    `json:"AwsAccountName"`
	Types        wire.Texts                   `json:"Types"`
	First        wire.Time                    `json:"FirstObservedAt"`
	Last         wire.Time                    `json:"LastObservedAt"`
	Created      wire.Time                    `json:"CreatedAt"`
	Updated      wire.Time                    `json:"UpdatedAt"`
	Severity     wireSeverity                 `json:"Severity"`
	Provider     wireProvider                 `json:"FindingProviderFields"`
	Title        wire.Text                    `json:"Title"`
	Description  wire.Text                    `json:"Description"`
	Remediation  wireRemediation              `json:"Remediation"`
	SourceURL    wire.Text                    `json:"SourceUrl"`
	Fields       map[string]wire.Text         `json:"ProductFields"`
	Resources    wire.List[wireResource]      `json:"Resources"`
	Compliance   wireCompliance               `json:"Compliance"`
	Workflow     wireWorkflow                 `json:"Workflow"`
	RecordState  wire.Text                    `json:"RecordState"`
	Note         wireNote                     `json:"Note"`
	Vulns        wire.List[wireVulnerability] `json:"Vulnerabilities"`
	UserDefined  map[string]wire.Text         `json:"UserDefinedFields"`
	Verification wire.Text                    `json:"VerificationState"`
	Class        wire.Number                  `json:"class_uid"` // of the OCSF-shaped ones
}

type wireSeverity struct {
	Label      wire.Text   `json:"Label"`
	Original   wire.Text   `json:"Original"`
	Normalized wire.Number `json:"Normalized"`
}

type wireProvider struct {
	Severity wireSeverity `json:"Severity"`
	Types    wire.Texts   `json:"Types"`
}

type wireRemediation struct {
	Recommendation struct {
		Text wire.Text `json:"Text"`
		URL  wire.Text `json:"Url"`
	} `json:"Recommendation"`
}

type wireResource struct {
	Type    wire.Text      `json:"Type"`
	ID      wire.Text      `json:"Id"`
	Region  wire.Text      `json:"Region"`
	Role    wire.Text      `json:"ResourceRole"`
	Tags    map[string]any `json:"Tags"`
	Details wireDetails    `json:"Details"`
	App     wire.Text      `json:"ApplicationName"`
}

type wireDetails struct {
	Instance *struct {
		IPv4    wire.Texts `json:"IpV4Addresses"`
		IPv6    wire.Texts `json:"IpV6Addresses"`
		ImageID wire.Text  `json:"ImageId"`
		VPC     wire.Text  `json:"VpcId"`
	} `json:"AwsEc2Instance"`
	Image *struct {
		Digest     wire.Text  `json:"ImageDigest"`
		Tags       wire.Texts `json:"ImageTags"`
		Registry   wire.Text  `json:"RegistryId"`
		Repository wire.Text  `json:"RepositoryName"`
	} `json:"AwsEcrContainerImage"`
	Container *struct {
		ImageID   wire.Text `json:"ImageId"`
		ImageName wire.Text `json:"ImageName"`
		Name      wire.Text `json:"Name"`
	} `json:"Container"`
	Other map[string]wire.Text `json:"Other"`
}

type wireCompliance struct {
	Status   wire.Text                 `json:"Status"`
	Control  wire.Text                 `json:"SecurityControlId"`
	Related  wire.Texts                `json:"RelatedRequirements"`
	Reasons  wire.List[wireReason]     `json:"StatusReasons"`
	Standard wire.List[map[string]any] `json:"AssociatedStandards"`
}

type wireReason struct {
	Code wire.Text `json:"ReasonCode"`
	Text wire.Text `json:"Description"`
}

type wireWorkflow struct {
	Status wire.Text `json:"Status"`
}

type wireNote struct {
	Text wire.Text `json:"Text"`
}

type wireVulnerability struct {
	ID       wire.Text              `json:"Id"`
	Packages wire.List[wirePackage] `json:"VulnerablePackages"`
	Code     wire.List[wireCode]    `json:"CodeVulnerabilities"`
	CVSS     wire.List[wireCVSS]    `json:"Cvss"`
	Related  wire.Texts             `json:"RelatedVulnerabilities"`
	Vendor   struct {
		Name     wire.Text `json:"Name"`
		URL      wire.Text `json:"Url"`
		Severity wire.Text `json:"VendorSeverity"`
	} `json:"Vendor"`
	References wire.Texts  `json:"ReferenceUrls"`
	Fix        wire.Text   `json:"FixAvailable"`
	EPSS       wire.Number `json:"EpssScore"`
	Exploit    wire.Text   `json:"ExploitAvailable"`
	LastKnown  wire.Time   `json:"LastKnownExploitAt"`
}

type wirePackage struct {
	Name    wire.Text `json:"Name"`
	Version wire.Text `json:"Version"`
	Epoch   wire.Text `json:"Epoch"`
	Release wire.Text `json:"Release"`
	Arch    wire.Text `json:"Architecture"`
	Manager wire.Text `json:"PackageManager"`
	Path    wire.Text `json:"FilePath"`
	Fixed   wire.Text `json:"FixedInVersion"`
	Remedy  wire.Text `json:"Remediation"`
}

type wireCode struct {
	CWEs wire.Texts `json:"Cwes"`
	File struct {
		Path wire.Text `json:"FilePath"`
		Name wire.Text `json:"FileName"`
	} `json:"FilePath"`
}

type wireCVSS struct {
	Version wire.Text   `json:"Version"`
	Score   wire.Number `json:"BaseScore"`
	Vector  wire.Text   `json:"BaseVector"`
	Source  wire.Text   `json:"Source"`
}
