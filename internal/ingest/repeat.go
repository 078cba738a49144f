package ingest

import (
	"context"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// repeat is for a body equal to the source's latest one: no finding changes, but the run
// and the last sight are refreshed. A report that states its own time says nothing new by
// arriving again; one that doesn't is a new look with the same result.
func (j *job) repeat(ctx context.Context, last lastSeen) (exposure.Delivery, error) {
	j.run = exposure.Run{ID: last.Run, Source: j.source.Name, Finished: last.Checked}
	if last.OwnTime {
		return j.end(ctx, exposure.DeliveryRepeated, "")
	}
	if err := j.readAttentive(ctx); err != nil {
		return j.d, err
	}
	var batch []exposure.Sighting
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := j.seeAgain(ctx, batch); err != nil {
			return err
		}
		err := j.store.PutSightings(ctx, batch)
		batch = nil
		return err
	}
	err := j.store.EachSighting(ctx, j.source.Name, func(s exposure.Sighting) error {
		if s.Run != last.Run || !s.CheckedAt.Before(j.d.ReceivedAt) {
			return nil
		}
		s.CheckedAt, s.Delivery, s.Version = j.d.ReceivedAt, j.d.ID, s.Version+1
		batch = append(batch, s)
		if len(batch) < 500 {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err != nil {
		return j.d, fault.Wrap(fault.KindOf(err), err, "refreshing what "+j.source.Name+" saw")
	}
	j.run.Finished = j.d.ReceivedAt
	return j.end(ctx, exposure.DeliveryRepeated, "")
}

// seeAgain refreshes the last sight of those exposures that have left tracked.
func (j *job) seeAgain(ctx context.Context, sightings []exposure.Sighting) error {
	edits := map[exposure.ID]edit{}
	assets := map[asset.ID]struct{}{}
	for _, s := range sightings {
		exposure.EachKey(s.Keys, func(k exposure.SeenKey) {
			j.counts[countUnchanged]++
			if _, matters := j.attentive[k.ID]; !matters {
				return
			}
			assets[s.Asset] = struct{}{}
			edits[k.ID] = func(e exposure.Exposure) (exposure.Exposure, bool) {
				return exposure.Hydrate(e, s), e.LastSeen.Before(s.CheckedAt)
			}
		})
	}
	if err := j.resolver.remember(ctx, assets); err != nil {
		return err
	}
	_, err := j.edit(ctx, edits)
	return err
}
