package activities

import (
	"context"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// begun reports whether somebody is at the work of these exposures: then it can't go
// back. A ticket that nobody has touched stands in todo, with nobody in particular.
func (a *Activities) begun(ctx context.Context, members []exposure.Exposure) (bool, error) {
	seen := map[string]bool{}
	for i := range members {
		id := members[i].RemediationID
		if id == "" || seen[id] {
			continue
		}
		seen[id] = true
		rem, err := a.remediation(ctx, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return true, err
		}
		if rem.Ticket == "" {
			return true, nil // it is being made at this moment
		}
		tracker, err := a.tracker(&rem)
		if err != nil {
			return true, nil //nolint:nilerr // a ticket that can't be looked at may have been begun
		}
		issue, err := tracker.Get(ctx, rem.Ticket)
		if err != nil || issue.Status != connectors.IssueTodo || issue.Assignee != "" {
			return true, nil //nolint:nilerr // likewise
		}
	}
	return false, nil
}

// pushBack asks the exposures of groups to give their places to what is urgent. Their own
// workflows do it, at their next look.
func (a *Activities) pushBack(ctx context.Context, pushes []admission.Push) (int, error) {
	pushed := 0
	for _, p := range pushes {
		members, err := a.Lines.WorkingOn(ctx, p.Group, sweepBatch)
		if err != nil {
			return pushed, fault.Wrap(fault.KindOf(err), err, "reading what "+p.Team+" works on")
		}
		why := p.Team + " has its hands full, and something urgent came first" + a.named(ctx, p.For)
		ids := make([]exposure.ID, len(members))
		for i := range members {
			ids[i] = members[i].ID
		}
		written, err := a.Ledger.TouchMany(ctx, ids, func(e *exposure.Exposure) bool {
			yields := e.Yield == "" && e.Claim == nil && (e.State == exposure.Validating || e.State == exposure.Open) && lifecycle.Group(e) == p.Group
			if yields {
				e.Yield = why
			}
			return yields
		})
		if err != nil {
			return pushed, err
		}
		if len(written) > 0 {
			pushed++
		}
		a.wakeAll(ctx, written, "gives way")
	}
	return pushed, nil
}

// named says what the urgent work is, if it can be told.
func (a *Activities) named(ctx context.Context, group string) string {
	for _, read := range []func(context.Context) ([]exposure.Exposure, error){
		func(ctx context.Context) ([]exposure.Exposure, error) { return a.Lines.WorkingOn(ctx, group, 1) },
		func(ctx context.Context) ([]exposure.Exposure, error) {
			return a.Lines.WaitingFor(ctx, []string{group}, 1)
		},
	} {
		if found, err := read(ctx); err == nil && len(found) > 0 {
			return ": " + lifecycle.Plain(found[0].Title, 120)
		}
	}
	return ""
}

// givesWay is work that nobody has begun and that goes back into the line.
func givesWay(e *exposure.Exposure) (exposure.Event, bool) {
	return exposure.Event{Kind: exposure.EventDemote, Actor: system("policy"), Reason: "it goes back into the line: " + e.Yield,
			Data: map[string]string{exposure.DataYield: "urgent"}},
		e.Yield != "" && e.Claim == nil && (e.State == exposure.Validating || e.State == exposure.Open)
}

// takeUp takes those members of a remediation out of the line that wait there again, since
// somebody is at its ticket: a person's work needs no turn.
func (a *Activities) takeUp(ctx context.Context, rem *lifecycle.Remediation, members []member, why string) (int, error) {
	var changes []ledger.Change
	for i := range members {
		if m := &members[i]; m.waiting {
			changes = append(changes, ledger.Change{ID: m.id, As: exposure.ModeStore, Event: exposure.Event{Kind: exposure.EventAdmit, Actor: system("lifecycle"),
				Cause: "taken-up/" + rem.ID + "/" + strconv.FormatInt(m.seq, 10), Reason: why}})
		}
	}
	return a.applyInStore(ctx, changes, "taken up")
}
