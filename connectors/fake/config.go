package fake

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one fake source. All of it is optional: a source that
// only takes uploads needs none.
type Config struct {
	URL    string        `yaml:"url" json:"url,omitempty" doc:"Address of the scanner's API, for sources that are pulled."`
	Token  secret.String `yaml:"token" json:"token,omitzero" doc:"Bearer token for the API."`
	Secret secret.String `yaml:"secret" json:"secret,omitzero" doc:"Key with which the scanner signs its webhooks."`
	Zone   string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses, MACs and bare host names are only compared inside one zone."`
	Page   int           `yaml:"page" json:"page,omitempty" doc:"Findings per page, 1 to 1000."`
}

const mostPerPage = 1000

func defaults() *Config { return &Config{Page: 100} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	if c.URL == "" {
		return problems
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil: // the parser's message would repeat a password in the address
		problems = append(problems, errors.New("url: this is not a URL"))
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		problems = append(problems, errors.New("url: wants to begin with https:// and a host"))
	case u.User != nil:
		problems = append(problems, errors.New("url: holds a password; use token"))
	}
	if c.Token.Empty() {
		problems = append(problems, errors.New("token: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs:    "Nothing: the scanner does not exist. To pull, `url` and `token` of something that answers as its API does; to take webhooks, the `secret` that signs them.",
	Maps:     "Each finding is a vulnerability `fake:<check>` on a host, at its port.",
	Fixed:    "A finding whose status is `fixed`, or absence from a complete report that covers host and check.",
	Coverage: "What the report says in `run` and `targets`.",
	Limits:   "A page of the API holds at most 64 MiB.",
	Example: `sources:
  - name: fake-lab
    connector: fake
    config:
      url: https://scanner.example.org
      token: ${env:FAKE_TOKEN}
      secret: ${env:FAKE_SECRET}
      zone: lab
`,
}
