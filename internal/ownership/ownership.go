// Package ownership finds the team that answers for an exposure, says how it was found
// and how sure that is, and when whom to remind or to call in. Pure.
//
// What names an owner, the surest first: a route of the routing tree, which people wrote;
// then the team that the evidence makes likely enough; then the tree's default. Evidence is
// what hints of sources say, the owners of scopes, whose the neighbours are, and what was
// learned: who fixed, claimed and refused what. Where nothing is sure enough the exposure is
// unowned, the likely teams are asked, and it climbs a ladder of its own.
package ownership

import (
	"strings"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Config is who owns what.
type Config struct {
	Teams    []Team   `yaml:"teams" json:"teams" doc:"The teams that can own exposures."`
	People   []Person `yaml:"people" json:"people,omitempty" doc:"The people who decide from a chat or a ticket, and how each system calls them."`
	Route    Node     `yaml:"route" json:"route" doc:"Root of the routing tree. It matches everything; its team, if it has one, owns what nothing else gives an owner."`
	Defaults Budget   `yaml:"defaults" json:"defaults,omitzero" doc:"What a team takes on that doesn't say so itself."`
	Unowned  []Step   `yaml:"unowned" json:"unowned" doc:"Whom to tell of an exposure without an owner, and how long after it became unowned."`

	OwnerWithin scope.Duration `yaml:"owner_within" json:"owner_within,omitempty" doc:"How long an asset may be without an owner: its own deadline, shown with it and counted where it has passed. 7d if unset."`

	Inference Inference `yaml:"inference" json:"inference,omitzero" doc:"How owners are inferred where no route names one."`
}

// Team is one team.
type Team struct {
	Name     string   `yaml:"name" json:"name" doc:"Name of the team: letters, digits, dots, dashes and underscores."`
	Aliases  []string `yaml:"aliases" json:"aliases,omitempty" doc:"What sources call the team, as patterns over owner hints: tag values, CMDB groups, CODEOWNERS entries. The name itself is always one."`
	Channel  string   `yaml:"channel" json:"channel,omitempty" doc:"Where messages to the team go, as the notifier calls it."`
	Members  []string `yaml:"members" json:"members,omitempty" doc:"Names of the people who are in it, from people."`
	WIP      int      `yaml:"wip" json:"wip,omitempty" doc:"How many fixes, which is tickets, the team works on at a time; what is urgent comes on top. Unset: as in defaults. -1: no limit."`
	Intake   int      `yaml:"intake" json:"intake,omitempty" doc:"How many new fixes the team begins within 24 hours; what is urgent comes on top. Unset: as in defaults. -1: no limit."`
	Calendar string   `yaml:"calendar" json:"calendar,omitempty" doc:"Calendar by which the team works, from policy.calendars; unset: policy.calendar."`
	Manager  string   `yaml:"manager" json:"manager,omitempty" doc:"Name of the person whom unanswered questions to the team go to, from people."`
}

// Budget is what a team takes on at a time. Zero is no limit.
type Budget struct {
	WIP    int `yaml:"wip" json:"wip,omitempty" doc:"How many fixes, which is tickets, a team works on at a time; what is urgent comes on top. 0: no limit."`
	Intake int `yaml:"intake" json:"intake,omitempty" doc:"How many new fixes a team begins within 24 hours; what is urgent comes on top. 0: no limit."`
}

// Person is somebody who decides, under one name in all systems.
type Person struct {
	Name    string   `yaml:"name" json:"name" doc:"The name under which decisions are recorded. An API token of the same name is the same person."`
	Role    string   `yaml:"role" json:"role,omitempty" doc:"What the person may do from a chat: viewer, operator (if unset) or approver."`
	Email   string   `yaml:"email" json:"email,omitempty" doc:"Address for messages, and by which chats and trackers are asked who it is."`
	Slack   string   `yaml:"slack" json:"slack,omitempty" doc:"ID of the member in Slack, such as U024BE7LH. Unset: found by e-mail."`
	Jira    string   `yaml:"jira" json:"jira,omitempty" doc:"Account ID in Jira Cloud, or user name in Data Center."`
	Aliases []string `yaml:"aliases" json:"aliases,omitempty" doc:"Other names under which sources know the person, such as in CODEOWNERS."`
	Left    string   `yaml:"left" json:"left,omitempty" doc:"The day from which the person is no longer there, as 2026-11-26: nothing waits for a word of theirs."`
}

// Roles are what a person may do from a chat, in rising order; unset is operator.
func Roles() []string { return []string{"viewer", "operator", "approver"} }

// Node is one node of the routing tree. Children are tried in order; the first that
// matches takes the exposure, and its own children refine it. What a node doesn't set it
// inherits from its parent.
type Node struct {
	Match          []string         `yaml:"match" json:"match,omitempty" doc:"What must all hold, each as field=pattern or field!=pattern. Fields: name, kind, zone, os, source, scope, check, cve, severity, tag.KEY, identifier.KIND. None matches everything."`
	Team           string           `yaml:"team" json:"team,omitempty" doc:"Team that owns what the node matches."`
	Continue       bool             `yaml:"continue" json:"continue,omitempty" doc:"Go on to the next sibling after a match. The first team found is the owner, later ones are told too."`
	Escalation     []Step           `yaml:"escalation" json:"escalation,omitempty" doc:"Whom to call in, and how long after the due date."`
	ReminderBefore []scope.Duration `yaml:"reminder_before" json:"reminder_before,omitempty" doc:"How long before the due date to remind the owner."`
	Channel        string           `yaml:"channel" json:"channel,omitempty" doc:"Where messages go instead of the team's own channel."`
	Children       []Node           `yaml:"children" json:"children,omitempty" doc:"Nodes that refine this one."`
}

// Step is one rung of a ladder.
type Step struct {
	After scope.Duration `yaml:"after" json:"after" doc:"How long after the due date, or after the exposure became unowned."`
	To    string         `yaml:"to" json:"to" doc:"A team, the word escalation, or a person or channel with @ or # in front. Of what nobody owns also the words likely (the teams that may own it), managers (theirs) and scope (the owners of its scopes)."`
}

// Escalation is the name that messages go to where a step names no team of ours.
const Escalation = "escalation"

// Whom a step of the ladder of what nobody owns can name besides. Where there is nobody of
// that sort, the escalation is told.
const (
	ToLikely   = "likely"   // the teams that may own it
	ToManagers = "managers" // their managers
	ToScope    = "scope"    // the owners of its scopes
)

// DefaultOwnerWithin is how long an asset may be without an owner.
func DefaultOwnerWithin() scope.Duration { return scope.Days(7) }

// Options are what a route inherits along its path.
type Options struct {
	Escalation     []Step           `json:"escalation,omitempty"`
	ReminderBefore []scope.Duration `json:"reminder_before,omitempty"`
	Channel        string           `json:"channel,omitempty"`
	// Reminds and Escalates say that a node of the path sets the reminders, the escalation,
	// in place of what holds everywhere.
	Reminds   bool `json:"-"`
	Escalates bool `json:"-"`
	Rerouted  bool `json:"-"` // … and the channel
}

// DefaultOptions count where no node of the path says otherwise.
func DefaultOptions() Options {
	return Options{
		ReminderBefore: []scope.Duration{scope.Days(3), scope.Days(1)},
		Escalation:     []Step{{After: scope.Days(1), To: Escalation}},
	}
}

// DefaultUnowned is the ladder of unowned exposures where none is configured.
func DefaultUnowned() []Step {
	return []Step{{After: 0, To: ToLikely}, {After: scope.Days(1), To: ToManagers}, {After: scope.Days(3), To: ToScope}, {After: scope.Days(7), To: Escalation}}
}

// Route is the owner of one exposure, and how it was found.
type Route struct {
	Team       string   // empty: unowned
	Copies     []string // teams to be told too, sorted
	Options    Options
	Path       []string // why, from the root on, one step each
	Confidence float64  // 0..1: see the Confidence constants, else the posterior
	// Likely are the teams that may own it, where none is sure enough: the likeliest first.
	Likely []exposure.Guess
}

// How sure the ways of finding an owner are that are not inferred.
const (
	ConfidenceRoute   = 0.95 // people wrote the route for this
	ConfidenceDefault = 0.3  // the root's team
)

// Owner gives the route as an exposure records it. Since is the caller's to fill.
func (r Route) Owner() exposure.Owner {
	return exposure.Owner{Team: r.Team, How: strings.Join(r.Path, " > "), Confidence: r.Confidence, Likely: r.Likely}
}
