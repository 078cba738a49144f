package activities

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/lifecycle"
)

// ledgered is a desk that can say what was changed: pages of one issue each.
type ledgered struct {
	*desk
	issues []connectors.Issue
	asked  []time.Time
	down   error
}

func (l *ledgered) Changed(_ context.Context, since time.Time, cursor string) (connectors.ChangedPage, error) {
	l.asked = append(l.asked, since)
	if l.down != nil {
		return connectors.ChangedPage{}, l.down
	}
	from, _ := strconv.Atoi(cursor)
	var page connectors.ChangedPage
	for i := from; i < len(l.issues); i++ {
		if l.issues[i].UpdatedAt.Before(since) {
			continue
		}
		if len(page.Issues) == 1 {
			page.Next = strconv.Itoa(i)
			break
		}
		page.Issues = append(page.Issues, l.issues[i])
	}
	return page, nil
}

func atLedger(t *testing.T) (*rig, lifecycle.Remediation, *ledgered, *counting) {
	t.Helper()
	r, _, rem, d := atDesk(t)
	l := &ledgered{desk: d}
	r.Trackers["local"] = l
	require.NoError(t, r.work(rem.ID))
	waker := &counting{}
	r.Waker = waker
	rem = r.remediationNow(rem.ID)
	return r, rem, l, waker
}

// read gives the ticket as the tracker's list of changes has it.
func (l *ledgered) read(t *testing.T, key string) connectors.Issue {
	t.Helper()
	issue, err := l.Get(t.Context(), key)
	require.NoError(t, err)
	return issue
}

func (r *rig) reconcile(tracker string) ReconcileReport {
	r.t.Helper()
	report, err := r.Reconcile(r.t.Context(), ReconcileRequest{Tracker: tracker})
	require.NoError(r.t, err)
	return report
}

func TestWhatNoWebhookToldIsFoundByTheNextLook(t *testing.T) {
	r, rem, l, waker := atLedger(t)
	l.issues = []connectors.Issue{l.read(t, rem.Ticket)}
	require.Zero(t, r.reconcile("local").Woken, "it is as we left it")
	require.Empty(t, waker.woken)

	r.clock = r.clock.Add(time.Minute)
	r.moved(rem.Ticket, connectors.IssueDone)
	l.issues = []connectors.Issue{l.read(t, rem.Ticket)}
	require.EqualValues(t, 1, r.reconcile("local").Woken)
	require.Equal(t, []string{rem.ID + " ticket"}, waker.woken)
	require.False(t, r.remediationNow(rem.ID).Look.IsZero(), "and it isn't lost")
	require.Zero(t, r.reconcile("local").Woken, "the same change twice is one")
	require.NoError(t, r.work(rem.ID))
	require.Zero(t, r.reconcile("local").Woken)
	require.Equal(t, 30*time.Second, r.reconcile("local").Every)
}

func TestALookGoesOnWhereTheLastOneCameTo(t *testing.T) {
	r, rem, l, _ := atLedger(t)
	issue := l.read(t, rem.Ticket)
	r.reconcile("local") // also ends the first pass over all
	for range maxPages + 5 {
		issue.UpdatedAt = issue.UpdatedAt.Add(time.Second)
		l.issues = append(l.issues, issue)
	}
	report := r.reconcile("local")
	require.True(t, report.More)
	require.EqualValues(t, maxPages, report.Changed)
	report = r.reconcile("local")
	require.False(t, report.More)
	require.EqualValues(t, 5, report.Changed)
	l.asked = nil
	r.reconcile("local")
	require.Equal(t, issue.UpdatedAt.Add(-overlap-l.lag).UTC(), l.asked[0].UTC(), "the checkpoint is the tracker's time of the newest change")

	st, err := r.reconciled(t.Context(), "local")
	require.NoError(t, err)
	since := st.Since
	l.down = errors.New("boom")
	require.Contains(t, r.reconcile("local").Problem, "boom")
	st, err = r.reconciled(t.Context(), "local")
	require.NoError(t, err)
	require.Equal(t, since, st.Since, "a look that fails passes over nothing")
	require.False(t, st.Failing.IsZero())
	l.down = nil
	require.Empty(t, r.reconcile("local").Problem)
}

func TestCopiesAndWhatBelongsToNobodyAreFoundAndSaidOnce(t *testing.T) {
	r, rem, l, waker := atLedger(t)
	one := l.read(t, rem.Ticket)
	l.issues = []connectors.Issue{one,
		{Key: "PAY-2", Marker: rem.ID, UpdatedAt: one.UpdatedAt},
		{Key: "PAY-3", Marker: "none", UpdatedAt: one.UpdatedAt}}
	for range 3 {
		r.reconcile("local")
		r.clock = r.clock.Add(time.Minute)
	}
	st, err := r.reconciled(t.Context(), "local")
	require.NoError(t, err)
	require.Len(t, st.Duplicates, 1)
	require.Equal(t, "PAY-2", st.Duplicates[0].Key)
	require.Len(t, st.Orphans, 1)
	require.Equal(t, "PAY-3", st.Orphans[0].Key)
	require.Equal(t, []string{"tracker"}, r.escalated())
	require.Empty(t, waker.woken)
	require.Equal(t, rem.Ticket, r.remediationNow(rem.ID).Ticket, "the copy doesn't take its place")

	l.renamed[rem.Ticket] = "OPS-9"
	l.issues = []connectors.Issue{{Key: "OPS-9", Marker: rem.ID, UpdatedAt: r.clock}}
	r.reconcile("local")
	require.Equal(t, []string{rem.ID + " ticket"}, waker.woken, "what was moved is no copy")
}

func TestOnceADayEveryTicketIsComparedAndThoseThatAreMissingAreRead(t *testing.T) {
	r, rem, l, waker := atLedger(t)
	r.reconcile("local") // the issues
	r.reconcile("local") // the remediations
	st, err := r.reconciled(t.Context(), "local")
	require.NoError(t, err)
	require.False(t, st.Full.Ended.IsZero())
	require.Empty(t, waker.woken, "it was looked at not long ago")

	l.asked = nil
	r.clock = r.clock.Add(time.Hour)
	r.reconcile("local")
	require.Len(t, l.asked, 1, "not again within a day")
	r.clock = r.clock.Add(day)
	l.hidden[rem.Ticket] = true // deleted: no list of changes has it
	r.reconcile("local")
	require.Empty(t, waker.woken)
	r.reconcile("local")
	require.Equal(t, []string{rem.ID + " ticket"}, waker.woken)
}

func TestATrackerThatLeftTheConfigurationIsNoLongerLookedAt(t *testing.T) {
	r, _, _, _ := atLedger(t)
	require.True(t, r.reconcile("jira").Gone)
}

func TestACampaignsTicketIsNobodysStray(t *testing.T) {
	r, _, l, waker := atLedger(t)
	l.issues = []connectors.Issue{{Key: "PAY-9", Marker: lifecycle.CampaignMarker("kev", epoch), UpdatedAt: epoch}}
	require.Zero(t, r.reconcile("local").Woken)
	require.Empty(t, waker.woken)
	st, err := r.reconciled(t.Context(), "local")
	require.NoError(t, err)
	require.Empty(t, st.Orphans)
}
