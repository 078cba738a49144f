package activities

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Board is what the sweep looks through.
type Board interface {
	FindExposures(ctx context.Context, f exposure.Filter, l exposure.List) (exposure.Page[exposure.Exposure], error)
	CountExposures(ctx context.Context, f exposure.Filter, by string) (map[string]int64, error)
	FindRemediations(ctx context.Context, f lifecycle.RemediationFilter, l exposure.List) (exposure.Page[lifecycle.Remediation], error)
	PendingSources(ctx context.Context) ([]string, error)
}

// SweepRequest is one look of the sweep over the store.
type SweepRequest struct {
	Admit    int       `json:"admit"`             // how many may be admitted now
	MaxOpen  int       `json:"max_open"`          // … while fewer than so many are worked on
	Updated  time.Time `json:"updated,omitzero"`  // exceptions changed since are looked at
	Cursor   string    `json:"cursor,omitempty"`  // of the walk over unowned exposures
	Watched  time.Time `json:"watched,omitzero"`  // when sources were last looked at
	Line     string    `json:"line,omitempty"`    // cursor of the walk over what waits for capacity
	Digested time.Time `json:"digested,omitzero"` // when regular digests were last written
	Pruned   time.Time `json:"pruned,omitzero"`   // when what is kept for a time was last looked through

	Techniques time.Time `json:"techniques,omitzero"` // executed techniques seen since are looked at
}

// SweepReport is what one look did.
type SweepReport struct {
	Pushed    int       `json:"pushed,omitempty"` // groups of work put back into the line
	Raised    int       `json:"raised,omitempty"` // exposures near their due date that wait for capacity
	Line      string    `json:"line,omitempty"`
	Admitted  int       `json:"admitted,omitempty"`
	Held      string    `json:"held,omitempty"`      // why nothing more was admitted
	Woken     int       `json:"woken,omitempty"`     // lost wakes sent again
	Lapsed    int       `json:"lapsed,omitempty"`    // exceptions ended
	Restarted int       `json:"restarted,omitempty"` // sources whose ingest was started
	Retired   int       `json:"retired,omitempty"`   // short-lived assets taken out of the inventory
	Nudged    int       `json:"nudged,omitempty"`    // assets that nobody owns, told of
	Told      int       `json:"told,omitempty"`      // requests and ends of exceptions, told of
	Learned   int       `json:"learned,omitempty"`   // exposures that ownership learned from
	Rerouted  int       `json:"rerouted,omitempty"`  // assets that got another owner, or none, as evidence grew old
	Problems  []string  `json:"problems,omitempty"`
	Updated   time.Time `json:"updated,omitzero"`
	Cursor    string    `json:"cursor,omitempty"`
	Watched   time.Time `json:"watched,omitzero"`
	Pruned    time.Time `json:"pruned,omitzero"`
	Digested  time.Time `json:"digested,omitzero"`
	Removed   int       `json:"removed,omitempty"` // what was kept long enough

	Techniques time.Time `json:"techniques,omitzero"`
}

const (
	wakeAge    = 30 * time.Second // a wake this old was lost
	sweepBatch = 200
)

// Sweep looks over the store once: admits from the queue, sends lost wakes again, ends
// exceptions of exposures that no workflow has in hand, restarts the ingest of sources
// with deliveries, tells of assets that nobody owns, looks after reports that the breaker
// holds, and watches how sources are doing. What fails is reported and
// doesn't keep the rest from being done; the next look tries again.
func (a *Activities) Sweep(ctx context.Context, in SweepRequest) (SweepReport, error) {
	report := SweepReport{Updated: in.Updated, Cursor: in.Cursor, Watched: in.Watched, Line: in.Line, Pruned: in.Pruned, Digested: in.Digested, Techniques: in.Techniques}
	for _, part := range []struct {
		name string
		do   func(context.Context, SweepRequest, *SweepReport) error
	}{
		{"admitting", a.admit}, {"raising what waits for capacity", a.raise}, {"sending wakes again", a.resend}, {"ending exceptions", a.fireTimers}, {"watching exceptions", a.fireTriggers}, {"watching techniques", a.watchTechniques}, {"ending exceptions of failed controls", a.endByControls}, {"looking after requests", a.followRequests},
		{"restarting sources", a.restart}, {"retiring assets", a.retire},
		{"learning from owners", a.learn}, {"looking at owners again", a.revisit}, {"telling of unowned assets", a.tellUnowned},
		{"looking after held reports", a.lookAfterHeld}, {"waking notifiers again", a.resendDeliveries}, {"waking campaigns again", a.resendCampaigns}, {"waking runs of runbooks again", a.resendRuns}, {"watching sources", a.watchSources}, {"writing digests", a.tellDigests}, {"removing what was kept long enough", a.prune},
	} {
		if err := part.do(ctx, in, &report); err != nil {
			if ctx.Err() != nil {
				return report, err
			}
			a.Log.WarnContext(ctx, "a part of the sweep failed; the next one tries again", "part", part.name, "error", err)
			report.Problems = append(report.Problems, lifecycle.Plain(part.name+": "+err.Error(), 300))
		}
		beat(ctx, part.name)
	}
	return report, nil
}

