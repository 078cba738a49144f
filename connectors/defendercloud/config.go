package defendercloud

import (
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/azureapi"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Defender for Cloud source. A source that only takes
// uploads needs none of it.
type Config struct {
	Tenant        string        `yaml:"tenant" json:"tenant,omitempty" doc:"ID or domain of the tenant, for sources that are pulled."`
	ClientID      string        `yaml:"client_id" json:"client_id,omitempty" doc:"ID of the application that is registered for quell."`
	ClientSecret  secret.String `yaml:"client_secret" json:"client_secret,omitzero" doc:"Secret of the application."`
	Subscriptions []string      `yaml:"subscriptions" json:"subscriptions,omitempty" doc:"IDs of the subscriptions to read; none: all that the application sees."`
	Cloud         string        `yaml:"cloud" json:"cloud,omitempty" doc:"Which Azure: public, usgov or china."`
	Alerts        bool          `yaml:"alerts" json:"alerts" doc:"Whether to read security alerts too."`
}

func defaults() *Config { return &Config{Cloud: "public", Alerts: true} }

func (c *Config) login() azureapi.Login {
	return azureapi.Login{Tenant: c.Tenant, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Subscriptions: c.Subscriptions, Cloud: c.Cloud}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	login := c.login()
	return login.Check()
}

var docs = connectors.Page{
	Needs: "An application in Entra ID with the role Security Reader on the subscriptions, and its secret. Files: answers of the API, rows of `securityresources` of Azure Resource Graph, and the CSV of recommendations from the portal.",
	Maps: "An assessment is a compliance finding `defendercloud:<assessment>` on its resource; a sub-assessment is `defendercloud:vulnerability:<CVE>`, or its own ID, at the package's purl; an alert is a detection `defendercloud:alert:<type>`. " +
		"Resources are known by their Azure ID in lower case. Severity, description and advice come from the assessment's metadata, which is fetched along. The subscription's name in a CSV is a hint to the owner.",
	Fixed: "An assessment whose status is Healthy. A vulnerability of a machine is gone where a complete sync has the machine's assessment 1195afff-… (machines should have their vulnerabilities resolved) evaluated and the vulnerability no longer among the sub-assessments. " +
		"Exempt is an opinion. A resolved alert was closed by a person.",
	Coverage: "Machines whose vulnerability assessment was evaluated, for `defendercloud:vulnerability:*`, once all pages of all subscriptions were read. Assessments say themselves what is healthy.",
	Limits: "NotApplicable for other reasons than an exemption is no finding: the policy is off, or the resource is of another kind. Vulnerabilities of images and databases end with their resource, or when the sub-assessment turns Healthy. " +
		"Assessments are read with API version 2021-06-01, sub-assessments with 2019-01-01-preview, alerts with 2022-01-01. Azure pushes over Event Hubs and Logic Apps, which are not read. Whether every scanner lists healthy sub-assessments is not documented.",
	Example: `sources:
  - name: defender-for-cloud
    connector: defendercloud
    config:
      tenant: quell-lab.net
      client_id: 11111111-2222-3333-4444-555555555555
      client_secret: ${env:AZURE_CLIENT_SECRET}
`,
}
