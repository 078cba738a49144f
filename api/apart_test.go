package api

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/scope"
)

func (m *memory) EdgesFrom(_ context.Context, ids []asset.ID, l exposure.List) (exposure.Page[asset.KnownEdge], error) {
	return m.pageOfEdges(l, func(e *asset.KnownEdge) bool { return slices.Contains(ids, e.From) }), nil
}

func (m *memory) EdgesTo(_ context.Context, keys []string, l exposure.List) (exposure.Page[asset.KnownEdge], error) {
	return m.pageOfEdges(l, func(e *asset.KnownEdge) bool { return slices.Contains(keys, e.To.Key()) }), nil
}

// pageOfEdges is one page, of one edge each where a limit is asked for.
func (m *memory) pageOfEdges(l exposure.List, fits func(*asset.KnownEdge) bool) exposure.Page[asset.KnownEdge] {
	m.mu.Lock()
	defer m.mu.Unlock()
	page := exposure.Page[asset.KnownEdge]{}
	for i := range m.edges {
		e := &m.edges[i]
		switch {
		case !fits(e) || e.ID <= l.Cursor:
		case l.Limit == 1 && len(page.Items) == 1:
			page.Next = page.Items[0].ID
			return page
		default:
			page.Items = append(page.Items, *e)
		}
	}
	return page
}

func (m *memory) IdentifierOwners(_ context.Context, keys []string) (map[string]asset.ID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]asset.ID{}
	for _, k := range keys {
		if id, ok := m.claims[k]; ok {
			out[k] = id
		}
	}
	return out, nil
}

func (m *memory) Assets(_ context.Context, ids []asset.ID) (map[asset.ID]asset.Asset, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[asset.ID]asset.Asset{}
	for _, id := range ids {
		if a, ok := m.assets[id]; ok {
			out[id] = a
		}
	}
	return out, nil
}

func (m *memory) UndoMerge(_ context.Context, in Separate) (Separation, error) {
	m.separated = append(m.separated, in)
	return Separation{Asset: in.Asset, Other: in.Other, Exposures: 2}, nil
}

func (m *memory) SplitAsset(_ context.Context, in Separate) (Separation, error) {
	m.separated = append(m.separated, in)
	if len(in.Identifiers) > 1 {
		return Separation{}, fault.New(fault.Invalid, "nothing would be left")
	}
	return Separation{Asset: in.Asset, Other: "new"}, nil
}

