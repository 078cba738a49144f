package app

import (
	"context"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/scope"
)

// Gaps implements api.Gaps.
func (i *inventory) Gaps(ctx context.Context, page scope.GapPage) ([]scope.Gap, error) {
	statuses, err := i.Sources(ctx)
	if err != nil {
		return nil, err
	}
	sources := make([]scope.Source, 0, len(statuses))
	for n := range statuses {
		s := &statuses[n]
		last := s.LastDelivery
		if s.LastRun.After(last) {
			last = s.LastRun
		}
		sources = append(sources, scope.Source{Name: s.Name, Last: last, Every: i.sources.order[n].Quiet.Std() / 2, Silent: s.Silent, Problem: s.Problem})
	}
	page.OwnerWithin = i.judge.Owners().OwnerWithin()
	var failed error
	gaps := scope.FindGaps(func(yield func(asset.Asset) bool) {
		failed = i.store.EachAsset(ctx, asset.Filter{}, func(a asset.Asset) error {
			if !yield(a) {
				return context.Canceled // nothing stops half-way but a defect
			}
			return nil
		})
	}, i.judge.Grounds().Scopes, sources, i.now(), page)
	return gaps, failed
}
