package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// seen is what this report says of one asset, beside what the source said before.
type seen struct {
	said     words
	late     words // of findings last seen before the source's latest look: of use only if this is a later one
	lates    int64 // … how many they are
	lateAt   time.Time
	lateNews bool              // … and whether they say anything new
	kept     []byte            // packed: of the old sights those that nothing says are gone
	tolds    []byte            // … and of what was told
	old      exposure.Sighting // zero where the source never saw the asset
	at       time.Time         // check time of the newest observation
	cover    *exposure.Coverage
}

// persist works one batch towards the store: what it says is known when persist returns,
// and written when the batch has landed. Batches before the checkpoint were written by a
// worker that died: they only fill the memory of what was seen.
func (j *job) persist(ctx context.Context, b batch, beat func(Progress)) error {
	if j.runID == "" {
		j.runID = firstText(b.run, "delivery/"+j.d.ID)
	}
	if j.resolver.full() {
		// What is aloft still needs the assets that are forgotten now.
		if err := j.land(ctx, 0, beat); err != nil {
			return err
		}
		j.resolver.forget()
	}
	assets, err := j.resolve(ctx, b, beat)
	if err != nil {
		return err
	}
	if err := j.relate(ctx, assets, b); err != nil {
		return err
	}
	if err := j.state(ctx, b); err != nil {
		return err
	}
	if err := j.readSightings(ctx, assets); err != nil {
		return err
	}
	for i := range b.covers {
		if id, ok := assets[&b.covers[i].Asset]; ok {
			j.cover(id, b.covers[i])
		}
	}
	if err := j.findRehomed(ctx, b, assets); err != nil {
		return err
	}
	work := j.correlate(b, assets)
	if err := j.readStatements(ctx, work); err != nil {
		return err
	}
	if b.number <= j.d.Checkpoint {
		return j.checkpoint(ctx, b.number, beat)
	}
	if err := j.land(ctx, mostAloft-1, beat); err != nil {
		return err
	}
	j.write(ctx, b.number, work)
	return nil
}

func (j *job) resolve(ctx context.Context, b batch, beat func(Progress)) (map[*asset.Description]asset.ID, error) {
	descs := map[*asset.Description]time.Time{}
	for i := range b.covers {
		descs[&b.covers[i].Asset] = firstTime(b.covers[i].CheckedAt, b.at)
	}
	for _, obs := range b.obs {
		if _, ok := descs[obs.Asset]; !ok {
			descs[obs.Asset] = obs.Finding.LastSeen
		}
	}
	ids, err := j.resolver.resolveAll(ctx, descs)
	if err != nil {
		return nil, err
	}
	if len(j.resolver.merges) == 0 {
		return ids, nil
	}
	// A merge moves the exposures that are stored, so all must be.
	if err := j.land(ctx, 0, beat); err != nil {
		return nil, err
	}
	return ids, j.mergeAssets(ctx, ids)
}

