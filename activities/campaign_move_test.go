package activities

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

func (c *crusade) move(cause string, to time.Time) error {
	_, err := c.MoveCampaign(c.t.Context(), "perimeter", campaign.Move{Cause: cause, To: to, By: "bob", Reason: "the vendor is late"})
	return err
}

func TestMembersTicketAndWordsFollowADeadlineThatIsMoved(t *testing.T) {
	c := newCrusade(t, nil)
	ids := c.open("dmz", 3)
	was := c.clock.Add(30 * day)
	c.begin(was)
	c.followOn()
	c.followOn()
	changes, to := len(c.causes), was.Add(14*day)
	c.clock = c.clock.Add(day)
	for range 3 {
		require.NoError(t, c.move("k1", to), "the same again is the same move")
	}
	require.Len(t, c.stands().Moves, 1)
	c.followOn()
	for _, id := range ids {
		require.Equal(t, to, c.member(id).Until.UTC())
	}
	require.Len(t, c.causes, changes+1, "their due dates are decided anew")
	issue, err := c.Trackers["local"].Get(t.Context(), c.stands().Ticket.Key)
	require.NoError(t, err)
	require.Equal(t, to, issue.Due.UTC())
	require.Len(t, c.saidOf("was moved to"), 2, "the lead and the channel")
	require.False(t, c.stands().Outdated)
	c.followOn()
	require.Len(t, c.causes, changes+1)

	c.open("dmz", 1)
	require.NoError(t, c.move("k2", was.Add(-10*day)), "earlier, too")
	c.followOn()
	for _, id := range ids {
		require.Equal(t, was.Add(-10*day), c.member(id).Until.UTC())
	}
	require.Len(t, c.saidOf("was moved to"), 4)
}

func TestADeadlineInThePastAndACampaignThatHasEndedAreRefused(t *testing.T) {
	c := newCrusade(t, nil)
	c.open("dmz", 1)
	x := c.begin(c.clock.Add(30 * day))
	err := c.move("k1", c.clock.Add(-time.Hour))
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "until is in the past")
	_, err = c.EndCampaign(t.Context(), "perimeter", campaign.Closed, "ann", "enough")
	require.NoError(t, err)
	err = c.move("k1", x.Until.Add(day))
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, "it is closed since")
	require.Empty(t, c.stands().Moves)
}

func TestADeadlineThatIsMovedDuringALookIsFollowedAtOnce(t *testing.T) {
	c := newCrusade(t, nil)
	ids := c.open("dmz", 2)
	to := c.clock.Add(44 * day)
	c.begin(c.clock.Add(30 * day))
	c.during = func() { require.NoError(t, c.move("k", to)) }
	_, err := c.LookAtCampaign(t.Context(), CampaignStep{ID: "perimeter"})
	require.NoError(t, err)
	require.True(t, c.stands().Outdated)
	require.False(t, c.stands().Look.After(c.clock), "the next look is due now")
	c.followOn()
	for _, id := range ids {
		require.Equal(t, to, c.member(id).Until.UTC())
	}
}

// TestWhoeverDiesWhileADeadlineIsMovedLeavesItMoved kills the process at each write of the
// move and of the look after it; another one goes on.
func TestWhoeverDiesWhileADeadlineIsMovedLeavesItMoved(t *testing.T) {
	moved := func(at int64, after bool) (writes int64) {
		var written, dies atomic.Int64
		dies.Store(-1)
		c := newCrusade(t, func(e engine.Engine) engine.Engine {
			return &mortal{Engine: e, writes: &written, at: &dies, after: after}
		})
		ids := c.open("dmz", 2)
		to := c.clock.Add(44 * day)
		c.begin(c.clock.Add(30 * day))
		c.followOn()
		c.followOn()
		changes := len(c.causes)
		written.Store(0)
		dies.Store(at)
		c.insist(func(ctx context.Context) error {
			_, err := c.MoveCampaign(ctx, "perimeter", campaign.Move{Cause: "k", To: to, By: "bob", Reason: "the vendor is late"})
			return err
		})
		c.followOn()
		dies.Store(-1)
		c.followOn()
		for _, id := range ids {
			require.Equal(t, to, c.member(id).Until.UTC(), "dying at %d (after it: %v)", at, after)
		}
		require.Greater(t, len(c.causes), changes)
		require.Len(t, c.stands().Moves, 1)
		require.False(t, c.stands().Outdated)
		require.Len(t, c.saidOf("was moved to"), 2, "dying at %d (after it: %v)", at, after)
		return written.Load()
	}
	writes := moved(-1, false)
	require.Greater(t, writes, int64(6))
	for at := range writes {
		for _, after := range []bool{false, true} {
			moved(at, after)
		}
	}
}

// saidOf are the words to people that hold a text.
func (c *crusade) saidOf(part string) (out []string) {
	c.t.Helper()
	for _, said := range c.told() {
		if strings.Contains(said, part) {
			out = append(out, said)
		}
	}
	return out
}
