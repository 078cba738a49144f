package ownership_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

var at = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func teams(names ...string) (out []ownership.Team) {
	for _, n := range names {
		out = append(out, ownership.Team{Name: n})
	}
	return out
}

// remembering is a tree that has seen the counts.
func remembering(tb testing.TB, c ownership.Config, day time.Time, counts ...ownership.Count) *ownership.Tree {
	tb.Helper()
	tr := tree(tb, c)
	out := tr.Remembering(tr.NewMemory(day, slices.Values(counts), ownership.Census{}))
	return &out
}

func counted(feature, team string, t ownership.Tally) ownership.Count {
	t.Last, t.Against = at, at
	return ownership.Count{Feature: feature, Team: team, Tally: t}
}

func from(value, origin, source string) asset.OwnerHint {
	return asset.OwnerHint{Value: value, From: origin, Source: source, At: at}
}

func TestAnOwnerIsExplainedInOneLine(t *testing.T) {
	a := asset.Asset{ID: "a1", OwnerHints: []asset.OwnerHint{from("payments", "tag team", "aws")}}
	tr := remembering(t, ownership.Config{Teams: teams("payments", "web")}, at,
		counted("asset:a1", "payments", ownership.Tally{Fixed: 7}), counted("asset:a1", "web", ownership.Tally{Fixed: 1}))
	r := tr.Route(a, nil, exposure.Exposure{})
	require.Equal(t, "payments, 0.99: tag team=payments, fixed 7 of 8 on this asset", r.Line())
	x := strings.Join(tr.Explain(a, nil, exposure.Exposure{}).Lines, "\n")
	require.Contains(t, x, "candidate payments, 0.99\n  +4.50 tag: tag team=payments (aws)\n  +4.42 fixed: fixed 7 of 8 on this asset\n")
	require.Contains(t, x, "candidate web, 0.00\n  +0.27 fixed: fixed 1 of 8 on this asset\n")
}

func TestWeakEvidenceStaysUnownedWithTheLikelyTeams(t *testing.T) {
	tr := tree(t, ownership.Config{Teams: teams("payments", "web")})
	r := tr.Route(asset.Asset{OwnerHints: []asset.OwnerHint{from("web", "assignee of alert 7", "github")}}, nil, exposure.Exposure{})
	require.Empty(t, r.Team)
	require.Equal(t, []exposure.Guess{{Team: "web", Confidence: 0.19, Why: "assignee of alert 7=web"}}, r.Likely)
	require.Equal(t, "unowned: no team is likely enough; perhaps web, 0.19", r.Line())

	r = tr.Route(asset.Asset{OwnerHints: []asset.OwnerHint{from("web", "tag team", "aws"), from("payments", "owner", "cmdb")}}, nil, exposure.Exposure{})
	require.Empty(t, r.Team, "two that contradict each other")
	require.Len(t, r.Likely, 2)
	kept := tr.Route(asset.Asset{Owner: "web", OwnerHints: []asset.OwnerHint{from("web", "tag team", "aws"), from("payments", "owner", "cmdb")}}, nil, exposure.Exposure{})
	require.Equal(t, "web", kept.Team, "who owns it already keeps it while it is likely")
}

func TestTheGateIsConfigured(t *testing.T) {
	c := ownership.Config{Teams: teams("web"), Inference: ownership.Inference{Confidence: 0.9}}
	a := asset.Asset{OwnerHints: []asset.OwnerHint{from("web", "tag team", "aws")}}
	require.Empty(t, tree(t, c).Route(a, nil, exposure.Exposure{}).Team)
	c.Inference.Weights = map[string]float64{"tag": 6}
	require.Equal(t, "web", tree(t, c).Route(a, nil, exposure.Exposure{}).Team)
}