func TestRelationsAreReadFromBothEndsAsTheyAreKnownNow(t *testing.T) {
	r := newRig(t)
	web, db := asset.ID("asset-web-1"), asset.ID("asset-db-1")
	name := asset.Identifier{Kind: asset.FQDN, Value: "db.example.com"}
	weak := asset.Identifier{Kind: asset.IP, Scope: "dc1", Value: "10.0.0.5"}
	unknown := asset.Identifier{Kind: asset.FQDN, Value: "gone.example.com"}
	later := noon.AddDate(0, 0, 1)
	d := r.assets[db]
	d.Identifiers = []asset.Known{{Identifier: name, Source: "cmdb", FirstSeen: noon, LastSeen: noon}}
	r.assets[db] = d
	r.assets["merged"] = asset.Asset{ID: "merged", MergedInto: db}
	w := r.assets[web]
	w.Identifiers = []asset.Known{{Identifier: asset.Identifier{Kind: asset.SerialNumber, Value: "SN-1"}, Source: "cmdb", FirstSeen: noon, LastSeen: later}}
	r.assets[web] = w
	r.claims = map[string]asset.ID{name.Key(): "merged", "lone|nmap|" + weak.Key(): db}
	edge := func(id string, to asset.Identifier, note string) asset.KnownEdge {
		return asset.KnownEdge{ID: id, Version: 1, From: web, Source: "cmdb", FirstSeen: noon, LastSeen: noon,
			Edge: asset.Edge{Kind: asset.EdgeDependsOn, To: to, ToName: "as told", Note: note}}
	}
	r.edges = []asset.KnownEdge{edge("1", name, "5432/tcp"), edge("2", weak, ""), edge("3", unknown, "")}
	r.deps.SourceNames = func() []string { return []string{"nmap", "nessus"} }
	r.deps.Registry = prometheus.NewRegistry()
	r.server = New(r.deps)

	path := prefix + "/assets/" + string(web) + "/edges"
	out := into[exposure.Page[Relation]](t, r.get(path), http.StatusOK)
	require.Len(t, out.Items, 3)
	require.Equal(t, Relation{Kind: asset.EdgeDependsOn, Direction: Outward, Asset: db, Name: "db-1", OtherKind: asset.Host, To: name, Note: "5432/tcp",
		Source: "cmdb", FirstSeen: noon, LastSeen: noon, Stale: true}, out.Items[0], "a merge is followed")
	require.Equal(t, db, out.Items[1].Asset, "a weak name is found as the source that saw it alone has it")
	require.Empty(t, out.Items[2].Asset)
	require.Equal(t, "as told", out.Items[2].Name)
	require.Equal(t, "in:", out.Next)
	require.Empty(t, into[exposure.Page[Relation]](t, r.get(path+"?direction=out"), http.StatusOK).Next)

	var names []string
	for cursor := ""; ; {
		page := into[exposure.Page[Relation]](t, r.get(path+"?limit=1&cursor="+cursor), http.StatusOK)
		for _, item := range page.Items {
			names = append(names, item.To.Value)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Equal(t, []string{"db.example.com", "10.0.0.5", "gone.example.com"}, names)

	other := prefix + "/assets/" + string(db) + "/edges"
	page := into[exposure.Page[Relation]](t, r.get(other), http.StatusOK)
	require.Equal(t, Inward, page.Items[0].Direction)
	require.Equal(t, web, page.Items[0].Asset)
	refused(t, r.get(path+"?cursor=x"), http.StatusBadRequest)

	bank := r.token(t, "bank", RoleViewer, "bank")
	hidden := into[exposure.Page[Relation]](t, r.ask(http.MethodGet, other, bank, nil), http.StatusOK)
	require.Empty(t, hidden.Items, "nobody is told what leads here from where he may not look")
	shop := r.token(t, "shop", RoleViewer, "shop")
	hidden = into[exposure.Page[Relation]](t, r.ask(http.MethodGet, path, shop, nil), http.StatusOK)
	require.Empty(t, hidden.Items[0].Asset)
}

func TestTakingApartWantsARoleAReasonAndNamesThatTheAssetHas(t *testing.T) {
	r := newRig(t)
	web := r.assets["asset-web-1"]
	web.Identifiers = []asset.Known{{Identifier: asset.Identifier{Kind: asset.SerialNumber, Scope: "dell", Value: "SN-1"}}, {Identifier: asset.Identifier{Kind: asset.FQDN, Value: "web.example.com"}}}
	r.assets[web.ID] = web
	path := prefix + "/assets/" + string(web.ID)
	out := into[Separation](t, r.post(path+"/undo", UndoRequest{Other: "x", Reason: "two machines"}, "Idempotency-Key", "k1"), http.StatusOK)
	require.Equal(t, Separation{Asset: web.ID, Other: "x", Exposures: 2}, out)
	require.Equal(t, "operator-token", r.separated[0].By)
	require.Regexp(t, `^api:.+:k1$`, r.separated[0].Cause)

	into[Separation](t, r.post(path+"/split", SplitRequest{Identifiers: []string{"serial:sn-1"}, Reason: "a swapped board"}), http.StatusOK)
	require.Equal(t, []asset.Identifier{web.Identifiers[0].Identifier}, r.separated[1].Identifiers)

	refused(t, r.post(path+"/undo", UndoRequest{Reason: "  "}), http.StatusBadRequest)
	refused(t, r.post(path+"/split", SplitRequest{Reason: "why"}), http.StatusBadRequest)
	refused(t, r.post(path+"/split", SplitRequest{Identifiers: []string{"serial"}, Reason: "why"}), http.StatusBadRequest)
	refused(t, r.post(path+"/split", SplitRequest{Identifiers: []string{"serial:SN-1", "fqdn:web.example.com"}, Reason: "why"}), http.StatusBadRequest)
	refused(t, r.ask(http.MethodPost, path+"/undo", r.tokens[RoleViewer], UndoRequest{Reason: "why"}), http.StatusForbidden)
	refused(t, r.ask(http.MethodPost, path+"/undo", r.token(t, "bank", RoleOperator, "bank"), UndoRequest{Reason: "why"}), http.StatusNotFound)
	require.Len(t, r.separated, 3)
}

func TestGapsAreForThoseWhoSeeAllAndGoOnByKind(t *testing.T) {
	r := newRig(t)
	out := into[Items[scope.Gap]](t, r.get(prefix+"/gaps"), http.StatusOK)
	require.Len(t, out.Items, len(scope.GapKinds()))
	out = into[Items[scope.Gap]](t, r.get(prefix+"/gaps?gap=unscoped&limit=5&cursor=A0"), http.StatusOK)
	require.Equal(t, "A1", out.Items[0].Items[0].ID)
	require.Equal(t, scope.GapPage{Kind: scope.GapUnscoped, After: "A0", Limit: 5}, r.gapPages[1])
	refused(t, r.get(prefix+"/gaps?cursor=A0"), http.StatusBadRequest)
	refused(t, r.get(prefix+"/gaps?gap=all"), http.StatusBadRequest)
	refused(t, r.ask(http.MethodGet, prefix+"/gaps", r.token(t, "shop", RoleViewer, "shop"), nil), http.StatusForbidden)
}

func (m *memory) FindStatements(_ context.Context, f exposure.StatementFilter, _ exposure.List) (exposure.Page[exposure.Statement], error) {
	m.statementFilters = append(m.statementFilters, f)
	return exposure.Page[exposure.Statement]{Items: []exposure.Statement{{ID: "1", Source: "vex", Vulnerability: "CVE-2024-1", Status: exposure.StatementAffected, At: noon}}}, nil
}

func TestStatementsAreFoundByTheVulnerabilityInAnyCase(t *testing.T) {
	r := newRig(t)
	page := into[exposure.Page[exposure.Statement]](t, r.get(prefix+"/statements?vulnerability=ghsa-a&source=vex"), http.StatusOK)
	require.Len(t, page.Items, 1)
	require.Equal(t, []exposure.StatementFilter{{Vulnerability: "GHSA-A", Source: "vex"}}, r.statementFilters)
}
