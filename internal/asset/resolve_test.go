package asset_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
)

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func describe(zone string, ids ...asset.Identifier) asset.Description {
	return asset.Description{Kind: asset.Host, Zone: zone, Identifiers: ids}
}

func id(kind asset.IdentifierKind, value string) asset.Identifier {
	return asset.Identifier{Kind: kind, Value: value}
}

var (
	uuid1 = id(asset.BIOSUUID, "4c4c4544-0051-4d10-8052-b7c04f4e3731")
	uuid2 = id(asset.BIOSUUID, "4c4c4544-0051-4d10-8052-b7c04f4e3732")
	fqdn  = id(asset.FQDN, "web1.example.com")
	ip    = id(asset.IP, "10.0.0.5")
	mac   = id(asset.MAC, "00:15:5d:01:02:03")
	name  = id(asset.Hostname, "web1")
)

func TestADescriptionFindsItsAsset(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		name    string
		known   asset.Description
		source  string // of what is known
		given   asset.Description
		after   time.Duration
		matches bool
		refused bool
	}{
		{"by one strong identifier", describe("dc1", uuid1, ip), "nessus", describe("dc2", uuid1), 400 * day, true, false},
		{"by its FQDN, from another source", describe("", fqdn), "nuclei", describe("", fqdn, uuid1), day, true, false},
		{"never against another value of what it has one of", describe("dc1", uuid1, fqdn), "nessus", describe("dc1", uuid2, fqdn), day, false, true},
		{"never by weak ones against a strong one", describe("dc1", uuid1, ip, mac, name), "nessus", describe("dc1", uuid2, ip, mac, name), day, false, true},
		{"by two weak ones in its zone", describe("dc1", uuid1, ip, mac), "nessus", describe("dc1", ip, mac), day, true, false},
		{"not by two weak ones of another zone", describe("dc1", ip, mac), "nessus", describe("dc2", ip, mac), day, false, false},
		{"not by two weak ones long ago", describe("dc1", ip, mac), "nessus", describe("dc1", ip, mac), 31 * day, false, false},
		{"not by one weak one beside a strong one", describe("dc1", ip), "nmap", describe("dc1", ip, uuid1), day, false, false},
		{"by its only weak one, from the same source", describe("dc1", ip), "nmap", describe("dc1", ip), 7 * day, true, false},
		{"by one weak one of several, from the same source that now says less", describe("dc1", uuid1, ip), "nmap", describe("dc1", ip), 7 * day, true, false},
		{"not by its only weak one from another source", describe("dc1", ip), "nessus", describe("dc1", ip), day, false, false},
		{"not by its only weak one long ago", describe("dc1", ip), "nmap", describe("dc1", ip), 31 * day, false, false},
		{"not by its only weak one in another zone", describe("dc1", ip), "nmap", describe("dc2", ip), day, false, false},
		{"by an agent of its own source only", describe("", id(asset.AgentID, "17")), "fleet", describe("", id(asset.AgentID, "17")), day, false, false},
		{"not by an origin on a private address of another zone", describe("dc1", id(asset.URLOrigin, "http://10.0.0.5")), "nmap", describe("dc2", id(asset.URLOrigin, "http://10.0.0.5")), day, false, false},
		{"by two source ids of different sources", describe("", fqdn, id(asset.SourceAssetID, "1")), "nessus", describe("", fqdn, id(asset.SourceAssetID, "2")), day, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := asset.NewAsset("01A", c.known, c.source, epoch)
			r, err := asset.Resolve(c.given, "nmap", []asset.Asset{a}, epoch.Add(c.after))
			require.NoError(t, err)
			require.Equal(t, c.matches, r.Into == "01A", r.Why)
			require.Equal(t, c.refused, len(r.Refused) == 1, r.Why)
			require.NotEmpty(t, r.Why)
			if c.refused {
				require.Contains(t, r.Why, "different bios uuid")
			}
		})
	}
}

func TestAssetsThatTurnOutToBeOneAreMergedIntoTheOldest(t *testing.T) {
	old := asset.NewAsset("01C", describe("", fqdn), "nuclei", epoch)
	mid := asset.NewAsset("01B", describe("", uuid1), "nessus", epoch.Add(time.Hour))
	young := asset.NewAsset("01A", describe("dc1", ip, mac), "nmap", epoch.Add(2*time.Hour))
	other := asset.NewAsset("01D", describe("dc1", uuid2, ip, mac), "fleet", epoch)
	r, err := asset.Resolve(describe("dc1", uuid1, fqdn, ip, mac), "glpi", []asset.Asset{young, mid, other, old}, epoch.Add(3*time.Hour))
	require.NoError(t, err)
	require.Equal(t, asset.ID("01C"), r.Into)
	require.Equal(t, []asset.ID{"01A", "01B"}, r.Merge)
	require.Equal(t, asset.ID("01D"), r.Refused[0].Asset)
	require.Len(t, strings.Split(r.Why, "\n"), 4, "one line for each piece of evidence")
}

