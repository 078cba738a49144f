package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// counting is a waker that counts.
type counting struct {
	asleep
	woken []string
}

func (c *counting) WakeRemediation(_ context.Context, id, reason string) error {
	c.woken = append(c.woken, id+" "+reason)
	return nil
}

// ticketed is a rig with one open exposure whose ticket is made and told of.
func ticketed(t *testing.T) (*rig, exposure.ID, lifecycle.Remediation, *counting) {
	t.Helper()
	r := newRig(t, nil)
	waker := &counting{}
	r.Waker = waker
	id := r.validating()
	_, err := r.Record(t.Context(), RecordInput{ID: id, Seq: 2, Vantage: "dc1", Verdict: verdict(exposure.Confirmed)})
	require.NoError(t, err)
	v, err := r.Join(t.Context(), StepInput{ID: id, Seq: 3})
	require.NoError(t, err)
	step := RemediationStep{ID: v.Remediation}
	_, err = r.Plan(t.Context(), step)
	require.NoError(t, err)
	_, err = r.CreateTicket(t.Context(), step)
	require.NoError(t, err)
	_, err = r.Plan(t.Context(), step)
	require.NoError(t, err)
	waker.woken = nil
	r.clock = r.clock.Add(time.Minute)
	rem := r.remediationNow(v.Remediation)
	return r, id, rem, waker
}

func (r *rig) remediationNow(id string) lifecycle.Remediation {
	r.t.Helper()
	rem, err := r.store.Remediation(r.t.Context(), id)
	require.NoError(r.t, err)
	return rem
}

func TestWhatATrackerTellsIsALookAndIsNotLostUntilTheTicketWasRead(t *testing.T) {
	r, _, rem, waker := ticketed(t)
	ctx := t.Context()
	step := RemediationStep{ID: rem.ID}
	tell := func(c lifecycle.TicketChange) {
		t.Helper()
		require.NoError(t, r.TicketChanged(ctx, c))
	}
	tell(lifecycle.TicketChange{Tracker: "local", Marker: rem.ID, Cause: "c1"})
	require.Equal(t, []string{rem.ID + " ticket"}, waker.woken)
	tell(lifecycle.TicketChange{Tracker: "local", Marker: rem.ID, Cause: "c2"})
	require.Len(t, waker.woken, 1, "one wake on its way stands for both")
	p, err := r.Plan(ctx, step)
	require.NoError(t, err)
	require.True(t, p.Look, "though no signal may have come")
	require.False(t, r.remediationNow(rem.ID).Wake)

	p, err = r.Plan(ctx, step)
	require.NoError(t, err)
	require.True(t, p.Look, "a plan is no look")
	_, err = r.SyncTicket(ctx, step)
	require.NoError(t, err)
	p, err = r.Plan(ctx, step)
	require.NoError(t, err)
	require.False(t, p.Look)

	for _, again := range []string{"c2", "c1"} { // repeated, and out of order
		tell(lifecycle.TicketChange{Tracker: "local", Marker: rem.ID, Cause: again})
	}
	require.Len(t, waker.woken, 1, "the same change twice is one")
	tell(lifecycle.TicketChange{Tracker: "local", Key: rem.Ticket, Cause: "c3"})
	require.Len(t, waker.woken, 2, "found by its key")
}

func TestACallAboutNothingOfOursLeadsToNothing(t *testing.T) {
	r, _, rem, waker := ticketed(t)
	for name, c := range map[string]lifecycle.TicketChange{
		"another tracker's issue with a copied marker": {Tracker: "jira", Marker: rem.ID, Key: "PAY-1"},
		"another tracker's issue with the same key":    {Tracker: "jira", Key: rem.Ticket},
		"a marker that there isn't":                    {Tracker: "local", Marker: "none", Key: "none"},
		"nothing at all":                               {Tracker: "local"},
	} {
		require.NoError(t, r.TicketChanged(t.Context(), c), name)
		require.Equal(t, rem.Version, r.remediationNow(rem.ID).Version, name)
	}
	require.Empty(t, waker.woken)
}

func TestAChangeThatIsToldWhileTheTicketIsReadIsLookedAtAfterwards(t *testing.T) {
	r, _, rem, _ := ticketed(t)
	ctx := t.Context()
	step := RemediationStep{ID: rem.ID}
	require.NoError(t, r.TicketChanged(ctx, lifecycle.TicketChange{Tracker: "local", Marker: rem.ID, Cause: "c1"}))
	_, err := r.Plan(ctx, step)
	require.NoError(t, err)
	rem = r.remediationNow(rem.ID)
	r.clock = r.clock.Add(time.Second)
	require.NoError(t, r.TicketChanged(ctx, lifecycle.TicketChange{Tracker: "local", Marker: rem.ID, Cause: "c2"}))
	_, err = r.looked(ctx, &rem, &connectors.Issue{Key: rem.Ticket}, r.now(), false) // what was read before c2 was told
	require.NoError(t, err)
	p, err := r.Plan(ctx, step)
	require.NoError(t, err)
	require.True(t, p.Look)
}
