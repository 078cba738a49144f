package grype

import "github.com/quellsec/quell/connectors/wire"

// match is one of "matches" or "ignoredMatches".
type match struct {
	Vulnerability vulnerability            `json:"vulnerability"`
	Related       wire.List[vulnerability] `json:"relatedVulnerabilities"`
	Artifact      artifact                 `json:"artifact"`
	Rules         wire.List[ignoreRule]    `json:"appliedIgnoreRules"`
}

type vulnerability struct {
	ID          wire.Text            `json:"id"`
	Source      wire.Text            `json:"dataSource"`
	Namespace   wire.Text            `json:"namespace"`
	Severity    wire.Text            `json:"severity"`
	Description wire.Text            `json:"description"`
	URLs        wire.Texts           `json:"urls"`
	Links       wire.Texts           `json:"links"` // before 0.10
	CVSS        wire.List[cvss]      `json:"cvss"`
	CVSS2       oldCVSS              `json:"cvssV2"` // before 0.10
	CVSS3       oldCVSS              `json:"cvssV3"`
	EPSS        wire.List[epss]      `json:"epss"`
	Exploited   wire.List[exploited] `json:"knownExploited"`
	CWEs        wire.List[cwe]       `json:"cwes"`
	Fix         fix                  `json:"fix"`
	Advisories  wire.List[advisory]  `json:"advisories"`
}

type cvss struct {
	Source  wire.Text `json:"source"`
	Vector  wire.Text `json:"vector"`
	Metrics struct {
		Score wire.Number `json:"baseScore"`
	} `json:"metrics"`
}

type oldCVSS struct {
	Score  wire.Number `json:"baseScore"`
	Vector wire.Text   `json:"vector"`
}

type epss struct {
	CVE         wire.Text   `json:"cve"`
	Probability wire.Number `json:"epss"`
}

type exploited struct {
	CVE wire.Text `json:"cve"`
}

type cwe struct {
	ID wire.Text `json:"cwe"`
}

type fix struct {
	Versions wire.Texts `json:"versions"`
	State    wire.Text  `json:"state"`
}

type advisory struct {
	ID   wire.Text `json:"id"`
	Link wire.Text `json:"link"`
}

type artifact struct {
	Name      wire.Text       `json:"name"`
	Version   wire.Text       `json:"version"`
	Type      wire.Text       `json:"type"`
	PURL      wire.Text       `json:"purl"`
	Locations wire.List[file] `json:"locations"`
}

type file struct {
	Path wire.Text `json:"path"`
}

// ignoreRule is why a match is ignored.
type ignoreRule struct {
	Vulnerability wire.Text `json:"vulnerability"`
	Reason        wire.Text `json:"reason"`
	FixState      wire.Text `json:"fix-state"`
	VEXStatus     wire.Text `json:"vex-status"`
	Justification wire.Text `json:"vex-justification"`
	MatchType     wire.Text `json:"match-type"`
	Namespace     wire.Text `json:"namespace"`
}

// source is what was scanned. Target is an image, or the path of a directory or file.
type source struct {
	Type   wire.Text `json:"type"`
	Target target    `json:"target"`
}

type target struct {
	path   string
	Input  wire.Text  `json:"userInput"`
	ID     wire.Text  `json:"imageID"`
	Digest wire.Text  `json:"manifestDigest"`
	Repo   wire.Texts `json:"repoDigests"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *target) UnmarshalJSON(b []byte) error {
	type image target
	var path wire.Text
	_ = path.UnmarshalJSON(b) // never fails
	wire.Unmarshal(b, (*image)(t))
	t.path = path.String()
	return nil
}

type distro struct {
	Name    wire.Text `json:"name"`
	Version wire.Text `json:"version"`
}

type descriptor struct {
	Name          wire.Text      `json:"name"`
	Version       wire.Text      `json:"version"`
	Timestamp     wire.Time      `json:"timestamp"`
	Configuration *configuration `json:"configuration"`
	DB            database       `json:"db"`
}

type configuration struct {
	Exclude wire.Texts `json:"exclude"`
}

// database is the database as versions since 0.88 write it under "status", and as those
// before did.
type database struct {
	Error  wire.Text `json:"error"`
	Status struct {
		Error wire.Text `json:"error"`
	} `json:"status"`
}
