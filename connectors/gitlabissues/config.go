package gitlabissues

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one tracker that keeps its tickets as GitLab issues.
type Config struct {
	URL                  string            `yaml:"url" json:"url,omitempty" doc:"Address of the REST API: https://gitlab.com/api/v4."`
	Project              string            `yaml:"project" json:"project,omitempty" doc:"Path of the project (group/project) whose issues are the tickets."`
	Projects             map[string]string `yaml:"projects" json:"projects,omitempty" doc:"Projects of single teams: {payments: acme/payments/security}."`
	Token                secret.String     `yaml:"token" json:"token,omitzero" doc:"Access token of the project or group with the role Reporter (or Planner) and the scope api."`
	SigningToken         secret.String     `yaml:"signing_token" json:"signing_token,omitzero" doc:"Signing token of the webhook."`
	PreviousSigningToken secret.String     `yaml:"previous_signing_token" json:"previous_signing_token,omitzero" doc:"The signing token before it, while it is being changed."`
	Secret               secret.String     `yaml:"secret" json:"secret,omitzero" doc:"Secret token of the webhook, for GitLab before it could sign."`
	PreviousSecret       secret.String     `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret token before it, while it is being changed."`
	Confidential         bool              `yaml:"confidential" json:"confidential" doc:"Whether tickets are confidential: seen only by members who are at least planners, and by whom they are assigned to."`
	Labels               []string          `yaml:"labels" json:"labels,omitempty" doc:"Labels that every ticket gets."`
	Priorities           map[string]string `yaml:"priorities" json:"priorities,omitempty" doc:"The label of each decision: act, attend, track_star, track."`
	InProgress           string            `yaml:"in_progress" json:"in_progress,omitempty" doc:"Label of a ticket that somebody works on."`
	Former               []string          `yaml:"former_accounts" json:"former_accounts,omitempty" doc:"User names of the accounts that made tickets before this one, where the token was changed: a project's token is a user of its own."`
	Assignees            map[string]string `yaml:"assignees" json:"assignees,omitempty" doc:"Who is assigned where nobody in particular is: user name by team."`
}

const longestLabel = 255

var decisions = []string{"act", "attend", "track_star", "track"} //nolint:gochecknoglobals // a constant table

func defaults() *Config {
	return &Config{URL: "https://gitlab.com/api/v4", Confidential: true, Labels: []string{"security"}, InProgress: "workflow::in progress", Priorities: map[string]string{
		"act": "priority::act", "attend": "priority::attend", "track_star": "priority::track*", "track": "priority::track",
	}}
}

// all are the projects in which tickets may be, each once, the default one first.
func (c *Config) all() []string {
	out := []string{}
	for _, name := range append([]string{c.Project}, slices.Sorted(maps.Values(c.Projects))...) {
		if name != "" && !slices.ContainsFunc(out, func(have string) bool { return strings.EqualFold(have, name) }) {
			out = append(out, name)
		}
	}
	return out
}

// isPath reports whether a text can be the path of a project with its groups.
func isPath(text string) bool {
	parts := strings.Split(text, "/")
	return len(parts) >= 2 && !strings.ContainsAny(text, "?#% \\\n") && !slices.ContainsFunc(parts, func(p string) bool { return p == "" || p == "." || p == ".." })
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
	if c.Project == "" {
		problems = append(problems, errors.New("project: is needed: group/project"))
	}
	for _, path := range c.all() {
		if !isPath(path) {
			problems = append(problems, fmt.Errorf("project: %q is no path of a project", path))
		}
	}
	if c.Token.Empty() {
		problems = append(problems, errors.New("token: is needed"))
	}
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
	Needs: "An access token of the project (or of a group above it) with the role Reporter and the scope `api`: with it quell can make, label, assign and close issues, and see confidential ones. " +
		"For changes to be seen at once: a webhook of the project to `/hooks/trackers/NAME` with a signing token (or a secret token, at an older GitLab), triggered by issues, confidential issues, comments and confidential comments.",
	Maps: "A ticket is an issue, a confidential one unless the configuration says otherwise. Its key is `group/project#number`. What quell writes stands in a block of its own in the description; what people write before and after it stays. " +
		"The decision is one of the labels in `priorities`, the due date the issue's own, the person in charge the first assignee. Evidence is uploaded to the project and linked in a comment. " +
		"One more label, `quell::` and two digits, lets quell find its issue by listing; there are 256 of them, however many tickets there are.",
	Fixed:    "The label `in_progress` says that somebody works on it. Closing an issue is taken as a claim, and re-tested. quell closes it, or reopens it with the evidence in a comment.",
	Coverage: "Nothing: it keeps tickets, and reports on nothing.",
	Limits: "A title has 255 characters and a description 1,048,576: what is longer is cut. " +
		"A title, a due date, a priority or an assignee that a person has changed is left as it is. That is known by what the block says that quell last wrote; if somebody deletes or edits the block, all that differs counts as changed by a person. " +
		"An issue that was moved to another project is followed, as long as the token can see it there. A deleted one is made again. One that may not be seen any more is said to be so, and is not made again. " +
		"In the moment between reading a description and writing it, a person's edit of it can be lost: GitLab's API offers no condition.",
	Example: `trackers:
  - name: gitlab
    connector: gitlabissues
    config:
      url: https://gitlab.example.org/api/v4
      project: acme/security-findings
      projects:
        payments: acme/payments/security
      token: ${env:GITLAB_TOKEN}
      signing_token: ${env:GITLAB_WEBHOOK_SIGNING_TOKEN}
      assignees:
        payments: ann
`,
}
