package activities

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
)

func TestAClosingCountsByOurClockHoweverFarTheTrackersIsOff(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ahead": 40 * time.Minute, "behind": -40 * time.Minute, "the same": 0} {
		t.Run(name, func(t *testing.T) {
			r, id, rem, d := atDesk(t)
			d.skew = skew
			require.NoError(t, r.work(rem.ID)) // a look while it is open
			opened := r.clock
			r.clock = r.clock.Add(time.Minute)
			r.moved(rem.Ticket, connectors.IssueDone)
			r.clock = r.clock.Add(time.Minute)
			require.NoError(t, r.work(rem.ID))
			claim := r.exposureNow(id).Claim
			require.NotNil(t, claim)
			require.WithinRange(t, claim.At, opened, r.clock, "a test that begins now is newer than the claim, one from before it is not")
			seen := r.remediationNow(rem.ID).ClosedSeen
			require.NoError(t, r.work(rem.ID))
			require.Equal(t, seen, r.remediationNow(rem.ID).ClosedSeen, "the same closing is one claim")
		})
	}
}

func TestATrackerThatDoesNotSayWhenATicketWasClosedIsBelievedOnce(t *testing.T) {
	r, id, rem, d := atDesk(t)
	d.edit = func(i *connectors.Issue) { i.ClosedAt = time.Time{} }
	require.NoError(t, r.work(rem.ID))
	r.clock = r.clock.Add(time.Minute)
	r.moved(rem.Ticket, connectors.IssueDone)
	found, err := r.SyncTicket(t.Context(), RemediationStep{ID: rem.ID})
	require.NoError(t, err)
	again, err := r.SyncTicket(t.Context(), RemediationStep{ID: rem.ID})
	require.NoError(t, err)
	require.Equal(t, "bob", again.ClosedBy, "whose answer was lost is seen again")
	_, err = r.ClaimMembers(t.Context(), ClaimInput{ID: rem.ID, By: found.ClosedBy, At: found.ClosedAt, Since: found.Claimed})
	require.NoError(t, err)
	_, _, err = r.Ledger.Touch(t.Context(), id, func(e *exposure.Exposure) bool { e.Claim = nil; return true }) // spent
	require.NoError(t, err)
	d.edit = func(i *connectors.Issue) { // somebody comments on it, or the read is stale
		i.ClosedAt, i.UpdatedAt, i.Status, i.ClosedBy = time.Time{}, r.clock.Add(time.Hour), connectors.IssueDone, "bob"
	}
	found, err = r.SyncTicket(t.Context(), RemediationStep{ID: rem.ID})
	require.NoError(t, err)
	require.Empty(t, found.ClosedBy, "it is no other closing")
}

func TestOneHumanChangeLeadsToFewCallsOfTheTrackerThoughOurWritesComeBack(t *testing.T) {
	r, id, rem, d := atDesk(t)
	d.tell = func(key string) {
		for range 3 { // at least once
			require.NoError(t, r.TicketChanged(t.Context(), lifecycle.TicketChange{Tracker: "local", Key: key}))
		}
	}
	require.NoError(t, r.work(rem.ID))
	d.calls = nil
	require.NoError(t, r.work(rem.ID))
	require.Equal(t, []string{"get"}, d.calls, "nothing has happened")

	d.calls = nil
	r.clock = r.clock.Add(time.Minute)
	r.moved(rem.Ticket, connectors.IssueInProgress)
	d.tell(rem.Ticket)
	require.NoError(t, r.work(rem.ID))
	require.LessOrEqual(t, len(d.calls), 3, "%v", d.calls)

	d.calls = nil
	r.clock = r.clock.Add(time.Minute)
	x, err := r.store.Ticket(t.Context(), rem.Ticket)
	require.NoError(t, err)
	title := x.Title
	x.Title, x.UpdatedAt, x.Version = "mine now", r.clock, x.Version+1
	_, err = r.store.SwapTicket(t.Context(), x)
	require.NoError(t, err)
	d.tell(rem.Ticket)
	require.NoError(t, r.work(rem.ID))
	x, err = r.store.Ticket(t.Context(), rem.Ticket)
	require.NoError(t, err)
	require.Equal(t, title, x.Title, "the drift is repaired")
	require.LessOrEqual(t, len(d.calls), 4, "%v", d.calls)
	require.Equal(t, 1, count(d.calls, "update"), "%v", d.calls)
	require.Equal(t, rem.ID, r.exposureNow(id).RemediationID)
}

