// Package campaign is a named set of exposures that somebody wants fixed by a day: who is
// in it, how far it is, and when people are told. Pure: no clock, no I/O; time is a
// parameter.
//
// A campaign closes nothing. Whoever is a member once stays counted: live is open, closed
// with proof is done, and excepted or out of scope is set aside. What matches later joins
// until the campaign ends, and is counted as added, so that a growing campaign can't look
// like a slow one.
package campaign

import (
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// State is where a campaign stands.
type State string

// The states. A campaign that missed its deadline is open still.
const (
	Open      State = "open"
	Met       State = "met"       // no member was open any more
	Closed    State = "closed"    // a person ended it with members open
	Cancelled State = "cancelled" // a person took it back
)

// States are all of them.
func States() []State { return []State{Open, Met, Closed, Cancelled} }

// Campaign is one campaign. Version grows by one with every write.
type Campaign struct {
	ID      string    `json:"id"` // made of the name, for ever its own
	Version int64     `json:"version"`
	Name    string    `json:"name"`
	Goal    string    `json:"goal,omitempty"`
	Where   Condition `json:"where"`
	Until   time.Time `json:"until"` // the deadline
	Lead    string    `json:"lead"`  // the person who is told
	Channel string    `json:"channel,omitempty"`
	Tracker string    `json:"tracker"` // name of the configured tracker that its ticket is in
	State   State     `json:"state"`

	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	Cause     string    `json:"cause,omitempty"` // the caller's idempotency key
	EndedBy   string    `json:"ended_by,omitempty"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Reason    string    `json:"reason,omitempty"` // why a person ended it
	MissedAt  time.Time `json:"missed_at,omitzero"`
	Moves     []Move    `json:"moves,omitempty"` // of the deadline, oldest first

	Began    time.Time `json:"began,omitzero"` // when all members were first counted
	Baseline int64     `json:"baseline"`       // how many there were then
	Points   []Point   `json:"points"`         // one for each day in UTC at most, oldest first; the last is now

	Look      time.Time `json:"look,omitzero"`      // when it is looked at next; zero: nothing is left to do
	LookedTo  time.Time `json:"looked_to,omitzero"` // exposures changed before were looked at
	WholeAt   time.Time `json:"whole_at,omitzero"`  // when all exposures were last looked at
	Unsettled time.Time `json:"unsettled,omitzero"` // due dates of members written since don't follow yet
	Outdated  bool      `json:"outdated,omitempty"` // some members may carry a deadline from before it was moved
	Released  bool      `json:"released,omitempty"` // it has ended, and hastens no due date any more
	BeatAt    time.Time `json:"beat_at,omitzero"`   // the last time at which a digest was thought of
	Told      Counts    `json:"told,omitzero"`      // as people were told last
	Ticket    Ticket    `json:"ticket,omitzero"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Ticket is a campaign's ticket, the parent of its members' tickets.
type Ticket struct {
	Key      string    `json:"key,omitempty"`
	URL      string    `json:"url,omitempty"`
	Digest   string    `json:"digest,omitempty"`    // of the issue as last written
	LookedAt time.Time `json:"looked_at,omitzero"`  // when it was last read
	Linked   string    `json:"linked,omitempty"`    // the key that members' tickets have as their parent
	GoneKey  string    `json:"gone_key,omitempty"`  // the one that somebody deleted
	GoneAt   time.Time `json:"gone_at,omitzero"`    // when we found out
	Gone     int       `json:"gone,omitempty"`      // how often one was deleted
	Trouble  string    `json:"trouble,omitempty"`   // what keeps us from it
	NoParent bool      `json:"no_parent,omitempty"` // its tracker puts no ticket below another
}

// Given reports whether no ticket is made any more: it was deleted twice.
func (t *Ticket) Given() bool { return t.Key == "" && t.Gone > 1 }

// Over reports whether the campaign has ended.
func (c *Campaign) Over() bool { return c.State != Open }

// Overdue reports whether the deadline has passed with members open.
func (c *Campaign) Overdue(now time.Time) bool {
	return c.State == Open && !now.Before(c.Until)
}

// Missed reports whether the deadline passed before the campaign ended.
func (c *Campaign) Missed() bool { return !c.MissedAt.IsZero() }

// Reader is whom the campaign's regular word goes to: its channel, else its lead.
func (c *Campaign) Reader() string {
	if c.Channel != "" {
		return c.Channel
	}
	return "@" + c.Lead
}

// Readers are whom a word goes to that mustn't be overlooked: the lead, and the channel.
func (c *Campaign) Readers() []string {
	out := []string{"@" + c.Lead}
	if c.Channel != "" {
		out = append(out, c.Channel)
	}
	return out
}

// MemberOf is what a member carries of the campaign from a time on.
func (c *Campaign) MemberOf(at time.Time) exposure.Membership {
	return exposure.Membership{Campaign: c.ID, Name: c.Name, Until: c.Until, Joined: at}
}

const (
	maxID   = 48
	maxName = 120
	maxText = 2000
	maxTerm = 366 * 24 * time.Hour
)

// Slug makes an ID of a name: lower-case letters, digits and dashes; empty where the name
// has neither letter nor digit.
func Slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxID {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

// ValidID reports whether a text can be a campaign's ID.
func ValidID(id string) bool { return id != "" && len(id) <= maxID && Slug(id) == id }

// Problem is what is wrong with one field of a campaign.
type Problem struct{ Field, Detail string }

// Problems are what is wrong with a campaign that is to begin now.
func (c *Campaign) Problems(now time.Time) []Problem {
	var out []Problem
	add := func(field, detail string) { out = append(out, Problem{field, detail}) }
	switch {
	case strings.TrimSpace(c.Name) == "" || len(c.Name) > maxName || strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' }):
		add("name", "must be a line of 1 to 120 bytes")
	case !ValidID(c.ID):
		add("name", "must have a letter from a to z or a digit, of which its ID is made")
	}
	if len(c.Goal) > maxText {
		add("goal", "is longer than 2000 bytes")
	}
	if detail := untilProblem(c.Until, now); detail != "" {
		add("until", detail)
	}
	if c.Lead == "" || len(c.Lead) > maxName || strings.ContainsAny(c.Lead, "@#\n\r") {
		add("lead", "must be a person's name, without @")
	}
	if c.Channel != "" && (len(c.Channel) > maxName || strings.ContainsAny(c.Channel, "\n\r@")) {
		add("channel", "must be a channel such as #security, or a team")
	}
	return slices.Concat(out, c.Where.Problems())
}

// untilProblem is what is wrong with a deadline that is set now.
func untilProblem(until, now time.Time) string {
	switch {
	case until.IsZero():
		return "is required: a campaign without a deadline is a filter"
	case !until.After(now):
		return "is in the past"
	case until.After(now.Add(maxTerm)):
		return "is more than a year ahead: make it several campaigns"
	}
	return ""
}
