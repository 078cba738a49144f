package wiz

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Wiz source. A source that only takes uploads needs
// none of it.
type Config struct {
	URL             string        `yaml:"url" json:"url,omitempty" doc:"Address of the tenant's API, as Wiz shows it: https://api.us17.app.wiz.io/graphql."`
	AuthURL         string        `yaml:"auth_url" json:"auth_url,omitempty" doc:"Address where tokens are given out."`
	ClientID        string        `yaml:"client_id" json:"client_id,omitempty" doc:"ID of a service account."`
	ClientSecret    secret.String `yaml:"client_secret" json:"client_secret,omitzero" doc:"Secret of the service account."`
	Vulnerabilities bool          `yaml:"vulnerabilities" json:"vulnerabilities" doc:"Whether to read vulnerability findings beside issues."`
	Secret          secret.String `yaml:"secret" json:"secret,omitzero" doc:"Bearer token that Wiz's webhook integration sends."`
	PreviousSecret  secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"Token that is still taken while it is replaced."`
}

func defaults() *Config {
	return &Config{AuthURL: "https://auth.app.wiz.io/oauth/token", Vulnerabilities: true}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	for name, address := range map[string]string{"url": c.URL, "auth_url": c.AuthURL} {
		if err := httpclient.CheckURL(address); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	if c.URL != "" && (c.ClientID == "" || c.ClientSecret.Empty() || c.AuthURL == "") {
		problems = append(problems, errors.New("client_id, client_secret and auth_url: are needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "To pull: a service account with the permissions read:issues and read:vulnerabilities, and the address of the tenant's API. To be pushed to: a webhook integration with a bearer token, `secret`, and the default body or one with at least `issue.id`. Files: the CSV exports of issues and of vulnerabilities, and nodes of the API as JSON.",
	Maps: "An issue is `wiz:<rule>` on its entity: a compliance finding, or a detection where its type is THREAT_DETECTION. A vulnerability finding is `wiz:<CVE>` at its package, with the path. Entities are known by their cloud provider's name and by Wiz's own ID. " +
		"Projects with their owners and business units, the subscription, and tags are hints to the owner; a project's business impact is kept as a tag.",
	Fixed: "RESOLVED, unless the reason is that the object was deleted (then the asset is gone) or that the control was changed, disabled or deleted (then Wiz no longer looks). REJECTED is no fix: somebody called it an exception, a false positive, or won't fix it. " +
		"A webhook that says RESOLVED is left out: its body is a template that anybody with the right may edit, so the next sync has to say it.",
	Coverage: "None: what is resolved says so itself, and stays. Later syncs ask for what changed (`statusChangedAt` of issues, `updatedAt` of vulnerabilities); all is asked for once a week.",
	Limits: "Wiz shows no more than 10,000 results of a query, so they are asked for by windows of time that are halved until they fit; were there more within one second, the sync would say that it is not complete. " +
		"The reasons of resolution are those that Wiz's documentation and exports show; a new one counts as put away. Threat detections are read as issues, not from Wiz Defend. Signing of webhooks is not offered by Wiz; its basic and mutual TLS authentication are not read.",
	Example: `sources:
  - name: wiz
    connector: wiz
    config:
      url: https://api.us17.app.wiz.io/graphql
      client_id: abcdef
      client_secret: ${env:WIZ_CLIENT_SECRET}
      secret: ${env:WIZ_WEBHOOK_TOKEN}
`,
}