func TestTwoAssetsThatConflictAreNotMergedByAThirdsWord(t *testing.T) {
	a := asset.NewAsset("01A", describe("", uuid1, fqdn), "nessus", epoch)
	b := asset.NewAsset("01B", describe("", uuid2, id(asset.FQDN, "web2.example.com")), "nessus", epoch)
	r, err := asset.Resolve(describe("", fqdn, id(asset.FQDN, "web2.example.com")), "dns", []asset.Asset{b, a}, epoch)
	require.NoError(t, err)
	require.Equal(t, asset.ID("01A"), r.Into)
	require.Empty(t, r.Merge)
	require.Equal(t, asset.ID("01B"), r.Refused[0].Asset)
}

// description draws descriptions over few values, so that they meet often.
func description(strongOnly bool) *rapid.Generator[asset.Description] {
	return rapid.Custom(func(t *rapid.T) asset.Description {
		kinds := []asset.IdentifierKind{asset.FQDN, asset.URLOrigin, asset.Label, asset.BIOSUUID, asset.MAC, asset.IP, asset.Hostname}
		if strongOnly {
			kinds = kinds[:3] // those that one asset may have many of: no conflicts
		}
		n := rapid.IntRange(1, 4).Draw(t, "identifiers")
		ids := make([]asset.Identifier, 0, n)
		for range n {
			n := rapid.IntRange(1, 5).Draw(t, "n")
			k := rapid.SampledFrom(kinds).Draw(t, "kind")
			ids = append(ids, id(k, map[asset.IdentifierKind]string{
				asset.FQDN: fmt.Sprintf("web%d.example.com", n), asset.URLOrigin: fmt.Sprintf("https://app%d.example.com", n),
				asset.Label: fmt.Sprintf("artifact %d", n), asset.BIOSUUID: fmt.Sprintf("4c4c4544-0051-4d10-8052-b7c04f4e373%d", n),
				asset.MAC: fmt.Sprintf("00:15:5d:01:02:0%d", n), asset.IP: fmt.Sprintf("10.0.0.%d", n), asset.Hostname: fmt.Sprintf("web%d", n)}[k]))
		}
		return describe(rapid.SampledFrom([]string{"dc1", "dc2"}).Draw(t, "zone"), ids...)
	})
}

// inventory is what ingest does with Resolve, in the plainest way.
type inventory struct {
	assets []asset.Asset
	at     time.Time
}

func (v *inventory) deliver(t require.TestingT, d asset.Description, source string) asset.ID {
	v.at = v.at.Add(time.Minute)
	r, err := asset.Resolve(d, source, v.assets, v.at)
	require.NoError(t, err)
	if r.Into == "" {
		a := asset.NewAsset(asset.ID(fmt.Sprintf("01-%03d", len(v.assets))), d, source, v.at)
		v.assets = append(v.assets, a)
		return a.ID
	}
	into := v.index(r.Into)
	for _, other := range r.Merge {
		o := v.index(other)
		v.assets[into], v.assets[o], _ = asset.Merge(v.assets[into], v.assets[o], r.Why, v.at)
	}
	v.assets[into], _ = asset.Absorb(v.assets[into], d, source, v.at)
	return r.Into
}

func (v *inventory) index(id asset.ID) int {
	return slices.IndexFunc(v.assets, func(a asset.Asset) bool { return a.ID == id })
}

func (v *inventory) survivor(id asset.ID) asset.ID {
	for {
		a := v.assets[v.index(id)]
		if a.MergedInto == "" {
			return a.ID
		}
		id = a.MergedInto
	}
}

func TestTheDecisionDoesNotDependOnTheOrderOfTheCandidatesAndStays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := &inventory{at: epoch}
		for _, d := range rapid.SliceOfN(description(false), 1, 12).Draw(rt, "before") {
			v.deliver(rt, d, rapid.SampledFrom([]string{"nmap", "nessus"}).Draw(rt, "source"))
		}
		d := description(false).Draw(rt, "given")
		want, err := asset.Resolve(d, "nmap", v.assets, v.at)
		require.NoError(rt, err)
		shuffled := rapid.Permutation(v.assets).Draw(rt, "order")
		got, err := asset.Resolve(d, "nmap", shuffled, v.at)
		require.NoError(rt, err)
		require.Equal(rt, want, got)
		require.NotContains(rt, got.Merge, got.Into)

		into := v.deliver(rt, d, "nmap")
		again, err := asset.Resolve(d, "nmap", v.assets, v.at)
		require.NoError(rt, err)
		require.Equal(rt, into, again.Into, "the same description again is another asset")
		require.Empty(rt, again.Merge, "the same description again merges more")
	})
}