func TestWrongHintsAreLearned(t *testing.T) {
	c := ownership.Config{Teams: []ownership.Team{{Name: "old", Aliases: []string{"legacy-x"}}, {Name: "new"}}}
	other := asset.Asset{ID: "a9", OwnerHints: []asset.OwnerHint{from("legacy-x", "tag team", "aws")}}
	require.Equal(t, "old", tree(t, c).Route(other, nil, exposure.Exposure{}).Team)
	last := 1.0
	for refuted := 1; refuted <= 5; refuted++ {
		tr := remembering(t, c, at, counted("hint:tag team=legacy-x", "old", ownership.Tally{Refused: refuted}))
		got := tr.Explain(other, nil, exposure.Exposure{}).Candidates[0]
		require.Equal(t, "old", got.Team)
		require.Less(t, got.Confidence, last, "the more it is refuted the less it weighs")
		last = got.Confidence
	}
	require.Less(t, last, 0.35)
	tr := remembering(t, c, at, counted("hint:tag team=legacy-x", "old", ownership.Tally{Refused: 5}), counted("hint:tag team=legacy-x", "new", ownership.Tally{Given: 5}))
	r := tr.Route(other, nil, exposure.Exposure{})
	require.Equal(t, "new", r.Team, "and what it really means is learned too: %s", r.Line())
}

func TestAnOwnerThatNeverAnswersIsLessLikelyUntilItDoes(t *testing.T) {
	c := ownership.Config{Teams: teams("web")}
	a := asset.Asset{ID: "a1", OwnerHints: []asset.OwnerHint{from("web", "tag team", "aws")}}
	confidence := func(silent, claimed int) float64 {
		tr := remembering(t, c, at, counted("asset:a1", "web", ownership.Tally{Silent: silent, Claimed: claimed}))
		got := tr.Explain(a, nil, exposure.Exposure{})
		require.Equal(t, silent > 0, strings.Contains(strings.Join(got.Lines, "\n"), fmt.Sprintf("left all reminders of %d tickets unanswered on this asset", silent)))
		return got.Candidates[0].Confidence
	}
	require.Less(t, confidence(1, 0), confidence(0, 0))
	require.Less(t, confidence(3, 0), confidence(1, 0))
	require.Greater(t, confidence(1, 1), confidence(1, 0), "a claim outweighs it")
	require.Equal(t, 3, tree(t, c).Silence())
	c.Inference.Silence = 5
	require.Equal(t, 5, tree(t, c).Silence())
}

func TestATeamThatRefusedAnExposureDoesNotGetItBack(t *testing.T) {
	c := config()
	shop := asset.Asset{Tags: map[string]string{"env": "prod", "app": "shop"}, OwnerHints: []asset.OwnerHint{hint("dba", "aws")}}
	e := exposure.Exposure{ID: "x", Refused: []exposure.NotOurs{{Team: "web", By: "ann", Reason: "moved to the DBAs"}}}
	r := tree(t, c).Route(shop, nil, e)
	require.Equal(t, "dba", r.Team, "not even by route")
	require.Equal(t, "root > tag.env=prod and tag.app=shop* > web says that it isn't theirs > tag team=dba", strings.Join(r.Path, " > "))
	e.Refused = append(e.Refused, exposure.NotOurs{Team: "dba", By: "bob"})
	r = tree(t, c).Route(shop, nil, e)
	require.Empty(t, r.Team)
	require.Empty(t, r.Likely, "nor is it asked again")
	c.Route.Team = "web"
	require.Empty(t, tree(t, c).Route(shop, nil, e).Team, "nor by default")
}

func TestNeighboursSayWhoIsLikely(t *testing.T) {
	c := ownership.Config{Teams: teams("payments", "web")}
	host := func(n int) asset.Asset {
		return asset.Asset{ID: asset.ID(fmt.Sprint("h", n)), Zone: "dc1", Tags: map[string]string{"namespace": "pay"},
			Identifiers: append(fqdn(fmt.Sprintf("h%d.pay.example.com", n)), asset.Known{Identifier: asset.Identifier{Kind: asset.IP, Value: fmt.Sprint("10.0.0.", n)}})}
	}
	teller := tree(t, c).NewTeller()
	for n := range 30 {
		a := host(n)
		a.OwnerHints = []asset.OwnerHint{from("payments", "tag team", "aws")}
		teller.Count(a, nil)
		a.OwnerHints, a.Owner = nil, "web" // who merely owns it so far is not who somebody named
		teller.Count(a, nil)
	}
	empty := tree(t, c)
	tr := empty.Remembering(empty.NewMemory(at, slices.Values([]ownership.Count(nil)), teller.Census()))
	r := tr.Route(host(99), nil, exposure.Exposure{})
	require.Equal(t, "payments, 0.64: owns 30 of 30 in dc1/pay, owns 30 of 30 in *.pay.example.com, owns 30 of 30 in 10.0.0.0/24 dc1", r.Line())
	only := asset.Asset{ID: "o", Zone: "dc1", Identifiers: host(98).Identifiers[1:]}
	r = tr.Route(only, nil, exposure.Exposure{})
	require.Empty(t, r.Team, "a network alone is not enough")
	require.Equal(t, "payments", r.Likely[0].Team)
}

