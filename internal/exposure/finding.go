package exposure

import (
	"encoding/json"
	"time"
)

// Severity is a source's word for how bad a weakness is, on one scale.
type Severity string

// The severities, in rising order.
const (
	SeverityUnknown  Severity = "unknown"
	SeverityInfo     Severity = "info"
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Rank orders severities: unknown 0, info 1, … critical 5.
func (s Severity) Rank() int {
	switch s {
	case SeverityInfo:
		return 1
	case SeverityLow:
		return 2
	case SeverityMedium:
		return 3
	case SeverityHigh:
		return 4
	case SeverityCritical:
		return 5
	case SeverityUnknown:
	}
	return 0
}

// Status is what the source itself says of the finding.
type Status string

// The finding statuses. Only Fixed is evidence that the weakness is gone. Suppressed and
// NotAffected are the source's opinion; with the last three the source has stopped
// looking, for reasons that say nothing of the weakness.
const (
	StatusOpen        Status = "open"
	StatusFixed       Status = "fixed"        // the source checked, and says explicitly that it is gone
	StatusSuppressed  Status = "suppressed"   // muted, ignored, accepted, called a false positive
	StatusNotAffected Status = "not_affected" // there, but said not to matter
	StatusGone        Status = "gone"         // the asset is said to be gone, and the weakness with it
	StatusExpired     Status = "expired"      // not looked at for so long that the source forgot it
	StatusArchived    Status = "archived"     // put away: closed as a duplicate, filed, out of the source's scope
)

// Statuses are all of them, in the order of the documentation.
func Statuses() []Status {
	return []Status{StatusOpen, StatusFixed, StatusSuppressed, StatusNotAffected, StatusGone, StatusExpired, StatusArchived}
}

// Sees reports whether a source that says so has seen the weakness: it is there, whatever
// anybody thinks of it.
func (s Status) Sees() bool { return s == StatusOpen || s == StatusSuppressed || s == "" }

// Class is the OCSF class of a finding (OCSF 1.x class_uid).
type Class string

// The finding classes.
const (
	ClassVulnerability Class = "vulnerability" // OCSF 2002
	ClassCompliance    Class = "compliance"    // OCSF 2003: a setting, a missing header, a licence
	ClassDetection     Class = "detection"     // OCSF 2004
	ClassSecret        Class = "secret"        // a leaked credential (OCSF 2007 has no narrower class)
)

// Finding is what one source says about one weakness on one asset at one location.
// The source owns it: a later report replaces it whole.
type Finding struct {
	UID         string          `json:"uid"`              // the source's stable id, else the computed one; unique inside (source, asset)
	Source      string          `json:"source,omitempty"` // filled by ingest
	Connector   string          `json:"connector"`
	Class       Class           `json:"class"`
	Check       string          `json:"check"` // scheme-qualified: "nuclei:git-config"
	Title       string          `json:"title"`
	Description string          `json:"description,omitempty"`
	Remediation string          `json:"remediation,omitempty"`
	Severity    Severity        `json:"severity"`
	RawSeverity string          `json:"raw_severity,omitempty"` // as the source wrote it
	CVEs        []string        `json:"cves,omitempty"`         // upper case, sorted, unique
	CWEs        []string        `json:"cwes,omitempty"`         // "CWE-79"
	Advisories  []string        `json:"advisories,omitempty"`   // GHSA, vendor bulletins
	CVSS        []CVSS          `json:"cvss,omitempty"`
	Location    string          `json:"location,omitempty"` // "443/tcp", a URL path, a purl without version, a file path, or empty
	Target      string          `json:"target,omitempty"`   // the full address as probed: URL or host:port; never part of identity
	Package     *Package        `json:"package,omitempty"`
	References  []string        `json:"references,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Evidence    string          `json:"evidence,omitempty"` // redacted excerpt, at most MaxEvidence bytes
	Status      Status          `json:"status"`
	StatusNote  string          `json:"status_note,omitempty"`
	Exploit     string          `json:"exploit,omitempty"` // what the source says: "", "poc" or "active"
	EPSS        float64         `json:"epss,omitempty"`    // probability 0..1 as the source says; zero where absent
	FirstSeen   time.Time       `json:"first_seen,omitzero"`
	LastSeen    time.Time       `json:"last_seen,omitzero"` // when the check that saw it ran
	Vendor      json.RawMessage `json:"vendor,omitempty"`   // what has no field of ours, as a JSON object, unchanged
}

// Size limits of a finding's texts, in bytes. Ingest cuts longer ones, at a rune.
const (
	MaxTitle       = 512
	MaxDescription = 8 << 10
	MaxEvidence    = 4 << 10
	MaxVendor      = 16 << 10
)

// CVSS is one score with who said so. Vector is empty where only a score was given.
type CVSS struct {
	Version string  `json:"version"` // 2.0, 3.0, 3.1, 4.0
	Vector  string  `json:"vector,omitempty"`
	Score   float64 `json:"score"`
	By      string  `json:"by,omitempty"` // nvd, redhat, the scanner
}

// Package is the affected software, where a finding names one.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	FixedIn string `json:"fixed_in,omitempty"`
	PURL    string `json:"purl,omitempty"` // with version
	Path    string `json:"path,omitempty"` // manifest or file it was found in
	Status  string `json:"status,omitempty"`
}
