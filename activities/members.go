package activities

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// member is what a remediation needs to know of one of its exposures.
type member struct {
	id       exposure.ID
	on       asset.ID
	asset    string // its name
	location string
	weakness string
	title    string
	severity exposure.Severity
	outcome  exposure.DecisionOutcome
	why      []string
	state    exposure.State
	waiting  bool  // in the line, again
	seq      int64 // of its newest event
	claimed  bool  // somebody says that it is fixed, though it isn't proven yet
	due      time.Time
	snoozed  time.Time
	closed   time.Time
	method   exposure.Method
	fixText  string
	fixedIn  string
	ticket   string
	verdict  *exposure.Verdict
	proof    *exposure.Proof
	except   *exposure.Exception
	scopes   []string
	cves     []string
	sources  []string
	answered time.Time
	silent   string
}

func memberOf(e *exposure.Exposure) member {
	m := member{
		id: e.ID, on: e.Asset, asset: e.AssetName, location: e.Location, weakness: e.Weakness, title: e.Title, severity: e.Severity,
		outcome: e.Decision.Outcome, why: e.Decision.Why, state: e.State, waiting: e.Waiting(), seq: e.LastEvent.Seq, due: e.Due, snoozed: e.SnoozeUntil, closed: e.ClosedAt,
		method: e.Verification.Method, ticket: e.Ticket, verdict: e.Verdict, proof: e.Proof, except: e.Exception,
		scopes: e.Scopes, cves: e.CVEs, sources: e.Sources, answered: e.AnsweredAt, silent: e.Silent,
	}
	m.claimed = e.Claim != nil && e.State.Live() || e.State == exposure.FixClaimed || e.State == exposure.Verifying && e.Claim != nil
	if m.asset == "" {
		m.asset = string(e.Asset)
	}
	for i := range e.Findings {
		f := &e.Findings[i]
		if m.fixText == "" {
			m.fixText = f.Remediation
		}
		if f.Package != nil && m.fixedIn == "" {
			m.fixedIn = f.Package.FixedIn
		}
	}
	return m
}

// members reads who is in a remediation: the live first, then by due date.
func (a *Activities) members(ctx context.Context, id string) ([]member, error) {
	var members []member
	err := a.Records.EachExposure(ctx, exposure.Filter{Remediation: id}, func(e exposure.Exposure) error {
		if e.State != exposure.Merged {
			members = append(members, memberOf(&e))
		}
		return nil
	})
	slices.SortFunc(members, func(x, y member) int {
		return cmp.Or(cmp.Compare(late(x.state.Live()), late(y.state.Live())), compareDue(x.due, y.due),
			strings.Compare(x.asset, y.asset), strings.Compare(string(x.id), string(y.id)))
	})
	return members, fault.Wrap(fault.KindOf(err), err, "reading the members of remediation "+id)
}

func late(live bool) int {
	if live {
		return 0
	}
	return 1
}

// compareDue puts what has no due date last.
func compareDue(x, y time.Time) int {
	switch {
	case x.IsZero() && y.IsZero():
		return 0
	case x.IsZero():
		return 1
	case y.IsZero():
		return -1
	}
	return x.Compare(y)
}

// standing is what the members of a remediation mean for its ticket.
type standing struct {
	live      int
	unclaimed int       // live, and nobody says that they are fixed
	due       time.Time // the earliest of the live ones
	snoozed   time.Time // until when all the live ones are; zero: not all
	status    string    // as the ticket should be: wantOpen, wantDone, or wantAny while claims are tested
}

// What a ticket's status should be. While claims are being tested it stays as people left
// it.
const (
	wantOpen = "open"
	wantDone = "done"
	wantAny  = ""
)

func stand(members []member) standing {
	s := standing{status: wantDone}
	snoozing := true
	for i := range members {
		m := &members[i]
		if !m.state.Live() {
			continue
		}
		s.live++
		if !m.claimed {
			s.unclaimed++
		}
		if !m.due.IsZero() && (s.due.IsZero() || m.due.Before(s.due)) {
			s.due = m.due
		}
		switch {
		case m.snoozed.IsZero():
			snoozing = false
		case s.snoozed.IsZero() || m.snoozed.Before(s.snoozed):
			s.snoozed = m.snoozed
		}
	}
	if !snoozing {
		s.snoozed = time.Time{}
	}
	switch {
	case s.unclaimed > 0:
		s.status = wantOpen
	case s.live > 0:
		s.status = wantAny
	}
	return s
}

// remediation reads a remediation.
func (a *Activities) remediation(ctx context.Context, id string) (lifecycle.Remediation, error) {
	r, err := a.Journal.Remediation(ctx, id)
	return r, fault.Wrap(fault.KindOf(err), err, "reading remediation "+id)
}