func TestWhoHasLeftAndWhatIsDissolvedOwnsNothing(t *testing.T) {
	c := ownership.Config{
		People: []ownership.Person{{Name: "ann", Email: "ann@example.com", Left: "2026-06-01"}, {Name: "bob", Email: "bob@example.com"}},
		Teams:  []ownership.Team{{Name: "old", Members: []string{"ann"}, Manager: "ann"}, {Name: "web", Members: []string{"ann", "bob"}, Manager: "bob"}},
		Route:  ownership.Node{Children: []ownership.Node{{Match: []string{"zone=dc1"}, Team: "old"}}},
	}
	tr, before := remembering(t, c, at), remembering(t, c, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	require.True(t, before.Active("old"))
	require.False(t, tr.Active("old"))
	require.Equal(t, "everybody in old has left", tr.Gone("old"))
	require.Equal(t, "there is no team gone any more", tr.Gone("gone"))
	require.Empty(t, tr.Gone("web"))
	require.Empty(t, tr.Manager("old"))
	require.Equal(t, "bob", tr.Manager("web"))

	r := tr.Route(asset.Asset{Zone: "dc1", OwnerHints: []asset.OwnerHint{from("bob@example.com", "tag owner", "aws")}}, nil, exposure.Exposure{})
	require.Equal(t, "web", r.Team)
	require.Equal(t, "root > zone=dc1 > everybody in old has left > tag owner=bob@example.com, who is in the team", strings.Join(r.Path, " > "))
	r = tr.Route(asset.Asset{OwnerHints: []asset.OwnerHint{from("ann@example.com", "tag owner", "aws"), from("old", "tag team", "aws")}}, nil, exposure.Exposure{})
	require.Empty(t, r.Team)
	require.Empty(t, r.Likely)
	lines := strings.Join(tr.Explain(asset.Asset{OwnerHints: []asset.OwnerHint{from("ann@example.com", "tag owner", "aws"), from("old", "tag team", "aws")}}, nil, exposure.Exposure{}).Lines, "\n")
	require.Contains(t, lines, "ann, who has left")
	require.Contains(t, lines, "hint tag team=old from aws: everybody in old has left")
}

func TestInferenceIsChecked(t *testing.T) {
	_, errs := ownership.Compile(ownership.Config{Inference: ownership.Inference{Confidence: 1, Keep: -0.1, Prior: 2, Silence: -1,
		Weights: map[string]float64{"tag": 21, "colour": 1}, HalfLife: map[string]scope.Duration{"taste": 0}}})
	require.Len(t, errs, 7)
}

// world draws evidence on one asset out of everything there is.
type world struct {
	hints  []asset.OwnerHint
	counts []ownership.Count
	scopes []scope.Scope
}

func drawWorld(t *rapid.T) world {
	team := rapid.SampledFrom([]string{"a", "b", "c", "nobody"})
	var w world
	for i := range rapid.IntRange(0, 5).Draw(t, "hints") {
		w.hints = append(w.hints, drawHint(t, i))
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "counts") {
		w.counts = append(w.counts, ownership.Count{Team: team.Draw(t, "team"),
			Feature: rapid.SampledFrom([]string{"asset:x", "domain:d.example.com", "subnet:z|10.0.0.0/24", "hint:tag team=a", "fix:f"}).Draw(t, "feature"),
			Tally: ownership.Tally{Fixed: rapid.IntRange(0, 9).Draw(t, "fixed"), Claimed: rapid.IntRange(0, 3).Draw(t, "claimed"), Refused: rapid.IntRange(0, 3).Draw(t, "refused"),
				Silent: rapid.IntRange(0, 2).Draw(t, "silent"), Last: at.AddDate(0, 0, -i*40), Against: at.AddDate(0, 0, -i*30)}})
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "scopes") {
		w.scopes = append(w.scopes, scope.Scope{Name: fmt.Sprint("s", i), Owner: team.Draw(t, "owner")})
	}
	return w
}

func drawHint(t *rapid.T, i int) asset.OwnerHint {
	return asset.OwnerHint{Value: rapid.SampledFrom([]string{"a", "b", "c", "nobody"}).Draw(t, "value"),
		From:   rapid.SampledFrom([]string{"tag team", "label team", "owner", "spec.owner", "codeowners *", "assignee of x"}).Draw(t, "from"),
		Source: rapid.SampledFrom([]string{"s1", "s2"}).Draw(t, "source"), At: at.AddDate(0, 0, -i*100), Rank: rapid.IntRange(0, 2).Draw(t, "rank")}
}

func (w *world) infer(tb testing.TB, day time.Time) map[string]float64 {
	tb.Helper()
	tr := remembering(tb, ownership.Config{Teams: teams("a", "b", "c")}, day, w.counts...)
	a := asset.Asset{ID: "x", Zone: "z", OwnerHints: w.hints, Identifiers: append(fqdn("h.d.example.com"), asset.Known{Identifier: asset.Identifier{Kind: asset.IP, Value: "10.0.0.7"}})}
	out := map[string]float64{}
	for _, c := range tr.Explain(a, w.scopes, exposure.Exposure{Fix: "f"}).Candidates {
		out[c.Team] = c.Confidence
	}
	return out
}

func TestThePosteriorIsOne(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		total := 0.0
		got := w.infer(t, at)
		for team, p := range got {
			require.Contains(rt, []string{"a", "b", "c"}, team)
			require.GreaterOrEqual(rt, p, 0.0)
			total += p
		}
		require.LessOrEqual(rt, total, 1+0.015, "three figures rounded to hundredths")

		// The order in which evidence comes is no matter.
		r := rand.New(rand.NewPCG(1, 2))
		turned := world{slices.Clone(w.hints), slices.Clone(w.counts), slices.Clone(w.scopes)}
		r.Shuffle(len(turned.hints), func(i, k int) { turned.hints[i], turned.hints[k] = turned.hints[k], turned.hints[i] })
		slices.Reverse(turned.counts)
		slices.Reverse(turned.scopes)
		require.Equal(rt, got, turned.infer(t, at))

		// A source that repeats itself, and one that repeats another's words, counts once.
		if len(w.hints) > 0 {
			again := w.hints[0]
			again.Source = "s3"
			require.Equal(rt, got, (&world{append(slices.Clone(w.hints), w.hints[0], again), w.counts, w.scopes}).infer(t, at))
		}
	})
}

func TestMoreEvidenceForATeamNeverLowersIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		before := w.infer(t, at)
		more := world{slices.Clone(w.hints), slices.Clone(w.counts), w.scopes}
		if rapid.Bool().Draw(rt, "hint") {
			h := drawHint(rt, 0)
			h.Value = "a"
			if h.From == "tag team" { // of which it may be known that it means another team: that is evidence for the other
				h.From = "owned by"
			}
			more.hints = append(more.hints, h)
		} else {
			more.counts = append(more.counts, ownership.Count{Feature: rapid.SampledFrom([]string{"asset:x", "domain:d.example.com", "hint:tag team=a"}).Draw(rt, "more"), Team: "a",
				Tally: ownership.Tally{Fixed: rapid.IntRange(0, 2).Draw(rt, "f"), Given: 1, Last: at}})
		}
		require.GreaterOrEqual(rt, more.infer(t, at)["a"], before["a"])
	})
}

func TestEvidenceThatGrowsOldDecaysToThePrior(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawWorld(rt)
		w.scopes = nil // configuration doesn't grow old
		for _, p := range w.infer(t, at.AddDate(60, 0, 0)) {
			require.InDelta(rt, 0.05, p, 0.01, "what nobody has said for sixty years")
		}
	})
}
