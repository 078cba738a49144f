package okta

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Okta source.
type Config struct {
	URL         string        `yaml:"url" json:"url,omitempty" doc:"Address of the organization: https://acme.okta.com."`
	Token       secret.String `yaml:"token" json:"token,omitzero" doc:"API token (SSWS) of an administrator who may only read."`
	Assignments bool          `yaml:"assignments" json:"assignments" doc:"Whether is read who is assigned to each application: two calls or more an application."`
	Memberships bool          `yaml:"memberships" json:"memberships" doc:"Whether is read who is in each group: a call or more a group."`
	Page        int           `yaml:"page" json:"page,omitempty" doc:"Applications, users and groups per page, 1 to 50."`
}

const mostPerPage = 50 // a cursor names all objects of a page

func defaults() *Config { return &Config{Assignments: true, Memberships: true, Page: 50} }

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
	Needs: "An API token made by a read-only administrator.",
	Maps: "Each application is a SaaS application: what the organization signs in to, whether or not IT bought it. Users and groups are identities; assignments say which of them can access which application, memberships who is in " +
		"which group. Profile fields of an application with the word owner in their name, and the administrator's note, are clues to its owner; of a user manager and department are.",
	Fixed:    "Okta is read for what there is, not for weaknesses.",
	Coverage: "None: an inventory says what there is, and not what is weak in it. A sync is whole when every list was followed to its end. Nothing is taken to be gone: an application that is inactive, and a user who is suspended or deprovisioned, can come back.",
	Limits:   "Okta doesn't count its lists. Service applications with OAuth scopes instead of an API token are not supported. Deprovisioned users are not listed by Okta. An application's sign-on address is no identifier, because many organizations share one.",
	Example: `sources:
  - name: okta
    connector: okta
    config:
      url: https://acme.okta.com
      token: ${env:OKTA_TOKEN}
`,
}
