package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/fault"
)

// Edges are the relations that sources tell of.
type Edges interface {
	Edges(ctx context.Context, ids []string) (map[string]asset.KnownEdge, error)
	PutEdges(ctx context.Context, xs []asset.KnownEdge) error
}

// relate writes the relations that a batch tells of. A report that names the same relation
// a thousand times writes it once; a replay writes what is there already.
func (j *job) relate(ctx context.Context, ids map[*asset.Description]asset.ID, b batch) error {
	told := map[string]asset.KnownEdge{}
	for d, id := range ids {
		if len(d.Edges) == 0 {
			continue
		}
		desc := *d
		if desc.Zone == "" {
			desc.Zone = j.source.Zone
		}
		edges, dropped := asset.EdgesOf(id, desc, j.source.Name, firstTime(d.SeenAt, b.at))
		if dropped > 0 {
			j.skipped["edge_without_identifier"] += int64(dropped)
		}
		for _, e := range edges {
			if written, ok := j.related[e.ID]; ok && !e.LastSeen.After(written) {
				continue
			}
			if other, again := told[e.ID]; again {
				e, _ = other.Again(e)
			}
			told[e.ID] = e
		}
	}
	return j.writeEdges(ctx, told)
}

func (j *job) writeEdges(ctx context.Context, told map[string]asset.KnownEdge) error {
	if len(told) == 0 {
		return nil
	}
	keys := make([]string, 0, len(told))
	for id := range told {
		keys = append(keys, id)
	}
	slices.Sort(keys)
	known, err := j.store.Edges(ctx, keys)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading relations between assets")
	}
	news := make([]asset.KnownEdge, 0, len(keys))
	for _, id := range keys {
		next, changed := told[id], true
		next.Version = 1
		if old, ok := known[id]; ok {
			next, changed = old.Again(told[id])
		}
		if changed {
			news = append(news, next)
		}
		if len(j.related) < j.known {
			j.related[strings.Clone(id)] = next.LastSeen
		}
	}
	if len(news) == 0 {
		return nil
	}
	err = j.store.PutEdges(ctx, news)
	return fault.Wrap(fault.KindOf(err), err, "writing relations between assets")
}

// related remembers the relations that a report has told of, and as of when.
type related map[string]time.Time
