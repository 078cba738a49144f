package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func TestMembersTicketsBecomePartsOfTheCampaigns(t *testing.T) {
	c := newCrusade(t, nil)
	c.id = c.validating()
	_, _, err := c.Ledger.Touch(t.Context(), c.id, func(e *exposure.Exposure) bool { e.Scopes = []string{"dmz"}; return true })
	require.NoError(t, err)
	c.follow()
	c.probed(exposure.Confirmed)
	c.step(c.Join)
	c.remediate()
	c.begin(c.clock.Add(30 * day))
	c.followOn()
	c.remediate()
	key := c.stands().Ticket.Key
	require.NotEmpty(t, key)
	rem := c.remediationNow(c.exposureNow(c.id).RemediationID)
	require.Equal(t, "perimeter", rem.Campaign)
	require.Equal(t, key, rem.Parent)
	ticket, err := c.store.Ticket(t.Context(), rem.Ticket)
	require.NoError(t, err)
	require.Equal(t, key, ticket.Parent)
	above, err := c.store.Ticket(t.Context(), key)
	require.NoError(t, err)
	require.Contains(t, above.Description, rem.Ticket)

	// Another campaign doesn't take it while this one runs, and may afterwards.
	other := campaign.Campaign{ID: "other", Tracker: "local", State: campaign.Open, Ticket: campaign.Ticket{Key: "QT-other"}}
	require.NoError(t, c.linkOne(t.Context(), &other, rem.ID))
	require.Equal(t, "perimeter", c.remediationNow(rem.ID).Campaign)
	_, err = c.EndCampaign(t.Context(), "perimeter", campaign.Closed, "ann", "enough")
	require.NoError(t, err)
	require.NoError(t, c.linkOne(t.Context(), &other, rem.ID))
	require.Equal(t, "other", c.remediationNow(rem.ID).Campaign)
}

// flat is a tracker that puts no ticket below another.
type flat struct{ connectors.Tracker }

func TestATrackerWithoutParentsIsNoObstacle(t *testing.T) {
	c := newCrusade(t, nil)
	c.open("dmz", 1)
	c.Trackers["local"] = flat{c.Trackers["local"]}
	c.begin(c.clock.Add(30 * day))
	c.followOn()
	x := c.stands()
	require.True(t, x.Ticket.NoParent)
	ticket, err := c.store.Ticket(t.Context(), x.Ticket.Key)
	require.NoError(t, err)
	require.Contains(t, ticket.Comments[0].Text, "puts no ticket below another")
}

func TestADeletedTicketIsMadeAgainOnce(t *testing.T) {
	c := newCrusade(t, nil)
	c.open("dmz", 1)
	far := &faraway{now: c.now, at: -1, comments: map[string]int{}, files: map[string]int{}}
	deleted := &vanishing{faraway: far}
	c.Trackers["local"] = deleted
	c.begin(c.clock.Add(30 * day))
	for range 3 {
		c.followOn()
		deleted.gone = true
		c.clock = c.clock.Add(time.Hour)
		c.followOn()
	}
	require.Len(t, far.created, 2)
	require.True(t, c.given())
	require.Contains(t, c.told(), "@ann: The ticket of the campaign The perimeter can't be kept")
}

// vanishing is a tracker whose issue somebody deletes.
type vanishing struct {
	*faraway
	gone bool
}

func (v *vanishing) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	if v.gone {
		return connectors.Issue{}, fault.New(fault.NotFound, "deleted")
	}
	return v.faraway.FindByMarker(ctx, marker)
}

func (v *vanishing) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	v.gone = false
	return v.faraway.Create(ctx, issue)
}

func (v *vanishing) Get(ctx context.Context, key string) (connectors.Issue, error) {
	if v.gone {
		return connectors.Issue{}, fault.New(fault.NotFound, "deleted")
	}
	return v.faraway.Get(ctx, key)
}
