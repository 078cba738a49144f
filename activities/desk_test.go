package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// desk is a tracker whose clock differs from ours, whose search lags, that calls us back
// on every change, and that can be told to refuse.
type desk struct {
	connectors.Tracker
	skew    time.Duration // of its clock
	lag     time.Duration
	refuse  error
	hidden  map[string]bool   // deleted keys
	renamed map[string]string // old key → new
	edit    func(*connectors.Issue)
	calls   []string
	tell    func(key string)
}

func (d *desk) seen(issue connectors.Issue, err error) (connectors.Issue, error) {
	if to, ok := d.renamed[issue.Key]; ok {
		issue.Key = to
	}
	if d.hidden[issue.Key] {
		return connectors.Issue{}, fault.New(fault.NotFound, "it was deleted")
	}
	for _, at := range []*time.Time{&issue.ClosedAt, &issue.UpdatedAt} {
		if !at.IsZero() {
			*at = at.Add(d.skew)
		}
	}
	if d.edit != nil {
		d.edit(&issue)
	}
	return issue, err
}

func (d *desk) old(key string) string {
	for from, to := range d.renamed {
		if to == key {
			return from
		}
	}
	return key
}

func (d *desk) Lag() time.Duration { return d.lag }

func (d *desk) Get(ctx context.Context, key string) (connectors.Issue, error) {
	d.calls = append(d.calls, "get")
	if d.refuse != nil {
		return connectors.Issue{}, d.refuse
	}
	return d.seen(d.Tracker.Get(ctx, d.old(key)))
}

func (d *desk) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	d.calls = append(d.calls, "find")
	if d.refuse != nil {
		return connectors.Issue{}, d.refuse
	}
	return d.seen(d.Tracker.FindByMarker(ctx, marker))
}

func (d *desk) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	d.calls = append(d.calls, "create")
	if len(d.hidden) > 0 { // the built-in tracker makes keys from markers: let there be another
		issue.Marker += "/again"
	}
	return d.seen(d.Tracker.Create(ctx, issue))
}

func (d *desk) Update(ctx context.Context, issue connectors.Issue, cause string) (connectors.Issue, error) {
	d.calls = append(d.calls, "update")
	before, _ := d.Tracker.Get(ctx, d.old(issue.Key))
	issue.Key = d.old(issue.Key)
	after, err := d.Tracker.Update(ctx, issue, cause)
	if d.tell != nil && !after.UpdatedAt.Equal(before.UpdatedAt) {
		d.tell(after.Key)
	}
	return d.seen(after, err)
}

func (d *desk) Comment(ctx context.Context, key, text, cause string) error {
	d.calls = append(d.calls, "comment")
	if d.hidden[key] {
		return fault.New(fault.NotFound, "it was deleted")
	}
	err := d.Tracker.Comment(ctx, d.old(key), text, cause)
	if d.tell != nil {
		d.tell(key)
	}
	return err
}

// atDesk is ticketed, with a desk in the tracker's place.
func atDesk(t *testing.T) (*rig, exposure.ID, lifecycle.Remediation, *desk) {
	t.Helper()
	r, id, rem, _ := ticketed(t)
	d := &desk{Tracker: r.Trackers["local"], hidden: map[string]bool{}, renamed: map[string]string{}}
	r.Trackers["local"] = d
	return r, id, rem, d
}

// work does what the workflow would, until there is nothing to do but wait. It gives the
// last error.
func (r *rig) work(id string) error {
	r.t.Helper()
	step := RemediationStep{ID: id}
	look := true
	for range 20 {
		p, err := r.Plan(r.t.Context(), step)
		require.NoError(r.t, err)
		again := false
		switch {
		case p.Create:
			if _, err := r.CreateTicket(r.t.Context(), step); err != nil {
				return err
			}
			again = true
		case p.Ticket != "" && (p.Write || p.Look || look):
			found, err := r.SyncTicket(r.t.Context(), step)
			if err != nil {
				return err
			}
			again = found.Again || found.Gone
			if !found.ClosedAt.IsZero() {
				again = true
				_, err := r.ClaimMembers(r.t.Context(), ClaimInput{ID: id, By: found.ClosedBy, At: found.ClosedAt, Since: found.Claimed})
				require.NoError(r.t, err)
			}
			look = false
		}
		if len(p.Comments) > 0 && p.Ticket != "" {
			again = true
			if _, err := r.Comment(r.t.Context(), RemediationStep{ID: id, Intents: p.Comments}); err != nil {
				return err
			}
		}
		if !again && !p.Write && !p.Look && !r.remediationNow(id).Wake {
			return nil
		}
	}
	r.t.Fatal("it goes on and on")
	return nil
}

func (r *rig) escalated() (subjects []string) {
	r.t.Helper()
	page, err := r.store.FindMessages(r.t.Context(), Escalation, false, exposure.List{})
	require.NoError(r.t, err)
	for _, m := range page.Items {
		subjects = append(subjects, m.Kind)
	}
	return subjects
}

func (r *rig) comments(key string) (all []string) {
	r.t.Helper()
	x, err := r.store.Ticket(r.t.Context(), key)
	require.NoError(r.t, err)
	for _, c := range x.Comments {
		all = append(all, c.Text)
	}
	return all
}

func (r *rig) moved(key string, to connectors.IssueStatus) {
	r.t.Helper()
	x, err := r.store.Ticket(r.t.Context(), key)
	require.NoError(r.t, err)
	x.Version++
	x.Status, x.ClosedBy, x.ClosedAt, x.UpdatedAt = string(to), "", time.Time{}, r.now()
	if to == connectors.IssueDone {
		x.ClosedBy, x.ClosedAt = "bob", r.now()
	}
	swapped, err := r.store.SwapTicket(r.t.Context(), x)
	require.NoError(r.t, err)
	require.True(r.t, swapped)
}
