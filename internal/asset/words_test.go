package asset_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
)

func known() *asset.Precedence {
	return &asset.Precedence{Sources: map[string]asset.Origin{
		"cmdb": {Connector: "servicenow", Inventory: true}, "nessus": {Connector: "nessus"}, "fleet": {Connector: "fleet", Inventory: true}, "nmap": {Connector: "nmap"},
	}}
}

// word is one description: a source and what it says, an hour after the one before.
type word struct{ source, name, os, kind, tag, hint string }

func hear(p *asset.Precedence, words ...word) asset.Asset {
	var a asset.Asset
	for i, w := range words {
		d := describe("", uuid1)
		d.Name, d.OS, d.Kind = w.name, w.os, asset.Kind(w.kind)
		if w.tag != "" {
			d.Tags = map[string]string{"env": w.tag}
		}
		if w.hint != "" {
			d.OwnerHints = []asset.OwnerHint{{Value: w.hint, From: "tag team"}}
		}
		at := epoch.Add(time.Duration(i) * time.Hour)
		if i == 0 {
			a = p.NewAsset("01A", d, w.source, at)
		} else {
			a, _ = p.Absorb(a, d, w.source, at)
		}
	}
	return a
}

func TestTheNewestWordHoldsButAnInventoryKnowsWhatAThingIs(t *testing.T) {
	listed := known()
	listed.Lists = map[string][]string{asset.FieldOS: {"nessus", "servicenow"}, asset.FieldTags: {"servicenow"}, asset.FieldName: {"nmap"}}
	for _, c := range []struct {
		name  string
		p     *asset.Precedence
		words []word
		want  word // of the asset
	}{
		{"the newest of two scanners", known(), []word{{source: "nmap", name: "a", os: "Linux"}, {source: "nessus", name: "b", os: "Debian 13"}}, word{name: "b", os: "Debian 13"}},
		{"the newest of two inventories", known(), []word{{source: "cmdb", name: "a"}, {source: "fleet", name: "b"}}, word{name: "b"}},
		{"an inventory's name, whoever came later", known(), []word{{source: "cmdb", name: "a", os: "Linux"}, {source: "nessus", name: "b", os: "Debian 13"}}, word{name: "a", os: "Debian 13"}},
		{"an inventory's name once it speaks", known(), []word{{source: "nessus", name: "b"}, {source: "cmdb", name: "a"}, {source: "nessus", name: "b"}}, word{name: "a"}},
		{"an inventory's kind", known(), []word{{source: "nessus", kind: "web_application"}, {source: "cmdb", kind: "host"}, {source: "nessus", kind: "web_application"}}, word{kind: "host"}},
		{"the first kind of equals", known(), []word{{source: "nessus", kind: "web_application"}, {source: "nmap", kind: "host"}}, word{kind: "web_application"}},
		{"its own newer kind", known(), []word{{source: "nessus", kind: "web_application"}, {source: "nessus", kind: "host"}}, word{kind: "host"}},
		{"whom the list puts first", listed, []word{{source: "nessus", os: "Debian 13"}, {source: "cmdb", os: "Linux"}}, word{os: "Debian 13"}},
		{"whom the list puts first, by its connector", listed, []word{{source: "cmdb", os: "Linux"}, {source: "nmap", os: "BSD"}}, word{os: "Linux"}},
		{"a scanner that the list puts before inventories", listed, []word{{source: "nmap", name: "a"}, {source: "cmdb", name: "b"}}, word{name: "a"}},
		{"a tag of whom the list puts first", listed, []word{{source: "cmdb", tag: "prod"}, {source: "nmap", tag: "test"}}, word{tag: "prod"}},
		{"its own newer tag", listed, []word{{source: "cmdb", tag: "prod"}, {source: "cmdb", tag: "test"}}, word{tag: "test"}},
		{"the newest tag of others", known(), []word{{source: "cmdb", tag: "prod"}, {source: "nmap", tag: "test"}}, word{tag: "test"}},
		{"without anything known of sources the newest", nil, []word{{source: "cmdb", name: "a"}, {source: "nmap", name: "b"}}, word{name: "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := hear(c.p, c.words...)
			for _, f := range []struct{ want, got string }{{c.want.name, a.Name}, {c.want.os, a.OS}, {c.want.kind, string(a.Kind)}, {c.want.tag, a.Tags["env"]}} {
				if f.want != "" {
					require.Equal(t, f.want, f.got)
				}
			}
		})
	}
}

