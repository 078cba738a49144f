package caldera

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Caldera source.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts that agents run on. Addresses and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs:    "The report of an operation (Operations, Download Report, Full Report, with agent output or without) or its event logs, uploaded, sent to the source's webhook, or given to `quell ingest`.",
	Maps:     "Each step that succeeded (status 0) is a detection finding `attack:<technique>`, such as attack:T1005, on the host of its agent; abilities are told apart. The command and its output are the evidence, with credentials hidden. Caldera gives no severity.",
	Fixed:    "Never by Caldera: a step that failed (status 1) or timed out (124) may have failed for many reasons, of which a control is one. Such steps, and those that were discarded, paused or never collected, are counted as skipped.",
	Coverage: "An operation tries the abilities that its planner chose: it is partial, and nothing is closed by being missing from one.",
	Limits:   "Whether anybody detected the step, Caldera doesn't know. An agent's paw changes each time it is deployed, so hosts are known by name and addresses; an event log has only the name. Where the report names the hosts behind the steps, steps are on assets that are named by their paw.",
	Example: `sources:
  - name: caldera
    connector: caldera
    config:
      zone: lab
`,
}
