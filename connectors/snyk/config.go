package snyk

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Snyk source. A source that only takes webhooks or
// uploads needs no more than the secret.
type Config struct {
	URL              string        `yaml:"url" json:"url,omitempty" doc:"Address of the API of your region: https://api.snyk.io, https://api.eu.snyk.io, https://api.au.snyk.io."`
	Organization     string        `yaml:"organization" json:"organization,omitempty" doc:"ID of the organization that is pulled."`
	Token            secret.String `yaml:"token" json:"token,omitzero" doc:"Token of a service account."`
	DisappearedFixed bool          `yaml:"disappeared_is_fixed" json:"disappeared_is_fixed,omitempty" doc:"Takes the resolution disappeared for a fix. Snyk gives it to issues that its last test no longer found, for whatever reason."`
	Secret           secret.String `yaml:"secret" json:"secret,omitzero" doc:"Secret of the webhook."`
	PreviousSecret   secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before it, while it is being changed."`
}

func defaults() *Config { return &Config{URL: "https://api.snyk.io"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if strings.ContainsAny(c.Organization, "/?# ") {
		problems = append(problems, errors.New("organization: wants the ID alone"))
	}
	if c.Organization != "" && (c.URL == "" || c.Token.Empty()) {
		problems = append(problems, errors.New("url and token: are needed to pull an organization"))
	}
	if c.Organization == "" && !c.Token.Empty() {
		problems = append(problems, errors.New("organization: is needed to pull"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "To pull: a service account with the role Org Viewer, its token, and the organization's ID. To take webhooks: one of the organization, with a secret (Webhooks API v1). To read files: the output of `snyk test --json`, also with `--all-projects`, or `snyk container test --json`.",
	Maps: "An issue is `snyk:<ID of Snyk>` in its project, at its package; one of Snyk Code is `snyk:code:<CWE>` at its file, since Snyk gives no rule. A project is an asset of its own (a manifest, or a container image), known by its ID; where its origin is a known forge it is part of that repository. " +
		"Package issues of the API and of webhooks are known by Snyk's ID and the project, so that both speak of one finding; others by the issue's own ID. Tags that name an owner or team are clues to the owner, as is the project's owner; business criticality, environment and lifecycle are tags. " +
		"The command line repeats an issue for every path to its package: that is one finding. Ignored issues are suppressed.",
	Fixed: "`status: resolved` with the resolution `fixed`, and what a webhook lists under `removedIssues`. The resolution `disappeared` is archived, unless `disappeared_is_fixed` is set.",
	Coverage: "A sync gets open and resolved issues alike, so what changes is said, and absence proves nothing. Between full syncs, once a day, only what was updated since the last one is asked for. " +
		"A report of the command line has no date and may be filtered, so it covers nothing.",
	Limits: "Webhooks speak of Open Source and container projects alone, only of recurring tests, and not of the first import: they are hints, and the sync is the whole. Snyk calls the webhooks API beta. What the resolution `disappeared` means exactly is not documented. Infrastructure-as-code reports of the command line are not read; use its SARIF output.",
	Example: `sources:
  - name: snyk-acme
    connector: snyk
    config:
      url: https://api.eu.snyk.io
      organization: 11111111-2222-3333-4444-555555555555
      token: ${env:SNYK_TOKEN}
      secret: ${env:SNYK_WEBHOOK_SECRET}
`,
}
