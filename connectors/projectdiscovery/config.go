package projectdiscovery

import (
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one ProjectDiscovery source. All of it is optional.
type Config struct {
	Zone           string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses and bare host names are only compared inside one zone."`
	Internet       bool          `yaml:"internet" json:"internet,omitempty" doc:"Says that the tools run outside, so that a service which they reach faces the internet."`
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"Bearer token that a job shows when it sends its output to the source's webhook."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The token before it, while it is being changed."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "The JSON Lines of `subfinder -oJ`, `dnsx -json`, `naabu -json`, `tlsx -json` or `httpx -json`, also one after the other in one file; uploaded, or sent by a job with `curl -H 'Authorization: Bearer …'` to the source's webhook.",
	Maps: "Each line is an asset. Subfinder's names are hosts and part of the domain that was asked for; dnsx and httpx add what a name resolves to, as relations, since addresses behind a content network are shared. Naabu's and httpx's open ports are services, httpx's server is the service's product, technologies are tags. " +
		"Nothing of it is a weakness. Results of nuclei are for the connector nuclei.",
	Fixed:    "Nothing: there are no findings.",
	Coverage: "None. The tools list what they found, and a name or port that is missing may only have been missed.",
	Limits:   "Lines of httpx with `failed` and names that dnsx did not find are passed over. What the platform's cloud (PDCP) sends by webhook is not documented and not read.",
	Example: `sources:
  - name: surface
    connector: projectdiscovery
    config:
      internet: true
      secret: ${env:SURFACE_TOKEN}
`,
}
