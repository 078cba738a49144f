package trivyoperator

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// envelope is a custom resource of group aquasecurity.github.io, or the webhook's message
// around one, or a list of them.
type envelope struct {
	Verb   wire.Text       `json:"verb"`
	Object json.RawMessage `json:"operatorObject"`

	Kind     wire.Text `json:"kind"`
	API      wire.Text `json:"apiVersion"`
	Metadata metadata  `json:"metadata"`
	Report   data      `json:"report"`
	Spec     spec      `json:"spec"`
	Status   status    `json:"status"`
}

type metadata struct {
	Name        wire.Text            `json:"name"`
	Namespace   wire.Text            `json:"namespace"`
	UID         wire.Text            `json:"uid"`
	Labels      map[string]wire.Text `json:"labels"`
	Annotations map[string]wire.Text `json:"annotations"`
	Owners      wire.List[owner]     `json:"ownerReferences"`
}

type owner struct {
	Kind wire.Text `json:"kind"`
	Name wire.Text `json:"name"`
}

// data is the report of any kind but a compliance report.
type data struct {
	Updated  wire.Time `json:"updateTimestamp"`
	Scanner  scanner   `json:"scanner"`
	Registry struct {
		Server wire.Text `json:"server"`
	} `json:"registry"`
	Artifact artifact `json:"artifact"`
	OS       struct {
		Family wire.Text `json:"family"`
		Name   wire.Text `json:"name"`
	} `json:"os"`
	Summary         summary `json:"summary"`
	Vulnerabilities raws    `json:"vulnerabilities"`
	Secrets         raws    `json:"secrets"`
	Checks          raws    `json:"checks"`
}

type raws []json.RawMessage

type scanner struct {
	Name    wire.Text `json:"name"`
	Version wire.Text `json:"version"`
}

type artifact struct {
	Repository wire.Text `json:"repository"`
	Tag        wire.Text `json:"tag"`
	Digest     wire.Text `json:"digest"`
}

// summary counts what was found, by severity.
type summary struct {
	Critical *wire.Number `json:"criticalCount"`
	High     wire.Number  `json:"highCount"`
	Medium   wire.Number  `json:"mediumCount"`
	Low      wire.Number  `json:"lowCount"`
	Unknown  wire.Number  `json:"unknownCount"`
}

type vulnerability struct {
	ID          wire.Text       `json:"vulnerabilityID"`
	Resource    wire.Text       `json:"resource"`
	Installed   wire.Text       `json:"installedVersion"`
	Fixed       wire.Text       `json:"fixedVersion"`
	Severity    wire.Text       `json:"severity"`
	Title       wire.Text       `json:"title"`
	Description wire.Text       `json:"description"`
	Link        wire.Text       `json:"primaryLink"`
	Links       wire.Texts      `json:"links"`
	Score       wire.Number     `json:"score"`
	ScoredBy    wire.Text       `json:"cvsssource"`
	CVSS        map[string]cvss `json:"cvss"`
	Target      wire.Text       `json:"target"`
	Class       wire.Text       `json:"class"`
	Type        wire.Text       `json:"packageType"`
	Path        wire.Text       `json:"packagePath"`
	PURL        wire.Text       `json:"packagePURL"`
}

type cvss struct {
	Vector2 wire.Text   `json:"V2Vector"`
	Vector3 wire.Text   `json:"V3Vector"`
	Vector4 wire.Text   `json:"V40Vector"`
	Score2  wire.Number `json:"V2Score"`
	Score3  wire.Number `json:"V3Score"`
	Score4  wire.Number `json:"V40Score"`
}

type leak struct {
	Rule     wire.Text `json:"ruleID"`
	Category wire.Text `json:"category"`
	Severity wire.Text `json:"severity"`
	Title    wire.Text `json:"title"`
	Target   wire.Text `json:"target"`
	Match    wire.Text `json:"match"`
}

// check is one of a config audit, RBAC or infrastructure report, or of a control.
type check struct {
	ID          wire.Text  `json:"checkID"`
	Title       wire.Text  `json:"title"`
	Description wire.Text  `json:"description"`
	Severity    wire.Text  `json:"severity"`
	Messages    wire.Texts `json:"messages"`
	Remediation wire.Text  `json:"remediation"`
	Target      wire.Text  `json:"target"`
	Success     *wire.Flag `json:"success"`
}

// spec is what a compliance report asks for.
type spec struct {
	Compliance struct {
		ID       wire.Text          `json:"id"`
		Title    wire.Text          `json:"title"`
		Related  wire.Texts         `json:"relatedResources"`
		Controls wire.List[control] `json:"controls"`
	} `json:"compliance"`
}

type control struct {
	ID          wire.Text `json:"id"`
	Name        wire.Text `json:"name"`
	Description wire.Text `json:"description"`
	Severity    wire.Text `json:"severity"`
	Checks      wire.List[struct {
		ID wire.Text `json:"id"`
	}] `json:"checks"`
}

// status is what a compliance report found: a sum for each control, or its checks.
type status struct {
	Updated wire.Time `json:"updateTimestamp"`
	Summary struct {
		Controls wire.List[controlSum] `json:"controlCheck"`
	} `json:"summaryReport"`
	Detail struct {
		Results wire.List[controlResult] `json:"results"`
	} `json:"detailReport"`
}

type controlSum struct {
	ID       wire.Text    `json:"id"`
	Name     wire.Text    `json:"name"`
	Severity wire.Text    `json:"severity"`
	Fails    *wire.Number `json:"totalFail"`
}

type controlResult struct {
	ID          wire.Text        `json:"id"`
	Name        wire.Text        `json:"name"`
	Description wire.Text        `json:"description"`
	Severity    wire.Text        `json:"severity"`
	Checks      wire.List[check] `json:"checks"`
}