func TestConflictingStrongIdentifiersNeverShareAnAsset(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := &inventory{at: epoch}
		for _, d := range rapid.SliceOfN(description(false), 1, 20).Draw(rt, "deliveries") {
			uuids := slices.DeleteFunc(slices.Clone(d.Identifiers), func(i asset.Identifier) bool { return i.Kind != asset.BIOSUUID })
			if len(uuids) > 1 {
				continue // one report with two UUIDs contradicts itself
			}
			v.deliver(rt, d, "nmap")
		}
		for _, a := range v.assets {
			uuids := map[string]bool{}
			for _, k := range a.Identifiers {
				if k.Kind == asset.BIOSUUID {
					uuids[k.Value] = true
				}
			}
			require.LessOrEqual(rt, len(uuids), 1, "%s has several UUIDs", a.ID)
		}
	})
}

func TestThePartitionByStrongIdentifiersDoesNotDependOnTheOrderOfDeliveries(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ds := rapid.SliceOfN(description(true), 1, 10).Draw(rt, "deliveries")
		order := make([]int, len(ds))
		for i := range order {
			order[i] = i
		}
		first := partition(rt, ds, order)
		second := partition(rt, ds, rapid.Permutation(order).Draw(rt, "order"))
		for i := range ds {
			for j := range ds {
				require.Equal(rt, first[i] == first[j], second[i] == second[j], "deliveries %d and %d", i, j)
			}
		}
	})
}

func partition(t require.TestingT, ds []asset.Description, order []int) []asset.ID {
	v := &inventory{at: epoch}
	ids := make([]asset.ID, len(ds))
	for _, i := range order {
		ids[i] = v.deliver(t, ds[i], "nmap")
	}
	for i := range ids {
		ids[i] = v.survivor(ids[i])
	}
	return ids
}

func TestJunkNeverJoins(t *testing.T) {
	junk := []asset.Identifier{id(asset.IP, "127.0.0.1"), id(asset.MAC, "00:00:00:00:00:00"), id(asset.IP, "172.17.0.1"), id(asset.SerialNumber, "None"), id(asset.Hostname, "localhost")}
	rapid.Check(t, func(rt *rapid.T) {
		shared := rapid.SliceOf(rapid.SampledFrom(junk)).Draw(rt, "junk")
		v := &inventory{at: epoch}
		one := v.deliver(rt, describe("dc1", append([]asset.Identifier{uuid1}, shared...)...), "mde")
		two := v.deliver(rt, describe("dc1", append([]asset.Identifier{fqdn}, shared...)...), "mde")
		require.NotEqual(rt, one, two)
	})
}

func TestMergeThenUndoGivesBothBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		grow := func(id asset.ID, label string) asset.Asset {
			a := asset.NewAsset(id, full(rt, label), "nmap", epoch)
			for range rapid.IntRange(0, 2).Draw(rt, label+" times") {
				a, _ = asset.Absorb(a, full(rt, label), rapid.SampledFrom([]string{"nmap", "nessus"}).Draw(rt, label+" source"), epoch.Add(time.Hour))
			}
			return a
		}
		a, b := grow("01A", "a"), grow("01B", "b")
		s, o := asset.PickSurvivor(a, b)
		s2, o2 := asset.PickSurvivor(b, a)
		require.Equal(rt, []asset.ID{s.ID, o.ID}, []asset.ID{s2.ID, o2.ID})
		ms, mo, ev := asset.Merge(s, o, "same FQDN", epoch.Add(2*time.Hour))
		require.Equal(rt, ms.ID, mo.MergedInto)
		require.Contains(rt, ms.Aliases, o.ID)
		for _, k := range o.Identifiers {
			require.True(rt, slices.ContainsFunc(ms.Identifiers, func(m asset.Known) bool { return m.Identifier == k.Identifier }))
		}
		us, uo, undone, err := asset.Undo(ms, mo, ev, "a mistake", epoch.Add(3*time.Hour))
		require.NoError(rt, err)
		require.Equal(rt, asset.EventUnmerged, undone.Kind)
		require.Equal(rt, s.Version+2, us.Version)
		us.Version, us.UpdatedAt = s.Version, s.UpdatedAt
		uo.Version, uo.UpdatedAt = o.Version, o.UpdatedAt
		require.Equal(rt, s, us)
		require.Equal(rt, o, uo)
	})
}

