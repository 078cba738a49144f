package intsights

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one IntSights source.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the addresses. What IntSights sees is the internet, so it is empty unless yours has a name."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs:    "Complete alerts saved from the API of IntSights (Rapid7 Threat Command), or the CSV export of the alerts page.",
	Maps:     "An alert is `intsights:<id>` on each asset that it names: a domain, an address, or a brand or company as such. Exploitable data is a vulnerability, everything else (phishing, leaks, attack indications) a detection. Type, subtype and tags are tags; assignees are clues to the owner.",
	Fixed:    "Never: an alert is closed by a person, whose reason is kept. One that was closed as a false positive is suppressed, every other is archived, `ProblemSolved` too, since nobody checked.",
	Coverage: "None: a list of alerts proves no absence.",
	Limits:   "The API is not pulled. Assignees are numbers unless the export has names. Images are not taken over.",
	Example: `sources:
  - name: intsights
    connector: intsights
    config: {}
`,
}
