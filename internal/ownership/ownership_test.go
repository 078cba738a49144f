package ownership_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

func config() ownership.Config {
	return ownership.Config{
		Teams: []ownership.Team{
			{Name: "platform", Channel: "#platform"},
			{Name: "payments", Aliases: []string{"pay-*", "Billing Team"}},
			{Name: "dba"}, {Name: "web"}, {Name: "soc"},
		},
		Route: ownership.Node{
			ReminderBefore: []scope.Duration{scope.Days(5)},
			Children: []ownership.Node{
				{Match: []string{"tag.env=prod", "tag.app=shop*"}, Team: "web", Channel: "#shop", Children: []ownership.Node{
					{Match: []string{"check=nessus:*"}, Team: "platform", Escalation: []ownership.Step{{After: scope.Days(2), To: "soc"}}},
					{Match: []string{"kind=api"}},
				}},
				{Match: []string{"cve=CVE-2024-1709"}, Team: "soc", Continue: true},
				{Match: []string{"scope=databases"}, Team: "dba"},
				{Match: []string{"identifier.fqdn=*.pay.example.com", "source!=lab-*"}, Team: "payments"},
			},
		},
	}
}

func tree(tb testing.TB, c ownership.Config) *ownership.Tree {
	tb.Helper()
	out, errs := ownership.Compile(c)
	require.Empty(tb, errs)
	return &out
}

func fqdn(name string) []asset.Known {
	return []asset.Known{{Identifier: asset.Identifier{Kind: asset.FQDN, Value: name}}}
}

func hint(value, source string) asset.OwnerHint {
	return asset.OwnerHint{Value: value, From: "tag team", Source: source}
}

func TestRouting(t *testing.T) {
	shop := map[string]string{"env": "prod", "app": "Shop-EU"}
	for _, tt := range []struct {
		name       string
		a          asset.Asset
		scopes     []scope.Scope
		e          exposure.Exposure
		team       string
		confidence float64
		path       string
		copies     []string
	}{
		{"a route by tags", asset.Asset{Tags: shop}, nil, exposure.Exposure{}, "web", ownership.ConfidenceRoute, "root > tag.env=prod and tag.app=shop*", nil},
		{"a child refines it", asset.Asset{Tags: shop}, nil, exposure.Exposure{Weakness: "nessus:57582"}, "platform", ownership.ConfidenceRoute, "root > tag.env=prod and tag.app=shop* > check=nessus:*", nil},
		{"a child without a team inherits it", asset.Asset{Tags: shop, Kind: asset.API}, nil, exposure.Exposure{}, "web", ownership.ConfidenceRoute, "root > tag.env=prod and tag.app=shop* > kind=api", nil},
		{"half of the conditions is no match", asset.Asset{Tags: map[string]string{"env": "prod"}}, nil, exposure.Exposure{}, "", 0, "root > no route, clue or scope names a team", nil},
		{"a route by scope", asset.Asset{}, []scope.Scope{{Name: "databases", Owner: "web"}}, exposure.Exposure{}, "dba", ownership.ConfidenceRoute, "root > scope=databases", nil},
		{"the first of two routes owns and the second is told", asset.Asset{}, []scope.Scope{{Name: "databases"}}, exposure.Exposure{CVEs: []string{"CVE-2024-1709"}}, "soc", ownership.ConfidenceRoute, "root > cve=CVE-2024-1709", []string{"dba"}},
		{"a route by identifier", asset.Asset{Identifiers: fqdn("a.pay.example.com")}, nil, exposure.Exposure{}, "payments", ownership.ConfidenceRoute, "root > identifier.fqdn=*.pay.example.com and source!=lab-*", nil},
		{"a negated condition", asset.Asset{Identifiers: fqdn("a.pay.example.com"), Sources: []string{"lab-1"}}, nil, exposure.Exposure{}, "", 0, "root > no route, clue or scope names a team", nil},
		{"a hint by the team's own name", asset.Asset{OwnerHints: []asset.OwnerHint{hint("Platform", "aws")}}, nil, exposure.Exposure{}, "platform", 0.83, "root > tag team=Platform", nil},
		{"a hint by alias", asset.Asset{OwnerHints: []asset.OwnerHint{hint("nobody", "x"), hint("billing team", "cmdb")}}, nil, exposure.Exposure{}, "payments", 0.83, "root > tag team=billing team", nil},
		{"two sorts of sources agree", asset.Asset{OwnerHints: []asset.OwnerHint{hint("pay-eu", "aws"), {Value: "payments", From: "support_group", Source: "cmdb"}}}, nil, exposure.Exposure{}, "payments", 0.99, "root > tag team=pay-eu, support_group=payments", nil},
		{"one CMDB repeated by three tools is one", asset.Asset{OwnerHints: []asset.OwnerHint{hint("payments", "aws"), hint("payments", "wiz"), hint("payments", "orca")}}, nil, exposure.Exposure{}, "payments", 0.83, "root > tag team=payments", nil},
		{"one source that repeats itself is one", asset.Asset{OwnerHints: []asset.OwnerHint{hint("pay-eu", "aws"), hint("payments", "aws")}}, nil, exposure.Exposure{}, "payments", 0.83, "root > tag team=pay-eu", nil},
		{"sources that disagree", asset.Asset{OwnerHints: []asset.OwnerHint{hint("dba", "aws"), hint("pay-eu", "cmdb"), hint("pay-us", "crm")}}, nil, exposure.Exposure{}, "", 0, "root > no team is likely enough", nil},
		{"a scope's owner", asset.Asset{}, []scope.Scope{{Name: "b", Owner: "web"}}, exposure.Exposure{}, "web", 0.64, "root > owner of scope b", nil},
		{"a scope's owner decides a dispute", asset.Asset{OwnerHints: []asset.OwnerHint{hint("dba", "aws"), hint("web", "cmdb")}}, []scope.Scope{{Name: "z", Owner: "soc"}, {Name: "m"}, {Name: "b", Owner: "web"}}, exposure.Exposure{}, "web", 0.95, "root > tag team=web, owner of scope b", nil},
		{"a hint is surer than a scope's owner", asset.Asset{OwnerHints: []asset.OwnerHint{hint("dba", "aws")}}, []scope.Scope{{Name: "b", Owner: "web"}}, exposure.Exposure{}, "dba", 0.63, "root > tag team=dba", nil},
		{"an empty hint names nobody", asset.Asset{OwnerHints: []asset.OwnerHint{hint("", "aws")}}, nil, exposure.Exposure{}, "", 0, "root > no route, clue or scope names a team", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tree(t, config()).Route(tt.a, tt.scopes, tt.e)
			require.Equal(t, tt.team, r.Team)
			require.InDelta(t, tt.confidence, r.Confidence, 0)
			require.Equal(t, tt.path, strings.Join(r.Path, " > "))
			require.Equal(t, tt.copies, r.Copies)
			owner := r.Owner()
			require.Equal(t, exposure.Owner{Team: tt.team, How: tt.path, Confidence: tt.confidence, Likely: r.Likely}, owner)
			require.True(t, tt.team == "" || len(r.Likely) == 0, "who is owned needs no guesses")
		})
	}
}

