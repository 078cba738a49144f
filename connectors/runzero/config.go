package runzero

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one runZero source.
type Config struct {
	URL             string        `yaml:"url" json:"url,omitempty" doc:"Address of the console: https://console.runzero.com, or one of your own."`
	Token           secret.String `yaml:"token" json:"token,omitzero" doc:"Export token (ET…) or organization key (OT…)."`
	Zone            string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the assets. Empty: each site is a zone of its own."`
	Search          string        `yaml:"search" json:"search,omitempty" doc:"Search that narrows the assets, in runZero's language: alive:t."`
	Vulnerabilities bool          `yaml:"vulnerabilities" json:"vulnerabilities,omitempty" doc:"Whether vulnerabilities are read too: its own, and those that it has from other scanners."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL != "" && c.Token.Empty() {
		problems = append(problems, errors.New("token: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "An export token of the organization. Or its exports (assets and vulnerabilities, as JSON or JSONL), uploaded.",
	Maps: "Each asset is a host, known by its runZero ID, names, MACs and addresses, in its site as its network zone. Owners, with their type, and tags called owner or team are clues to the owner; other tags, site, hardware, criticality and type are tags; its open ports are services. " +
		"A vulnerability is a finding `runzero:` and its ID in the scanner that knows it, at the port where it was found.",
	Fixed:    "runZero says nothing of a vulnerability that is gone, and forgets old ones. So none is ever fixed by what it says.",
	Coverage: "None: an asset that was seen says nothing of what is weak in it, and runZero doesn't tell which scanner looked at what.",
	Limits: "Sites, and how many assets each has, are runZero's own count of a while ago, so it isn't held against what was exported. The fields of vulnerabilities are known from published examples and were not seen in a recording. runZero limits calls by the day, so a source is pulled twice a day. " +
		"A site's export may be 1 GiB.",
	Example: `sources:
  - name: runzero
    connector: runzero
    config:
      url: https://console.runzero.com
      token: ${env:RUNZERO_TOKEN}
      search: alive:t
`,
}