// Retirer takes short-lived assets out of the inventory.
type Retirer interface {
	// Retire retires those whose time has come, at most so many, and says how many did.
	Retire(ctx context.Context, limit int) (int, error)
}

func (a *Activities) retire(ctx context.Context, _ SweepRequest, report *SweepReport) (err error) {
	if a.Retirer == nil {
		return nil
	}
	report.Retired, err = a.Retirer.Retire(ctx, sweepBatch)
	return err
}

// storeChange is an event on an exposure that no workflow has in hand. The state of its
// chain makes the cause, so that the same look twice is one event.
func (a *Activities) storeChange(e *exposure.Exposure, kind exposure.EventKind, by, why string) ledger.Change {
	return ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{Kind: kind, Actor: system(by), Reason: why,
		Cause: "sweep/" + strconv.FormatInt(e.LastEvent.Seq, 10) + "/" + string(kind)}}
}

// applyInStore applies events in bulk and wakes the workflows of what came into their
// hands: the store first, then Temporal. It counts what was applied.
func (a *Activities) applyInStore(ctx context.Context, changes []ledger.Change, reason string) (int, error) {
	if len(changes) == 0 {
		return 0, nil
	}
	results, err := a.Ledger.ApplyMany(ctx, changes)
	if err != nil {
		return 0, err
	}
	var problems []error
	moved := make([]exposure.Exposure, 0, len(results))
	for i := range results {
		switch err := results[i].Err; {
		case err == nil:
			moved = append(moved, results[i].Exposure)
		case !fault.Is(err, fault.Conflict): // else somebody was faster
			problems = append(problems, err)
		}
	}
	a.wakeAll(ctx, moved, reason)
	return len(moved), errors.Join(problems...)
}

// resend sends wakes again that were lost between the store and Temporal.
func (a *Activities) resend(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	before := a.now().Add(-wakeAge)
	page, err := a.Board.FindExposures(ctx, exposure.Filter{Mode: exposure.ModeWorkflow, WakeBefore: before}, exposure.List{Sort: exposure.SortID, Limit: sweepBatch})
	if err != nil {
		return err
	}
	a.wakeAll(ctx, page.Items, "sent again")
	remediations, err := a.Board.FindRemediations(ctx, lifecycle.RemediationFilter{WakeBefore: before}, exposure.List{Limit: sweepBatch})
	if err != nil {
		return err
	}
	var problems []error
	for i := range remediations.Items {
		problems = append(problems, a.Waker.WakeRemediation(ctx, remediations.Items[i].ID, "sent again"))
	}
	report.Woken = len(page.Items) + len(remediations.Items)
	return errors.Join(problems...)
}

// fireTimers ends the exceptions whose date has come.
func (a *Activities) fireTimers(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	now := a.now()
	page, err := a.Board.FindExposures(ctx, exposure.Filter{Mode: exposure.ModeStore, TimerBefore: now}, exposure.List{Sort: exposure.SortID, Limit: sweepBatch})
	if err != nil {
		return err
	}
	var changes []ledger.Change
	for i := range page.Items {
		e := &page.Items[i]
		if e.State.Excepted() && e.Exception != nil && !e.Exception.Until.IsZero() && !now.Before(e.Exception.Until) {
			changes = append(changes, a.storeChange(e, exposure.EventLapse, "lifecycle", "its end has come"))
			continue
		}
		if w := e.OpenWait(); w != nil && !now.Before(w.Until) {
			changes = append(changes, a.storeChange(e, exposure.EventResumed, "lifecycle", "the time to wait is over"))
			continue
		}
		if v := a.Policy.view(e, now); toBeTested(e, &v, now) {
			change := a.storeChange(e, exposure.EventNoted, "lifecycle", "it ends soon: it is tested once more")
			change.Event.Data = map[string]string{exposure.DataTested: e.Exception.Until.Format(time.RFC3339)}
			changes = append(changes, change)
			continue
		}
		if err := a.remindOfEnd(ctx, e, now); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
		// A timer without an end to fire is left over; it must not be found for ever.
		if _, _, err := a.Ledger.Touch(ctx, e.ID, stopTimer(now)); err != nil {
			return err
		}
	}
	n, err := a.applyInStore(ctx, changes, "lapsed")
	report.Lapsed += n
	return err
}

// stopTimer takes away a timer that has come, or sets it to the exception's real end.
func stopTimer(now time.Time) func(*exposure.Exposure) bool {
	return func(e *exposure.Exposure) bool {
		if e.TimerAt.IsZero() || e.TimerAt.After(now) {
			return false
		}
		e.TimerAt = time.Time{}
		if e.State.Excepted() && e.Exception != nil {
			e.TimerAt = e.Exception.Until
		}
		if w := e.OpenWait(); w != nil && w.Until.After(now) {
			e.TimerAt = w.Until
		}
		return true
	}
}

