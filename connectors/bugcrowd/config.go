package bugcrowd

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Bugcrowd source. A source that only takes webhooks or
// uploads needs no more than the secret.
type Config struct {
	URL            string        `yaml:"url" json:"url,omitempty" doc:"Address of the API."`
	Program        string        `yaml:"program" json:"program,omitempty" doc:"Code of a program; without it, submissions of all that the token sees are pulled."`
	Token          secret.String `yaml:"token" json:"token,omitzero" doc:"API token, as username:password."`
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"Secret of the webhook."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before it, while it is being changed."`
	Zone           string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of addresses and bare host names among the targets."`
}

func defaults() *Config { return &Config{URL: "https://api.bugcrowd.com"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	switch {
	case !c.Token.Empty() && c.URL == "":
		problems = append(problems, errors.New("url: is needed to pull"))
	case c.Program != "" && c.Token.Empty():
		problems = append(problems, errors.New("token: is needed to pull"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "To pull: an API token whose version is 2021-10-28 or later, with the right to read submissions. To take webhooks: an outgoing webhook of the program for submission events, and its secret.",
	Maps: "A submission is a vulnerability `bugcrowd:<id>` on its target: a host, a repository or an app; without a target it is on the host of its address, or on the program. Priority 1 is critical, 5 is informational. " +
		"The VRT category is a tag. The assignee is a clue to the owner. Description and HTTP request are kept without credentials. CSV exports are read too; they know a submission by its reference number, which the API does not give.",
	Fixed:    "`resolved`, at the time of that transition. Informational, not applicable, not reproducible and out of scope are archived, as is every duplicate; won't fix is suppressed.",
	Coverage: "A sync gets every submission in every state and compares its number with the one that Bugcrowd claims. Absence proves nothing.",
	Limits: "Which bytes Bugcrowd signs is not documented publicly: the body and the timestamp joined by a dot, in either order, and the body alone are accepted, so a replay is only told by its signature, which is taken as the delivery's ID, and by its time. This was not checked against a live webhook, and neither was the shape of an event: one that holds no submission is passed over, as the sync gets it. " +
		"Changes since a time can't be asked for. Links whose address is `(NOT IMPLEMENTED YET)` are not followed, as no links are. Recordings of the API before version 4 (`/bounties`) list programs and are not read.",
	Example: `sources:
  - name: bugcrowd-acme
    connector: bugcrowd
    config:
      program: acme
      token: ${env:BUGCROWD_TOKEN}
      secret: ${env:BUGCROWD_WEBHOOK_SECRET}
`,
}
