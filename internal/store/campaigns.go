package store

import (
	"context"
	"math"
	"time"

	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

//nolint:gochecknoglobals // a constant declaration
var campaigns = engine.Collection{
	Name:    "campaigns",
	Fields:  []engine.Field{{Name: "state"}, {Name: "until", Kind: engine.Int}, {Name: "look", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"state", "until"}}, {Fields: []string{"until"}}, {Fields: []string{"look"}, Sparse: true}},
}

func (s *Store) campaigns() of[campaign.Campaign] {
	return of[campaign.Campaign]{Collection: &campaigns, e: s.engine,
		id:     func(x *campaign.Campaign) string { return x.ID },
		at:     func(x *campaign.Campaign) int64 { return x.Version },
		values: func(x *campaign.Campaign) []any { return []any{string(x.State), x.Until.UnixMilli(), ms(x.Look)} }}
}

// ClaimCampaign begins a campaign unless its ID is taken; it gives the one stored, and
// whether it is new.
func (s *Store) ClaimCampaign(ctx context.Context, c campaign.Campaign) (campaign.Campaign, bool, error) {
	return claimOne(ctx, s.campaigns(), c)
}

// Campaign gives one campaign; fault.NotFound.
func (s *Store) Campaign(ctx context.Context, id string) (campaign.Campaign, error) {
	return s.campaigns().one(ctx, id)
}

// SwapCampaign writes it if the stored version is Version-1, and says whether.
func (s *Store) SwapCampaign(ctx context.Context, c campaign.Campaign) (bool, error) {
	return swapOne(ctx, s.campaigns(), c)
}

// FindCampaigns gives one page of those in a state, or in any for "", by their deadlines.
func (s *Store) FindCampaigns(ctx context.Context, state campaign.State, l exposure.List) (exposure.Page[campaign.Campaign], error) {
	var w where
	w.equal("state", string(state))
	return s.campaigns().page(ctx, w, ordering{name: "campaigns", fields: []string{"until"}}, l)
}

// DueCampaigns gives those that were to be looked at before a time, or are to be at any
// time for the zero time: the longest due first.
func (s *Store) DueCampaigns(ctx context.Context, before time.Time, l exposure.List) (exposure.Page[campaign.Campaign], error) {
	limit := before.UnixMilli()
	if before.IsZero() {
		limit = math.MaxInt64
	}
	w := where{{Field: "look", Op: engine.Below, Values: []any{limit}}}
	return s.campaigns().page(ctx, w, ordering{name: "due-campaigns", fields: []string{"look"}}, l)
}

// markExploited writes again what is known to be exploited, so that it is found as such.
// Whoever writes one meanwhile has done so.
func (s *Store) markExploited(ctx context.Context) error {
	var batch []exposure.Exposure
	flush := func() error {
		_, err := s.SwapExposures(ctx, batch)
		batch = batch[:0]
		return err
	}
	err := s.EachExposure(ctx, exposure.Filter{}, func(x exposure.Exposure) error {
		if !x.KEV() {
			return nil
		}
		x.Version++
		if batch = append(batch, x); len(batch) < maxLimit {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return err
}
