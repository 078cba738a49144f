package resourcegraph

import (
	"fmt"
	"regexp"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/azureapi"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Azure Resource Graph source. A source that only takes
// uploads needs none of it.
type Config struct {
	Tenant        string        `yaml:"tenant" json:"tenant,omitempty" doc:"ID or domain of the tenant, for sources that are pulled."`
	ClientID      string        `yaml:"client_id" json:"client_id,omitempty" doc:"ID of the application that is registered for quell."`
	ClientSecret  secret.String `yaml:"client_secret" json:"client_secret,omitzero" doc:"Secret of the application."`
	Subscriptions []string      `yaml:"subscriptions" json:"subscriptions,omitempty" doc:"IDs of the subscriptions to query; none: all that the application sees."`
	Cloud         string        `yaml:"cloud" json:"cloud,omitempty" doc:"Which Azure: public, usgov or china."`
	Types         []string      `yaml:"types" json:"types,omitempty" doc:"Types of resources to read, such as microsoft.compute/virtualmachines; none: all."`
}

func defaults() *Config { return &Config{Cloud: "public"} }

func (c *Config) login() azureapi.Login {
	return azureapi.Login{Tenant: c.Tenant, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Subscriptions: c.Subscriptions, Cloud: c.Cloud}
}

// types become part of a query.
var types = regexp.MustCompile(`^[A-Za-z0-9.]+(?:/[A-Za-z0-9.]+)+$`) //nolint:gochecknoglobals // a constant

// Validate reports every problem.
func (c *Config) Validate() []error {
	login := c.login()
	problems := login.Check()
	for _, t := range c.Types {
		if !types.MatchString(t) {
			problems = append(problems, fmt.Errorf("types: %q is not the type of a resource", t))
		}
	}
	return problems
}

var docs = connectors.Page{
	Needs: "An application in Entra ID with the role Reader on the subscriptions or their management group, and its secret. Files: answers of Resource Graph, rows of it, and lists of Azure's management API.",
	Maps: "A resource is known by its Azure ID in lower case; a virtual machine also by its `vmId`, its computer's name, and the MACs and addresses of its network interfaces, inside their virtual network. " +
		"A public address exposes what it is bound to, and that faces the internet; so does a web site whose public access is not off. Resources are part of their subscription. Tags that name somebody are hints to the owner, those of the resource group too. Machines of a scale set are short-lived.",
	Fixed:    "An inventory has no findings.",
	Coverage: "None: that something exists says nothing of what is weak in it.",
	Limits: "Resource Graph lags behind Azure by some minutes. What a load balancer or an application gateway leads to is not read, nor are records of DNS zones. A resource that is deleted is simply not in the next answer. " +
		"Resources of an address that is dynamic and off have no address.",
	Example: `sources:
  - name: azure
    connector: resourcegraph
    config:
      tenant: quell-lab.net
      client_id: 11111111-2222-3333-4444-555555555555
      client_secret: ${env:AZURE_CLIENT_SECRET}
`,
}
