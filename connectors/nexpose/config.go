package nexpose

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one source of Nexpose reports.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses, MACs and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A report in the format XML Export or XML Export 2.0, of Nexpose or InsightVM.",
	Maps: "Each test that found something is a weakness `nexpose:<vulnerability>` at its port, as the InsightVM connector names it too. Several tests for one weakness at one place are one finding with all their proofs. " +
		"The severity goes by the report's score from 1 to 10.",
	Fixed: "Absence from a report whose scans all finished. Tests under an exception are suppressed.",
	Coverage: "A report is complete when it names scans and the status of each is `finished`: a stopped, aborted or failed scan closes nothing. A node counts as looked at when it was alive, " +
		"the scan that looked at it is known, and no test on it ended in an error or without a result.",
	Limits: "A report holds its texts behind its findings: they wait for them up to 64 MiB, and beyond that go without. Version 2.0 of the format lists only the tests that found something, " +
		"so that a test that failed can't be seen in it. A scan that finished may have had fewer credentials than the one before: a report does not say.",
	Example: `sources:
  - name: nexpose
    connector: nexpose
    config:
      zone: office
`,
}
