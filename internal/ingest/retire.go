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

// Retirement is after how long unseen short-lived assets retire, by what makes them so.
type Retirement map[string]time.Duration

// Retirements are the assets to be looked at again.
type Retirements interface {
	PutRetirements(ctx context.Context, xs []asset.Retirement) error
	DueRetirements(ctx context.Context, now time.Time, limit int) ([]asset.Retirement, error)
	DropRetirements(ctx context.Context, ids []asset.ID) error
	EdgesFrom(ctx context.Context, ids []asset.ID, l exposure.List) (exposure.Page[asset.KnownEdge], error)
}

// Retiring tells the pipeline when short-lived assets retire.
func (p *Pipeline) Retiring(after map[string]time.Duration) *Pipeline {
	p.retire = after
	return p
}

// schedule says when to look again at those assets of a batch that are short-lived, or
// said to be gone. Which of them retire is decided then. One that has retired is let be,
// however often its source says that it is gone: who died over it is on the list still.
func (w *resolving) schedule(ctx context.Context) error {
	var due []asset.Retirement
	for _, done := range w.decided {
		a := w.assets[done.id]
		at := a.RetiresAt(w.after)
		if !at.IsZero() && !a.Retired && !slices.ContainsFunc(due, func(r asset.Retirement) bool { return r.Asset == a.ID }) {
			due = append(due, asset.Retirement{Asset: a.ID, Due: at})
		}
	}
	if len(due) == 0 {
		return nil
	}
	err := w.resolver.store.PutRetirements(ctx, due)
	return fault.Wrap(fault.KindOf(err), err, "scheduling when assets retire")
}

// Retire retires the assets whose time has come, at most so many, and says how many did.
// An asset leaves the list last: dying before repeats what changes nothing by then.
func (p *Pipeline) Retire(ctx context.Context, limit int) (int, error) {
	now := p.now()
	due, err := p.store.DueRetirements(ctx, now, limit)
	if err != nil || len(due) == 0 {
		return 0, fault.Wrap(fault.KindOf(err), err, "looking for assets that retire")
	}
	ids := make([]asset.ID, len(due))
	for i := range due {
		ids[i] = due[i].Asset
	}
	assets, err := p.store.Assets(ctx, ids)
	if err != nil {
		return 0, fault.Wrap(fault.KindOf(err), err, "reading assets that retire")
	}
	var later []asset.Retirement
	var done []asset.ID
	retired := 0
	for _, id := range ids {
		a := assets[id]
		at := a.RetiresAt(p.retire)
		switch {
		case a.ID == "" || a.MergedInto != "" || at.IsZero():
		case at.After(now):
			later = append(later, asset.Retirement{Asset: id, Due: at})
			continue
		default:
			ok, err := p.retireOne(ctx, a)
			if err != nil {
				return retired, fault.Wrap(fault.KindOf(err), err, "retiring asset "+string(id))
			}
			if !ok {
				continue // it changed meanwhile: the next look decides
			}
			retired++
		}
		done = append(done, id)
	}
	if len(later) > 0 {
		if err := p.store.PutRetirements(ctx, later); err != nil {
			return retired, err
		}
	}
	return retired, p.store.DropRetirements(ctx, done)
}

func (p *Pipeline) retireOne(ctx context.Context, a asset.Asset) (bool, error) {
	next, event := asset.Retire(a, p.now())
	if !a.Retired {
		if ok, err := p.store.SwapAssets(ctx, []asset.Asset{next}); err != nil || !ok[0] {
			return false, err
		}
	} else {
		next = a
	}
	j := newJob(p, Source{Name: "identity"}, exposure.Delivery{ID: event.Cause})
	j.resolver.assets[next.ID] = next
	edits := map[exposure.ID]edit{}
	var live []exposure.Exposure
	err := p.store.EachExposure(ctx, exposure.Filter{Assets: []asset.ID{a.ID}}, func(e exposure.Exposure) error {
		if e.State == exposure.Merged {
			return nil
		}
		if e.State.Live() || e.State == exposure.OutOfScope {
			live = append(live, e)
		}
		// In store mode the event follows by itself; a workflow has to be woken to it.
		edits[e.ID] = func(e exposure.Exposure) (exposure.Exposure, bool) { return e, e.Mode == exposure.ModeWorkflow }
		return nil
	})
	if err != nil {
		return false, err
	}
	if err := j.carry(ctx, next, live); err != nil {
		return false, err
	}
	if _, err := j.edit(ctx, edits); err != nil {
		return false, err
	}
	event.Actor = "system:retire"
	j.log.Info("asset retired", "asset", a.ID, "name", a.Name, "why", event.Why)
	return true, p.store.RecordAssetEvents(ctx, []asset.Event{event})
}

