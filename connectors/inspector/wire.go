package inspector

import "github.com/quellsec/quell/connectors/wire"

// wireFinding is a finding of Inspector2, as ListFindings and its events give it.
type wireFinding struct {
	ARN         wire.Text   `json:"findingArn"`
	Account     wire.Text   `json:"awsAccountId"`
	Type        wire.Text   `json:"type"` // PACKAGE_VULNERABILITY, CODE_VULNERABILITY, NETWORK_REACHABILITY
	Title       wire.Text   `json:"title"`
	Description wire.Text   `json:"description"`
	Severity    wire.Text   `json:"severity"`
	Status      wire.Text   `json:"status"`
	First       wire.Time   `json:"firstObservedAt"`
	Last        wire.Time   `json:"lastObservedAt"`
	Updated     wire.Time   `json:"updatedAt"`
	Score       wire.Number `json:"inspectorScore"`
	Fix         wire.Text   `json:"fixAvailable"`
	Exploit     wire.Text   `json:"exploitAvailable"`
	EPSS        struct {
		Score wire.Number `json:"score"`
	} `json:"epss"`
	ScoreDetails struct {
		Adjusted struct {
			Vector wire.Text   `json:"scoringVector"`
			Score  wire.Number `json:"score"`
		} `json:"adjustedCvss"`
	} `json:"inspectorScoreDetails"`
	Remediation struct {
		Recommendation struct {
			Text wire.Text `json:"text"`
			URL  wire.Text `json:"Url"`
		} `json:"recommendation"`
	} `json:"remediation"`
	Package   *wirePackages           `json:"packageVulnerabilityDetails"`
	Code      *wireCode               `json:"codeVulnerabilityDetails"`
	Network   *wireNetwork            `json:"networkReachabilityDetails"`
	Resources wire.List[wireResource] `json:"resources"`
}

type wirePackages struct {
	ID         wire.Text              `json:"vulnerabilityId"`
	Related    wire.Texts             `json:"relatedVulnerabilities"`
	URL        wire.Text              `json:"sourceUrl"`
	References wire.Texts             `json:"referenceUrls"`
	CVSS       wire.List[wireCVSS]    `json:"cvss"`
	Packages   wire.List[wirePackage] `json:"vulnerablePackages"`
}

type wireCVSS struct {
	Score  wire.Number `json:"baseScore"`
	Vector wire.Text   `json:"scoringVector"`
	Source wire.Text   `json:"source"`
}

type wirePackage struct {
	Name    wire.Text `json:"name"`
	Version wire.Text `json:"version"`
	Release wire.Text `json:"release"`
	Epoch   wire.Text `json:"epoch"`
	Manager wire.Text `json:"packageManager"`
	Path    wire.Text `json:"filePath"`
	Fixed   wire.Text `json:"fixedInVersion"`
	Remedy  wire.Text `json:"remediation"`
}

type wireCode struct {
	Detector   wire.Text  `json:"detectorId"`
	Name       wire.Text  `json:"detectorName"`
	Tags       wire.Texts `json:"detectorTags"`
	Rule       wire.Text  `json:"ruleId"`
	CWEs       wire.Texts `json:"cwes"`
	References wire.Texts `json:"referenceUrls"`
	File       struct {
		Path wire.Text `json:"filePath"`
		Name wire.Text `json:"fileName"`
	} `json:"filePath"`
}

type wireNetwork struct {
	Protocol wire.Text `json:"protocol"`
	Ports    struct {
		Begin wire.Number `json:"begin"`
		End   wire.Number `json:"end"`
	} `json:"openPortRange"`
	Path struct {
		Steps wire.List[struct {
			Type wire.Text `json:"componentType"`
		}] `json:"steps"`
	} `json:"networkPath"`
}

type wireResource struct {
	Type    wire.Text      `json:"type"`
	ID      wire.Text      `json:"id"`
	Region  wire.Text      `json:"region"`
	Tags    map[string]any `json:"tags"`
	Details struct {
		Instance *struct {
			IPv4     wire.Texts `json:"ipV4Addresses"`
			IPv6     wire.Texts `json:"ipV6Addresses"`
			ImageID  wire.Text  `json:"imageId"`
			VPC      wire.Text  `json:"vpcId"`
			Platform wire.Text  `json:"platform"`
		} `json:"awsEc2Instance"`
		Image *struct {
			Digest     wire.Text  `json:"imageHash"`
			Tags       wire.Texts `json:"imageTags"`
			Repository wire.Text  `json:"repositoryName"`
			Platform   wire.Text  `json:"platform"`
			Author     wire.Text  `json:"author"`
		} `json:"awsEcrContainerImage"`
		Function *struct {
			Name    wire.Text `json:"functionName"`
			Runtime wire.Text `json:"runtime"`
		} `json:"awsLambdaFunction"`
		Repository *struct {
			Name wire.Text `json:"projectName"`
		} `json:"codeRepository"`
	} `json:"details"`
}
