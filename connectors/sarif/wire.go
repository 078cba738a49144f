package sarif

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// The objects of SARIF 2.1.0 (OASIS standard, March 2020), as far as they say something of
// a weakness. What else a result has is kept as its vendor's fields.

type message struct {
	Text      wire.Text  `json:"text"`
	Markdown  wire.Text  `json:"markdown"`
	ID        wire.Text  `json:"id"`
	Arguments wire.Texts `json:"arguments"`
}

// component is the driver, an extension or a taxonomy.
type component struct {
	name, fullName, version, guid string
	rules                         []rule
	messages                      map[string]message
	ids                           map[string]int
}

type rule struct {
	ID            wire.Text               `json:"id"`
	Name          wire.Text               `json:"name"`
	GUID          wire.Text               `json:"guid"`
	Short         message                 `json:"shortDescription"`
	Full          message                 `json:"fullDescription"`
	Help          message                 `json:"help"`
	HelpURI       wire.Text               `json:"helpUri"`
	Messages      map[string]message      `json:"messageStrings"`
	Default       configuration           `json:"defaultConfiguration"`
	Relationships wire.List[relationship] `json:"relationships"`
	Properties    properties              `json:"properties"`
}

type configuration struct {
	Level wire.Text `json:"level"`
}

type relationship struct {
	Target reference `json:"target"`
}

// reference leads to a rule or a taxon.
type reference struct {
	ID        wire.Text          `json:"id"`
	GUID      wire.Text          `json:"guid"`
	Index     *wire.Number       `json:"index"`
	Component componentReference `json:"toolComponent"`
}

type componentReference struct {
	Name  wire.Text    `json:"name"`
	GUID  wire.Text    `json:"guid"`
	Index *wire.Number `json:"index"`
}

// properties are those property bags' entries that many tools agree on, of rules and of
// results, and trivy's scores.
type properties struct {
	Severity  wire.Text   `json:"security-severity"`
	Tags      wire.Texts  `json:"tags"`
	CWE       wire.Texts  `json:"cwe"`
	CVE       wire.Texts  `json:"cve"`
	Precision wire.Text   `json:"precision"`
	Vector3   wire.Text   `json:"cvssv3_vector"`
	Score3    wire.Number `json:"cvssv3_baseScore"`
	Vector2   wire.Text   `json:"cvssv2_vector"`
	Score2    wire.Number `json:"cvssv2_score"`
	Vector4   wire.Text   `json:"cvssv40_vector"`
	Score4    wire.Number `json:"cvssv40_score"`
	Exploit   wire.Flag   `json:"exploitAvailable"`
	Offender  wire.Text   `json:"offender"` // the secret itself, in reports of gitleaks 7
}

type result struct {
	RuleID       wire.Text                  `json:"ruleId"`
	RuleIndex    *wire.Number               `json:"ruleIndex"`
	Rule         reference                  `json:"rule"`
	Kind         wire.Text                  `json:"kind"`
	Level        wire.Text                  `json:"level"`
	Message      message                    `json:"message"`
	Locations    wire.List[location]        `json:"locations"`
	Fingerprints map[string]json.RawMessage `json:"fingerprints"`
	Partial      map[string]json.RawMessage `json:"partialFingerprints"`
	Baseline     wire.Text                  `json:"baselineState"`
	Suppressions wire.List[suppression]     `json:"suppressions"`
	Taxa         wire.List[reference]       `json:"taxa"`
	Fixes        wire.List[fix]             `json:"fixes"`
	Viewer       wire.Text                  `json:"hostedViewerUri"`
	Provenance   struct {
		First wire.Time `json:"firstDetectionTimeUtc"`
		Last  wire.Time `json:"lastDetectionTimeUtc"`
	} `json:"provenance"`
	Properties properties `json:"properties"`
}

// mapped are the fields of a result that have one of ours.
var mapped = []string{ //nolint:gochecknoglobals // a constant list
	"ruleId", "ruleIndex", "rule", "level", "message", "fingerprints", "baselineState", "suppressions", "taxa", "fixes", "hostedViewerUri",
	"codeFlows", "threadFlowLocations", "graphs", "stacks", "webRequest", "webResponse", // long, and full of line numbers
	"properties.security-severity", "properties.tags", "properties.cwe", "properties.cve", "properties.offender",
}

type location struct {
	Physical struct {
		Artifact artifactLocation `json:"artifactLocation"`
		Region   region           `json:"region"`
		Address  struct {
			Name wire.Text `json:"fullyQualifiedName"`
		} `json:"address"`
	} `json:"physicalLocation"`
	Logical wire.List[logicalLocation] `json:"logicalLocations"`
	Message message                    `json:"message"`
}

type region struct {
	Snippet struct {
		Text wire.Text `json:"text"`
	} `json:"snippet"`
}

type artifactLocation struct {
	URI   wire.Text    `json:"uri"`
	Base  wire.Text    `json:"uriBaseId"`
	Index *wire.Number `json:"index"`
}

type logicalLocation struct {
	Name      wire.Text `json:"name"`
	Qualified wire.Text `json:"fullyQualifiedName"`
	Kind      wire.Text `json:"kind"`
}

type suppression struct {
	Kind          wire.Text `json:"kind"`
	Status        wire.Text `json:"status"`
	Justification wire.Text `json:"justification"`
}

type fix struct {
	Description message `json:"description"`
}

type invocation struct {
	Successful *wire.Flag               `json:"executionSuccessful"`
	Start      wire.Time                `json:"startTimeUtc"`
	End        wire.Time                `json:"endTimeUtc"`
	Directory  artifactLocation         `json:"workingDirectory"`
	Execution  wire.List[configuration] `json:"toolExecutionNotifications"` // of which only the level matters
	Setup      wire.List[configuration] `json:"toolConfigurationNotifications"`
	Overrides  wire.List[struct {
		Configuration configuration `json:"configuration"`
		Descriptor    reference     `json:"descriptor"`
	}] `json:"ruleConfigurationOverrides"`
}

type provenance struct {
	URI      wire.Text `json:"repositoryUri"`
	Revision wire.Text `json:"revisionId"`
	Branch   wire.Text `json:"branch"`
}

// runProperties are what scanners of images say about them.
type runProperties struct {
	ImageID     wire.Text  `json:"imageID"`
	ImageName   wire.Text  `json:"imageName"`
	RepoDigests wire.Texts `json:"repoDigests"`
	RepoTags    wire.Texts `json:"repoTags"`
}
