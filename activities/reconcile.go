package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Settings keeps small documents under keys of their own.
type Settings interface {
	Setting(ctx context.Context, key string) ([]byte, error)
	PutSetting(ctx context.Context, key string, value []byte) error
}

// ReconciledKey is where the state of a tracker's comparison is kept.
func ReconciledKey(tracker string) string { return "reconcile/" + tracker }

// ReconcileRequest names the tracker to look at.
type ReconcileRequest struct {
	Tracker string `json:"tracker"`
}

// ReconcileReport is what one look did.
type ReconcileReport struct {
	Every   time.Duration `json:"every"`
	Gone    bool          `json:"gone,omitempty"` // the tracker is no longer configured
	More    bool          `json:"more,omitempty"` // the look ended early: the next one goes on
	Changed int64         `json:"changed,omitempty"`
	Woken   int64         `json:"woken,omitempty"`
	Problem string        `json:"problem,omitempty"`
}

const (
	maxPages      = 20        // of changes that one look reads
	maxFullPages  = 2         // of all issues, beside them: a full pass has time
	fullReads     = 50        // tickets that one look has read for it
	fullEvery     = day       // between two full passes
	maxStrays     = 50        // that are remembered
	firstOverlap  = time.Hour // how far the first look reaches back: clocks may differ
	reconcileMore = 500       // remediations that one look walks over
)

// Reconcile asks a tracker what was changed since the last look, compares it with what the
// remediations know of their tickets, and has those read that differ: what no webhook told
// is found within the time between two looks. Once a day it goes over all of them, slowly,
// which also finds copies and what belongs to nobody. It reports and doesn't fail: the next
// look goes on where this one came to.
func (a *Activities) Reconcile(ctx context.Context, in ReconcileRequest) (ReconcileReport, error) {
	tracker, ok := a.Trackers[in.Tracker]
	if !ok {
		return ReconcileReport{Gone: true}, nil
	}
	st, err := a.reconciled(ctx, in.Tracker)
	if err != nil {
		return ReconcileReport{}, err
	}
	before := st
	look := &reconciling{Activities: a, name: in.Tracker, tracker: tracker, st: &st}
	err = look.changes(ctx)
	if err == nil {
		err = look.full(ctx)
	}
	st.Looks++
	st.LookedAt, st.Problem = a.now(), ""
	if err != nil {
		if ctx.Err() != nil {
			return ReconcileReport{}, err
		}
		a.Log.WarnContext(ctx, "a look at what was changed in a tracker failed; the next one goes on", "tracker", in.Tracker, "error", err)
		st.Problem = lifecycle.Plain(err.Error(), 300)
		if st.Failing.IsZero() {
			st.Failing = st.LookedAt
		}
	} else {
		st.Failing = time.Time{}
	}
	raw, err := json.Marshal(&st)
	if err == nil {
		err = a.Settings.PutSetting(ctx, ReconciledKey(in.Tracker), raw)
	}
	return ReconcileReport{Every: a.keeping(in.Tracker).Reconcile, More: look.more && st.Problem == "", Changed: st.Changed - before.Changed,
		Woken: st.Woken - before.Woken, Problem: st.Problem}, fault.Wrap(fault.KindOf(err), err, "keeping how far the look at "+in.Tracker+" came")
}

func (a *Activities) reconciled(ctx context.Context, tracker string) (lifecycle.Reconciled, error) {
	st := lifecycle.Reconciled{Tracker: tracker}
	raw, err := a.Settings.Setting(ctx, ReconciledKey(tracker))
	switch {
	case fault.Is(err, fault.NotFound):
		return st, nil
	case err != nil:
		return st, fault.Wrap(fault.KindOf(err), err, "reading how far the look at "+tracker+" came")
	}
	if err := json.Unmarshal(raw, &st); err != nil {
		return lifecycle.Reconciled{Tracker: tracker}, nil //nolint:nilerr // of another version: it begins anew, which costs a full pass
	}
	return st, nil
}

