package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// UndoRequest asks to take a merge back.
type UndoRequest struct {
	Asset  asset.ID // the survivor
	Other  asset.ID // what was merged into it; empty: what was merged last
	By     string   // the person
	Reason string
	Cause  string // idempotency key: the same one twice is one undo
}

// SplitRequest asks to take identifiers out of an asset.
type SplitRequest struct {
	Asset       asset.ID
	Identifiers []asset.Identifier
	By          string
	Reason      string
	Cause       string
}

// Separated is what an undo or a split did.
type Separated struct {
	Asset     asset.ID `json:"asset"`
	Other     asset.ID `json:"other"`
	Exposures int      `json:"exposures"` // that the other has now
	Repeated  bool     `json:"repeated,omitempty"`
}

// errRaced is a separation that somebody else's write came into: it is begun anew, on what
// is there now.
var errRaced = errors.New("an asset changed meanwhile")

// separation is one asset becoming two. The part is written first, so that what is given
// to it has somewhere to go, and the rest last: until it is, all of this is done again.
type separation struct {
	*job
	rest, part asset.Asset
	fresh      bool // the part isn't stored yet
	event      asset.Event
}

// Undo takes a merge back: each exposure goes to where it was born, or to whom its sources
// see; claims and sights follow; and the two are never merged again.
func (p *Pipeline) Undo(ctx context.Context, req UndoRequest) (Separated, error) {
	out, err := p.insist(ctx, func() (Separated, error) { return p.undo(ctx, req) })
	return out, fault.Wrap(fault.KindOf(err), err, "undoing a merge of asset "+string(req.Asset))
}

// Split makes an asset of identifiers that don't belong to the one that has them.
func (p *Pipeline) Split(ctx context.Context, req SplitRequest) (Separated, error) {
	out, err := p.insist(ctx, func() (Separated, error) { return p.split(ctx, req) })
	return out, fault.Wrap(fault.KindOf(err), err, "splitting asset "+string(req.Asset))
}

func (p *Pipeline) insist(ctx context.Context, try func() (Separated, error)) (Separated, error) {
	for range maxRetries {
		out, err := try()
		if !errors.Is(err, errRaced) {
			return out, err
		}
		if ctx.Err() != nil {
			return out, fault.Wrap(fault.Unavailable, ctx.Err(), "waiting for others to be done")
		}
	}
	return Separated{}, fault.New(fault.Unavailable, "others keep changing the assets; try again")
}

func (p *Pipeline) undo(ctx context.Context, req UndoRequest) (Separated, error) {
	events, err := p.store.AssetEvents(ctx, req.Asset)
	if err != nil {
		return Separated{}, err
	}
	if other, done := doneBefore(events, asset.EventUnmerged, req.Cause); done {
		return Separated{Asset: req.Asset, Other: other, Repeated: true}, nil
	}
	merge, ok := lastMerge(events, req.Other)
	if !ok {
		return Separated{}, fault.New(fault.Conflict, "no merge to undo is known of it: quell assets show tells its story, and quell assets split takes out what never was merged")
	}
	stored, err := p.store.Assets(ctx, []asset.ID{req.Asset, merge.Other})
	if err != nil {
		return Separated{}, err
	}
	whole, other := stored[req.Asset], stored[merge.Other]
	fresh := other.MergedInto != ""
	switch {
	case whole.ID == "" || other.ID == "":
		return Separated{}, fault.New(fault.NotFound, "it isn't there any more")
	case whole.MergedInto != "":
		return Separated{}, fault.New(fault.Conflict, "it is merged into %s itself: undo that first", whole.MergedInto)
	case fresh && other.MergedInto != whole.ID:
		return Separated{}, fault.New(fault.Conflict, "%s is merged into %s now", other.ID, other.MergedInto)
	}
	s := &separation{job: newJob(p, Source{Name: "identity"}, exposure.Delivery{ID: req.Cause}), fresh: fresh}
	if !fresh && !slices.Contains(whole.Aliases, other.ID) { // all is done but the record
		s.event = asset.Event{Asset: whole.ID, Seq: whole.Version, Kind: asset.EventUnmerged, Other: other.ID, Why: req.Reason, At: s.at}
		return s.record(ctx, req.By, req.Cause)
	}
	was := other
	was.MergedInto = whole.ID
	rest, part, event, err := asset.Undo(whole, was, merge, req.Reason, s.at)
	if err != nil {
		return Separated{}, fault.Wrap(fault.Conflict, err, "")
	}
	asset.KeepApart(&rest, &part, req.By, req.Reason, s.at)
	if !fresh {
		part = other
	}
	s.rest, s.part, s.event = rest, part, event
	return s.run(ctx, req.By, req.Cause, p.store.SwapAssets)
}

