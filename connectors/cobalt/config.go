package cobalt

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Cobalt source.
type Config struct {
	Zone string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the tested hosts. Addresses and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "Answers of Cobalt's API to `GET /findings`, saved to files.",
	Maps: "A finding of a pentest is a vulnerability `cobalt:<id>` on each of its affected targets, at port and path; without a target on the asset that Cobalt names. Proof of concept and suggested fix are evidence and remediation. " +
		"The time of a state is that of the log's entry which set it.",
	Fixed:    "`valid_fix` alone: the pentester has tested again. `check_fix` is open, since somebody only says that it is fixed; `wont_fix` is suppressed; `carried_over`, invalid and duplicate ones are archived.",
	Coverage: "None: a pentest's list proves no absence.",
	Limits:   "The API is not pulled, as its paging is not documented publicly. CVEs are taken from the title alone. Beside the states of the samples, those that Cobalt's clients know are read; any other is open.",
	Example: `sources:
  - name: pentests
    connector: cobalt
    config:
      zone: dmz
`,
}
