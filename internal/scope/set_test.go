package scope_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/scope"
)

func known(kind asset.IdentifierKind, value string) asset.Known {
	return asset.Known{Identifier: asset.Identifier{Kind: kind, Value: value}}
}

var web = asset.Asset{
	ID: "A1", Kind: asset.Host, Name: "WEB-01", Zone: "dc1", Sources: []string{"nessus-dc1", "nmap"},
	Tags: map[string]string{"env": "prod", "team": "Payments"},
	Identifiers: []asset.Known{
		known(asset.FQDN, "web-01.example.com"), known(asset.IP, "10.1.2.3"), known(asset.IP, "::ffff:192.0.2.7"),
		known(asset.CloudResourceID, "arn:aws:ec2:eu-west-1:123:instance/i-0a"), known(asset.IP, "not an address"),
	},
}

func compile(t *testing.T, scopes ...scope.Scope) scope.Set {
	t.Helper()
	set, errs := scope.Compile(scopes)
	require.Empty(t, errs)
	return set
}

func TestARuleMatchesWhenEveryFieldThatIsSetMatches(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule scope.Rule
		want bool
	}{
		{"kind", scope.Rule{Kind: "host"}, true},
		{"another kind", scope.Rule{Kind: "api"}, false},
		{"name in any case", scope.Rule{Name: "web-*"}, true},
		{"FQDN", scope.Rule{Name: "*.example.com"}, true},
		{"an IP is no name", scope.Rule{Name: "10.1.*"}, false},
		{"network", scope.Rule{Network: "10.1.0.0/16"}, true},
		{"one address as a network", scope.Rule{Network: "10.1.2.3"}, true},
		{"an IPv4 address written inside IPv6", scope.Rule{Network: "192.0.2.0/24"}, true},
		{"another network", scope.Rule{Network: "10.2.0.0/16"}, false},
		{"zone", scope.Rule{Zone: "dc1"}, true},
		{"another zone", scope.Rule{Zone: "dc2"}, false},
		{"identifier", scope.Rule{Identifier: "cloud_resource:arn:aws:*:123:*"}, true},
		{"another identifier", scope.Rule{Identifier: "cloud_resource:arn:aws:*:999:*"}, false},
		{"tag in any case", scope.Rule{Tags: map[string]string{"team": "pay*"}}, true},
		{"one of two tags", scope.Rule{Tags: map[string]string{"team": "pay*", "env": "test"}}, false},
		{"a tag that isn't there", scope.Rule{Tags: map[string]string{"tier": "*"}}, false},
		{"source", scope.Rule{Source: "nmap"}, true},
		{"another source", scope.Rule{Source: "trivy"}, false},
		{"all at once", scope.Rule{Kind: "host", Name: "web*", Network: "10.0.0.0/8", Zone: "dc1", Tags: map[string]string{"env": "prod"}, Source: "nmap"}, true},
		{"all but one", scope.Rule{Kind: "host", Name: "web*", Network: "10.0.0.0/8", Zone: "dc1", Tags: map[string]string{"env": "test"}, Source: "nmap"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := compile(t, scope.Scope{Name: "s", Include: []scope.Rule{tt.rule}})
			require.Equal(t, tt.want, len(set.Of(web)) == 1)
		})
	}
}

func TestExcludeBeatsInclude(t *testing.T) {
	all := []scope.Rule{{Name: "*"}}
	set := compile(t,
		scope.Scope{Name: "b", Include: all, Exclude: []scope.Rule{{Tags: map[string]string{"env": "prod"}}}},
		scope.Scope{Name: "a", Include: []scope.Rule{{Zone: "dc9"}}})
	require.Empty(t, set.Of(web))
	require.True(t, set.Excluded(web), "the only scope that knows it excludes it")
	require.False(t, set.Excluded(asset.Asset{Name: "other"}), "it is in a scope")

	both := compile(t,
		scope.Scope{Name: "b", Include: all, Exclude: []scope.Rule{{Zone: "dc1"}}},
		scope.Scope{Name: "a", Include: []scope.Rule{{Zone: "dc1"}}})
	require.Equal(t, []string{"a"}, both.Of(web))
	require.False(t, both.Excluded(web), "another scope has it")

	none := compile(t, scope.Scope{Name: "a", Include: []scope.Rule{{Zone: "dc9"}}, Exclude: []scope.Rule{{Zone: "dc1"}}})
	require.False(t, none.Excluded(web), "what no scope includes is a gap, not excluded")
}

func TestScopesComeSortedAndByName(t *testing.T) {
	all := []scope.Rule{{Name: "*"}}
	set := compile(t, scope.Scope{Name: "zeta", Include: all}, scope.Scope{Name: "alpha", Include: all, Owner: "web"})
	require.Equal(t, []string{"alpha", "zeta"}, set.Of(web))
	got, ok := set.Get("alpha")
	require.True(t, ok)
	require.Equal(t, "web", got.Owner)
	_, ok = set.Get("beta")
	require.False(t, ok)
	require.Len(t, set.Named([]string{"zeta", "gone", "alpha"}), 2)
	require.Empty(t, scope.Set{}.Of(web), "the zero set has no scopes")
}