func (p *Pipeline) split(ctx context.Context, req SplitRequest) (Separated, error) {
	into := partID(req.Asset, req.Cause)
	stored, err := p.store.Assets(ctx, []asset.ID{req.Asset, into})
	if err != nil {
		return Separated{}, err
	}
	whole, known := stored[req.Asset], stored[into]
	s := &separation{job: newJob(p, Source{Name: "identity"}, exposure.Delivery{ID: req.Cause}), fresh: known.ID == ""}
	switch {
	case whole.ID == "":
		return Separated{}, fault.New(fault.NotFound, "there is no such asset")
	case whole.MergedInto != "":
		return Separated{}, fault.New(fault.Conflict, "it is merged into %s", whole.MergedInto)
	case !s.fresh && slices.ContainsFunc(whole.Apart, func(a asset.Apart) bool { return a.Asset == into }):
		s.event = asset.Event{Asset: whole.ID, Seq: whole.Version, Kind: asset.EventSplit, Other: into, Why: req.Reason, At: s.at}
		out, err := s.record(ctx, req.By, req.Cause)
		out.Repeated = true
		return out, err
	}
	rest, part, event, err := asset.Split(whole, cleaned(req.Identifiers), into, req.By, req.Reason, s.at)
	if err != nil {
		return Separated{}, fault.Wrap(fault.Invalid, err, "")
	}
	if !s.fresh {
		part = known
	}
	s.rest, s.part, s.event = rest, part, event
	return s.run(ctx, req.By, req.Cause, p.store.InsertAssets)
}

// cleaned makes what a person typed canonical.
func cleaned(ids []asset.Identifier) []asset.Identifier {
	out := make([]asset.Identifier, 0, len(ids))
	for _, id := range ids {
		if clean, ok, _ := asset.Clean(id); ok {
			id = clean
		}
		out = append(out, id)
	}
	return out
}

func doneBefore(events []asset.Event, kind asset.EventKind, cause string) (asset.ID, bool) {
	for i := range events {
		if events[i].Kind == kind && events[i].Cause == cause {
			return events[i].Other, true
		}
	}
	return "", false
}

// lastMerge finds the newest merge of another asset, or of any, that wasn't undone since.
func lastMerge(events []asset.Event, other asset.ID) (asset.Event, bool) {
	undone := map[asset.ID]bool{}
	for i := range slices.Backward(events) {
		ev := &events[i]
		switch {
		case ev.Kind == asset.EventUnmerged:
			undone[ev.Other] = true
		case ev.Kind != asset.EventMerged || other != "" && ev.Other != other:
		case undone[ev.Other]:
			delete(undone, ev.Other)
		default:
			return *ev, true
		}
	}
	return asset.Event{}, false
}

