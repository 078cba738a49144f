package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
	"github.com/quellsec/quell/internal/store/engine"
)

func campaigns(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))

	t.Run("a campaign's ID is claimed once, and it is written by whoever read its last version", func(t *testing.T) { claimedCampaign(t, s) })
	t.Run("campaigns are found by state, by deadline, and by when they are to be looked at", func(t *testing.T) { foundCampaigns(t, s) })
	t.Run("members are found, counted and walked over by their campaign, in every state", func(t *testing.T) { members(t, s) })
	t.Run("a campaign's tickets are found by it", func(t *testing.T) { campaignTickets(t, s) })
	t.Run("what was known to be exploited before there was an index is in it after an upgrade", func(t *testing.T) { upgraded(t, address(t)) })
}

func campaignTickets(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	for _, r := range []lifecycle.Remediation{{ID: "r1", Version: 1, Campaign: "kev"}, {ID: "r2", Version: 1}, {ID: "r3", Version: 1, Campaign: "other"}} {
		_, _, err := s.ClaimRemediation(ctx, r)
		require.NoError(t, err)
	}
	page, err := s.FindRemediations(ctx, lifecycle.RemediationFilter{Campaign: "kev"}, exposure.List{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, "r1", page.Items[0].ID)
}

func claimedCampaign(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	c := aCampaign("kev", day(9))
	_, fresh, err := s.ClaimCampaign(ctx, c)
	require.NoError(t, err)
	require.True(t, fresh)
	other := aCampaign("kev", day(3))
	stored, fresh, err := s.ClaimCampaign(ctx, other)
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, c, stored)
	c.Version, c.State, c.Look = 2, campaign.Met, time.Time{}
	for _, want := range []bool{true, false} {
		ok, err := s.SwapCampaign(ctx, c)
		require.NoError(t, err)
		require.Equal(t, want, ok)
	}
	found, err := s.Campaign(ctx, "kev")
	require.NoError(t, err)
	require.Equal(t, c, found)
	_, err = s.Campaign(ctx, "nothing")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func foundCampaigns(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	for _, c := range []campaign.Campaign{aCampaign("late", day(8)), aCampaign("soon", day(2))} {
		_, _, err := s.ClaimCampaign(ctx, c)
		require.NoError(t, err)
	}
	names := func(page exposure.Page[campaign.Campaign], err error) (out []string) {
		require.NoError(t, err)
		for _, c := range page.Items {
			out = append(out, c.ID)
		}
		return out
	}
	require.Equal(t, []string{"soon", "late"}, names(s.FindCampaigns(ctx, campaign.Open, exposure.List{})))
	require.Equal(t, []string{"soon", "late", "kev"}, names(s.FindCampaigns(ctx, "", exposure.List{})))
	require.ElementsMatch(t, []string{"soon", "late"}, names(s.DueCampaigns(ctx, time.Time{}, exposure.List{})), "one that has ended is not looked at")
	require.Empty(t, names(s.DueCampaigns(ctx, day(1), exposure.List{})))
	require.Len(t, names(s.DueCampaigns(ctx, day(1).Add(time.Second), exposure.List{})), 2)
	page, err := s.FindCampaigns(ctx, "", exposure.List{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"kev"}, names(s.FindCampaigns(ctx, "", exposure.List{Limit: 2, Cursor: page.Next})))
}

func aCampaign(id string, until time.Time) campaign.Campaign {
	return campaign.Campaign{ID: id, Version: 1, Name: id, Until: until, State: campaign.Open, Lead: "ann", Look: day(1), CreatedAt: day(1), UpdatedAt: day(1),
		Where: campaign.Condition{KEV: true, Scopes: []string{"dmz"}}, Points: []campaign.Point{{At: day(1), Counts: campaign.Counts{Total: 2, Open: 2}}}}
}

func members(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	xs := exposures(4)
	xs[0].Join(exposure.Membership{Campaign: "kev", Until: day(9)})
	xs[1].Join(exposure.Membership{Campaign: "kev", Until: day(9)})
	xs[1].Join(exposure.Membership{Campaign: "other"})
	xs[1].State = exposure.Closed
	xs[2].Join(exposure.Membership{Campaign: "other"})
	xs[3].Decision.Inputs = map[string]string{"kev": "yes"}
	_, err := s.InsertExposures(ctx, xs)
	require.NoError(t, err)
	counts, err := s.CountExposures(ctx, exposure.Filter{Campaign: "kev"}, "state")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"tracked": 1, "closed": 1}, counts)
	page, err := s.FindExposures(ctx, exposure.Filter{Campaign: "other"}, exposure.List{Sort: exposure.SortID})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	n := 0
	require.NoError(t, s.EachExposure(ctx, exposure.Filter{Campaign: "kev", Updated: xs[0].UpdateAt.Add(time.Hour)}, func(exposure.Exposure) error { n++; return nil }))
	require.Zero(t, n, "only those that changed since")
	xs[3].Join(exposure.Membership{Campaign: "kev"})
	xs[3].Version++
	_, err = s.SwapExposures(ctx, xs[3:])
	require.NoError(t, err)
	require.NoError(t, s.EachExposure(ctx, exposure.Filter{Campaign: "kev"}, func(exposure.Exposure) error { n++; return nil }))
	require.Equal(t, 3, n)
	counts, err = s.CountExposures(ctx, exposure.Filter{KEV: true}, "")
	require.NoError(t, err)
	require.EqualValues(t, 1, counts[""])
}

// unmarked is an engine as it was before there was an index over what is exploited.
type unmarked struct{ engine.Engine }

func (u unmarked) Insert(ctx context.Context, c *engine.Collection, docs []engine.Doc) ([]bool, error) {
	if at, _, ok := c.Field("kev"); ok {
		for i := range docs {
			docs[i].Values[at] = nil
		}
	}
	return u.Engine.Insert(ctx, c, docs)
}

func upgraded(t *testing.T, where string) {
	t.Helper()
	ctx := t.Context()
	var e engine.Engine
	s, err := store.Open(ctx, where, store.Options{Wrap: func(inner engine.Engine) engine.Engine { e = inner; return unmarked{inner} }})
	require.NoError(t, err)
	x := Exposure(asset.Asset{ID: "01OLD"}, "a")
	x.Decision.Inputs = map[string]string{"kev": "yes"}
	_, err = s.InsertExposures(ctx, []exposure.Exposure{x, Exposure(asset.Asset{ID: "01OLD"}, "a")})
	require.NoError(t, err)
	require.NoError(t, e.SetSchemaVersion(ctx, 2))
	require.NoError(t, s.Close())
	s = Open(t, where)
	page, err := s.FindExposures(ctx, exposure.Filter{KEV: true}, exposure.List{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, x.ID, page.Items[0].ID)
}