// carry keeps what was weak in an image and seen on this instance of it alone: as a
// relation of the image's asset, one for each weakness, however many instances come and
// go. It is no exposure of the image: nothing looks at the image, so nothing could ever
// prove it gone there.
func (j *job) carry(ctx context.Context, instance asset.Asset, live []exposure.Exposure) error {
	if len(live) == 0 {
		return nil
	}
	page, err := j.store.EdgesFrom(ctx, append([]asset.ID{instance.ID}, instance.Aliases...), exposure.List{Limit: 1000})
	if err != nil {
		return err
	}
	for i := range page.Items {
		if edge := &page.Items[i]; edge.Kind == asset.EdgeInstanceOf {
			if err := j.carryTo(ctx, edge, instance, live); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *job) carryTo(ctx context.Context, edge *asset.KnownEdge, instance asset.Asset, live []exposure.Exposure) error {
	image, err := j.imageOf(ctx, edge)
	if err != nil || image == "" || image == instance.ID {
		return err
	}
	has := map[string]bool{}
	err = j.store.EachExposure(ctx, exposure.Filter{Assets: []asset.ID{image}}, func(e exposure.Exposure) error {
		has[e.Weakness+"\x00"+e.Location] = true
		return nil
	})
	if err != nil {
		return err
	}
	d := asset.Description{SeenAt: instance.LastSeen}
	for i := range live {
		e := &live[i]
		if has[e.Weakness+"\x00"+e.Location] || !inImage(e) {
			continue
		}
		d.Edges = append(d.Edges, asset.Edge{Kind: asset.EdgeCarries, ToName: e.Title, Note: string(e.Severity),
			To: asset.Identifier{Kind: asset.Label, Scope: "weakness", Value: strings.TrimSpace(e.Weakness + " " + e.Location)}})
	}
	told := map[string]asset.KnownEdge{}
	edges, _ := asset.EdgesOf(image, d, j.source.Name, j.at)
	for _, k := range edges {
		told[k.ID] = k
	}
	return j.writeEdges(ctx, told)
}

// inImage reports whether a weakness is one of what the image is made of, and not of how
// this instance was run.
func inImage(e *exposure.Exposure) bool {
	return slices.ContainsFunc(e.Findings, func(f exposure.Finding) bool { return f.Package != nil || f.Class == exposure.ClassSecret })
}

// imageOf finds the asset of an image, or makes it of what the edge says: its weaknesses
// want a place, even if nobody has reported the image itself.
func (j *job) imageOf(ctx context.Context, edge *asset.KnownEdge) (asset.ID, error) {
	d := &asset.Description{Kind: edge.ToKind, Name: edge.ToName, Identifiers: []asset.Identifier{edge.To}, SeenAt: edge.LastSeen}
	if d.Kind == "" {
		d.Kind = asset.ContainerImage
	}
	found, err := j.store.IdentifierOwners(ctx, []string{edge.To.Key()})
	if err != nil {
		return "", err
	}
	if id, ok := found[edge.To.Key()]; ok {
		owners := map[string]asset.ID{edge.To.Key(): id}
		if err := j.resolver.load(ctx, owners); err != nil {
			return "", err
		}
		if id = owners[edge.To.Key()]; !j.resolver.unwritten(id) {
			return id, nil
		}
	}
	maker := newResolver(j.store, Source{Name: edge.Source}, j.assess, j.now, j.known, map[string]int64{})
	ids, err := maker.resolveAll(ctx, map[*asset.Description]time.Time{d: edge.LastSeen})
	return ids[d], err
}
