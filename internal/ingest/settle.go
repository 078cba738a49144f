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

// settle ends a run: it completes the run's record, has the breaker weigh what the run
// takes away, reads what was told without being seen, takes the difference between what
// the source saw before and now on each asset, applies it, and only then writes the new
// sightings: dying in between repeats the difference, which then changes nothing. Of a run
// that the breaker holds only the sights are applied.
func (j *job) settle(ctx context.Context, beat func(Progress)) error {
	j.completeRun()
	j.gather()
	if err := j.weigh(ctx); err != nil {
		return err
	}
	if !j.parked() {
		if err := j.readAgain(ctx, beat); err != nil {
			return err
		}
	}
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
	return j.supersede(ctx)
}

// gather puts together what the report says of each asset, now that the time of its look
// is known. What was last seen before the source's latest look is history, unless this is
// a later look that still speaks of it.
func (j *job) gather() {
	for _, s := range j.seen {
		s.late.sort()
		switch {
		case s.lates == 0:
		case s.cover == nil || j.outdated(s):
			j.counts[countOlder] += s.lates
			s.late = words{}
		default:
			s.said.join(&s.late)
			j.again = j.again || s.lateNews
		}
		s.said.sort()
	}
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
		for _, at := range [...]time.Time{s.at, s.lateAt} {
			if at.After(latest) {
				latest = at
			}
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
		if s := j.seen[id]; !j.parked() && !j.outdated(s) {
			j.stageGone(s, edits)
		}
	}
	if _, err := j.edit(ctx, edits); err != nil { // a sighting may name an exposure that was erased
		return err
	}
	sightings := make([]exposure.Sighting, 0, len(ids))
	for _, id := range ids {
		s := j.seen[id]
		if next, ok := j.sighting(id, s); ok {
			sightings = append(sightings, next)
			if held := s.old.Parked; held != "" && held != j.d.ID && next.Parked != held {
				j.overtaken[held] = true
			}
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

// stageGone stages what it means for each exposure that the source spoke of before and
// that this run says nothing of. One that it does speak of was refreshed already.
func (j *job) stageGone(s *seen, edits map[exposure.ID]edit) {
	checked := j.checkedAt(s)
	sameLook := checked.Equal(s.old.CheckedAt) // another part of the same run, or this delivery again
	stage := func(before []byte, kept *[]byte) {
		exposure.DiffKeys(before, s.said.sights, func(change exposure.KeyChange, key exposure.SeenKey) {
			switch {
			case change != exposure.KeyRemoved:
			case sameLook:
				*kept = exposure.AppendKey(*kept, key)
			case exposure.HasKey(s.said.told, key.ID):
			case exposure.HasKey(s.said.fixed, key.ID):
				edits[key.ID] = j.fixed(s, key, checked, kept)
			default:
				j.counts[countAbsent]++
				edits[key.ID] = j.gone(s, key, checked, kept)
			}
		})
	}
	s.kept, s.tolds = nil, nil
	stage(s.old.Keys, &s.kept)
	stage(s.old.Told, &s.tolds)
}

// fixed says of an exposure that the run calls fixed what it means that the run doesn't
// see it, where the source dates the fix before its own last sight: then a look that
// covered it decides, as if the run had not spoken of it.
func (j *job) fixed(s *seen, key exposure.SeenKey, checked time.Time, kept *[]byte) edit {
	gone := j.gone(s, key, checked, kept)
	return func(e exposure.Exposure) (exposure.Exposure, bool) {
		for _, sight := range e.Sights {
			if sight.Source == j.source.Name && sight.Presence == exposure.VerifiedAbsent {
				return e, false
			}
		}
		return gone(e)
	}
}

// gone says of an exposure what it means that this run did not report it. Only a look
// that covered it takes its key out of the sighting: else the next one that does cover it
// would have nothing to compare with.
func (j *job) gone(s *seen, key exposure.SeenKey, checked time.Time, kept *[]byte) edit {
	return func(e exposure.Exposure) (exposure.Exposure, bool) {
		e = exposure.Hydrate(e, s.old)
		status := j.presence(s, e)
		if status != exposure.VerifiedAbsent {
			*kept = exposure.AppendKey(*kept, key)
		}
		return exposure.MarkApproved(e, j.source.Name, j.runID, checked, status, j.d.Approver())
	}
}

// presence is what this run's silence says about an exposure: the least that it says
// about any of the source's findings.
func (j *job) presence(s *seen, e exposure.Exposure) exposure.PresenceStatus {
	if s.cover == nil {
		return exposure.NotCovered
	}
	status, known := exposure.VerifiedAbsent, false
	for i := range e.Findings {
		f := &e.Findings[i]
		if f.Source != j.source.Name {
			continue
		}
		known = true
		if p := exposure.PresenceAfter(j.run, *s.cover, f.Check, f.Location); p != exposure.VerifiedAbsent {
			status = p
		}
	}
	if !known { // what it once said is unknown, and so whether that was looked for
		return exposure.NotCovered
	}
	return status
}

// sighting is what the source has now seen on an asset, if this report adds to it. A
// report that is older than the last look, or that the breaker holds, may add and takes
// nothing away.
func (j *job) sighting(id asset.ID, s *seen) (exposure.Sighting, bool) {
	next := exposure.Sighting{
		ID: j.source.Name + "|" + string(id), Version: s.old.Version + 1, Source: j.source.Name, Asset: id,
		Run: j.runID, Delivery: j.d.ID, CheckedAt: j.checkedAt(s),
	}
	switch {
	case j.outdated(s):
		if len(s.said.sights) == 0 || s.old.Complete {
			return next, false
		}
		j.addTo(&next, s)
	case j.parked() && s.old.Version > 0:
		j.addTo(&next, s)
		next.Complete = s.old.Complete
		if j.takesAway(s) {
			next.Parked = j.d.ID
		}
	default:
		next.Keys = exposure.UnionKeys(s.said.sights, exposure.SortKeys(s.kept))
		next.Told = exposure.WithoutKeys(exposure.UnionKeys(s.said.told, exposure.SortKeys(s.tolds)), next.Keys, j.nowhere)
		// Whoever doesn't know what was looked for doesn't know that an older report adds nothing.
		next.Complete = j.run.Complete && len(j.run.Checks) > 0 && s.cover != nil && s.cover.Outcome == exposure.TargetOK && len(s.cover.Locations) == 0
	}
	return next, true
}

// addTo adds what was seen to what the source saw before, whose look stays the latest.
// What was last seen before that look is left out: it may not even have an exposure yet.
func (j *job) addTo(next *exposure.Sighting, s *seen) {
	next.Run, next.CheckedAt, next.Parked = s.old.Run, s.old.CheckedAt, s.old.Parked
	next.Keys = exposure.UnionKeys(s.old.Keys, exposure.WithoutKeys(s.said.sights, s.late.sights))
	next.Told = exposure.WithoutKeys(s.old.Told, next.Keys)
}