// reconciling is one look.
type reconciling struct {
	*Activities
	name    string
	tracker connectors.Tracker
	st      *lifecycle.Reconciled
	more    bool
}

// changes goes through what was changed since the last look. The checkpoint is the
// tracker's own time, so that its clock may differ from ours; each look overlaps with the
// one before by as much as the tracker's search may lag.
func (r *reconciling) changes(ctx context.Context) error {
	changing, ok := r.tracker.(connectors.Changing)
	if !ok {
		return nil
	}
	if r.st.Since.IsZero() {
		r.st.Since = r.now().Add(-firstOverlap)
	}
	back := overlap
	if lagging, ok := r.tracker.(connectors.Lagging); ok {
		back += lagging.Lag()
	}
	newest := r.st.Since
	for range maxPages {
		page, err := changing.Changed(ctx, r.st.Since.Add(-back), r.st.Cursor)
		if err != nil {
			if fault.Is(err, fault.Invalid) {
				r.st.Cursor = "" // one that the vendor has forgotten
			}
			return fault.Wrap(fault.KindOf(err), err, "asking "+r.name+" what was changed")
		}
		for i := range page.Issues {
			r.st.Changed++
			if err := r.compare(ctx, &page.Issues[i]); err != nil {
				return err
			}
			if at := page.Issues[i].UpdatedAt; at.After(newest) {
				newest = at
			}
		}
		beat(ctx, r.st.Changed)
		if r.st.Cursor = page.Next; page.Next == "" {
			r.st.Since = newest
			return nil
		}
	}
	r.more = true
	return nil
}

// full goes on with the pass over all tickets, or begins one if it is time.
func (r *reconciling) full(ctx context.Context) error {
	f := &r.st.Full
	if f.Began.IsZero() {
		if !f.Ended.IsZero() && r.now().Before(f.Ended.Add(fullEvery)) {
			return nil
		}
		*f = lifecycle.FullPass{Began: r.now(), Ended: f.Ended}
	}
	if changing, ok := r.tracker.(connectors.Changing); ok && !f.Second {
		return r.allIssues(ctx, changing)
	}
	f.Second = true
	return r.allRemediations(ctx)
}

// allIssues compares a few pages of all issues that carry a marker.
func (r *reconciling) allIssues(ctx context.Context, changing connectors.Changing) error {
	f := &r.st.Full
	for range maxFullPages {
		page, err := changing.Changed(ctx, time.Unix(0, 0).UTC(), f.Cursor)
		if err != nil {
			if fault.Is(err, fault.Invalid) {
				f.Cursor = ""
			}
			return fault.Wrap(fault.KindOf(err), err, "asking "+r.name+" for all tickets")
		}
		for i := range page.Issues {
			f.Issues++
			if err := r.compare(ctx, &page.Issues[i]); err != nil {
				return err
			}
		}
		beat(ctx, f.Issues)
		if f.Cursor = page.Next; page.Next == "" {
			f.Second = true
			return nil
		}
	}
	return nil
}

// allRemediations has those tickets read that nobody has looked at since the pass began:
// deleted ones, and those of trackers that can't say what was changed.
func (r *reconciling) allRemediations(ctx context.Context) error {
	f := &r.st.Full
	read := 0
	for walked := 0; walked < reconcileMore && read < fullReads; walked += sweepBatch {
		page, err := r.Board.FindRemediations(ctx, lifecycle.RemediationFilter{Status: lifecycle.RemediationOpen}, listFrom(f.Cursor))
		if err != nil {
			f.Cursor = ""
			return fault.Wrap(fault.KindOf(err), err, "walking over the remediations")
		}
		for i := range page.Items {
			rem := &page.Items[i]
			if rem.Tracker != r.name || rem.Ticket == "" || rem.LookedAt.After(f.Began.Add(-fullEvery/2)) {
				continue
			}
			read++
			f.Read++
			if err := r.wake(ctx, rem, "full/"+stamp(f.Began)); err != nil {
				return err
			}
		}
		beat(ctx, f.Read)
		if f.Cursor = page.Next; page.Next == "" {
			f.Began, f.Ended, f.Second = time.Time{}, r.now(), false
			return nil
		}
	}
	return nil
}

