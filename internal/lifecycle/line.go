package lifecycle

import (
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Group names the work that an exposure is a part of: its owner's fix, in whatever
// generation. Exposures of one group share a ticket, so that a team's budget counts groups.
// It is empty for what nobody owns: that is nobody's work yet.
func Group(e *exposure.Exposure) string {
	if e.Owner.Team == "" {
		return ""
	}
	return e.Owner.Team + "/" + RemediationKey(e.Owner.Team, e.Fix)
}

// GroupTeam gives back the team whose work a group is.
func GroupTeam(group string) string {
	if at := strings.LastIndexByte(group, '/'); at > 0 {
		return group[:at]
	}
	return ""
}

// Turn notes when a group was last let in: what intake rates count.
type Turn struct {
	Group   string    `json:"group"`
	Version int64     `json:"version"`
	Team    string    `json:"team"`
	At      time.Time `json:"at"`
	Urgent  bool      `json:"urgent,omitempty"` // past the budget
}

// Place is where an exposure stands in its team's line. Exposures that one fix mends
// stand in one place.
type Place struct {
	Team     string    `json:"team"`
	Place    int       `json:"place"`             // 1 is next
	Of       int       `json:"of"`                // places in the line
	Expected time.Time `json:"expected,omitzero"` // about, by the intake rate; zero: the team has none
	Why      string    `json:"why"`               // what it waits for, in a sentence
}

// QueueEntry is one place in a team's line: a fix, and how many exposures wait for it.
type QueueEntry struct {
	Place     int                      `json:"place"`
	Group     string                   `json:"group"`
	Fix       string                   `json:"fix"`
	Exposure  exposure.ID              `json:"exposure"` // the first of them
	Title     string                   `json:"title"`
	Decision  exposure.DecisionOutcome `json:"decision,omitempty"`
	Severity  exposure.Severity        `json:"severity,omitempty"`
	Due       time.Time                `json:"due,omitzero"`
	Since     time.Time                `json:"since"`             // it waits
	Exposures int64                    `json:"exposures"`         // that wait for this fix
	Expected  time.Time                `json:"expected,omitzero"` // about, by the intake rate
	Late      bool                     `json:"late,omitempty"`    // it is expected after its due date
	Urgent    bool                     `json:"urgent,omitempty"`  // it goes past the budget
}

// TeamQueue is what a team works on and what waits for it.
type TeamQueue struct {
	Team       string       `json:"team"`        // empty: what nobody owns
	WIP        int          `json:"wip"`         // how many fixes it works on at a time; zero: no limit
	Intake     int          `json:"intake"`      // new fixes a day; zero: no limit
	InProgress int          `json:"in_progress"` // fixes
	Begun      int          `json:"begun"`       // fixes within the last 24 hours; counted where there is an intake rate
	Waiting    int          `json:"waiting"`     // fixes
	Exposures  int64        `json:"exposures"`   // that wait
	First      []QueueEntry `json:"first"`       // of the line
}
