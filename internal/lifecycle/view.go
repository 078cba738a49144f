package lifecycle

import (
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// ExposureView is what an Exposure workflow knows of its exposure: what it needs to time
// and route the work, and what the Temporal UI is searched by. Findings, evidence and
// other bodies stay in the store.
type ExposureView struct {
	ID       exposure.ID              `json:"id"`
	Version  int64                    `json:"version"`
	Seq      int64                    `json:"seq"` // of the newest event
	Mode     exposure.Mode            `json:"mode"`
	State    exposure.State           `json:"state"`
	Decision exposure.DecisionOutcome `json:"decision,omitempty"`
	Severity exposure.Severity        `json:"severity,omitempty"`
	Owner    string                   `json:"owner,omitempty"` // empty: unowned
	Due      time.Time                `json:"due,omitzero"`
	Scopes   []string                 `json:"scopes,omitempty"`
	CVEs     []string                 `json:"cves,omitempty"`
	Sources  []string                 `json:"sources,omitempty"`

	Method      exposure.Method         `json:"method,omitempty"`
	Presence    exposure.PresenceStatus `json:"presence,omitempty"`
	Remediation string                  `json:"remediation,omitempty"`
	Ticket      string                  `json:"ticket,omitempty"`
	Joined      bool                    `json:"joined,omitempty"`   // the remediation is that of its owner and fix
	Retest      bool                    `json:"retest,omitempty"`   // a person asked for one, and none began since
	VerifyAt    time.Time               `json:"verify_at,omitzero"` // when a claim is to be tested (again)
	NudgeAt     time.Time               `json:"nudge_at,omitzero"`  // when somebody is to be told that it waits
	Nudge       string                  `json:"nudge,omitempty"`    // of what: the rung's name
	EndsAt      time.Time               `json:"ends_at,omitzero"`   // when an exception ends
	Snoozed     time.Time               `json:"snoozed,omitzero"`   // no reminders until
	Timeline    []TimelineLine          `json:"timeline,omitempty"` // what happened since the last view
}

// ViewOf is the view of an exposure as far as it alone can tell: without the times that
// policy sets.
func ViewOf(e *exposure.Exposure) ExposureView {
	v := ExposureView{
		ID: e.ID, Version: e.Version, Seq: e.LastEvent.Seq, Mode: e.Mode, State: e.State, Decision: e.Decision.Outcome, Severity: e.Severity,
		Owner: e.Owner.Team, Due: e.Due, Scopes: head(e.Scopes), CVEs: head(e.CVEs), Sources: head(e.Sources),
		Method: e.Verification.Method, Presence: e.Presence.Status, Remediation: e.RemediationID, Ticket: e.Ticket,
		Joined:  e.RemediationID != "" && IsRemediationOf(e.RemediationID, e.Owner.Team, e.Fix),
		Retest:  e.Retest,
		Snoozed: e.SnoozeUntil,
	}
	if e.Exception != nil {
		v.EndsAt = e.Exception.Until
	}
	return v
}

func head(list []string) []string { return list[:min(len(list), maxListed)] }

// FollowUp is how an exposure is followed up.
type FollowUp struct {
	Due      time.Time      `json:"due,omitzero"`
	Calendar string         `json:"calendar,omitempty"` // by which it is due; empty: the clock, in UTC
	Timezone string         `json:"timezone,omitempty"`
	Waiting  *exposure.Wait `json:"waiting,omitempty"` // why its clock stands still now
	Waited   string         `json:"waited,omitempty"`  // for how long altogether, planned waits included
	Channel  string         `json:"channel,omitempty"` // where its owner is told
	Next     string         `json:"next,omitempty"`    // what comes next, in words
	NextAt   time.Time      `json:"next_at,omitzero"`
	Ladder   []Rung         `json:"ladder"` // reminders and escalations of its ticket, in the order of their times
}

// Rung is one message of a ladder.
type Rung struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // reminder, escalation
	To   string    `json:"to"`
	Sent time.Time `json:"sent,omitzero"`
}

// TimelineLine is one line of an exposure's story.
type TimelineLine struct {
	Seq    int64              `json:"seq"`
	At     time.Time          `json:"at"`
	Event  exposure.EventKind `json:"event"`
	From   exposure.State     `json:"from,omitempty"`
	To     exposure.State     `json:"to"`
	By     string             `json:"by"`
	Reason string             `json:"reason,omitempty"`
}

// LineOf is an event as a line of the story.
func LineOf(ev *exposure.Event) TimelineLine {
	return TimelineLine{Seq: ev.Seq, At: ev.At, Event: ev.Kind, From: ev.From, To: ev.To, By: ev.Actor.Name, Reason: Plain(ev.Reason, 300)}
}

// SweepInput starts the Sweep: how often it looks, and how fast it may admit.
type SweepInput struct {
	Every          time.Duration `json:"every"`            // between two looks; zero = 10 s
	AdmitPerMinute int           `json:"admit_per_minute"` // zero = 600
	MaxOpen        int           `json:"max_open"`         // Exposure workflows at a time; zero = 10,000
	// Carry, Updated, Cursor, Watched, Line, Digested, Pruned and Techniques are the sweep's own, from one run to the next.
	Carry    float64   `json:"carry,omitempty"`   // admissions saved up
	Updated  time.Time `json:"updated,omitzero"`  // exceptions are looked at up to here
	Cursor   string    `json:"cursor,omitempty"`  // of the walk over unowned exposures
	Watched  time.Time `json:"watched,omitzero"`  // when sources were last looked at
	Line     string    `json:"line,omitempty"`    // cursor of the walk over what waits for capacity
	Digested time.Time `json:"digested,omitzero"` // when regular digests were last written
	Pruned   time.Time `json:"pruned,omitzero"`   // when what is kept for a time was last looked through

	Techniques time.Time `json:"techniques,omitzero"` // executed techniques are looked at up to here
}
