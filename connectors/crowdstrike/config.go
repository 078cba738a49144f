package crowdstrike

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Falcon tenant. All of it is optional: a source that
// only takes uploads needs none.
type Config struct {
	URL          string        `yaml:"url" json:"url,omitempty" doc:"Address of the API of the tenant's cloud, for sources that are pulled: https://api.crowdstrike.com, https://api.eu-1.crowdstrike.com and so on."`
	ClientID     string        `yaml:"client_id" json:"client_id,omitempty" doc:"ID of the API client."`
	ClientSecret secret.String `yaml:"client_secret" json:"client_secret,omitzero" doc:"Secret of the API client."`
	Limit        int           `yaml:"limit" json:"limit,omitempty" doc:"Vulnerabilities per page, 1 to 5000."`
	Filter       string        `yaml:"filter" json:"filter,omitempty" doc:"Only vulnerabilities that match this too, in Falcon Query Language, such as cve.severity:['CRITICAL','HIGH']. Such a sync is never complete."`
	Zone         string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts. Addresses, MACs and bare host names are only compared inside one zone."`
}

const (
	defaultLimit = 400
	mostLimit    = 5000
)

func defaults() *Config { return &Config{Limit: defaultLimit} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Limit < 1 || c.Limit > mostLimit {
		problems = append(problems, fmt.Errorf("limit: %d is not between 1 and %d", c.Limit, mostLimit))
	}
	if c.URL == "" {
		return problems
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.ClientID == "" {
		problems = append(problems, errors.New("client_id: is needed where url is set"))
	}
	if c.ClientSecret.Empty() {
		problems = append(problems, errors.New("client_secret: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "An API client with the scopes Hosts: Read and Vulnerabilities: Read (Spotlight).",
	Maps: "Each vulnerability of a host is a weakness by its CVE. The product that has it is the affected package. Hosts are known by their agent, their cloud instance, serial, names and addresses, " +
		"but not by the address that they are seen from, which many share. Grouping tags written as `name: value` are clues to the owner where the name speaks of one.",
	Fixed: "Status closed, seen at `closed_timestamp`. A status of expired says that the host was not seen for so long that Falcon forgot: that is no fix. " +
		"What is suppressed in Falcon is suppressed here.",
	Coverage: "A full sync is complete when hosts and vulnerabilities were read to as many as Falcon said there were. It proves no absence, since Falcon says itself what is closed. " +
		"Between full syncs, once a week, only what was updated since the last one is asked for.",
	Limits: "The lists are read by tokens that run out within minutes; when one has, the sync begins anew. The official client, gofalcon, is generated and takes minutes to compile for the three calls that are needed; " +
		"a small client of our own makes them. Answers under the status values are documented by the vendor, only open was seen in recorded traffic.",
	Example: `sources:
  - name: falcon
    connector: crowdstrike
    config:
      url: https://api.eu-1.crowdstrike.com
      client_id: 0123456789abcdef0123456789abcdef
      client_secret: ${env:FALCON_CLIENT_SECRET}
`,
}
