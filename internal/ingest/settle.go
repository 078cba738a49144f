package ingest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// settle ends a run: it completes the run's record, takes the difference between what the
// source saw before and now on each asset, applies it, and only then writes the new
// sightings: dying in between repeats the difference, which then changes nothing.
func (j *job) settle(ctx context.Context) error {
	j.completeRun()
	ids := slices.Sorted(maps.Keys(j.seen))
	for chunk := range slices.Chunk(ids, 200) {
		if err := j.settleAssets(ctx, chunk); err != nil {
			return err
		}
	}
	if err := j.reassessChanged(ctx); err != nil {
		return err
	}
	j.counts[countAssets] = int64(len(ids))
	return nil
}

func (j *job) completeRun() {
	j.run.Source, j.run.Connector, j.run.Delivery = j.source.Name, j.source.Connector, j.d.ID
	j.run.AppliedAt = j.at
	j.run.Finished = firstTime(j.run.Finished, j.latestSight(), j.run.Started, j.d.ReceivedAt)
	if j.runID == "" {
		j.runID = firstText(j.run.ID, "delivery/"+j.d.ID)
	}
	j.run.ID = j.runID
	if j.run.Kind == "" {
		j.run.Kind = exposure.RunPartial
		j.run.Complete = false
		j.run.Why = firstText(j.run.Why, "the report does not say what was looked at")
	}
	if j.run.Complete && j.run.Targets == 0 && len(j.seen) == 0 {
		j.run.Complete, j.run.Why = false, "the report names no target"
	}
	for _, s := range j.seen {
		if s.cover != nil {
			j.run.Targets = max(j.run.Targets, 1)
		}
	}
	counts := maps.Clone(j.run.Counts)
	if counts == nil {
		counts = map[string]int{}
	}
	counts["received"] = int(j.counts[countFindings])
	for reason, n := range j.skipped {
		counts["skipped:"+reason] = int(n)
	}
	j.run.Counts = counts
}

func (j *job) latestSight() time.Time {
	var latest time.Time
	for _, s := range j.seen {
		if s.at.After(latest) {
			latest = s.at
		}
	}
	return latest
}

func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// settleAssets settles a few hundred assets with one set of bulk writes.
func (j *job) settleAssets(ctx context.Context, ids []asset.ID) error {
	assets := make(map[asset.ID]struct{}, len(ids)) // a long report may have been forgotten about some
	for _, id := range ids {
		assets[id] = struct{}{}
	}
	if err := j.resolver.remember(ctx, assets); err != nil {
		return err
	}
	edits := map[exposure.ID]edit{}
	for _, id := range ids {
		if s := j.seen[id]; !j.outdated(s) {
			j.stageGone(s, edits)
		}
	}
	if _, err := j.edit(ctx, edits); err != nil { // a sighting may name an exposure that was erased
		return err
	}
	sightings := make([]exposure.Sighting, 0, len(ids))
	for _, id := range ids {
		if next, ok := j.sighting(id, j.seen[id]); ok {
			sightings = append(sightings, next)
		}
	}
	if len(sightings) == 0 {
		return nil
	}
	err := j.store.PutSightings(ctx, sightings)
	return fault.Wrap(fault.KindOf(err), err, "recording what "+j.source.Name+" saw")
}

// outdated reports whether a later look at the asset is known. Such a report takes
// nothing away; it may still add what the later look, if partial, didn't reach.
func (j *job) outdated(s *seen) bool { return j.checkedAt(s).Before(s.old.CheckedAt) }

// checkedAt is when this run looked at an asset.
func (j *job) checkedAt(s *seen) time.Time {
	var cover time.Time
	if s.cover != nil {
		cover = firstTime(s.cover.CheckedAt, j.run.Finished)
	}
	if s.at.After(cover) {
		return s.at
	}
	return firstTime(cover, j.run.Finished)
}

// stageGone stages what it means for each exposure that it was in the old sighting and
// isn't in the new one. One that changed was refreshed already.
func (j *job) stageGone(s *seen, edits map[exposure.ID]edit) {
	checked := j.checkedAt(s)
	sameLook := checked.Equal(s.old.CheckedAt) // another part of the same run, or this delivery again
	s.keys = exposure.SortKeys(s.keys)
	exposure.DiffKeys(s.old.Keys, s.keys, func(change exposure.KeyChange, key exposure.SeenKey) {
		switch {
		case change != exposure.KeyRemoved:
		case sameLook:
			s.kept = exposure.AppendKey(s.kept, key)
		default:
			j.counts[countAbsent]++
			edits[key.ID] = j.gone(s, key, checked)
		}
	})
}

// gone says of an exposure what it means that this run did not report it. Only a look
// that covered it takes its key out of the sighting: else the next one that does cover it
// would have nothing to compare with.
func (j *job) gone(s *seen, key exposure.SeenKey, checked time.Time) edit {
	return func(e exposure.Exposure) (exposure.Exposure, bool) {
		e = exposure.Hydrate(e, s.old)
		status := j.presence(s, e)
		if status != exposure.VerifiedAbsent {
			s.kept = exposure.AppendKey(s.kept, key)
		}
		return exposure.MarkAbsent(e, j.source.Name, j.runID, checked, status)
	}
}

// presence is what this run's silence says about an exposure: the least that it says
// about any of the source's findings.
func (j *job) presence(s *seen, e exposure.Exposure) exposure.PresenceStatus {
	if s.cover == nil {
		return exposure.NotCovered
	}
	status := exposure.VerifiedAbsent
	for i := range e.Findings {
		f := &e.Findings[i]
		if f.Source != j.source.Name {
			continue
		}
		if p := exposure.PresenceAfter(j.run, *s.cover, f.Check, f.Location); p != exposure.VerifiedAbsent {
			status = p
		}
	}
	return status
}

// sighting is what the source has now seen on an asset, if this report adds to it.
func (j *job) sighting(id asset.ID, s *seen) (exposure.Sighting, bool) {
	next := exposure.Sighting{
		ID: j.source.Name + "|" + string(id), Version: s.old.Version + 1, Source: j.source.Name, Asset: id,
		Run: j.runID, Delivery: j.d.ID, CheckedAt: j.checkedAt(s),
	}
	if j.outdated(s) {
		if len(s.keys) == 0 || s.old.Complete {
			return next, false
		}
		next.Run, next.CheckedAt = s.old.Run, s.old.CheckedAt
		next.Keys = exposure.UnionKeys(s.old.Keys, exposure.SortKeys(s.keys))
		return next, true
	}
	next.Keys = exposure.UnionKeys(s.keys, exposure.SortKeys(s.kept))
	next.Complete = j.run.Complete && s.cover != nil && s.cover.Outcome == exposure.TargetOK && len(s.cover.Locations) == 0
	return next, true
}
