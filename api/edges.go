package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Edges reads the relations between assets, and which asset an identifier leads to.
type Edges interface {
	EdgesFrom(ctx context.Context, ids []asset.ID, l exposure.List) (exposure.Page[asset.KnownEdge], error)
	EdgesTo(ctx context.Context, keys []string, l exposure.List) (exposure.Page[asset.KnownEdge], error)
	IdentifierOwners(ctx context.Context, keys []string) (map[string]asset.ID, error)
	Assets(ctx context.Context, ids []asset.ID) (map[asset.ID]asset.Asset, error)
}

// Relation is one relation of an asset, seen from it.
type Relation struct {
	Kind      asset.EdgeKind   `json:"kind"`
	Direction Direction        `json:"direction"`            // out: this asset runs_on the other; in: the other runs_on this one
	Asset     asset.ID         `json:"asset,omitempty"`      // the other end; empty where no asset is known by the identifier
	Name      string           `json:"name,omitempty"`       // of the other end
	OtherKind asset.Kind       `json:"other_kind,omitempty"` // likewise
	To        asset.Identifier `json:"to"`                   // as the source named the end that it leads to
	Note      string           `json:"note,omitempty"`
	Source    string           `json:"source"`
	FirstSeen time.Time        `json:"first_seen"`
	LastSeen  time.Time        `json:"last_seen"`
	Stale     bool             `json:"stale,omitempty"` // the source has seen the asset since, and didn't say it again
}

// Direction is which way an edge is read.
type Direction string

// The directions.
const (
	Outward Direction = "out"
	Inward  Direction = "in"
)

func edgeRoutes() []route {
	return []route{{
		method: http.MethodGet, path: prefix + "/assets/{id}/edges", name: "assetEdges", tag: "inventory", summary: "Relations of an asset",
		doc:    "What it runs on, is part of, exposes, resolves to, is secured by, may access; then what leads to it. The other end is found as it is known now.",
		access: needs(RoleViewer), out: exposure.Page[Relation]{}, handle: (*Server).listEdges,
		query: append(pageParams(), choice("direction", "Only those that lead out of it, or into it.", []Direction{Outward, Inward})),
	}}
}

// listEdges gives the edges that lead out, page by page, then those that lead in. The
// cursor says in which of the two lists it is.
func (s *Server) listEdges(c *call) error {
	a, err := s.asset(c, asset.ID(c.param("id")))
	if err != nil {
		return err
	}
	l := listOf(c.QueryParams())
	only := Direction(c.QueryParam("direction"))
	way, rest, found := strings.Cut(l.Cursor, ":")
	direction := Direction(way)
	switch {
	case l.Cursor == "":
		direction = Outward
		if only != "" {
			direction = only
		}
	case !found || direction != Outward && direction != Inward || only != "" && direction != only:
		return invalid(FieldError{Field: "cursor", Detail: "is not one that this list gave"})
	}
	l.Cursor = rest
	out, err := s.relationsOf(c, &a, direction, l)
	if err == nil && direction == Outward && only == "" && out.Next == "" {
		if out.Next = string(Inward) + ":"; len(out.Items) == 0 {
			out, err = s.relationsOf(c, &a, Inward, l)
		}
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the relations of an asset")
	}
	return c.json(http.StatusOK, out)
}

// relationsOf gives one page of the edges that are read one way.
func (s *Server) relationsOf(c *call, a *asset.Asset, way Direction, l exposure.List) (exposure.Page[Relation], error) {
	out := exposure.Page[Relation]{}
	page, err := s.edges(c.Request().Context(), a, way, l)
	if err != nil {
		return out, err
	}
	if page.Next != "" {
		out.Next = string(way) + ":" + page.Next
	}
	out.Items, err = s.relations(c, a, way, page.Items)
	return out, err
}

func (s *Server) edges(ctx context.Context, a *asset.Asset, way Direction, l exposure.List) (exposure.Page[asset.KnownEdge], error) {
	if way == Outward {
		return s.deps.Edges.EdgesFrom(ctx, append([]asset.ID{a.ID}, a.Aliases...), l)
	}
	var keys []string
	for _, k := range a.Identifiers {
		keys = append(keys, k.Key())
	}
	slices.Sort(keys)
	if keys = slices.Compact(keys); len(keys) == 0 {
		return exposure.Page[asset.KnownEdge]{}, nil
	}
	return s.deps.Edges.EdgesTo(ctx, keys, l)
}

