package ingest

import (
	"context"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Reroute finds the owners of assets, and of their exposures, anew: because something was
// learned about them, or because what was known has grown old. Assets that somebody else
// writes meanwhile are left to him, who places them as well.
func (p *Pipeline) Reroute(ctx context.Context, ids []asset.ID, why string) (Reassessed, error) {
	found, err := p.store.Assets(ctx, ids)
	if err != nil {
		return Reassessed{}, fault.Wrap(fault.KindOf(err), err, "reading assets to find their owners anew")
	}
	if _, err := p.place(ctx, found); err != nil {
		return Reassessed{}, err
	}
	return p.Reassess(ctx, exposure.Filter{Assets: ids}, "ownership/"+why+"/"+p.now().UTC().Format(time.RFC3339Nano), nil)
}

// Revisit looks at assets that were read just now, and finds anew the owners of the
// exposures of those that come out differently. It gives how many did.
func (p *Pipeline) Revisit(ctx context.Context, assets []asset.Asset, why string) (int, error) {
	byID := make(map[asset.ID]asset.Asset, len(assets))
	for _, a := range assets {
		byID[a.ID] = a
	}
	changed, err := p.place(ctx, byID)
	if err != nil || len(changed) == 0 {
		return 0, err
	}
	_, err = p.Reassess(ctx, exposure.Filter{Assets: changed}, "ownership/"+why+"/"+p.now().UTC().Format(time.RFC3339Nano), nil)
	return len(changed), err
}

// place places assets anew and gives those that came out differently.
func (p *Pipeline) place(ctx context.Context, assets map[asset.ID]asset.Asset) ([]asset.ID, error) {
	var changed []asset.ID
	var swaps []asset.Asset
	for id, a := range assets {
		before := a.Owner
		if a.MergedInto != "" || !p.assess.Place(&a) {
			continue
		}
		if a.Owner != before {
			a.OwnerSince = p.now()
		}
		a.Version++
		a.UpdatedAt = p.now()
		changed, swaps = append(changed, id), append(swaps, a)
	}
	slices.Sort(changed)
	if len(swaps) == 0 {
		return nil, nil
	}
	_, err := p.store.SwapAssets(ctx, swaps)
	return changed, fault.Wrap(fault.KindOf(err), err, "writing the owners of assets")
}