func count(all []string, what string) (n int) {
	for _, s := range all {
		if s == what {
			n++
		}
	}
	return n
}

func TestWhatMayNotBeSeenIsSaidAndNeverMadeTwice(t *testing.T) {
	r, _, rem, d := atDesk(t)
	d.refuse = fault.New(fault.Denied, "the project is archived")
	for range 3 {
		r.clock = r.clock.Add(time.Hour)
		require.Equal(t, fault.Denied, fault.KindOf(r.work(rem.ID)))
	}
	now := r.remediationNow(rem.ID)
	require.Contains(t, now.Trouble.What, "the project is archived")
	require.Equal(t, rem.Ticket, now.Ticket)
	require.Equal(t, []string{"tracker"}, r.escalated(), "once, for as long as it lasts")
	require.NotContains(t, d.calls, "create")

	d.refuse = nil
	require.NoError(t, r.work(rem.ID))
	require.Nil(t, r.remediationNow(rem.ID).Trouble, "it is over")
	d.refuse = fault.New(fault.Denied, "the token has run out")
	r.clock = r.clock.Add(time.Hour)
	require.Error(t, r.work(rem.ID))
	require.Equal(t, []string{"tracker", "tracker"}, r.escalated())
}

func TestATrackerThatLeftTheConfigurationIsSaid(t *testing.T) {
	r, _, rem, _ := atDesk(t)
	delete(r.Trackers, "local")
	require.Error(t, r.work(rem.ID))
	require.Contains(t, r.remediationNow(rem.ID).Trouble.What, "none called")
}

func TestADeletedTicketIsMadeAnewOnceAndThenSomebodyIsAsked(t *testing.T) {
	r, _, rem, d := atDesk(t)
	d.lag = 5 * time.Minute
	d.hidden[rem.Ticket] = true
	err := r.work(rem.ID)
	require.Equal(t, d.lag, fault.RetryAfter(err), "not before the search would show that it is still there")
	r.clock = r.clock.Add(d.lag)
	require.NoError(t, r.work(rem.ID))
	now := r.remediationNow(rem.ID)
	require.NotEmpty(t, now.Ticket)
	require.NotEqual(t, rem.Ticket, now.Ticket)
	require.Contains(t, r.comments(now.Ticket)[0], "takes the place of "+rem.Ticket)
	require.Empty(t, r.escalated())

	d.hidden[now.Ticket] = true
	d.calls = nil
	for range 3 {
		r.clock = r.clock.Add(time.Hour)
		require.NoError(t, r.work(rem.ID))
	}
	require.NotContains(t, d.calls, "create", "somebody means it")
	require.Equal(t, []string{"tracker"}, r.escalated())
	require.Contains(t, r.remediationNow(rem.ID).Trouble.What, "quell remediations recreate "+rem.ID)

	_, err = r.Recreate(t.Context(), rem.ID, "ann")
	require.NoError(t, err)
	require.Nil(t, r.remediationNow(rem.ID).Trouble)
	_, err = r.Recreate(t.Context(), rem.ID, "ann")
	require.Equal(t, fault.Conflict, fault.KindOf(err), "nobody asks any more")
	p, err := r.Plan(t.Context(), RemediationStep{ID: rem.ID})
	require.NoError(t, err)
	require.True(t, p.Create)
}

func TestATicketThatIsFoundGoneWhileCommentingIsLookedAt(t *testing.T) {
	r, _, rem, d := atDesk(t)
	require.NoError(t, r.intend(t.Context(), rem.ID, lifecycle.IntentComment, "overridden/due"))
	d.hidden[rem.Ticket] = true
	_, err := r.Comment(t.Context(), RemediationStep{ID: rem.ID, Intents: []string{lifecycle.IntentID(rem.ID, lifecycle.IntentComment, "overridden/due")}})
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	require.False(t, r.remediationNow(rem.ID).Look.IsZero())
	require.Empty(t, r.escalated(), "it is made anew: there is nothing to be told")
}

