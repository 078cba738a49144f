package netbox

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one NetBox source.
type Config struct {
	URL            string        `yaml:"url" json:"url,omitempty" doc:"Address of NetBox, without /api."`
	Token          secret.String `yaml:"token" json:"token,omitzero" doc:"API token that may read; of version 1 or 2."`
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"Secret of the webhook."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before, while it is being changed."`
	Zone           string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the devices. Addresses, MACs and bare host names are only compared inside one zone."`
	OwnerFields    []string      `yaml:"owner_fields" json:"owner_fields,omitempty" doc:"Custom fields that name an owner."`
	Page           int           `yaml:"page" json:"page,omitempty" doc:"Objects per page, 1 to 1000."`
}

const mostPerPage = 1000

func defaults() *Config { return &Config{OwnerFields: []string{"owner", "team"}, Page: 200} }

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
	Needs: "A token of a user that can view devices, interfaces, addresses, virtual machines, services, contacts and contact assignments. For webhooks, an event rule for those models with a webhook to the " +
		"source's address, JSON as its content type, no body template, and a secret.",
	Maps: "Each device and virtual machine is a host, known by its NetBox ID, serial number, name, the MACs of its interfaces and its addresses with their DNS names. A virtual machine runs on its device. " +
		"Tenant, contacts by their role, and `owner_fields` are clues to the owner; role, site, rack, platform, status, tags and custom fields are tags. Services are open ports. Contacts become identities. " +
		"Names may be missing and may repeat between sites: a device is never known by its name alone.",
	Fixed:    "NetBox knows no weaknesses.",
	Coverage: "None: an inventory says what there is, and not what is weak in it. A sync is whole when every list gave as many objects as it counted. A device is gone when a webhook says that it was deleted; one that is being decommissioned is still there.",
	Limits: "Addresses that belong to no interface are left out, and so are tenants by themselves. A contact's mail address is on the contact; devices only carry its name. Lists are ordered by ID, which NetBox 2.10 and later can do. " +
		"The webhook's signature covers no time, so a replayed delivery is only known by its request ID.",
	Example: `sources:
  - name: dcim
    connector: netbox
    config:
      url: https://netbox.example.org
      token: ${env:NETBOX_TOKEN}
      secret: ${env:NETBOX_SECRET}
      zone: dc1
      owner_fields: [owner, team]
`,
}