// overlap is how far one look over changed exceptions reaches into the one before, for
// writers whose clocks differ a little.
const overlap = 2 * time.Minute

// fireTriggers ends the exceptions that something other than their date ends, among
// those that changed since the last look.
func (a *Activities) fireTriggers(ctx context.Context, in SweepRequest, report *SweepReport) error {
	now := a.now()
	filter := exposure.Filter{Mode: exposure.ModeStore, States: []exposure.State{exposure.Accepted, exposure.Mitigated, exposure.FalsePositive}, Updated: in.Updated}
	if !in.Updated.IsZero() && in.Updated.Add(overlap).UTC().Format(time.DateOnly) != now.Format(time.DateOnly) {
		filter.Updated, filter.Mode = time.Time{}, "" // with the day people leave, which changes no exposure
	}
	var changes []ledger.Change
	var inWorkflows []exposure.ID
	err := a.Records.EachExposure(ctx, filter, func(e exposure.Exposure) error {
		failed, err := a.failedControl(ctx, &e)
		if err != nil {
			return err
		}
		if trigger, why, ok := a.endedEarly(&e, failed, now); ok {
			if e.Mode == exposure.ModeWorkflow {
				inWorkflows = append(inWorkflows, e.ID)
				return nil
			}
			change := a.storeChange(&e, exposure.EventLapse, "policy", why)
			change.Event.Data = map[string]string{exposure.DataTrigger: trigger}
			changes = append(changes, change)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(changes, sweepBatch) {
		n, err := a.applyInStore(ctx, chunk, "lapsed")
		report.Lapsed += n
		if err != nil {
			return err
		}
	}
	if err := a.wakeThose(ctx, inWorkflows, "its exception ends early"); err != nil {
		return err
	}
	report.Updated = now.Add(-overlap)
	return nil
}

// wakeThose leaves a wake on exposures that workflows have in hand, and wakes them.
func (a *Activities) wakeThose(ctx context.Context, ids []exposure.ID, reason string) error {
	for chunk := range slices.Chunk(ids, sweepBatch) {
		written, err := a.Ledger.TouchMany(ctx, chunk, func(*exposure.Exposure) bool { return true })
		if err != nil {
			return err
		}
		a.wakeAll(ctx, written, reason)
	}
	return nil
}

// restart makes sure that sources with deliveries are being drained.
func (a *Activities) restart(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	sources, err := a.Board.PendingSources(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, source := range sources {
		problems = append(problems, a.Waker.StartSource(ctx, source))
	}
	report.Restarted = len(sources)
	return errors.Join(problems...)
}

// unownedLead is how long before its due date a tracked exposure that nobody owns begins
// to matter: until then it waits for its owner and its turn alike.
const unownedLead = 14 * day

// tellUnowned walks over the exposures that no workflow has in hand, are due before long
// and have no owner: one page at each look, so that a first import of a million doesn't
// become a storm of messages. It tells of their assets as their ladders say.
func (a *Activities) tellUnowned(ctx context.Context, in SweepRequest, report *SweepReport) error {
	now := a.now()
	page, err := a.Board.FindExposures(ctx, exposure.Filter{Mode: exposure.ModeStore, States: []exposure.State{exposure.Tracked}, Owners: []string{""},
		DueBefore: now.Add(unownedLead)}, exposure.List{Sort: exposure.SortID, Limit: sweepBatch, Cursor: in.Cursor})
	if err != nil {
		report.Cursor = "" // a cursor of another version or sort begins anew
		return err
	}
	report.Cursor = page.Next
	waiting := map[asset.ID][]*exposure.Exposure{}
	for i := range page.Items {
		e := &page.Items[i]
		if v := a.Policy.view(e, now); v.Nudge != "" && !v.NudgeAt.After(now) {
			waiting[e.Asset] = append(waiting[e.Asset], e)
		}
	}
	for _, es := range waiting {
		slices.SortFunc(es, func(x, y *exposure.Exposure) int { return compareDue(x.Due, y.Due) })
		told, err := a.unownedMessages(ctx, es[0], a.Policy.view(es[0], now).Nudge, len(es))
		if err != nil {
			return err
		}
		for i := range told {
			if err := a.notify(ctx, told[i], es[0]); err != nil {
				return err
			}
		}
		changes := make([]ledger.Change, 0, len(es))
		for _, e := range es {
			nudge := a.Policy.view(e, now).Nudge
			changes = append(changes, ledger.Change{ID: e.ID, As: exposure.ModeStore, Event: exposure.Event{
				Kind: exposure.EventEscalated, Actor: system("lifecycle"), Cause: nudge, Reason: "asked " + told[0].To + ": " + told[0].Subject}})
		}
		if _, err := a.applyInStore(ctx, changes, "told"); err != nil {
			return err
		}
		report.Nudged++
	}
	return nil
}