func full(t *rapid.T, label string) asset.Description {
	d := description(false).Draw(t, label)
	d.Name = rapid.SampledFrom([]string{"", "web1", "web2"}).Draw(t, label+" name")
	d.OS = rapid.SampledFrom([]string{"", "Debian 13"}).Draw(t, label+" os")
	d.Internet = rapid.SampledFrom([]string{"", asset.InternetYes, asset.InternetNo}).Draw(t, label+" internet")
	d.Tags = rapid.MapOf(rapid.SampledFrom([]string{"team", "env"}), rapid.SampledFrom([]string{"x", "y"})).Draw(t, label+" tags")
	for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(1, 4), 0, 3, rapid.ID).Draw(t, label+" ports") {
		d.Services = append(d.Services, asset.Service{Port: p, Protocol: "tcp", Name: rapid.SampledFrom([]string{"", "http", "ssh"}).Draw(t, label+" service")})
	}
	d.OwnerHints = []asset.OwnerHint{{Value: rapid.SampledFrom([]string{"payments", "web"}).Draw(t, label+" hint"), From: "tag team"}}
	return d
}

func TestWhatWasLearnedAfterAMergeStaysWithTheSurvivorWhenItIsUndone(t *testing.T) {
	s := asset.NewAsset("01A", describe("", uuid1), "nessus", epoch)
	o := asset.NewAsset("01B", describe("", fqdn), "nuclei", epoch.Add(time.Hour))
	s, o, ev := asset.Merge(s, o, "by hand", epoch.Add(2*time.Hour))
	s, _ = asset.Absorb(s, describe("", fqdn, id(asset.FQDN, "new.example.com")), "nuclei", epoch.Add(3*time.Hour))
	s, o, _, err := asset.Undo(s, o, ev, "a mistake", epoch.Add(4*time.Hour))
	require.NoError(t, err)
	require.Empty(t, o.MergedInto)
	values := func(a asset.Asset) (vs []string) {
		for _, k := range a.Identifiers {
			vs = append(vs, k.Value)
		}
		return vs
	}
	require.Equal(t, []string{uuid1.Value, "new.example.com"}, values(s))
	require.Equal(t, []string{fqdn.Value}, values(o))
	require.Equal(t, epoch.Add(3*time.Hour), o.Identifiers[0].LastSeen, "its newest date goes with it")
	_, _, _, err = asset.Undo(s, o, ev, "again", epoch)
	require.ErrorContains(t, err, "isn't merged")
}

func TestAnAssetDoesNotGrowForEver(t *testing.T) {
	a := asset.NewAsset("01A", describe("dc1", uuid1), "nmap", epoch)
	for i := range 2000 {
		a, _ = asset.Absorb(a, describe("dc1", uuid1, id(asset.IP, fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250))), "nmap", epoch.Add(time.Duration(i)*time.Hour))
	}
	require.LessOrEqual(t, len(a.Identifiers), 256)
	require.True(t, slices.ContainsFunc(a.Identifiers, func(k asset.Known) bool { return k.Identifier == uuid1 }), "the strong one stays")
	require.True(t, slices.ContainsFunc(a.Identifiers, func(k asset.Known) bool { return k.Value == "10.0.7.250" }), "the newest stays")
}

func TestAnOlderReportFillsGapsAndReplacesNothing(t *testing.T) {
	d := describe("", uuid1)
	d.OS, d.Tags = "Debian 13", map[string]string{"env": "prod"}
	a := asset.NewAsset("01A", d, "nessus", epoch)
	d.OS, d.Name, d.Tags = "Debian 12", "web1", map[string]string{"env": "test", "team": "web"}
	a, changed := asset.Absorb(a, d, "glpi", epoch.Add(-time.Hour))
	require.True(t, changed)
	require.Equal(t, "Debian 13", a.OS)
	require.Equal(t, map[string]string{"env": "prod", "team": "web"}, a.Tags)
	require.Equal(t, epoch.Add(-time.Hour), a.FirstSeen)
	_, changed = asset.Absorb(a, d, "glpi", epoch.Add(-time.Hour))
	require.False(t, changed, "the same again changes nothing")
}

func BenchmarkResolve(b *testing.B) {
	d := describe("dc1", uuid1, fqdn, ip, mac, name)
	a := asset.NewAsset("01A", d, "nessus", epoch)
	for b.Loop() {
		if r, err := asset.Resolve(d, "nessus", []asset.Asset{a}, epoch); err != nil || r.Into != "01A" {
			b.Fatal(err)
		}
	}
}

func TestOneWeakIdentifierFindsAnAssetAgainButNeverMergesTwo(t *testing.T) {
	second := id(asset.IP, "10.0.0.6")
	a := asset.NewAsset("01A", describe("dc1", ip), "nmap", epoch)
	b := asset.NewAsset("01B", describe("dc1", second), "nmap", epoch)
	r, err := asset.Resolve(describe("dc1", ip, second), "nmap", []asset.Asset{b, a}, epoch)
	require.NoError(t, err)
	require.Equal(t, asset.ID("01A"), r.Into)
	require.Empty(t, r.Merge)
}
