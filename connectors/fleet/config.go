package fleet

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Fleet source.
type Config struct {
	URL   string        `yaml:"url" json:"url,omitempty" doc:"Address of Fleet, without /api."`
	Token secret.String `yaml:"token" json:"token,omitzero" doc:"API token of a user who may observe all hosts."`
	Zone  string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts. Addresses, MACs and bare host names are only compared inside one zone."`
	Page  int           `yaml:"page" json:"page,omitempty" doc:"Hosts per page of the list, 1 to 500."`
}

const mostPerPage = 500

func defaults() *Config { return &Config{Page: 100} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL != "" && c.Token.Empty() {
		problems = append(problems, errors.New("token: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "The API token of an API-only user with the role observer. Vulnerability processing has to be on in Fleet for it to know of vulnerabilities.",
	Maps: "Each host is known by its hardware UUID, Fleet ID, serial number, host name, MAC and address; its public address is that of its network and only a tag. Team, and the mail addresses of its device mapping, are clues to the owner. " +
		"Each CVE of an installed package is a finding `fleet:CVE-…` at the package's purl; each policy a compliance finding `fleet:policy-` and its number.",
	Fixed: "A policy that passes is fixed at the time when policies were last checked. A vulnerability is fixed by its absence from a later software inventory of the host.",
	Coverage: "A host is covered, for CVEs alone, as of its last software inventory, if that inventory has packages that Fleet could match to a CPE: without any, vulnerability processing may be off, and silence proves nothing. " +
		"A policy that is no longer reported proves nothing: it may have been deleted.",
	Limits: "Fleet Free gives no scores, so its vulnerabilities have no severity. One CVE in two versions of one package on one host is one finding. The list of hosts doesn't count itself and ends with an empty page. " +
		"Hosts that are deleted while a sync runs are left out.",
	Example: `sources:
  - name: fleet
    connector: fleet
    config:
      url: https://fleet.example.org
      token: ${env:FLEET_TOKEN}
      zone: office
`,
}