// run carries the separation out. Each step can be repeated.
func (s *separation) run(ctx context.Context, by, cause string, publish func(context.Context, []asset.Asset) ([]bool, error)) (Separated, error) {
	s.assess.Place(&s.rest)
	if s.fresh {
		s.assess.Place(&s.part)
		if err := one(publish(ctx, []asset.Asset{s.part})); err != nil {
			return Separated{}, err
		}
	}
	s.resolver.assets[s.rest.ID], s.resolver.assets[s.part.ID] = s.rest, s.part
	homes, err := s.rehome(ctx)
	if err != nil {
		return Separated{}, err
	}
	if err := s.partSightings(ctx, homes); err != nil {
		return Separated{}, err
	}
	if err := s.moveClaims(ctx); err != nil {
		return Separated{}, err
	}
	if err := one(s.store.SwapAssets(ctx, []asset.Asset{s.rest})); err != nil {
		return Separated{}, err
	}
	return s.record(ctx, by, cause)
}

// one turns a lost race into errRaced.
func one(ok []bool, err error) error {
	if err == nil && !ok[0] {
		return errRaced
	}
	return err
}

// record has what is on the two assets decided anew, and writes the event last: whoever
// finds it knows that all the rest is done.
func (s *separation) record(ctx context.Context, by, cause string) (Separated, error) {
	ev := s.event
	s.resolver.changed = []asset.ID{ev.Asset, ev.Other}
	if err := s.reassessChanged(ctx); err != nil {
		return Separated{}, err
	}
	s.log.Info("asset taken apart", "asset", ev.Asset, "other", ev.Other, "by", by, "why", ev.Why)
	ev.Actor, ev.Cause = "person:"+by, cause
	mirror := ev
	mirror.Asset, mirror.Other, mirror.Before, mirror.OtherBefore = ev.Other, ev.Asset, nil, nil
	mirror.Why = "taken out of " + string(ev.Asset) + ": " + ev.Why
	if err := s.store.RecordAssetEvents(ctx, []asset.Event{ev, mirror}); err != nil {
		return Separated{}, err
	}
	out := Separated{Asset: ev.Asset, Other: ev.Other}
	err := s.store.EachExposure(ctx, exposure.Filter{Assets: []asset.ID{ev.Other}}, func(e exposure.Exposure) error {
		if e.State != exposure.Merged {
			out.Exposures++
		}
		return nil
	})
	return out, err
}

// moveClaims gives the part the claims on its identifiers that the rest doesn't share.
// Those that another asset has stay where they are.
func (s *separation) moveClaims(ctx context.Context) error {
	rest := map[string]bool{}
	for _, key := range claimsOf(s.rest) {
		rest[key] = true
	}
	var moves []string
	for _, key := range claimsOf(s.part) {
		if !rest[key] {
			moves = append(moves, key)
		}
	}
	slices.Sort(moves)
	moves = slices.Compact(moves)
	if len(moves) == 0 {
		return nil
	}
	if err := s.store.MoveIdentifiers(ctx, moves, s.rest.ID, s.part.ID); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "moving identifiers")
	}
	_, err := s.store.ClaimIdentifiers(ctx, claimAll(moves, s.part.ID))
	return fault.Wrap(fault.KindOf(err), err, "claiming identifiers")
}

func claimAll(keys []string, id asset.ID) map[string]asset.ID {
	out := make(map[string]asset.ID, len(keys))
	for _, key := range keys {
		if !strings.HasPrefix(key, "lone|") { // losing or missing such a claim means nothing
			out[key] = id
		}
	}
	return out
}

// claimsOf are the keys under which an asset may be found: as each of its sources describes
// it, and by all of its names together.
func claimsOf(a asset.Asset) []string {
	bySource := map[string][]asset.Identifier{}
	for _, k := range a.Identifiers {
		bySource[k.Source] = append(bySource[k.Source], k.Identifier)
	}
	keys := make([]string, 0, len(a.Identifiers))
	for source, ids := range bySource {
		d := asset.Description{Identifiers: ids}
		keys = append(keys, asset.Keys(d, source)...)
		keys = append(keys, asset.LoneKeys(d, source)...)
	}
	return keys
}