func TestTheDefaultTeamComesLast(t *testing.T) {
	c := config()
	c.Route.Team = "platform"
	r := tree(t, c).Route(asset.Asset{}, nil, exposure.Exposure{})
	require.Equal(t, "platform", r.Team)
	require.InDelta(t, ownership.ConfidenceDefault, r.Confidence, 0)
	r = tree(t, c).Route(asset.Asset{}, []scope.Scope{{Name: "s", Owner: "web"}}, exposure.Exposure{})
	require.Equal(t, "web", r.Team, "a scope's owner is surer")
}

func TestAMatchWithoutATeamDoesNotHideALaterOne(t *testing.T) {
	c := config()
	c.Route.Children = []ownership.Node{{Match: []string{"kind=host"}, Channel: "#hosts", Continue: true}, {Match: []string{"zone=dc1"}, Team: "dba"}}
	r := tree(t, c).Route(asset.Asset{Kind: asset.Host, Zone: "dc1"}, nil, exposure.Exposure{})
	require.Equal(t, "dba", r.Team)
}

func TestOptionsAreInherited(t *testing.T) {
	tr := tree(t, config())
	shop := asset.Asset{Tags: map[string]string{"env": "prod", "app": "shop"}}
	r := tr.Route(shop, nil, exposure.Exposure{Weakness: "nessus:1"})
	require.Equal(t, ownership.Options{
		Escalation:     []ownership.Step{{After: scope.Days(2), To: "soc"}}, // its own
		ReminderBefore: []scope.Duration{scope.Days(5)},                     // the root's
		Channel:        "#shop",                                             // its parent's
		Reminds:        true, Escalates: true, Rerouted: true,
	}, r.Options)
	r = tr.Route(asset.Asset{OwnerHints: []asset.OwnerHint{hint("platform", "x")}}, nil, exposure.Exposure{})
	require.Equal(t, "#platform", r.Options.Channel, "the team's own where no node names one")
	require.Equal(t, ownership.DefaultOptions().Escalation, r.Options.Escalation)
}

