package dependencytrack

import "github.com/quellsec/quell/connectors/wire"

// meta is the head of a file in the Finding Packaging Format, versions 1.0 to 1.3.
type meta struct {
	Application wire.Text `json:"application"`
	Version     wire.Text `json:"version"`
	Timestamp   wire.Time `json:"timestamp"`
	BaseURL     wire.Text `json:"baseUrl"`
}

type project struct {
	UUID        wire.Text `json:"uuid"`
	Name        wire.Text `json:"name"`
	Version     wire.Text `json:"version"`
	PURL        wire.Text `json:"purl"`
	Description wire.Text `json:"description"`
	Tags        wire.Text `json:"tags"` // separated by commas, in notifications
}

type finding struct {
	Component     component     `json:"component"`
	Vulnerability vulnerability `json:"vulnerability"`
	Analysis      analysis      `json:"analysis"`
	Attribution   struct {
		On wire.Time `json:"attributedOn"`
	} `json:"attribution"`
}

type component struct {
	UUID    wire.Text `json:"uuid"`
	Group   wire.Text `json:"group"`
	Name    wire.Text `json:"name"`
	Version wire.Text `json:"version"`
	PURL    wire.Text `json:"purl"`
}

// vulnerability is one of a file or, under a few other names, of a notification.
type vulnerability struct {
	ID             wire.Text        `json:"vulnId"`
	Source         wire.Text        `json:"source"`
	Title          wire.Text        `json:"title"`
	Description    wire.Text        `json:"description"`
	Recommendation wire.Text        `json:"recommendation"`
	Severity       wire.Text        `json:"severity"`
	References     wire.Text        `json:"references"` // as Markdown
	Aliases        wire.List[alias] `json:"aliases"`
	CWE            wire.Text        `json:"cweId"`
	CWEs           wire.List[cwe]   `json:"cwes"`
	OneCWE         cwe              `json:"cwe"`
	EPSS           wire.Number      `json:"epssScore"`
	Score2         wire.Number      `json:"cvssV2BaseScore"`
	Score3         wire.Number      `json:"cvssV3BaseScore"`
	Score4         wire.Number      `json:"cvssV4Score"`
	Vector2        wire.Text        `json:"cvssV2Vector"`
	Vector3        wire.Text        `json:"cvssV3Vector"`
	Vector4        wire.Text        `json:"cvssV4Vector"`
}

type cwe struct {
	ID wire.Text `json:"cweId"`
}

// alias are the names that databases have for one vulnerability.
type alias struct {
	CVE      wire.Text `json:"cveId"`
	GHSA     wire.Text `json:"ghsaId"`
	OSV      wire.Text `json:"osvId"`
	Snyk     wire.Text `json:"snykId"`
	Sonatype wire.Text `json:"sonatypeId"`
	VulnDB   wire.Text `json:"vulnDbId"`
	GSD      wire.Text `json:"gsdId"`
}

// analysis is what an auditor said: in a file isSuppressed, in a notification suppressed.
type analysis struct {
	State         wire.Text `json:"state"`
	Justification wire.Text `json:"justification"`
	Response      wire.Text `json:"response"`
	Detail        wire.Text `json:"detail"`
	Details       wire.Text `json:"details"`
	IsSuppressed  wire.Flag `json:"isSuppressed"`
	Suppressed    wire.Flag `json:"suppressed"`
}

// notification is a webhook's message.
type notification struct {
	Level     wire.Text `json:"level"`
	Scope     wire.Text `json:"scope"`
	Group     wire.Text `json:"group"`
	Timestamp wire.Text `json:"timestamp"`
	Title     wire.Text `json:"title"`
	Content   wire.Text `json:"content"`
	Subject   subject   `json:"subject"`
}

type subject struct {
	Component       component                `json:"component"`
	Vulnerability   vulnerability            `json:"vulnerability"`
	Vulnerabilities wire.List[vulnerability] `json:"vulnerabilities"`
	Analysis        analysis                 `json:"analysis"`
	Project         project                  `json:"project"`
	Projects        wire.List[project]       `json:"affectedProjects"`
}
