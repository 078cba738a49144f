package semgrep

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// result is one of a CLI report's "results".
type result struct {
	Check wire.Text `json:"check_id"`
	Path  wire.Text `json:"path"`
	Extra struct {
		Message     wire.Text  `json:"message"`
		Severity    wire.Text  `json:"severity"`
		Fingerprint wire.Text  `json:"fingerprint"`
		Lines       wire.Text  `json:"lines"`
		Ignored     wire.Flag  `json:"is_ignored"`
		Fix         wire.Text  `json:"fix"`
		Validation  wire.Text  `json:"validation_state"`
		Engine      wire.Text  `json:"engine_kind"`
		Metadata    metadata   `json:"metadata"`
		SCA         dependency `json:"sca_info"`
	} `json:"extra"`
}

// dependency is what a rule of Supply Chain matched.
type dependency struct {
	Reachable wire.Flag `json:"reachable"`
	Match     struct {
		Lockfile wire.Text `json:"lockfile"`
		Found    struct {
			Package   wire.Text `json:"package"`
			Version   wire.Text `json:"version"`
			Ecosystem wire.Text `json:"ecosystem"`
		} `json:"found_dependency"`
	} `json:"dependency_match"`
}

// metadata is a rule's, as far as rules agree on it.
type metadata struct {
	CWE           wire.Texts `json:"cwe"`
	OWASP         wire.Texts `json:"owasp"`
	References    wire.Texts `json:"references"`
	Source        wire.Text  `json:"source"`
	Shortlink     wire.Text  `json:"shortlink"`
	CVE           wire.Text  `json:"sca-vuln-database-identifier"`
	Severity      wire.Text  `json:"sca-severity"`
	FixedVersions fixed      `json:"sca-fix-versions"`
	Class         wire.Texts `json:"vulnerability_class"`
	Category      wire.Text  `json:"category"`
	Technology    wire.Texts `json:"technology"`
	SecretType    wire.Text  `json:"secret_type"`
}

// fixed are the versions that mend a package: [{"lodash": "4.17.21"}].
type fixed []map[string]wire.Text

// UnmarshalJSON implements json.Unmarshaler.
func (f *fixed) UnmarshalJSON(b []byte) error {
	var list wire.List[map[string]wire.Text]
	_ = list.UnmarshalJSON(b) // never fails
	*f = fixed(list)
	return nil
}

// scanError is one of a CLI report's "errors".
type scanError struct {
	Level wire.Text       `json:"level"`
	Path  wire.Text       `json:"path"`
	Type  json.RawMessage `json:"type"`
}

// hook is one of a webhook's messages.
type hook struct {
	Finding json.RawMessage `json:"semgrep_finding"`
	Scan    json.RawMessage `json:"semgrep_scan"`
}

type hookFinding struct {
	ID        wire.Text `json:"id"`
	Check     wire.Text `json:"check_id"`
	Path      wire.Text `json:"path"`
	Message   wire.Text `json:"message"`
	Severity  wire.Text `json:"severity"` // 0, 1 or 2
	Ref       wire.Text `json:"ref"`
	Repo      wire.Text `json:"repo_name"`
	CommitURL wire.Text `json:"commit_url"`
	Committed wire.Time `json:"commit_date"`
	Started   wire.Time `json:"start_date"`
	Metadata  metadata  `json:"metadata"`
}

type hookScan struct {
	ID        wire.Text `json:"id"`
	Completed wire.Time `json:"completed_at"`
	Started   wire.Time `json:"started_at"`
}
