package githubissues

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one tracker that keeps its tickets as GitHub issues.
type Config struct {
	URL            string            `yaml:"url" json:"url,omitempty" doc:"Address of the REST API: https://api.github.com, or https://HOST/api/v3 of an Enterprise Server."`
	Repository     string            `yaml:"repository" json:"repository,omitempty" doc:"Repository (owner/name) whose issues are the tickets."`
	Repositories   map[string]string `yaml:"repositories" json:"repositories,omitempty" doc:"Repositories of single teams: {payments: acme/payments-security}."`
	Token          secret.String     `yaml:"token" json:"token,omitzero" doc:"Fine-grained token that may write issues. Or an app: app_id, installation_id and private_key."`
	AppID          string            `yaml:"app_id" json:"app_id,omitempty" doc:"ID or client ID of a GitHub App."`
	InstallationID string            `yaml:"installation_id" json:"installation_id,omitempty" doc:"ID of the app's installation in the organization."`
	PrivateKey     secret.String     `yaml:"private_key" json:"private_key,omitzero" doc:"The app's private key, in PEM."`
	Secret         secret.String     `yaml:"secret" json:"secret,omitzero" doc:"Secret of the webhook."`
	PreviousSecret secret.String     `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before it, while it is being changed."`
	Labels         []string          `yaml:"labels" json:"labels,omitempty" doc:"Labels that every ticket gets."`
	Priorities     map[string]string `yaml:"priorities" json:"priorities,omitempty" doc:"The label of each decision: act, attend, track_star, track."`
	InProgress     string            `yaml:"in_progress" json:"in_progress,omitempty" doc:"Label of a ticket that somebody works on."`
	Former         []string          `yaml:"former_accounts" json:"former_accounts,omitempty" doc:"Logins of the accounts that made tickets before this one: bot[bot], where the token or app was changed."`
	Assignees      map[string]string `yaml:"assignees" json:"assignees,omitempty" doc:"Who is assigned where nobody in particular is: login by team."`
}

// longestLabel is how long a label's name may be, in characters.
const longestLabel = 50

var decisions = []string{"act", "attend", "track_star", "track"} //nolint:gochecknoglobals // a constant table

func defaults() *Config {
	return &Config{URL: "https://api.github.com", InProgress: "in progress", Labels: []string{"security"}, Priorities: map[string]string{
		"act": "priority: act", "attend": "priority: attend", "track_star": "priority: track*", "track": "priority: track",
	}}
}

func (c *Config) credentials() githubapi.Credentials {
	return githubapi.Credentials{Token: c.Token, AppID: c.AppID, InstallationID: c.InstallationID, PrivateKey: c.PrivateKey}
}

// all are the repositories in which tickets may be, each once, the default one first.
func (c *Config) all() []string {
	out := []string{}
	for _, name := range append([]string{c.Repository}, slices.Sorted(maps.Values(c.Repositories))...) {
		if name != "" && !slices.ContainsFunc(out, func(have string) bool { return strings.EqualFold(have, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL == "" {
		problems = append(problems, errors.New("url: is needed"))
	}
	if c.Repository == "" {
		problems = append(problems, errors.New("repository: is needed: owner/name"))
	}
	for _, name := range c.all() {
		if !githubapi.IsFullName(name) {
			problems = append(problems, fmt.Errorf("repository: %q is not owner/name", name))
		}
	}
	problems = append(problems, c.credentials().Validate()...)
	seen := map[string]string{}
	for _, decision := range slices.Sorted(maps.Keys(c.Priorities)) {
		label := c.Priorities[decision]
		switch other := seen[strings.ToLower(label)]; {
		case !slices.Contains(decisions, decision):
			problems = append(problems, fmt.Errorf("priorities: %q is none of act, attend, track_star, track", decision))
		case label == "":
			problems = append(problems, fmt.Errorf("priorities: %s has no label", decision))
		case other != "":
			problems = append(problems, fmt.Errorf("priorities: %s and %s have the same label", other, decision))
		}
		seen[strings.ToLower(label)] = decision
	}
	for _, label := range append(append(slices.Sorted(maps.Values(c.Priorities)), c.Labels...), c.InProgress) {
		if len([]rune(label)) > longestLabel || strings.ContainsAny(label, ",\n") || strings.HasPrefix(label, bucketPrefix) {
			problems = append(problems, fmt.Errorf("labels: %q can't be a label: at most %d characters, no comma, and not beginning with %s", label, longestLabel, bucketPrefix))
		}
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A GitHub App, or a fine-grained token, with read and write access to the issues of the repository, and nothing else: labels and milestones are a part of that. " +
		"Issues must be switched on. For changes to be seen at once: a webhook of the repository to `/hooks/trackers/NAME` with content type `application/json` and a secret, subscribed to issues and issue comments. " +
		"A ticket tells what is vulnerable where: the repository should be a private one.",
	Maps: "A ticket is an issue. Its key is `owner/name#number`. What quell writes stands in a block of its own in the issue's body; what people write before and after it stays. " +
		"The decision is one of the labels in `priorities`, the person in charge the first assignee. GitHub's issues have no due date of their own: it is that of a milestone, `Due 2026-03-20`, of which there is one for each day on which something is due. " +
		"One more label, `quell-` and two digits, lets quell find its issue by listing, which is up to date at once, where GitHub's search is not; there are 256 of them, however many tickets there are.",
	Fixed:    "The label `in_progress` says that somebody works on it. Closing an issue, for whatever reason is given, is taken as a claim, and re-tested. quell closes it as completed, or reopens it with the evidence in a comment.",
	Coverage: "Nothing: it keeps tickets, and reports on nothing.",
	Limits: "A title has 256 characters and a body 65,536: what is longer is cut, people's words last. " +
		"A title, a priority, a milestone or an assignee that a person has changed is left as it is. That is known by what the block says that quell last wrote; if somebody deletes or edits the block, all that differs counts as changed by a person. " +
		"A transferred issue is followed, as long as the app is installed where it went. A deleted one is made again. One that may not be seen any more is said to be so, and is not made again. " +
		"GitHub's API has no attachments: evidence is linked. It lets an account create about 500 issues and comments an hour; what comes later waits its turn. " +
		"In the moment between reading an issue's body and writing it, a person's edit of it can be lost: GitHub's API offers no condition.",
	Example: `trackers:
  - name: github
    connector: githubissues
    config:
      repository: acme/security-findings
      repositories:
        payments: acme/payments-security
      app_id: "12345"
      installation_id: "67890"
      private_key: ${file:/run/secrets/github-app.pem}
      secret: ${env:GITHUB_WEBHOOK_SECRET}
      assignees:
        payments: ann-acme
`,
}