// TestAStubNeverTakesANameAway is about names that only repeat an identifier of the asset.
func TestAStubNeverTakesANameAway(t *testing.T) {
	const sid = "S-1-5-21-101-202-303-1105"
	ids := []asset.Identifier{id(asset.SourceAssetID, sid), id(asset.FQDN, "dc1.corp.example.com"), id(asset.IP, "10.0.0.5")}
	listed := known()
	listed.Lists = map[string][]string{asset.FieldName: {"fleet"}}
	for _, c := range []struct {
		name  string
		p     *asset.Precedence
		words []word
		want  string
		why   string // it holds
	}{
		{"a newer SID", known(), []word{{source: "nmap", name: "Domain controller"}, {source: "nessus", name: sid}}, "Domain controller", "others only repeat an identifier"},
		{"in other letters", known(), []word{{source: "nmap", name: "Domain controller"}, {source: "nessus", name: "s-1-5-21-101-202-303-1105"}}, "Domain controller", "others only repeat an identifier"},
		{"the SID of an inventory", known(), []word{{source: "nmap", name: "Domain controller"}, {source: "cmdb", name: sid}}, "Domain controller", "others only repeat an identifier"},
		{"the SID of whom the list puts first", listed, []word{{source: "nmap", name: "Domain controller"}, {source: "fleet", name: sid}}, "Domain controller", "others only repeat an identifier"},
		{"a SID that was there first", listed, []word{{source: "fleet", name: sid}, {source: "nmap", name: "Domain controller"}}, "Domain controller", "others only repeat an identifier"},
		{"an address against a host name", known(), []word{{source: "nmap", name: "DC1.corp.example.com."}, {source: "nessus", name: "10.0.0.5"}}, "DC1.corp.example.com.", "others only repeat an identifier"},
		{"a newer host name against a name, of equals", known(), []word{{source: "nmap", name: "Domain controller"}, {source: "nessus", name: "dc1.corp.example.com"}}, "Domain controller", "others only repeat an identifier"},
		{"the host name that an inventory knows it by", known(), []word{{source: "nmap", name: "Domain controller"}, {source: "cmdb", name: "dc1.corp.example.com"}}, "dc1.corp.example.com", "an inventory knows better than a scanner"},
		{"its own newer SID", known(), []word{{source: "cmdb", name: "Domain controller"}, {source: "cmdb", name: sid}}, sid, "nobody else says anything"},
		{"nothing but a SID", known(), []word{{source: "cmdb", name: sid}}, sid, "nobody else says anything"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := hear(c.p, c.words[0])
			for i, w := range c.words {
				a, _ = c.p.Absorb(a, asset.Description{Name: w.name, Identifiers: ids}, w.source, epoch.Add(time.Duration(i)*time.Hour))
			}
			require.Equal(t, c.want, a.Name)
			require.Equal(t, c.why, c.p.Explain(a)[0].Why)
			_, moved := c.p.Settle(a)
			require.False(t, moved)
		})
	}
	t.Run("a name that turns out to be an identifier", func(t *testing.T) {
		p := known()
		a := hear(p, word{source: "nmap", name: "Domain controller"}, word{source: "nessus", name: sid})
		require.Equal(t, sid, a.Name)
		a, _ = p.Absorb(a, asset.Description{Identifiers: ids}, "fleet", epoch.Add(3*time.Hour))
		require.Equal(t, "Domain controller", a.Name)
	})
	t.Run("a stub that is merged with who it is", func(t *testing.T) {
		one := known().NewAsset("01A", asset.Description{Name: sid, Identifiers: ids[:1]}, "nmap", epoch)
		two := known().NewAsset("01B", asset.Description{Name: "Domain controller", Identifiers: ids[1:]}, "nessus", epoch)
		merged, _, _ := asset.Merge(one, two, "the same", epoch)
		require.Equal(t, "Domain controller", merged.Name)
	})
}

func TestHintsOfAnInventoryStandBeforeThoseOfAScanner(t *testing.T) {
	a := hear(known(), word{source: "nessus", hint: "web"}, word{source: "cmdb", hint: "payments"})
	ranks := map[string]int{}
	for _, h := range a.OwnerHints {
		ranks[h.Source] = h.Rank
		require.False(t, h.At.IsZero())
	}
	require.Equal(t, map[string]int{"nessus": 1, "cmdb": 0}, ranks)

	changed := known()
	changed.Lists = map[string][]string{asset.FieldOwner: {"nessus"}}
	a, moved := changed.Settle(a)
	require.True(t, moved)
	_, moved = changed.Settle(a)
	require.False(t, moved)
}

func TestTheProvenanceOfAFieldSaysWhoAndWhyAndWhoElse(t *testing.T) {
	p := known()
	a := hear(p, word{source: "cmdb", name: "erp", os: "Linux", tag: "prod", hint: "payments"}, word{source: "nessus", name: "srv-17", os: "Debian 13"})
	told := map[string]asset.Provenance{}
	for _, v := range p.Explain(a) {
		told[v.Field] = v
	}
	require.Equal(t, "cmdb", told[asset.FieldName].Source)
	require.Equal(t, "an inventory knows better than a scanner", told[asset.FieldName].Why)
	require.Equal(t, []asset.Word{{Field: "name", Source: "nessus", Value: "srv-17", At: epoch.Add(time.Hour)}}, told[asset.FieldName].Others)
	require.Equal(t, "the newest word", told[asset.FieldOS].Why)
	require.Equal(t, epoch.Add(time.Hour), told[asset.FieldOS].At)
	require.Equal(t, "cmdb", told["tag:env"].Source)
	require.Equal(t, "prod", told["tag:env"].Value)
	require.Contains(t, told[asset.FieldOwner].Why, "tag team")

	p.Lists = map[string][]string{asset.FieldName: {"nessus"}}
	a, moved := p.Settle(a)
	require.True(t, moved)
	require.Equal(t, "srv-17", a.Name)
	require.Equal(t, "precedence for name puts nessus first", p.Explain(a)[0].Why)
	require.Equal(t, "it is not known who said so", p.Explain(asset.Asset{Name: "old"})[0].Why)
}

func TestWhatHoldsIsAlwaysSomebodysWord(t *testing.T) {
	p := known()
	rapid.Check(t, func(rt *rapid.T) {
		a := p.NewAsset("01A", full(rt, "first"), "nmap", epoch)
		for range rapid.IntRange(0, 6).Draw(rt, "more") {
			source := rapid.SampledFrom([]string{"nmap", "nessus", "cmdb", "fleet"}).Draw(rt, "source")
			a, _ = p.Absorb(a, full(rt, "next"), source, epoch.Add(time.Duration(rapid.IntRange(-3, 9).Draw(rt, "hour"))*time.Hour))
		}
		for _, v := range p.Explain(a) {
			if v.Field != asset.FieldName { // which may be an identifier's
				require.NotEmpty(rt, v.Source, v)
			}
		}
		again, moved := p.Settle(a)
		require.False(rt, moved, "what was heard is settled already: %+v %+v", a, again)
	})
}
