package asset

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// KnownEdge is a relation that a source told of, as it is kept. The other end is named by
// an identifier: which asset that is, if we know one, is found when it is read, so that an
// edge needn't wait for the asset that it leads to.
type KnownEdge struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	From    ID     `json:"from"`
	Edge
	Source    string    `json:"source"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// EdgeID is the identity of an edge: one source's word on one relation is one edge.
func EdgeID(from ID, kind EdgeKind, to Identifier, source string) string {
	h := sha256.New()
	for _, part := range [...]string{string(from), string(kind), to.Key(), source} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// EdgesOf gives the edges of a description whose other end can be named, each once, and
// how many can't.
func EdgesOf(from ID, d Description, source string, at time.Time) (edges []KnownEdge, dropped int) {
	seen := ms(seenAt(d, at))
	at0 := map[string]int{}
	for _, e := range d.Edges {
		to, ok, _ := Clean(e.To)
		if !ok || e.Kind == "" {
			dropped++
			continue
		}
		if to.Scope == "" {
			to.Scope = defaultScope(to, d.Zone, source)
		}
		e.To = to
		k := KnownEdge{ID: EdgeID(from, e.Kind, to, source), Version: 1, From: from, Edge: e, Source: source, FirstSeen: seen, LastSeen: seen}
		if i, again := at0[k.ID]; again { // a load balancer on two ports is one relation
			edges[i].Note = joined(edges[i].Note, e.Note)
			continue
		}
		at0[k.ID] = len(edges)
		edges = append(edges, k)
	}
	return edges, dropped
}

// maxNote bounds the notes of one edge together, in bytes.
const maxNote = 512

func joined(a, b string) string {
	if b == "" || a == b || len(a)+len(b)+2 > maxNote {
		return a
	}
	if a == "" {
		return b
	}
	return a + ", " + b
}

// Again is the edge with a newer word on it, and whether that says anything new.
func (k KnownEdge) Again(newer KnownEdge) (KnownEdge, bool) {
	if newer.LastSeen.Before(k.LastSeen) {
		if newer.FirstSeen.Before(k.FirstSeen) {
			k.FirstSeen = newer.FirstSeen
			k.Version++
			return k, true
		}
		return k, false
	}
	next := newer
	next.Version, next.FirstSeen = k.Version, k.FirstSeen
	if newer.FirstSeen.Before(k.FirstSeen) {
		next.FirstSeen = newer.FirstSeen
	}
	if next == k {
		return k, false
	}
	next.Version++
	return next, true
}

// EdgeKeys are the claims by which the other end of an edge is looked up, the best first:
// its own, then, for a name that means something only together with others, those of the
// sources that have seen an asset by it alone.
func EdgeKeys(to Identifier, sources []string) []string {
	keys := []string{to.Key()}
	if to.Kind.Strong() {
		return keys
	}
	for _, source := range sources {
		keys = append(keys, "lone|"+source+"|"+to.Key())
	}
	return keys
}