func TestExplainTellsWhatEachNodeAnswered(t *testing.T) {
	a := asset.Asset{Tags: map[string]string{"env": "prod", "app": "shop"}, OwnerHints: []asset.OwnerHint{hint("pay-eu", "aws"), hint("ghosts", "")}}
	got := tree(t, config()).Explain(a, []scope.Scope{{Name: "prod", Owner: "dba"}}, exposure.Exposure{})
	require.Equal(t, "web", got.Route.Team)
	require.Equal(t, []string{
		"root: matches everything",
		"  tag.env=prod and tag.app=shop*: matches, team web",
		"    check=nessus:*: no, check=nessus:* doesn't hold",
		"    kind=api: no, kind=api doesn't hold",
		"hint tag team=pay-eu from aws: team payments",
		"hint tag team=ghosts: no team goes by that name",
		"candidate payments, 0.63",
		"  +4.50 tag: tag team=pay-eu (aws)",
		"candidate dba, 0.23",
		"  +3.50 scope: owner of scope prod",
		"=> web, 0.95: tag.env=prod and tag.app=shop*",
	}, got.Lines)
	none := tree(t, ownership.Config{}).Explain(asset.Asset{}, nil, exposure.Exposure{})
	require.Equal(t, []string{"root: matches everything", "=> unowned: no route, clue or scope names a team"}, none.Lines)
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	_, errs := ownership.Compile(ownership.Config{
		Teams: []ownership.Team{{Name: "web"}, {Name: "web"}, {Name: "no good"}, {Name: "dba", Aliases: []string{"WEB", "*"}}, {Name: "escalation"}},
		Route: ownership.Node{
			Match: []string{"kind=host"},
			Children: []ownership.Node{
				{Match: []string{"kind=host"}, Team: "ghosts"},
				{Match: []string{"zone=dc1", "kind=host"}},
				{Match: []string{"color=red", "tag=x", "name", "tag.=x"}},
				{Escalation: []ownership.Step{{After: scope.Days(2), To: "@ann"}, {After: scope.Days(1), To: "nobody"}}},
				{Match: []string{"kind=api"}},
			},
		},
		Unowned: []ownership.Step{{To: "@"}},
	})
	paths := make([]string, 0, len(errs))
	for _, err := range errs {
		var field *scope.FieldError
		require.ErrorAs(t, err, &field)
		paths = append(paths, field.Path)
	}
	require.ElementsMatch(t, strings.Fields(`
		teams[1].name teams[2].name teams[3].aliases[0] teams[3].aliases[1] teams[4].name
		route route.children[0].team route.children[1]
		route.children[2].match[0] route.children[2].match[1] route.children[2].match[2] route.children[2].match[3]
		route.children[3].escalation[1].to route.children[3].escalation[1].after
		route.children[4] unowned[0].to`), paths)
}

func TestWhatFollowsAContinueCanBeReached(t *testing.T) {
	_, errs := ownership.Compile(ownership.Config{Route: ownership.Node{Children: []ownership.Node{{Continue: true}, {Match: []string{"kind=host"}}}}})
	require.Empty(t, errs)
}

func TestTreesTooDeepAreRefused(t *testing.T) {
	n := ownership.Node{}
	for range 20 {
		n = ownership.Node{Children: []ownership.Node{n}}
	}
	_, errs := ownership.Compile(ownership.Config{Route: n})
	require.Len(t, errs, 1)
	require.ErrorContains(t, errs[0], "levels deep")
}

func TestScopesMustNameTeams(t *testing.T) {
	errs := tree(t, config()).CheckScopes([]scope.Scope{{Name: "a", Owner: "web"}, {Name: "b"}, {Name: "c", Owner: "ghosts"}})
	require.Len(t, errs, 1)
	require.EqualError(t, errs[0], `[2].owner: there is no team "ghosts" in owners.teams`)
}

func TestTheDigestNamesTheConfiguration(t *testing.T) {
	a, b := config(), config()
	require.Equal(t, tree(t, a).Digest(), tree(t, b).Digest())
	b.Route.Children[0].Team = "dba"
	require.NotEqual(t, tree(t, a).Digest(), tree(t, b).Digest())
	team, ok := tree(t, a).Team("platform")
	require.True(t, ok)
	require.Equal(t, "#platform", team.Channel)
	require.Len(t, tree(t, a).Teams(), 5)
}

