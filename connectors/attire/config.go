package attire

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one ATTiRe source.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts. Addresses and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs:    "A log in ATTiRe 1.1, such as `Invoke-AtomicTest T1033 -LoggingModule Attire-ExecutionLogger` writes, uploaded, sent to the source's webhook, or given to `quell ingest`.",
	Maps:     "Each procedure whose steps all ended with exit code 0, and none in a time-out, is a detection finding `attack:<technique>` on the target host; procedures are told apart by their ID. Commands and output are the evidence, with credentials hidden. The format has no severity.",
	Fixed:    "Never: a step may fail for many reasons, of which a control is one. Procedures with such a step are counted as skipped.",
	Coverage: "A log holds what was run and nothing else: it is partial, and nothing is closed by being missing from one.",
	Limits:   "Whether anybody detected the technique, a log doesn't say. A step without an exit code counts as one that did not succeed. Where the target stands behind the procedures, at most 10,000 of them are kept until it comes. The fields are those that Invoke-AtomicTest's logger writes; no log was at hand.",
	Example: `sources:
  - name: purple-team
    connector: attire
    config:
      zone: office
`,
}
