package openscap

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one OpenSCAP source.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses, MACs and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "XCCDF results of version 1.1 or 1.2, written by `oscap xccdf eval --results results.xml` (or `--results-arf`), or by another SCAP scanner, uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps: "Each rule whose result is `fail` is a finding `openscap:<rule>` on the host, a vulnerability where the rule names CVEs, else a setting; at its instance, where a rule is checked several times. Title, text, what to do and identifiers come from the rule, if the file holds it. " +
		"A host is known by its names, addresses and MACs. A failure that somebody has overridden stays there, as suppressed, with who said so and why. Results that are no judgement (pass, notapplicable, notchecked, notselected, informational) are left out and counted.",
	Fixed: "A rule whose result is `fixed`: the scanner mended it and checked again. Else by absence from a later report in which the rule passed.",
	Coverage: "A report has a result for each rule, so it proves itself: it is complete if it says when it ended, and covers the rules that passed, failed or were fixed on every target in it, and ended nowhere in `error` or `unknown`. " +
		"Rules that were not selected, not checked or not applicable are not covered.",
	Limits: "OVAL results by themselves are not read. Benchmarks of more than 20,000 rules keep the texts of the first ones. The remediation scripts of rules are left out; their instructions are kept.",
	Example: `sources:
  - name: openscap-servers
    connector: openscap
    config:
      zone: datacenter
`,
}