func TestRoutesAreStableAndNamedTeamsExist(t *testing.T) {
	tr := tree(t, config())
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
		a := asset.Asset{
			Tags: map[string]string{"env": pick("env", "prod", "test"), "app": pick("app", "shop", "other")}, Kind: asset.Kind(pick("kind", "host", "api")),
			OwnerHints: []asset.OwnerHint{hint(pick("hint", "", "dba", "pay-x", "?"), "s")},
		}
		e := exposure.Exposure{Weakness: pick("weakness", "nessus:1", "nuclei:x"), CVEs: []string{pick("cve", "CVE-2024-1709", "CVE-2020-0001")}}
		scopes := []scope.Scope{{Name: pick("scope", "databases", "other")}}
		r := tr.Route(a, scopes, e)
		require.Equal(t, r, tr.Route(a, scopes, e))
		if r.Team == "" {
			require.Zero(t, r.Confidence)
			return
		}
		_, ok := tr.Team(r.Team)
		require.True(t, ok)
		require.Positive(t, r.Confidence)
		require.NotContains(t, r.Copies, r.Team)
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("tag.env=prod", "prod")
	f.Add("source!=lab-*", "lab-1")
	f.Add("identifier.fqdn=*.example.com", "")
	f.Add("=", "")
	f.Fuzz(func(t *testing.T, text, value string) {
		tr, errs := ownership.Compile(ownership.Config{Teams: []ownership.Team{{Name: "web"}}, Route: ownership.Node{Children: []ownership.Node{{Match: []string{text}, Team: "web"}}}})
		if len(errs) == 0 {
			r := tr.Route(asset.Asset{Name: value, Tags: map[string]string{"env": value}}, nil, exposure.Exposure{})
			require.Contains(t, []string{"", "web"}, r.Team)
		}
	})
}

func BenchmarkRoute(b *testing.B) {
	bare := tree(b, config())
	learned := bare.Remembering(bare.NewMemory(due, func(yield func(ownership.Count) bool) {
		for _, feature := range []string{"asset:a1", "domain:other.example.com", "subnet:dc1|10.1.2.0/24", "hint:tag team=dba"} {
			if !yield(ownership.Count{Feature: feature, Team: "dba", Tally: ownership.Tally{Fixed: 7, Last: due}}) ||
				!yield(ownership.Count{Feature: feature, Team: "web", Tally: ownership.Tally{Claimed: 1, Refused: 2, Last: due}}) {
				return
			}
		}
	}, ownership.Census{}))
	e := exposure.Exposure{CVEs: []string{"CVE-2020-0001"}}
	other := asset.Asset{ID: "a1", Zone: "dc1", OwnerHints: []asset.OwnerHint{hint("dba", "aws"), hint("ghosts", "wiz")}, Identifiers: append(fqdn("a.other.example.com"),
		asset.Known{Identifier: asset.Identifier{Kind: asset.IP, Value: "10.1.2.3"}})}
	for _, bb := range []struct {
		name string
		tree *ownership.Tree
		a    asset.Asset
	}{
		{"route", bare, asset.Asset{Identifiers: fqdn("a.pay.example.com"), Tags: map[string]string{"env": "prod"}}},
		{"hint", bare, other},
		{"nothing", bare, asset.Asset{Identifiers: fqdn("a.other.example.com")}},
		{"learned", &learned, other},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.tree.Route(bb.a, nil, e)
			}
		})
	}
}

func TestTheHintsOfWhoComesFirstByPrecedenceWeighMore(t *testing.T) {
	tr := tree(t, ownership.Config{Teams: []ownership.Team{{Name: "web"}, {Name: "dba"}}})
	ranked := func(value, source string, rank int) asset.OwnerHint {
		h := hint(value, source)
		h.Rank = rank
		return h
	}
	scanners := []asset.OwnerHint{ranked("web", "nessus", 0)}
	require.Equal(t, "web", tr.Route(asset.Asset{OwnerHints: scanners}, nil, exposure.Exposure{}).Team)
	with := asset.Asset{OwnerHints: []asset.OwnerHint{ranked("dba", "nessus", 1), ranked("dba", "qualys", 1), ranked("web", "cmdb", 0)}}
	r := tr.Route(with, nil, exposure.Exposure{})
	require.Equal(t, "web", r.Team, "one inventory against two scanners")
	unknown := asset.Asset{OwnerHints: []asset.OwnerHint{ranked("dba", "nessus", 0), ranked("nobody", "cmdb", 0)}}
	require.Equal(t, "dba", tr.Route(unknown, nil, exposure.Exposure{}).Team, "a hint that names no team stands in nobody's way")
}

func TestTeamsNameOnlyPeopleThatAreThere(t *testing.T) {
	c := config()
	c.People = []ownership.Person{{Name: "ann", Role: "approver"}, {Name: "ann"}, {Name: "bob", Role: "king", Left: "yesterday"}, {Name: "b o"}}
	c.Teams[0].Members, c.Teams[1].Manager = []string{"ann", "cid"}, "dan"
	_, errs := ownership.Compile(c)
	paths := make([]string, 0, len(errs))
	for _, err := range errs {
		var field *scope.FieldError
		require.ErrorAs(t, err, &field)
		paths = append(paths, field.Path)
	}
	require.ElementsMatch(t, strings.Fields("people[1].name people[2].role people[2].left people[3].name teams[0].members[1] teams[1].manager"), paths)
}
