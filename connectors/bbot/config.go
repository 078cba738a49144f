package bbot

import (
	"errors"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one BBOT source. All of it is optional.
type Config struct {
	Distance int    `yaml:"distance" json:"distance,omitempty" doc:"How far from the scan's scope what is taken over may be: 0 is in scope, 1 what is one hop away, such as an address outside that a name resolves to."`
	Zone     string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses and bare host names are only compared inside one zone."`
	Internet bool   `yaml:"internet" json:"internet,omitempty" doc:"Says that the scans run outside, so that a port which they find open faces the internet."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if c.Distance < 0 {
		return []error{errors.New("distance: is not negative")}
	}
	return nil
}

var docs = connectors.Page{
	Needs: "A scan's `output.json` (module `json`), of BBOT 1 or 2.",
	Maps: "Names, addresses, open ports, URLs, storage buckets and code repositories are assets; what a name resolves to is a relation, since addresses are shared. A `FINDING` or `VULNERABILITY` is `bbot:<module>:<name>` on its host, at the port and path of its URL. " +
		"BBOT gives findings no stable name, so where there is none the description's hash stands for it. Events further from the scope than `distance` are passed over, as are those that only lead to others.",
	Fixed:    "Nothing closes: a scan that finds less may have looked less.",
	Coverage: "None.",
	Limits:   "An event's ID is made of its content by BBOT, so it is not used: a changed severity would make another finding. Identities, e-mail addresses and social accounts are not taken over.",
	Example: `sources:
  - name: bbot-weekly
    connector: bbot
    config:
      internet: true
`,
}