func TestWhereSomebodyIsToBeAskedADeletedTicketIsNotMadeAnew(t *testing.T) {
	r, _, rem, d := atDesk(t)
	r.Keeping = map[string]Keeping{"local": {AskDeleted: true}}
	d.hidden[rem.Ticket] = true
	require.NoError(t, r.work(rem.ID))
	require.NotContains(t, d.calls, "create")
	require.Equal(t, []string{"tracker"}, r.escalated())
}

func TestAMovedTicketIsFollowedUnderItsNewKey(t *testing.T) {
	r, id, rem, d := atDesk(t)
	d.renamed[rem.Ticket] = "OPS-7"
	require.NoError(t, r.work(rem.ID))
	now := r.remediationNow(rem.ID)
	require.Equal(t, "OPS-7", now.Ticket)
	require.Equal(t, []string{rem.Ticket}, now.Former)
	require.Equal(t, "OPS-7", r.exposureNow(id).Ticket)
	require.NotContains(t, d.calls, "create")
}

func TestAStoreFromABackupFindsTheTicketThatItDoesNotKnow(t *testing.T) {
	r, _, rem, d := atDesk(t)
	lost, err := r.edit(t.Context(), rem.ID, func(x *lifecycle.Remediation) bool {
		x.Ticket, x.TicketURL, x.Digest, x.IssueAt = "", "", "", time.Time{}
		return true
	})
	require.NoError(t, err)
	require.Empty(t, lost.Ticket)
	require.NoError(t, r.work(rem.ID))
	require.Equal(t, rem.Ticket, r.remediationNow(rem.ID).Ticket)
	require.NotContains(t, d.calls, "create")
	page, err := r.store.FindTickets(t.Context(), store.TicketFilter{}, exposure.List{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
}

func TestWhatAPersonHasTakenOverIsSaidOnce(t *testing.T) {
	r, _, rem, d := atDesk(t)
	d.edit = func(i *connectors.Issue) { i.Overridden = []string{"due", "summary of no field"} }
	for range 3 {
		require.NoError(t, r.work(rem.ID))
		r.clock = r.clock.Add(time.Hour)
	}
	said := r.comments(rem.Ticket)
	require.Len(t, said, 1)
	require.Contains(t, said[0], "due date of this ticket by hand. It is yours now")
}

func TestACrashWhileWritingIsSeenInTheJournal(t *testing.T) {
	r, id, rem, d := atDesk(t)
	require.NoError(t, r.work(rem.ID))
	_, _, err := r.Ledger.Touch(t.Context(), id, func(e *exposure.Exposure) bool { e.Due = r.clock.Add(30 * day); return true })
	require.NoError(t, err)
	open := func() (kinds []string) {
		intents, err := r.store.Intents(t.Context(), rem.ID)
		require.NoError(t, err)
		for _, in := range intents {
			if !in.Done && in.Kind != lifecycle.IntentNotify {
				kinds = append(kinds, in.Kind)
			}
		}
		return kinds
	}
	lost := d.Tracker
	d.Tracker = dying{lost}
	require.Error(t, r.work(rem.ID))
	require.Equal(t, []string{lifecycle.IntentUpdate}, open())
	d.Tracker = lost
	r.clock = r.clock.Add(time.Minute)
	r.moved(rem.Ticket, connectors.IssueInProgress)
	require.NoError(t, r.work(rem.ID))
	require.Empty(t, open())
	require.False(t, slices.Contains(d.calls, "create"))
}

// dying is a tracker whose answers to writes are lost.
type dying struct{ connectors.Tracker }

func (d dying) Update(ctx context.Context, issue connectors.Issue, cause string) (connectors.Issue, error) {
	if _, err := d.Tracker.Update(ctx, issue, cause); err != nil {
		return connectors.Issue{}, err
	}
	return connectors.Issue{}, errCrash
}
