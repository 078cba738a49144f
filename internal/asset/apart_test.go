package asset_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
)

func TestASourceMayTakeBackItsOwnWordAndNobodyElses(t *testing.T) {
	agent := func(v string) asset.Identifier { return id(asset.AgentID, v) }
	told := func(d asset.Description, same ...asset.Identifier) asset.Description { d.SameAs = same; return d }
	for _, c := range []struct {
		name    string
		others  []asset.Description // by another source, before
		before  []asset.Description // by the same one
		given   asset.Description
		merged  bool
		refused string
	}{
		{name: "two agents that the source says are one machine", before: []asset.Description{describe("", agent("old")), describe("", agent("new"))},
			given: told(describe("", agent("old")), agent("new")), merged: true},
		{name: "the other way round", before: []asset.Description{describe("", agent("old")), describe("", agent("new"))},
			given: told(describe("", agent("new")), agent("old")), merged: true},
		{name: "with serials that it alone knows", before: []asset.Description{describe("", agent("old"), id(asset.SerialNumber, "AAAA1")), describe("", agent("new"), id(asset.SerialNumber, "BBBB2"))},
			given: told(describe("", agent("new"), id(asset.SerialNumber, "BBBB2")), agent("old")), merged: true},
		{name: "but not what another source tells apart", others: []asset.Description{describe("", uuid1, id(asset.FQDN, "a.example.com")), describe("", uuid2, id(asset.FQDN, "b.example.com"))},
			before:  []asset.Description{describe("", agent("old"), id(asset.FQDN, "a.example.com")), describe("", agent("new"), id(asset.FQDN, "b.example.com"))},
			given:   told(describe("", agent("new"), id(asset.FQDN, "b.example.com")), agent("old")),
			refused: "different bios uuid"},
		{name: "never by a weak name", before: []asset.Description{describe("dc1", agent("old"), ip), describe("dc1", agent("new"))},
			given: told(describe("dc1", agent("new")), ip)},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := inventory{at: epoch}
			for _, d := range c.others {
				v.deliver(t, d, "cmdb")
			}
			ids := map[asset.ID]bool{}
			for _, d := range c.before {
				ids[v.deliver(t, d, "edr")] = true
			}
			require.Len(t, ids, 2)
			r, err := asset.Resolve(c.given, "edr", v.assets, v.at)
			require.NoError(t, err)
			require.Equal(t, c.merged, len(r.Merge) == 1, r.Why)
			if c.merged {
				require.Contains(t, r.Why, "edr says that it was agent")
			}
			if c.refused != "" {
				require.Contains(t, r.Refused[0].Why, c.refused)
			}
			// Told again, it finds the same asset.
			into := v.deliver(t, c.given, "edr")
			require.Equal(t, v.survivor(into), v.survivor(v.deliver(t, c.given, "edr")))
		})
	}
}

func TestAFormerNameFindsTheAssetBeforeItIsSeenAgain(t *testing.T) {
	v := inventory{at: epoch}
	d := describe("", id(asset.AgentID, "new"))
	d.SameAs = []asset.Identifier{id(asset.AgentID, "old"), id(asset.IP, "10.0.0.1")}
	require.Contains(t, asset.Keys(d, "edr"), "agent|edr|old")
	require.Len(t, asset.Keys(d, "edr"), 2)
	one := v.deliver(t, d, "edr")
	require.Equal(t, one, v.deliver(t, describe("", id(asset.AgentID, "old")), "edr"))
}

func TestWhatAPersonTookApartStaysApart(t *testing.T) {
	a := asset.NewAsset("01A", describe("", uuid1), "nessus", epoch)
	b := asset.NewAsset("01B", describe("", fqdn), "nuclei", epoch)
	both := describe("", uuid1, fqdn)
	r, err := asset.Resolve(both, "cmdb", []asset.Asset{a, b}, epoch)
	require.NoError(t, err)
	require.Equal(t, []asset.ID{"01B"}, r.Merge)

	asset.KeepApart(&a, &b, "ann", "two machines", epoch)
	r, err = asset.Resolve(both, "cmdb", []asset.Asset{b, a}, epoch)
	require.NoError(t, err)
	require.Equal(t, asset.ID("01A"), r.Into)
	require.Empty(t, r.Merge)
	require.Contains(t, r.Refused[0].Why, "ann said on 2026-03-01 that they are two: two machines")
	require.Equal(t, []asset.Identifier{fqdn}, r.Leave, "it doesn't bring the other's name back")

	// Nor does what either was merged with since.
	c := asset.NewAsset("01C", describe("", id(asset.SerialNumber, "CCCC3")), "glpi", epoch)
	c, b, _ = asset.Merge(c, b, "same machine", epoch)
	r, err = asset.Resolve(both, "cmdb", []asset.Asset{a, b, c}, epoch)
	require.NoError(t, err)
	require.Empty(t, r.Merge)
	require.Len(t, r.Refused, 1)
}

func TestASplitDividesWhatWasKnownAndLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := asset.NewAsset("01A", full(rt, "first"), "nmap", epoch)
		for i := range rapid.IntRange(0, 3).Draw(rt, "more") {
			a, _ = asset.Absorb(a, full(rt, "next"), rapid.SampledFrom([]string{"nmap", "nessus", "cmdb"}).Draw(rt, "source"), epoch.Add(time.Duration(i)*time.Hour))
		}
		var ids []asset.Identifier
		for _, k := range a.Identifiers {
			if !slices.Contains(ids, k.Identifier) && rapid.Bool().Draw(rt, "goes") {
				ids = append(ids, k.Identifier)
			}
		}
		rest, part, ev, err := asset.Split(a, ids, "01B", "ann", "two machines", epoch.Add(9*time.Hour))
		if err != nil {
			return // all of them or none: refused
		}
		require.Len(rt, a.Identifiers, len(rest.Identifiers)+len(part.Identifiers))
		for _, k := range part.Identifiers {
			require.Contains(rt, ids, k.Identifier)
			require.NotContains(rt, rest.Identifiers, k)
		}
		require.Len(rt, a.Services, len(rest.Services)+len(part.Services))
		require.Len(rt, a.OwnerHints, len(rest.OwnerHints)+len(part.OwnerHints))
		require.NotEmpty(rt, rest.Sources)
		require.NotEmpty(rt, part.Sources)
		require.Equal(rt, a.Version+1, rest.Version)
		require.Equal(rt, asset.EventSplit, ev.Kind)
		require.Equal(rt, &a, ev.Before)
		_, apart := asset.ApartFrom(&part, &rest)
		require.True(rt, apart)
		// An exposure born before is found by both, one born later by one alone.
		require.Contains(rt, rest.Births(), a.BirthID())
		require.Contains(rt, part.Births(), a.BirthID())
		require.NotEqual(rt, rest.BirthID(), part.BirthID())
		require.NotContains(rt, part.Births(), rest.BirthID())
		require.NotContains(rt, rest.Births(), part.BirthID())
	})
}

func TestAnExposureGoesHomeByItsBirthElseByItsSources(t *testing.T) {
	a := asset.Asset{ID: "01A", Aliases: []asset.ID{"01C"}, Sources: []string{"nessus", "wiz"}}
	b := asset.Asset{ID: "01B", Aliases: []asset.ID{"01D"}, Sources: []string{"nuclei", "wiz"}}
	for _, c := range []struct {
		birth   asset.ID
		sources []string
		home    asset.ID
	}{
		{"01B", []string{"nessus"}, "01B"}, {"01D", []string{"nessus"}, "01B"}, {"01C", []string{"nuclei"}, "01A"},
		{"01A", []string{"nuclei"}, "01B"}, {"01A", []string{"nuclei", "wiz"}, "01A"}, {"01A", []string{"wiz"}, "01A"},
		{"01A", []string{"nessus", "nuclei"}, "01A"}, {"01A", nil, "01A"},
	} {
		require.Equal(t, c.home, asset.HomeOf(a, b, c.birth, c.sources), "%+v", c)
	}
}

func TestAnEdgeIsOneForEachWordOfASource(t *testing.T) {
	d := describe("dc1", uuid1)
	d.Edges = []asset.Edge{
		{Kind: asset.EdgeRunsOn, To: id(asset.Hostname, "NODE1.")}, {Kind: asset.EdgeExposes, To: id(asset.FQDN, "shop.example.com"), Note: "443/tcp"},
		{Kind: asset.EdgeExposes, To: id(asset.FQDN, "Shop.example.com"), Note: "80/tcp"}, {Kind: asset.EdgeRunsOn, To: id(asset.IP, "127.0.0.1")},
	}
	edges, dropped := asset.EdgesOf("01A", d, "k8s", epoch)
	require.Equal(t, 1, dropped, "loopback leads nowhere")
	require.Len(t, edges, 2)
	require.Equal(t, asset.Identifier{Kind: asset.Hostname, Scope: "dc1", Value: "node1"}, edges[0].To)
	require.Equal(t, "443/tcp, 80/tcp", edges[1].Note)

	later, _ := asset.EdgesOf("01A", d, "k8s", epoch.Add(time.Hour))
	again, changed := edges[0].Again(later[0])
	require.True(t, changed)
	require.Equal(t, epoch, again.FirstSeen)
	require.Equal(t, epoch.Add(time.Hour), again.LastSeen)
	require.EqualValues(t, 2, again.Version)
	_, changed = again.Again(edges[0])
	require.False(t, changed, "an older word is history")
	require.NotEqual(t, edges[0].ID, asset.EdgeID("01A", edges[0].Kind, edges[0].To, "other"))
	require.Equal(t, []string{edges[0].To.Key(), "lone|nmap|" + edges[0].To.Key()}, asset.EdgeKeys(edges[0].To, []string{"nmap"}))
	require.Equal(t, []string{edges[1].To.Key()}, asset.EdgeKeys(edges[1].To, []string{"nmap"}))
}