func TestTheDigestIsOfTheContentAndNotTheOrder(t *testing.T) {
	a := scope.Scope{Name: "a", Include: []scope.Rule{{Name: "*", Tags: map[string]string{"x": "1", "y": "2"}}}}
	b := scope.Scope{Name: "b", Include: []scope.Rule{{Zone: "dc1"}}}
	changed := b
	changed.MissionImpact = scope.ImpactHigh
	require.Equal(t, compile(t, a, b).Digest(), compile(t, b, a).Digest())
	require.NotEqual(t, compile(t, a, b).Digest(), compile(t, a, changed).Digest())
	require.NotEqual(t, compile(t, a, b).Digest(), compile(t, a).Digest())
	require.Equal(t, compile(t).Digest(), scope.Set{}.Digest())
}

func TestEveryProblemIsReportedAtOnceWithItsPath(t *testing.T) {
	_, errs := scope.Compile([]scope.Scope{
		{Name: "ok", Include: []scope.Rule{{Name: "*"}}},
		{
			Name: "no good", MissionImpact: "huge", Internet: "maybe", Tolerance: "act",
			Include: []scope.Rule{{}, {Network: "10.0.0.0/99"}, {Kind: "toaster"}}, Exclude: []scope.Rule{{Network: "10.0.0.1/8"}},
			Engagement: &scope.Engagement{
				Probe: true, RatePerHost: -1, Protocols: []string{"ftp"}, Networks: []string{"x"}, Ports: []string{"0", "9-8", "http"},
				Windows: []scope.Window{{From: "25:00", To: "6:00", Location: "Mars/Olympus", Days: []scope.Day{9}}},
			},
		},
		{Name: "ok"},
	})
	paths := make([]string, 0, len(errs))
	for _, err := range errs {
		var field *scope.FieldError
		require.ErrorAs(t, err, &field)
		require.NotEmpty(t, field.Msg)
		paths = append(paths, field.Path)
	}
	require.ElementsMatch(t, strings.Fields(`
		[1].name [1].mission_impact [1].internet [1].tolerance
		[1].include[0] [1].include[1].network [1].include[2].kind [1].exclude[0].network
		[1].engagement.rate_per_host [1].engagement.protocols[0] [1].engagement.networks[0]
		[1].engagement.ports[0] [1].engagement.ports[1] [1].engagement.ports[2]
		[1].engagement.windows[0].from [1].engagement.windows[0].to [1].engagement.windows[0].location [1].engagement.windows[0].days[0]
		[2].include [2].name`), paths)
}

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "Prod-EU.web_1", "9"} {
		require.True(t, scope.ValidName(name), name)
	}
	for _, name := range []string{"", "-a", ".a", "a b", "a/b", "ä", "a\n", strings.Repeat("a", 65)} {
		require.False(t, scope.ValidName(name), name)
	}
}

func TestTheOrderOfRulesDoesNotMatter(t *testing.T) {
	rules := rapid.SampledFrom([]scope.Rule{
		{Name: "web*"}, {Zone: "dc1"}, {Kind: "api"}, {Network: "10.0.0.0/8"}, {Tags: map[string]string{"env": "prod"}}, {Source: "nmap"},
	})
	rapid.Check(t, func(t *rapid.T) {
		include := rapid.SliceOfN(rules, 1, 4).Draw(t, "include")
		exclude := rapid.SliceOfN(rules, 0, 3).Draw(t, "exclude")
		a := asset.Asset{
			Name: rapid.SampledFrom([]string{"web1", "db1"}).Draw(t, "name"), Zone: rapid.SampledFrom([]string{"", "dc1"}).Draw(t, "zone"),
			Kind: rapid.SampledFrom([]asset.Kind{asset.Host, asset.API}).Draw(t, "kind"),
		}
		set, errs := scope.Compile([]scope.Scope{{Name: "s", Include: include, Exclude: exclude}})
		require.Empty(t, errs)
		one := func(r scope.Rule) bool {
			single, errs := scope.Compile([]scope.Scope{{Name: "s", Include: []scope.Rule{r}}})
			require.Empty(t, errs)
			return len(single.Of(a)) == 1
		}
		included, excluded := slices.ContainsFunc(include, one), slices.ContainsFunc(exclude, one)
		require.Equal(t, included && !excluded, len(set.Of(a)) == 1)
		require.Equal(t, included && excluded, set.Excluded(a))
	})
}

func TestScopesSurviveJSON(t *testing.T) {
	in := scope.Scope{
		Name: "s", Include: []scope.Rule{{Name: "*"}}, MissionImpact: scope.ImpactLow,
		Engagement: &scope.Engagement{Probe: true, Windows: []scope.Window{{From: "22:00", To: "06:00", Days: []scope.Day{scope.Day(time.Friday)}}}},
	}
	b, err := json.Marshal(in)
	require.NoError(t, err)
	var out scope.Scope
	require.NoError(t, json.Unmarshal(b, &out))
	require.Equal(t, in, out)
}

