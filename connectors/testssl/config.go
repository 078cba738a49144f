package testssl

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one testssl.sh source.
type Config struct {
	Zone  string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses and bare host names are only compared inside one zone."`
	Fresh bool   `yaml:"fresh" json:"fresh,omitempty" doc:"Says that every report is sent as soon as it is made, since it has no time of its own; then what is missing from it is gone as of its arrival."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A table written by `testssl.sh --csvfile report.csv HOST` (version 2.9 or later), uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps:  "Each row of severity LOW to CRITICAL is a finding `testssl:<id>` on a host, at its port (`443/tcp`): a vulnerability where it names a CVE, else a setting. Rows that are OK or informational are left out and counted; they show what was tested. A warning (WARN) is a test that could not be done.",
	Fixed: "By absence from a later report that ran the same test on the same host and port, where `fresh` allows.",
	Coverage: "A report has a row for each test, whatever it came to, so it proves what it tested. It is complete if its source is `fresh` and each of its hosts has the row with the time that the scan took, which comes last. " +
		"It covers the tests that every host has a row for and none a warning. A host that could not be connected to (FATAL) was not reached, and keeps the report from being complete.",
	Limits: "The JSON of testssl.sh is not read. Reports of versions that write no time of the scan are never complete. The finding's text may name versions and dates and is no part of identity.",
	Example: `sources:
  - name: testssl-lab
    connector: testssl
    config:
      zone: lab
      fresh: true
`,
}