// compare looks at one issue that carries a marker. What was changed since we last saw it
// is to be read.
func (r *reconciling) compare(ctx context.Context, issue *connectors.Issue) error {
	if lifecycle.IsCampaignMarker(issue.Marker) {
		return nil // its campaign looks at it by itself
	}
	rem, err := r.Journal.Remediation(ctx, issue.Marker)
	if fault.Is(err, fault.NotFound) || err == nil && rem.Tracker != r.name {
		r.st.Orphans = r.stray(r.st.Orphans, issue)
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding the remediation of ticket "+issue.Key)
	}
	switch {
	case rem.Ticket == "":
		return r.wake(ctx, &rem, "found/"+issue.Key)
	case rem.Ticket != issue.Key:
		return r.other(ctx, &rem, issue)
	case !issue.UpdatedAt.Equal(rem.IssueAt):
		return r.wake(ctx, &rem, "changed/"+issue.UpdatedAt.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// other tells a ticket that was moved from a copy of it.
func (r *reconciling) other(ctx context.Context, rem *lifecycle.Remediation, issue *connectors.Issue) error {
	known, err := r.tracker.Get(ctx, rem.Ticket)
	switch {
	case err == nil && known.Key == issue.Key:
		r.st.Moved++
		return r.wake(ctx, rem, "moved/"+issue.Key)
	case fault.Is(err, fault.NotFound):
		return r.wake(ctx, rem, "gone/"+rem.Ticket)
	case err != nil:
		return fault.Wrap(fault.KindOf(err), err, "reading ticket "+rem.Ticket)
	}
	r.st.Duplicates = r.stray(r.st.Duplicates, issue)
	m := connectors.Message{Cause: rem.ID + "|duplicate|" + issue.Key, To: Escalation, Kind: "tracker", Subjects: []string{rem.ID}, Thread: rem.ID,
		Links:   map[string]string{"ticket": rem.TicketURL, "copy": issue.URL},
		Subject: "Two tickets for one fix: " + lifecycle.Plain(rem.Ticket, 60) + " and " + lifecycle.Plain(issue.Key, 60),
		Text:    fmt.Sprintf("%s carries the mark of %s, so somebody has copied it. quell keeps %s alone: close the copy, or take its mark away.", text(issue.Key), text(rem.Ticket), text(rem.Ticket))}
	return fault.Wrap(fault.Unavailable, r.Notifier.Notify(ctx, m), "telling of a copied ticket")
}

func (r *reconciling) wake(ctx context.Context, rem *lifecycle.Remediation, why string) error {
	if slices.Contains(rem.Heard, why) {
		return nil // it is being looked at, or was, and came to nothing
	}
	r.st.Woken++
	return r.TicketChanged(ctx, lifecycle.TicketChange{Tracker: r.name, Marker: rem.ID, Key: rem.Ticket, Cause: why, What: why})
}

// stray remembers an issue that shouldn't be, once, among the last ones.
func (r *reconciling) stray(all []lifecycle.Stray, issue *connectors.Issue) []lifecycle.Stray {
	if slices.ContainsFunc(all, func(s lifecycle.Stray) bool { return s.Key == issue.Key }) {
		return all
	}
	r.Log.Warn("an issue carries a mark of ours that isn't its own", "tracker", r.name, "ticket", issue.Key, "marker", issue.Marker)
	all = append(all, lifecycle.Stray{Key: issue.Key, Marker: lifecycle.Plain(issue.Marker, 120), At: r.now()})
	return all[max(0, len(all)-maxStrays):]
}