func TestGaps(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	set := compile(t,
		scope.Scope{Name: "prod", Include: []scope.Rule{{Tags: map[string]string{"env": "prod"}}}},
		scope.Scope{Name: "lab", Include: []scope.Rule{{Zone: "lab"}}, Exclude: []scope.Rule{{Name: "toy*"}}},
		scope.Scope{Name: "empty", Include: []scope.Rule{{Zone: "nowhere"}}})
	assets := []asset.Asset{
		web,
		{ID: "A2", Name: "lost", FirstSeen: at.AddDate(0, 0, -8)},
		{ID: "A3", Name: "toy", Zone: "lab", FirstSeen: at.AddDate(0, 0, -30), OwnerSince: at.AddDate(0, 0, -1)},
		{ID: "A4", Name: "rat", Zone: "lab", Sources: []string{"decommissioned"}, Owner: "payments"},
		{ID: "A7", Name: "crm", Kind: asset.SaaSApplication, Sources: []string{"okta", "wiz"}, OwnerHints: []asset.OwnerHint{{Value: "sales", From: "group"}}},
		{ID: "A5", Name: "gone", Retired: true},
		{ID: "A6", Name: "twin", MergedInto: "A1"},
	}
	gaps := scope.FindGaps(slices.Values(assets), set, []scope.Source{
		{Name: "nmap", Last: at.Add(-25 * time.Hour), Every: 12 * time.Hour},
		{Name: "nessus-dc1", Last: at.Add(-13 * 24 * time.Hour)},
		{Name: "trivy"},
		{Name: "wiz", Last: at.Add(-time.Hour), Silent: true},
		{Name: "fleet", Last: at, Problem: "unexpected EOF"},
		{Name: "fresh", Last: at.Add(-time.Hour), Every: time.Hour},
	}, at, scope.GapPage{OwnerWithin: 7 * 24 * time.Hour})
	told := map[scope.GapKind][]string{}
	for _, g := range gaps {
		require.EqualValues(t, len(g.Items), g.Count)
		require.NotEmpty(t, g.Words)
		require.Empty(t, g.Next)
		for _, item := range g.Items {
			if g.Kind == scope.GapUnowned && (item.ID == "A1" || item.ID == "A7") {
				continue // as the next two
			}
			told[g.Kind] = append(told[g.Kind], item.ID+": "+item.Note)
		}
	}
	require.Equal(t, map[scope.GapKind][]string{
		scope.GapUnscoped:     {"A2: ", "A7: okta, wiz"},
		scope.GapUnclaimed:    {"A7: okta, wiz"},
		scope.GapUnsourced:    {"empty: ", "lab: "},
		scope.GapLate:         {"fleet: its last report failed: unexpected EOF", "nmap: it has gone quiet", "trivy: it never reported", "wiz: it has gone quiet"},
		scope.GapUnowned:      {"A2: it should have had an owner since 2026-11-22", "A3: it is to have an owner by 2026-11-29"},
		scope.GapSingleSource: {"A4: decommissioned"},
		scope.GapOwnerless:    {"A1: unowned", "A2: unowned", "A3: unowned", "A4: payments by the rules alone"},
	}, told)
}

func TestAGapOfManyIsCountedAndWalkedPageByPageInAnyOrder(t *testing.T) {
	const there = 2500
	assets := func(yield func(asset.Asset) bool) {
		for i := range there {
			if !yield(asset.Asset{ID: asset.ID(fmt.Sprintf("%04d", (i*977)%there))}) {
				return
			}
		}
	}
	require.Len(t, scope.FindGaps(assets, scope.Set{}, nil, time.Time{}, scope.GapPage{})[0].Items, 10)
	var ids []string
	for page := (scope.GapPage{Kind: scope.GapUnscoped, Limit: 1000}); ; {
		gaps := scope.FindGaps(assets, scope.Set{}, nil, time.Time{}, page)
		require.Len(t, gaps, 1)
		require.EqualValues(t, there, gaps[0].Count)
		for _, item := range gaps[0].Items {
			ids = append(ids, item.ID)
		}
		if page.After = gaps[0].Next; page.After == "" {
			break
		}
	}
	require.Len(t, ids, there)
	require.True(t, slices.IsSorted(ids))
}

func BenchmarkSetOf(b *testing.B) {
	scopes := make([]scope.Scope, 0, 20)
	for i := range 20 {
		scopes = append(scopes, scope.Scope{Name: fmt.Sprintf("s%d", i), Include: []scope.Rule{
			{Name: fmt.Sprintf("*.team%d.example.com", i)}, {Network: fmt.Sprintf("10.%d.0.0/16", i)}, {Tags: map[string]string{"env": "p*d"}},
		}})
	}
	set, errs := scope.Compile(scopes)
	require.Empty(b, errs)
	b.ReportAllocs()
	for b.Loop() {
		set.Of(web)
	}
}
