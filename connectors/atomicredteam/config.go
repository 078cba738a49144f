package atomicredteam

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Atomic Red Team source.
type Config struct {
	Zone     string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts. Addresses and bare host names are only compared inside one zone."`
	Executed bool   `yaml:"executed" json:"executed,omitempty" doc:"Says that a test counts as carried out where the log has no exit code, as in logs of versions that write none."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs:    "The log that Invoke-AtomicTest writes (by default `Invoke-AtomicTest-ExecutionLog.csv` in the temporary folder), uploaded, sent to the source's webhook, or given to `quell ingest`. For the ATTiRe log there is the connector attire.",
	Maps:     "Each test that ended with exit code 0 is a detection finding `attack:<technique>` on the host that it ran on; tests are told apart by their GUID. The log has no severity and no output.",
	Fixed:    "Never: a test may fail for many reasons, of which a control is one. Tests that did not end with 0 are counted as skipped.",
	Coverage: "A log holds what was run and nothing else: it is partial, and nothing is closed by being missing from one.",
	Limits:   "Whether anybody detected the technique, a log doesn't say. Older versions write no exit code: then nothing is a finding unless `executed` says so. The columns are those of Invoke-AtomicTest's default logger; no log was at hand.",
	Example: `sources:
  - name: atomic-tests
    connector: atomicredteam
    config:
      zone: office
`,
}