// relations reads edges from one asset. An end that the caller may not see is not told
// of; an edge that comes from there is left out.
func (s *Server) relations(c *call, a *asset.Asset, way Direction, edges []asset.KnownEdge) ([]Relation, error) {
	ctx := c.Request().Context()
	ends, err := s.ends(ctx, way, edges)
	if err != nil {
		return nil, err
	}
	out := make([]Relation, 0, len(edges))
	for i := range edges {
		e := &edges[i]
		r := Relation{Kind: e.Kind, Direction: way, To: e.To, Note: e.Note, Source: e.Source, FirstSeen: e.FirstSeen, LastSeen: e.LastSeen}
		other := ends[i]
		if way == Outward {
			r.Name, r.OtherKind, r.Stale = e.ToName, e.ToKind, e.LastSeen.Before(lastWord(a, e.Source))
		} else {
			r.Stale = e.LastSeen.Before(lastWord(&other, e.Source))
		}
		switch {
		case other.ID == a.ID:
			continue // a relation to itself came of a merge
		case other.ID != "" && c.sees(other.Scopes):
			r.Asset, r.Name, r.OtherKind = other.ID, other.Name, other.Kind
		case way == Inward:
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// lastWord is when a source last spoke of an asset.
func lastWord(a *asset.Asset, source string) time.Time {
	var last time.Time
	for _, k := range a.Identifiers {
		if k.Source == source && k.LastSeen.After(last) {
			last = k.LastSeen
		}
	}
	return last
}

// ends finds the assets at the other ends of edges, merges followed. Where an identifier
// leads to several, which it is can't be known.
func (s *Server) ends(ctx context.Context, way Direction, edges []asset.KnownEdge) ([]asset.Asset, error) {
	ids := make([][]asset.ID, len(edges))
	if way == Inward {
		for i := range edges {
			ids[i] = []asset.ID{edges[i].From}
		}
	} else {
		keys := make([]string, 0, len(edges))
		for i := range edges {
			keys = append(keys, asset.EdgeKeys(edges[i].To, s.sourceNames())...)
		}
		slices.Sort(keys)
		owners, err := s.deps.Edges.IdentifierOwners(ctx, slices.Compact(keys))
		if err != nil {
			return nil, err
		}
		for i := range edges {
			for _, key := range asset.EdgeKeys(edges[i].To, s.sourceNames()) {
				if id, ok := owners[key]; ok {
					ids[i] = append(ids[i], id)
				}
			}
		}
	}
	known := map[asset.ID]asset.Asset{}
	var all []asset.ID
	for _, list := range ids {
		all = append(all, list...)
	}
	if err := s.follow(ctx, all, known); err != nil {
		return nil, err
	}
	out := make([]asset.Asset, len(edges))
	for i, list := range ids {
		for n, id := range list {
			a := survivorOf(known, id)
			if n > 0 && a.ID != out[i].ID {
				out[i] = asset.Asset{}
				break
			}
			out[i] = a
		}
	}
	return out, nil
}

// mostMerges is how long a chain of merges may be.
const mostMerges = 8

// follow reads assets and those that they were merged into.
func (s *Server) follow(ctx context.Context, ids []asset.ID, known map[asset.ID]asset.Asset) error {
	for range mostMerges {
		slices.Sort(ids)
		ids = slices.DeleteFunc(slices.Compact(ids), func(id asset.ID) bool { _, ok := known[id]; return ok })
		if len(ids) == 0 {
			return nil
		}
		found, err := s.deps.Edges.Assets(ctx, ids)
		if err != nil {
			return err
		}
		ids = nil
		for id, a := range found {
			known[id] = a
			if a.MergedInto != "" {
				ids = append(ids, a.MergedInto)
			}
		}
	}
	return nil
}

func survivorOf(known map[asset.ID]asset.Asset, id asset.ID) asset.Asset {
	a := known[id]
	for range mostMerges {
		if a.MergedInto == "" {
			return a
		}
		a = known[a.MergedInto]
	}
	return asset.Asset{}
}

func (s *Server) sourceNames() []string {
	if s.deps.SourceNames == nil {
		return nil
	}
	return s.deps.SourceNames()
}
