package github

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one GitHub source. A source that only takes webhooks or
// uploads needs no more than the secret.
type Config struct {
	URL            string        `yaml:"url" json:"url,omitempty" doc:"Address of the REST API: https://api.github.com, or https://HOST/api/v3 of an Enterprise Server."`
	Organization   string        `yaml:"organization" json:"organization,omitempty" doc:"Organization whose alerts are pulled, of all its repositories."`
	Repositories   []string      `yaml:"repositories" json:"repositories,omitempty" doc:"Repositories (owner/name) whose alerts are pulled, where there is no organization, or only these are wanted."`
	Alerts         []string      `yaml:"alerts" json:"alerts,omitempty" doc:"Kinds of alerts that are pulled: dependabot, code_scanning, secret_scanning."`
	Token          secret.String `yaml:"token" json:"token,omitzero" doc:"Fine-grained token that may read the alerts. Or an app: app_id, installation_id and private_key."`
	AppID          string        `yaml:"app_id" json:"app_id,omitempty" doc:"ID or client ID of a GitHub App."`
	InstallationID string        `yaml:"installation_id" json:"installation_id,omitempty" doc:"ID of the app's installation in the organization."`
	PrivateKey     secret.String `yaml:"private_key" json:"private_key,omitzero" doc:"The app's private key, in PEM."`
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"Secret of the webhook."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before it, while it is being changed."`
	Repository     string        `yaml:"repository" json:"repository,omitempty" doc:"Repository (owner/name) that uploaded lists are about, where they don't name it."`
}

// kinds are the kinds of alerts, with the API's word for them.
var kinds = map[string]string{"dependabot": "dependabot", "code_scanning": "code-scanning", "secret_scanning": "secret-scanning"} //nolint:gochecknoglobals // a constant table

func defaults() *Config {
	return &Config{URL: "https://api.github.com", Alerts: []string{"dependabot", "code_scanning", "secret_scanning"}}
}

// pulls reports whether there is something to pull.
func (c *Config) pulls() bool { return c.Organization != "" || len(c.Repositories) > 0 }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	for _, kind := range c.Alerts {
		if kinds[kind] == "" {
			problems = append(problems, fmt.Errorf("alerts: %q is none of dependabot, code_scanning, secret_scanning", kind))
		}
	}
	for _, name := range append(slices.Clone(c.Repositories), c.Repository) {
		if name != "" && !githubapi.IsFullName(name) {
			problems = append(problems, fmt.Errorf("repositories: %q is not owner/name", name))
		}
	}
	if strings.ContainsAny(c.Organization, "/?# ") {
		problems = append(problems, errors.New("organization: wants the name alone"))
	}
	if c.Organization != "" && len(c.Repositories) > 0 {
		problems = append(problems, errors.New("repositories: give these or organization, not both"))
	}
	if !c.pulls() {
		return problems
	}
	problems = append(problems, c.credentials().Validate()...)
	if c.URL == "" || len(c.Alerts) == 0 {
		problems = append(problems, errors.New("url and alerts: are needed to pull"))
	}
	return problems
}

func (c *Config) credentials() githubapi.Credentials {
	return githubapi.Credentials{Token: c.Token, AppID: c.AppID, InstallationID: c.InstallationID, PrivateKey: c.PrivateKey}
}

var docs = connectors.Page{
	Needs: "To pull: a GitHub App or a fine-grained token of the organization with read access to Dependabot alerts, code scanning alerts and secret scanning alerts, and nothing else. " +
		"To take webhooks: a webhook of the organization or repository with content type `application/json` and a secret, subscribed to Dependabot alerts, code scanning alerts, secret scanning alerts, secret scanning alert locations, and repositories.",
	Maps: "A Dependabot alert is a vulnerability `github:dependabot:<GHSA>` at its package and manifest, a code scanning alert `github:code-scanning:<tool>:<rule>` at its file, a secret scanning alert `github:secret-scanning:<type>`. " +
		"Each is known by its kind and number inside the repository, and the repository by its number, which stays when it is renamed or transferred, beside host, owner and name. " +
		"Custom properties that name an owner or a team, the repository's owner and an alert's assignees are clues to the owner; the other properties, topics and visibility are tags. A renamed, archived or deleted repository is told of as such. " +
		"The older event `repository_vulnerability_alert`, pages of the GraphQL API with `vulnerabilityAlerts`, and lists saved from the REST API are read too.",
	Fixed: "`fixed` of Dependabot, and of code scanning where it was the default branch that was analysed. Dismissed and auto-dismissed alerts are suppressed. An alert that is fixed on another branch, such as one that was deleted, is archived, as are secrets that somebody resolved as revoked, unless GitHub's own validity check calls them inactive.",
	Coverage: "A sync gets every alert in every state, so what changes is said, and absence proves nothing: an alert that is missing belongs to a repository that moved, or to a feature that was switched off. " +
		"Between full syncs, once a day, only what was updated since the last one is asked for.",
	Limits: "Lists of an organization describe the default branch alone, as GitHub documents. The literal secret is not asked for (`hide_secret`), and where a webhook or file holds it, only its first four characters are kept. `security_advisory` events are about no repository and are passed over. " +
		"Events of more than 25 MB are never sent by GitHub; the next sync gets them. Where an organization or repository has a feature switched off, its alerts are passed over.",
	Example: `sources:
  - name: github-acme
    connector: github
    config:
      organization: acme
      token: ${env:GITHUB_TOKEN}
      secret: ${env:GITHUB_WEBHOOK_SECRET}
`,
}
