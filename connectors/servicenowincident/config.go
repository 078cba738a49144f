package servicenowincident

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one tracker that keeps its tickets as ServiceNow incidents.
type Config struct {
	URL          string            `yaml:"url" json:"url,omitempty" doc:"Address of the instance: https://acme.service-now.com."`
	User         string            `yaml:"user" json:"user,omitempty" doc:"User name of the integration: who makes the incidents, by whichever way it shows itself."`
	Password     secret.String     `yaml:"password" json:"password,omitzero" doc:"Its password, for basic authentication."`
	ClientID     string            `yaml:"client_id" json:"client_id,omitempty" doc:"OAuth client that acts as the user by the client credentials grant, in place of a password."`
	ClientSecret secret.String     `yaml:"client_secret" json:"client_secret,omitzero" doc:"Its secret."`
	Groups       map[string]string `yaml:"groups" json:"groups,omitempty" doc:"Assignment group of each team, by name: {payments: Payments Operations}. Others keep what the instance's assignment rules give."`
	Fields       map[string]string `yaml:"fields" json:"fields,omitempty" doc:"Further columns of a new incident, with their values as the database has them: {caller_id: sys_id of a user, category: security}."`
	Priorities   map[string]string `yaml:"priorities" json:"priorities,omitempty" doc:"Impact/urgency of each decision; the instance computes the priority of them."`
	States       map[string]string `yaml:"states" json:"states,omitempty" doc:"What each state, by its value, means: todo, in_progress or done."`
	Reopen       string            `yaml:"reopen" json:"reopen,omitempty" doc:"Value of the state of what is reopened."`
	Resolve      string            `yaml:"resolve" json:"resolve,omitempty" doc:"Value of the state of what is proven fixed."`
	Final        []string          `yaml:"final" json:"final,omitempty" doc:"Values of the states that nothing leaves any more: what comes back gets an incident of its own, below the closed one."`
	CloseCode    string            `yaml:"close_code" json:"close_code,omitempty" doc:"Resolution code of what is proven fixed, as its choice list has it."`
	Former       []string          `yaml:"former_users" json:"former_users,omitempty" doc:"User names that made incidents before this one."`
}

var decisions = []string{"act", "attend", "track_star", "track"} //nolint:gochecknoglobals // a constant table

// The states of an incident as ServiceNow ships them: New, In Progress, On Hold, Resolved,
// Closed, Canceled.
func defaults() *Config {
	return &Config{
		Priorities: map[string]string{"act": "1/1", "attend": "2/2", "track_star": "2/3", "track": "3/3"},
		States:     map[string]string{"1": "todo", "2": "in_progress", "3": "in_progress", "6": "done", "7": "done", "8": "done"},
		Reopen:     "2", Resolve: "6", Final: []string{"7", "8"}, CloseCode: "Solution provided",
	}
}

var (
	level  = regexp.MustCompile(`^[1-9]/[1-9]$`)
	state  = regexp.MustCompile(`^-?[0-9]{1,6}$`)
	column = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)
	person = regexp.MustCompile(`^[^\^=,\x00-\x1f]{1,100}$`) // nothing that means something in an encoded query
)

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	say := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if err := httpclient.CheckURL(c.URL); err != nil {
		say("url: %w", err)
	}
	if c.URL == "" {
		say("url: is needed")
	}
	if !person.MatchString(c.User) {
		say("user: is needed: the user name that the incidents are made by")
	}
	if basic, oauth := !c.Password.Empty(), c.ClientID != "" && !c.ClientSecret.Empty(); basic == oauth {
		problems = append(problems, errors.New("password: this, or client_id and client_secret, is needed, and not both"))
	}
	for _, decision := range slices.Sorted(maps.Keys(c.Priorities)) {
		if !slices.Contains(decisions, decision) {
			say("priorities: %q is none of act, attend, track_star, track", decision)
		}
		if !level.MatchString(c.Priorities[decision]) {
			say("priorities: %q is no impact/urgency, such as 1/2", c.Priorities[decision])
		}
	}
	for _, value := range slices.Sorted(maps.Keys(c.States)) {
		switch connectors.IssueStatus(c.States[value]) {
		case connectors.IssueTodo, connectors.IssueInProgress, connectors.IssueDone:
		default:
			say("states: %q is none of todo, in_progress, done", c.States[value])
		}
		if !state.MatchString(value) {
			say("states: %q is no value of a state", value)
		}
	}
	for _, value := range c.Final {
		if c.States[value] != string(connectors.IssueDone) {
			say("final: %q is no state that means done", value)
		}
	}
	if c.States[c.Resolve] != string(connectors.IssueDone) || slices.Contains(c.Final, c.Resolve) {
		say("resolve: %q is no state that means done and can be left", c.Resolve)
	}
	if s := c.States[c.Reopen]; s == "" || s == string(connectors.IssueDone) {
		say("reopen: %q is no state that means todo or in_progress", c.Reopen)
	}
	if c.CloseCode == "" {
		say("close_code: is needed: incidents can't be resolved without")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if !column.MatchString(name) || slices.Contains(written, name) {
			say("fields: %q is no column, or one that quell writes itself", name)
		}
	}
	for _, name := range append(slices.Sorted(maps.Values(c.Groups)), c.Former...) {
		if !person.MatchString(name) {
			say("groups, former_users: %q can't be a name", name)
		}
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A user for quell alone, web service access only, with the role `itil` and `sn_incident_write`, which can read `sys_user`, `sys_user_group`, `sys_choice` and `sys_journal_field` " +
		"(an administrator grants the last by a read ACL; without it quell couldn't see whether it has said something already). Or an OAuth client of the client credentials grant that acts as that user. `quell trackers check` looks at all of it.",
	Maps: "A ticket is an incident. `correlation_id` is the remediation, `correlation_display` is quell. What quell writes stands between two lines in the description; what people write before and after stays. " +
		"The decision sets impact and urgency, of which the instance computes the priority; the due date is `due_date`, the person in charge `assigned_to`, the team's group `assignment_group`. " +
		"What happened is told in work notes, which callers don't see, and evidence is attached.",
	Fixed: "Resolving, closing or cancelling an incident is taken as a claim, and re-tested. quell resolves it with `close_code` and notes, or reopens it with the evidence in a work note. " +
		"ServiceNow lets nobody reopen an incident that is closed or cancelled. What comes back then gets a new incident with the same `correlation_id`, whose parent is the closed one; a work note on each names the other, and from then on the new one is the ticket.",
	Coverage: "Nothing: it keeps tickets, and reports on nothing.",
	Limits: "A short description has 160 characters and a description 4,000: what is longer is cut, and quell has the rest. Plain text can hide nothing, so the lines around quell's part are seen. " +
		"A short description, a due date, impact and urgency or an assignee that a person has changed is left as it is. That is known by what the last of these lines says that quell last wrote; if somebody deletes or edits it, all that differs counts as changed by a person. " +
		"A deleted incident is made again. One that an ACL hides is said to be so, and is not made again: ServiceNow counts what it doesn't show. " +
		"ServiceNow sends no webhooks by itself: changes are seen by looking, as often as `follow_up.ticket_poll` says.",
	Example: `trackers:
  - name: servicenow
    connector: servicenowincident
    config:
      url: https://acme.service-now.com
      user: quell.integration
      password: ${env:SERVICENOW_PASSWORD}
      groups:
        payments: Payments Operations
      fields:
        category: security
`,
}
