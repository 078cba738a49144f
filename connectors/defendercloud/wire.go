package defendercloud

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// wireItem is an assessment, a sub-assessment or an alert: all have a resource's frame.
type wireItem struct {
	ID         wire.Text      `json:"id"`
	Name       wire.Text      `json:"name"`
	Type       wire.Text      `json:"type"`
	Tags       map[string]any `json:"tags"`
	Properties wireProperties `json:"properties"`
}

// wireProperties are those of all three kinds, in the spellings of their versions.
type wireProperties struct {
	DisplayName wire.Text       `json:"displayName"`
	Resource    wireResource    `json:"resourceDetails"`
	Status      json.RawMessage `json:"status"` // an object, or the word of an alert
	Links       struct {
		Portal wire.Text `json:"azurePortal"`
	} `json:"links"`
	Metadata *wireMetadata `json:"metadata"`

	// Of sub-assessments.
	VulnID      wire.Text      `json:"id"`
	Remediation wire.Text      `json:"remediation"`
	Impact      wire.Text      `json:"impact"`
	Category    wire.Text      `json:"category"`
	Description wire.Text      `json:"description"` // of alerts too
	Generated   wire.Time      `json:"timeGenerated"`
	Additional  wireAdditional `json:"additionalData"`

	// Of alerts, version 2019-01-01 in the second place.
	AlertName   wire.Text  `json:"alertDisplayName"`
	AlertType   wire.Text  `json:"alertType"`
	OldType     wire.Text  `json:"alertName"`
	AlertID     wire.Text  `json:"systemAlertId"`
	Severity    wire.Text  `json:"severity"`
	OldSeverity wire.Text  `json:"reportedSeverity"`
	State       wire.Text  `json:"state"`
	Steps       wire.Texts `json:"remediationSteps"`
	Entity      wire.Text  `json:"compromisedEntity"`
	Resource2   wire.Text  `json:"associatedResource"`
	URI         wire.Text  `json:"alertUri"`
	Intent      wire.Text  `json:"intent"`
	Started     wire.Time  `json:"startTimeUtc"`
	Ended       wire.Time  `json:"endTimeUtc"`
	AlertTime   wire.Time  `json:"timeGeneratedUtc"`
	OldStarted  wire.Time  `json:"detectedTimeUtc"`
	OldReported wire.Time  `json:"reportedTimeUtc"`
	Identifiers wire.List[struct {
		ID wire.Text `json:"azureResourceId"`
	}] `json:"resourceIdentifiers"`
}

type wireResource struct {
	Source  wire.Text `json:"Source"` // keys differ in case by version
	ID      wire.Text `json:"Id"`
	OtherID wire.Text `json:"ResourceId"`
	Machine wire.Text `json:"machineName"`
	UUID    wire.Text `json:"vmuuid"`
}

type wireStatus struct {
	Code        wire.Text `json:"code"`
	Cause       wire.Text `json:"cause"`
	Description wire.Text `json:"description"`
	Severity    wire.Text `json:"severity"`
	Changed     wire.Time `json:"statusChangeDate"`
	First       wire.Time `json:"firstEvaluationDate"`
}

type wireMetadata struct {
	DisplayName wire.Text  `json:"displayName"`
	Severity    wire.Text  `json:"severity"`
	Description wire.Text  `json:"description"`
	Remediation wire.Text  `json:"remediationDescription"`
	Categories  wire.Texts `json:"categories"`
	Threats     wire.Texts `json:"threats"`
}

// wireAdditional is what a scanner says, in the words of Qualys's days and of today's.
type wireAdditional struct {
	CVEs wire.List[struct {
		Title wire.Text `json:"title"`
		Link  wire.Text `json:"link"`
	}] `json:"cve"`
	CVSS       map[string]wireCVSS `json:"cvss"`
	References wire.List[struct {
		Link wire.Text `json:"link"`
	}] `json:"vendorReferences"`
	Threat    wire.Text `json:"threat"`
	Digest    wire.Text `json:"imageDigest"`
	OldRepo   wire.Text `json:"repositoryName"`
	Published wire.Time `json:"publishedTime"`
	Details   struct {
		CVE      wire.Text           `json:"cveId"`
		Severity wire.Text           `json:"severity"`
		CVSS     map[string]wireCVSS `json:"cvss"`
		Weakness struct {
			CWE wire.List[struct {
				ID wire.Text `json:"id"`
			}] `json:"cwe"`
		} `json:"weaknesses"`
		Exploit struct {
			Public   wire.Flag `json:"isInExploitKit"`
			Verified wire.Text `json:"exploitStepsVerified"`
			Stepped  wire.Text `json:"exploitStepsPublished"`
		} `json:"exploitabilityAssessment"`
	} `json:"vulnerabilityDetails"`
	Software struct {
		Name     wire.Text `json:"packageName"`
		Version  wire.Text `json:"version"`
		Fixed    wire.Text `json:"fixedVersion"`
		Language wire.Text `json:"language"`
		OS       struct {
			Platform wire.Text `json:"osPlatform"`
		} `json:"osDetails"`
	} `json:"softwareDetails"`
	Artifact struct {
		Digest     wire.Text `json:"digest"`
		Repository wire.Text `json:"repositoryName"`
		Registry   wire.Text `json:"registryHost"`
	} `json:"artifactDetails"`
}

type wireCVSS struct {
	Base   wire.Number `json:"base"`
	Vector wire.Text   `json:"cvssVectorString"`
}
