package activities

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store/engine"
)

// campaignEnd is what a campaign leaves behind.
type campaignEnd struct {
	State    campaign.State
	Counts   campaign.Counts
	Created  int
	Comments int
	Done     bool
	Told     []string
	Left     int
	Released bool
}

// campaigning lives a campaign whose process dies at one write of the store, or at one call
// of the tracker.
func campaigning(t *testing.T, at, call int64, after bool) (end campaignEnd, writes, calls int64) {
	t.Helper()
	var written, dies atomic.Int64
	dies.Store(-1)
	c := newCrusade(t, func(e engine.Engine) engine.Engine {
		return &mortal{Engine: e, writes: &written, at: &dies, after: after}
	})
	far := &faraway{now: c.now, at: call, after: after, comments: map[string]int{}, files: map[string]int{}}
	c.Trackers["local"] = far
	ids := c.open("dmz", 3)
	x := c.begin(c.clock.Add(20 * day))
	written.Store(0)
	dies.Store(at)
	c.followOn()
	c.clock = x.Until.Add(time.Hour)
	c.followOn()
	dies.Store(-1) // what happens to members is others' doing
	before := written.Load()
	c.gone(ids...)
	written.Store(before)
	dies.Store(at)
	c.clock = c.clock.Add(time.Hour)
	c.followOn()
	x = c.stands()
	end = campaignEnd{State: x.State, Counts: x.Now(), Created: len(far.created), Comments: len(far.comments), Done: far.issue.Status == connectors.IssueDone, Told: c.told(), Released: x.Released}
	intents, err := c.store.Intents(t.Context(), lifecycle.CampaignMarker(x.ID, x.CreatedAt))
	require.NoError(t, err)
	for _, in := range intents {
		if !in.Done {
			end.Left++
		}
	}
	return end, written.Load(), far.calls
}

func TestACampaignWhoseProcessDiesAnywhereHasOneTicketAndSaysEachThingOnce(t *testing.T) {
	want, writes, calls := campaigning(t, -1, -1, false)
	require.Equal(t, 1, want.Created)
	require.Equal(t, 3, want.Comments, "no parents, missed, met")
	require.True(t, want.Done)
	require.Zero(t, want.Left)
	require.Equal(t, campaign.Met, want.State)
	require.Greater(t, writes, int64(30))
	for at := range writes {
		for _, after := range []bool{false, true} {
			got, _, _ := campaigning(t, at, -1, after)
			require.Equal(t, want, got, "dying at write %d (after it: %v)", at, after)
		}
	}
	for at := range calls {
		for _, after := range []bool{false, true} {
			got, _, _ := campaigning(t, -1, at, after)
			require.Equal(t, want, got, "dying at call %d of the tracker (after it: %v)", at, after)
		}
	}
	t.Logf("%d writes, %d calls", writes, calls)
}