// readSightings loads what the source last saw on assets met for the first time.
func (j *job) readSightings(ctx context.Context, assets map[*asset.Description]asset.ID) error {
	var fresh []asset.ID
	for _, id := range assets {
		if j.seen[id] == nil {
			j.seen[id] = &seen{}
			fresh = append(fresh, id)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	slices.Sort(fresh)
	old, err := j.store.Sightings(ctx, j.source.Name, fresh)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading what "+j.source.Name+" saw before")
	}
	for _, id := range fresh {
		s := j.seen[id]
		s.old = detached(old[id])
		s.said.sights = slices.Grow(s.said.sights, len(s.old.Keys)) // most of them come again
	}
	return nil
}

// detached is a sighting to be kept until the report ends: its texts are copied, since
// they may be parts of the large text that it was decoded from.
func detached(s exposure.Sighting) exposure.Sighting {
	s.ID, s.Source, s.Run, s.Delivery = strings.Clone(s.ID), strings.Clone(s.Source), strings.Clone(s.Run), strings.Clone(s.Delivery)
	s.Asset = asset.ID(strings.Clone(string(s.Asset)))
	return s
}

// cover remembers how the report looked at an asset, without the description of the
// asset, which can be long.
func (j *job) cover(id asset.ID, cov exposure.Coverage) {
	cov.Asset = asset.Description{}
	s := j.seen[id]
	if s.cover == nil {
		s.cover = &cov
		return
	}
	// The same target twice in one report, such as one artifact's several results: what
	// was looked at adds up, and the worse outcome holds.
	both := *s.cover
	switch {
	case len(both.Locations) == 0 || len(cov.Locations) == 0:
		both.Locations = nil
	default:
		both.Locations = slices.Concat(both.Locations, cov.Locations)
	}
	if cov.Outcome != exposure.TargetOK {
		both.Outcome = cov.Outcome
	}
	s.cover = &both
}

// correlate finds the exposure of each observation, and gives those that the report sees
// and that are news. What it says of others waits until all of it is known.
func (j *job) correlate(b batch, assets map[*asset.Description]asset.ID) []pending {
	work := j.pendings(b, assets)
	news := work[:0]
	for i := range work {
		w := &work[i]
		s := j.seen[w.asset]
		if w.late {
			s.late.add(w)
			s.lates += int64(len(w.findings))
			s.lateNews = s.lateNews || !s.unchanged(w, w.digest)
			s.lateAt = w.newest(s.lateAt)
			continue
		}
		s.said.add(w)
		s.at = w.newest(s.at)
		w.known = exposure.HasKey(s.old.Keys, w.id) || exposure.HasKey(s.old.Told, w.id)
		_, matters := j.attentive[w.id]
		switch sight := sees(w.findings); {
		case !matters && s.unchanged(w, w.digest):
			j.counts[countUnchanged] += int64(len(w.findings))
		case sight:
			news = append(news, *w)
		case w.known:
			j.again = true
		default:
			j.doubtful = append(j.doubtful, w.id)
		}
	}
	return news
}

// unchanged reports whether the source said the very same of an exposure before: all that
// it says of it now has the digest.
func (s *seen) unchanged(w *pending, digest uint64) bool {
	before := s.old.Told
	if sees(w.findings) {
		before = s.old.Keys
	}
	was, ok := exposure.DigestOf(before, w.id)
	return ok && was == digest
}

// pendings puts the observations of a batch together by exposure.
func (j *job) pendings(b batch, assets map[*asset.Description]asset.ID) []pending {
	type place struct {
		id   exposure.ID
		late bool
	}
	work := make([]pending, 0, len(b.obs))
	index := make(map[place]int, len(b.obs))
	for _, obs := range b.obs {
		assetID, ok := assets[obs.Asset]
		s := j.seen[assetID]
		if !ok || s == nil {
			continue // counted by the resolver, once per description
		}
		f := obs.Finding
		at := place{id: j.identity(assetID, f), late: s.old.Complete && f.LastSeen.Before(s.old.CheckedAt)}
		i, ok := index[at]
		if !ok {
			i = len(work)
			index[at] = i
			work = append(work, pending{id: at.id, asset: assetID, late: at.late, part: b.kind != exposure.RunFull})
		}
		work[i].add(f)
	}
	return work
}

// identity is the exposure of a finding on an asset. After a merge the exposure may have
// been born under any asset of the alias set.
func (j *job) identity(id asset.ID, f *exposure.Finding) exposure.ID {
	weakness := exposure.WeaknessOf(*f)
	a := j.resolver.assets[id]
	for _, birth := range a.Births() {
		born := exposure.NewID(birth, weakness, f.Location)
		if home, ok := j.rehomed[born]; ok && (home == id || slices.Contains(a.Aliases, home)) {
			return born // else it was given to an asset that this one was taken apart from
		}
	}
	return exposure.NewID(firstID(a.BirthID(), id), weakness, f.Location)
}

// findRehomed looks up which exposures of merged assets exist under a former asset's ID.
func (j *job) findRehomed(ctx context.Context, b batch, assets map[*asset.Description]asset.ID) error {
	var ids []exposure.ID
	for _, obs := range b.obs {
		for _, birth := range j.resolver.assets[assets[obs.Asset]].Births() {
			ids = append(ids, exposure.NewID(birth, exposure.WeaknessOf(*obs.Finding), obs.Finding.Location))
		}
	}
	j.rehomed = map[exposure.ID]asset.ID{}
	if len(ids) == 0 {
		return nil
	}
	stored, err := j.store.Exposures(ctx, ids)
	for id := range stored {
		j.rehomed[id] = stored[id].Asset
	}
	return fault.Wrap(fault.KindOf(err), err, "reading the exposures of merged assets")
}

func firstID(ids ...asset.ID) asset.ID {
	for _, id := range ids {
		if id != "" {
			return id
		}
	}
	return ""
}

// born makes a new exposure with everything that is known about it, decision included,
// so that it is written once.
func (j *job) born(w pending) exposure.Exposure {
	a := j.resolver.assets[w.asset]
	first := w.findings[0]
	e := exposure.NewExposure(exposure.BornInput{
		Asset: a, Finding: first, Source: j.source.Name, Run: j.runID, CheckedAt: first.LastSeen, At: j.at,
		Cause: "delivery/" + j.d.ID, Actor: exposure.Actor{Kind: exposure.Source, Name: j.source.Name},
	})
	if len(w.findings) > 1 {
		e, _ = exposure.Refresh(e, j.report(w))
	}
	e, _ = j.stated(e)
	assessed := j.assess.Assess(e, a, j.at)
	assessed.apply(&e, j.at)
	return e
}

// report is what the source says of an exposure in this run.
func (j *job) report(w pending) exposure.RefreshInput {
	checked, sighted := w.newest(time.Time{}), time.Time{}
	if w.late {
		checked, sighted = w.looked, checked
	}
	return exposure.RefreshInput{Asset: j.resolver.assets[w.asset], Findings: w.findings, Source: j.source.Name,
		Run: j.runID, CheckedAt: checked, SeenAt: sighted, At: j.at, Adds: w.adds || w.part, ApprovedBy: j.d.Approver()}
}
