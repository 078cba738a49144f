package ingest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

func TestARelationIsKeptOnceAndKnowsWhenItWasSeen(t *testing.T) {
	r := newRig(t)
	web := host("web.example.com")
	web.Edges = []asset.Edge{
		{Kind: asset.EdgeDependsOn, To: asset.Identifier{Kind: asset.FQDN, Value: "db.example.com"}, ToKind: asset.Host},
		{Kind: asset.EdgeRunsOn, To: asset.Identifier{Kind: asset.IP, Value: "10.0.0.7"}}, {Kind: asset.EdgeRunsOn, To: asset.Identifier{Kind: asset.IP, Value: "127.0.0.1"}},
	}
	again := *web
	d := r.ingest("one", report{Run: fullRun(0), Covers: []exposure.Coverage{covered(web)}, Findings: []exposure.Observation{finding(web, "a", "", 0), finding(&again, "b", "", 0)}})
	require.EqualValues(t, 3, d.Skipped["edge_without_identifier"], "one for each description")
	id := r.one("test:a").Asset
	edges := func() []asset.KnownEdge {
		page, err := r.store.EdgesFrom(r.ctx, []asset.ID{id}, exposure.List{})
		require.NoError(t, err)
		return page.Items
	}
	require.Len(t, edges(), 2)
	for _, e := range edges() {
		if e.Kind == asset.EdgeRunsOn {
			require.Equal(t, "dc1", e.To.Scope, "an address means something in the source's zone only")
		}
	}
	r.at(5)
	web.Edges = web.Edges[:1]
	r.ingest("one", report{Run: fullRun(5), Covers: []exposure.Coverage{covered(web)}})
	require.Len(t, edges(), 2, "what isn't said again stays, with when it was said last")
	for _, e := range edges() {
		require.Equal(t, t0, e.FirstSeen)
		require.Equal(t, e.Kind == asset.EdgeDependsOn, e.LastSeen.After(t0))
	}
	r.ingest("two", report{Run: fullRun(6), Covers: []exposure.Coverage{covered(web)}})
	require.Len(t, edges(), 3, "another source's word is another edge")
}
