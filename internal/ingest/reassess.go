package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Reassessed is what a reassessment did.
type Reassessed struct {
	Looked  int64 `json:"looked"`
	Changed int64 `json:"changed"`
}

// Reassess decides anew on the exposures of a filter, because intelligence, policy, scopes
// or owners changed. Only those whose decision, owner or scopes come out differently are
// written. The cause names what changed; the same cause twice is one reassessment.
func (p *Pipeline) Reassess(ctx context.Context, filter exposure.Filter, cause string, beat func(Progress)) (Reassessed, error) {
	j := newJob(p, Source{Name: "policy"}, exposure.Delivery{ID: cause})
	var out Reassessed
	batch := make([]exposure.Exposure, 0, batchSize)
	flush := func() error {
		group, err := j.restless(ctx, batch)
		if err != nil {
			return err
		}
		n, err := j.reassess(ctx, group)
		out.Looked += int64(len(batch))
		out.Changed += n
		batch = batch[:0]
		if beat != nil {
			beat(Progress{Delivery: cause, Findings: out.Looked})
		}
		return err
	}
	err := p.store.EachExposure(ctx, filter, func(e exposure.Exposure) error {
		if e.State == exposure.Merged {
			return nil
		}
		if batch = append(batch, e); len(batch) < batchSize {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return out, fault.Wrap(fault.KindOf(err), err, "deciding anew because of "+cause)
}

// restless gives those of a batch that something follows from, as they were just read.
// After new intelligence nothing follows from most of them, and to see that needs no second
// look at the store.
func (j *job) restless(ctx context.Context, batch []exposure.Exposure) (map[exposure.ID]asset.ID, error) {
	assets := map[asset.ID]struct{}{}
	for i := range batch {
		assets[batch[i].Asset] = struct{}{}
	}
	group := map[exposure.ID]asset.ID{}
	if len(batch) == 0 {
		return group, nil
	}
	if err := j.resolver.remember(ctx, assets); err != nil {
		return nil, err
	}
	for i := range batch {
		e := &batch[i]
		a := j.assess.Assess(*e, j.resolver.assets[e.Asset], j.at)
		_, follows := lifecycleEvent(*e, a)
		if follows || e.Wake || a.Decision.Digest != e.Decision.Digest || !slices.Equal(a.Scopes, e.Scopes) || !e.Owner.Manual && a.Owner.Team != e.Owner.Team {
			group[e.ID] = e.Asset
		}
	}
	return group, nil
}

// reassessChanged decides anew on the other exposures of assets whose scope, owner or
// place changed with this report.
func (j *job) reassessChanged(ctx context.Context) error {
	changed := slices.Compact(slices.Sorted(slices.Values(j.resolver.changed)))
	if len(changed) == 0 {
		return nil
	}
	group := map[exposure.ID]asset.ID{}
	for chunk := range slices.Chunk(changed, 200) {
		err := j.store.EachExposure(ctx, exposure.Filter{Assets: chunk}, func(e exposure.Exposure) error {
			group[e.ID] = e.Asset
			return nil
		})
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading the exposures of changed assets")
		}
	}
	_, err := j.reassess(ctx, group)
	return err
}

func (j *job) reassess(ctx context.Context, group map[exposure.ID]asset.ID) (changed int64, err error) {
	if len(group) == 0 {
		return 0, nil
	}
	assets := map[asset.ID]struct{}{}
	for _, id := range group {
		assets[id] = struct{}{}
	}
	if err := j.resolver.remember(ctx, assets); err != nil {
		return 0, err
	}
	edits := make(map[exposure.ID]edit, len(group))
	for id := range maps.Keys(group) {
		edits[id] = func(e exposure.Exposure) (exposure.Exposure, bool) {
			a := j.assess.Assess(e, j.resolver.assets[e.Asset], j.at)
			news := a.Decision.Digest != e.Decision.Digest || !slices.Equal(a.Scopes, e.Scopes) ||
				a.Reassigns(&e.Owner)
			if news {
				changed++
			}
			// In store mode the decision and the owner follow as events; only the scopes
			// are written here.
			write := !slices.Equal(a.Scopes, e.Scopes) || (news && e.Mode == exposure.ModeWorkflow)
			e.Scopes = a.Scopes
			return e, write
		}
	}
	_, err = j.edit(ctx, edits)
	return changed, err
}

// Placed is what PlaceAssets did.
type Placed struct {
	Looked  int64 `json:"looked"`
	Changed int64 `json:"changed"`
}

// PlaceAssets puts assets into scopes anew, after the scopes or owners changed.
func (p *Pipeline) PlaceAssets(ctx context.Context, each func(context.Context, func(asset.Asset) error) error) (Placed, error) {
	var out Placed
	var batch []asset.Asset
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		swapped, err := p.store.SwapAssets(ctx, batch)
		for _, ok := range swapped {
			if !ok && err == nil {
				err = fault.New(fault.Conflict, "placing assets: one changed meanwhile; run it again")
			}
		}
		out.Changed += int64(len(batch))
		batch = batch[:0]
		return err
	}
	err := each(ctx, func(a asset.Asset) error {
		out.Looked++
		if a.MergedInto != "" {
			return nil
		}
		a, settled := p.prefer.Settle(a)
		if placed := p.assess.Place(&a); !placed && !settled {
			return nil
		}
		a.Version++
		a.UpdatedAt = p.now()
		if batch = append(batch, a); len(batch) < batchSize {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return out, fmt.Errorf("placing assets into scopes: %w", err)
	}
	return out, nil
}
