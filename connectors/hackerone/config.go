package hackerone

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one HackerOne source. A source that only takes webhooks
// or uploads needs no more than the secret.
type Config struct {
	URL            string        `yaml:"url" json:"url,omitempty" doc:"Address of the API."`
	Programs       []string      `yaml:"programs" json:"programs,omitempty" doc:"Handles of the programs whose reports are pulled."`
	Identifier     string        `yaml:"identifier" json:"identifier,omitempty" doc:"Identifier of the API token."`
	Token          secret.String `yaml:"token" json:"token,omitzero" doc:"The API token's value."`
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"Secret of the webhook."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before it, while it is being changed."`
	Zone           string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of addresses and bare host names in the scope."`
}

func defaults() *Config { return &Config{URL: "https://api.hackerone.com"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	switch {
	case len(c.Programs) > 0 && (c.URL == "" || c.Identifier == "" || c.Token.Empty()):
		problems = append(problems, errors.New("url, identifier and token: are needed to pull programs"))
	case len(c.Programs) == 0 && !c.Token.Empty():
		problems = append(problems, errors.New("programs: at least one is needed to pull"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "To pull: an API token of the organization in a group that may read reports, its identifier, and the programs' handles. To take webhooks: one of the program or organization with a secret, for all report events.",
	Maps: "A report is a vulnerability `hackerone:<report number>` on the asset of its structured scope: a host, a domain, a repository, an app; a report without one is on the program. The report's severity, score, CVEs and weakness are taken over; a weakness that is a CAPEC attack pattern is a tag and no CWE. " +
		"The assignee, person or group, and custom fields that name an owner or team are clues to the owner. The report's text is the description; credentials in it are hidden. Saved JSON and CSV exports are read too.",
	Fixed:    "`resolved`, at the time of `closed_at`: the program says so after its own check. Duplicate, informative, not applicable and spam are archived: nothing was fixed.",
	Coverage: "A sync gets every report of the programs in every state; absence proves nothing. Between full syncs, once a day, only reports with activity since the last one are asked for.",
	Limits:   "HackerOne gives next pages without end: a sync ends with an empty one. Attachments, bounties and comments are not taken over. Exports name the scope by its number alone.",
	Example: `sources:
  - name: hackerone-acme
    connector: hackerone
    config:
      programs: [acme]
      identifier: quell
      token: ${env:HACKERONE_TOKEN}
      secret: ${env:HACKERONE_WEBHOOK_SECRET}
`,
}
