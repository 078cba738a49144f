package priority_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/priority"
)

var (
	at   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	seen = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
)

const day = 24 * time.Hour

func fact(v priority.Value) priority.Fact { return priority.Fact{Value: v, From: "the test"} }

// calm is an exposure about which everything is known and harmless, under fresh KEV.
func calm() priority.Inputs {
	return priority.Inputs{
		Exploitation: fact(priority.None), Automatable: fact(priority.No), TechnicalImpact: fact(priority.Partial),
		MissionImpact: fact(priority.Low), KEV: fact(priority.No), PubliclyExposed: fact(priority.No),
		CVE: true, KEVTaken: at.Add(-time.Hour), Since: seen,
	}
}

func with(change func(*priority.Inputs)) priority.Inputs {
	in := calm()
	change(&in)
	return in
}

func TestDecisions(t *testing.T) {
	unknown := priority.Fact{}
	for _, tt := range []struct {
		name    string
		in      priority.Inputs
		outcome exposure.DecisionOutcome
		bod     priority.Timeline
		admit   bool
		due     time.Time
		missing string // part of it
	}{
		{"what is known and harmless is tracked for ninety days", calm(), exposure.Track, priority.Upgrade, false, seen.Add(90 * day), ""},
		{
			"nothing known is the worst that isn't active without evidence", priority.Inputs{CVE: true, KEV: fact(priority.No), KEVTaken: at, Since: seen},
			exposure.Attend, priority.Days3, true, seen.Add(3 * day), "mission impact is unknown: were it low, the decision would be track instead of attend",
		},
		{
			"in KEV means exploited, and the date counts from when it came into KEV", with(func(in *priority.Inputs) {
				in.KEV, in.KEVAdded, in.MissionImpact = fact(priority.Yes), seen.Add(day), fact(priority.High)
			}), exposure.Attend, priority.Days14, true, seen.Add(15 * day), "",
		},
		{
			"in KEV before it was seen, the date counts from the sight", with(func(in *priority.Inputs) {
				in.KEV, in.KEVAdded, in.MissionImpact = fact(priority.Yes), seen.Add(-day), fact(priority.High)
			}), exposure.Attend, priority.Days14, true, seen.Add(14 * day), "",
		},
		{
			"a directive's fortnight is worked on though SSVC only tracks", with(func(in *priority.Inputs) { in.KEV = fact(priority.Yes) }),
			exposure.Track, priority.Days14, true, seen.Add(14 * day), "",
		},
		{
			"the policy's time counts where it is shorter than the directive's", with(func(in *priority.Inputs) {
				in.PubliclyExposed, in.Exploitation, in.TechnicalImpact, in.MissionImpact = fact(priority.No), fact(priority.Active), fact(priority.Total), fact(priority.High)
			}), exposure.Act, priority.Upgrade, true, seen.Add(3 * day), "",
		},
		{
			"EPSS above the threshold is a proof of concept", with(func(in *priority.Inputs) {
				in.Exploitation, in.EPSS, in.TechnicalImpact, in.MissionImpact = unknown, 0.1, fact(priority.Total), fact(priority.High)
			}), exposure.Attend, priority.Upgrade, true, seen.Add(14 * day), "",
		},
		{
			"the highest EPSS is never exploitation", with(func(in *priority.Inputs) {
				in.Exploitation, in.EPSS, in.Automatable, in.TechnicalImpact, in.MissionImpact = unknown, 0.99, fact(priority.Yes), fact(priority.Total), fact(priority.High)
			}), exposure.Attend, priority.Days60, true, seen.Add(14 * day), "",
		},
		{
			"a missing fact that moves only the timeline is asked for too", with(func(in *priority.Inputs) { in.PubliclyExposed = unknown }),
			exposure.Track, priority.Days60, false, seen.Add(60 * day), "publicly exposed is unknown: were it no, the timeline would be upgrade instead of 60d",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, due := priority.Decide(tt.in, priority.DefaultPolicy(), at)
			require.Equal(t, tt.outcome, d.Outcome, d.Why)
			require.Equal(t, string(tt.bod), d.BOD, d.Why)
			require.Equal(t, tt.admit, d.Admit, d.Why)
			require.Equal(t, tt.due, due, d.Why)
			require.Empty(t, d.Held)
			if tt.missing == "" {
				require.Empty(t, d.Missing)
			}
			require.Contains(t, d.Missing, tt.missing)
			require.Len(t, d.Inputs, 6)
		})
	}
}

func TestTheReasonsNameTheirSource(t *testing.T) {
	d, _ := priority.Decide(with(func(in *priority.Inputs) {
		in.KEV = priority.Fact{Value: priority.Yes, From: "in KEV since 2025-08-25"}
		in.Automatable = priority.Fact{Value: priority.Yes, From: "CVSS 3.1 9.8 by nvd"}
		in.MissionImpact = priority.Fact{}
	}), priority.DefaultPolicy(), at)
	require.Equal(t, []string{
		"SSVC Coordinator 2.0.3 says act, BOD 26-04 says 14d",
		"kev yes: in KEV since 2025-08-25",
		"publicly exposed no: the test",
		"exploitation active: in KEV since 2025-08-25",
		"automatable yes: CVSS 3.1 9.8 by nvd",
		"technical impact partial: the test",
		"unknown, so taken at the worst: mission impact high",
		"due 2026-11-23: the policy gives 3d for act from 2026-11-20, when it was seen",
		"worked on: the policy admits from attend",
	}, d.Why)
	require.Equal(t, map[string]string{
		"kev": "yes", "exploitation": "active", "automatable": "yes", "technical_impact": "partial", "mission_impact": "unknown", "publicly_exposed": "no",
	}, d.Inputs)
}

func TestWithoutAFreshKEVSnapshotExposuresAreHeld(t *testing.T) {
	policy := priority.DefaultPolicy()
	urgent := func(taken time.Time, kev priority.Value) priority.Inputs {
		return with(func(in *priority.Inputs) {
			in.KEVTaken, in.KEV, in.MissionImpact = taken, fact(kev), fact(priority.High)
		})
	}
	for _, tt := range []struct {
		name    string
		in      priority.Inputs
		outcome exposure.DecisionOutcome
		held    string
	}{
		{"no snapshot", urgent(time.Time{}, priority.Unknown), exposure.Attend, "no KEV snapshot is loaded: run quell intel import"},
		{"no snapshot, and a check without a CVE", with(func(in *priority.Inputs) {
			in.CVE, in.KEVTaken, in.Exploitation, in.TechnicalImpact, in.MissionImpact = false, time.Time{}, fact(priority.PoC), fact(priority.Total), fact(priority.High)
		}), exposure.Attend, "no KEV snapshot"},
		{"a stale snapshot doesn't say what isn't exploited", urgent(at.Add(-7*day-time.Millisecond), priority.No), exposure.Attend, "more than 7d ago"},
		{"what a stale snapshot lists is exploited all the same", urgent(at.Add(-30*day), priority.Yes), exposure.Attend, ""},
		{"a snapshot is fresh up to its age", urgent(at.Add(-7*day), priority.Yes), exposure.Attend, ""},
		{"what would only be tracked isn't held", with(func(in *priority.Inputs) { in.CVE, in.KEVTaken = false, time.Time{} }), exposure.Track, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, due := priority.Decide(tt.in, policy, at)
			require.Equal(t, tt.outcome, d.Outcome, d.Why)
			require.False(t, due.IsZero(), "what is held has a due date too")
			if tt.held == "" {
				require.Empty(t, d.Held)
				require.Equal(t, tt.outcome != exposure.Track, d.Admit)
				return
			}
			require.Contains(t, d.Held, tt.held)
			require.False(t, d.Admit)
		})
	}
}

func TestTolerance(t *testing.T) {
	policy := priority.DefaultPolicy()
	star := with(func(in *priority.Inputs) {
		in.TechnicalImpact, in.MissionImpact = fact(priority.Total), fact(priority.High)
	})
	attend := with(func(in *priority.Inputs) { in.Automatable, in.MissionImpact = fact(priority.Yes), fact(priority.High) })
	fortnight := with(func(in *priority.Inputs) { in.KEV = fact(priority.Yes) })
	three := with(func(in *priority.Inputs) {
		in.KEV, in.PubliclyExposed, in.TechnicalImpact = fact(priority.Yes), fact(priority.Yes), fact(priority.Total)
	})
	for _, tt := range []struct {
		name       string
		in         priority.Inputs
		outcome    exposure.DecisionOutcome
		tolerances []exposure.DecisionOutcome
		admit      bool
	}{
		{"the policy lets track_star wait", star, exposure.TrackStar, nil, false},
		{"a scope that tolerates track only does not", star, exposure.TrackStar, []exposure.DecisionOutcome{exposure.Track}, true},
		{"a scope that tolerates attend lets it wait", attend, exposure.Attend, []exposure.DecisionOutcome{exposure.Attend}, false},
		{"one stricter scope is enough", attend, exposure.Attend, []exposure.DecisionOutcome{exposure.Attend, exposure.TrackStar}, true},
		{"one scope without a word leaves it to the policy", attend, exposure.Attend, []exposure.DecisionOutcome{exposure.Attend, ""}, true},
		{"a fortnight waits where the scope tolerates the outcome", fortnight, exposure.Track, []exposure.DecisionOutcome{exposure.TrackStar}, false},
		{"three days never wait", three, exposure.Track, []exposure.DecisionOutcome{exposure.Attend}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.in
			in.Tolerances = tt.tolerances
			d, _ := priority.Decide(in, policy, at)
			require.Equal(t, tt.outcome, d.Outcome, d.Why)
			require.Equal(t, tt.admit, d.Admit, d.Why)
		})
	}
}

// domains are the values of each input, unknown among them.
var domains = map[string][]priority.Value{
	priority.KeyExploitation:    {priority.Unknown, priority.None, priority.PoC, priority.Active},
	priority.KeyAutomatable:     {priority.Unknown, priority.No, priority.Yes},
	priority.KeyTechnicalImpact: {priority.Unknown, priority.Partial, priority.Total},
	priority.KeyMissionImpact:   {priority.Unknown, priority.Low, priority.Medium, priority.High},
	priority.KeyKEV:             {priority.Unknown, priority.No, priority.Yes},
	priority.KeyPubliclyExposed: {priority.Unknown, priority.No, priority.Yes},
}

func field(in *priority.Inputs, key string) *priority.Fact {
	return map[string]*priority.Fact{
		priority.KeyExploitation: &in.Exploitation, priority.KeyAutomatable: &in.Automatable, priority.KeyTechnicalImpact: &in.TechnicalImpact,
		priority.KeyMissionImpact: &in.MissionImpact, priority.KeyKEV: &in.KEV, priority.KeyPubliclyExposed: &in.PubliclyExposed,
	}[key]
}

func drawInputs(t *rapid.T) priority.Inputs {
	in := priority.Inputs{
		CVE: rapid.Bool().Draw(t, "cve"), EPSS: rapid.SampledFrom([]float32{0, 0.05, 0.5}).Draw(t, "epss"), Since: seen,
		KEVTaken:   rapid.SampledFrom([]time.Time{{}, at.Add(-30 * day), at.Add(-day)}).Draw(t, "taken"),
		Tolerances: rapid.SliceOfN(rapid.SampledFrom([]exposure.DecisionOutcome{"", exposure.Track, exposure.TrackStar, exposure.Attend}), 0, 3).Draw(t, "tolerances"),
		KEVAdded:   rapid.SampledFrom([]time.Time{{}, seen.Add(-day), seen.Add(day)}).Draw(t, "added"),
	}
	for _, key := range slices.Sorted(maps.Keys(domains)) { // draws want a fixed order
		field(&in, key).Value = rapid.SampledFrom(domains[key]).Draw(t, key)
	}
	return in
}

// oracle goes over every value that the unknown inputs may take, and knows nothing of
// worst values.
func oracle(in priority.Inputs) (outcome exposure.DecisionOutcome, timeline priority.Timeline) {
	options := func(key string) []priority.Value {
		if v := field(&in, key).Value; v != priority.Unknown {
			return []priority.Value{v}
		}
		return domains[key][1:]
	}
	for _, kev := range options(priority.KeyKEV) {
		for _, exploitation := range options(priority.KeyExploitation) {
			switch {
			case kev == priority.Yes:
				exploitation = priority.Active // KEV is evidence
			case in.Exploitation.Value == priority.Unknown && exploitation == priority.Active:
				continue // active only on evidence
			}
			for _, row := range product([][]priority.Value{options(priority.KeyAutomatable), options(priority.KeyTechnicalImpact), options(priority.KeyMissionImpact), options(priority.KeyPubliclyExposed)}) {
				o, _ := priority.SSVC(exploitation, row[0], row[1], row[2])
				tl, _ := priority.BOD(kev, row[3], row[0], row[1])
				if o.Rank() > outcome.Rank() {
					outcome = o
				}
				if timeline == "" || tl.Rank() > timeline.Rank() {
					timeline = tl
				}
			}
		}
	}
	return outcome, timeline
}

func TestUnknownsAreDecidedOnTheWorstOfAllTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		in.EPSS, in.KEVTaken = 0, at
		d, _ := priority.Decide(in, priority.DefaultPolicy(), at)
		outcome, timeline := oracle(in)
		require.Equal(t, outcome, d.Outcome, d.Why)
		require.Equal(t, string(timeline), d.BOD, d.Why)
	})
}

func TestKnowingMoreNeverMakesItWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		in.KEVAdded = time.Time{} // a date in KEV may only give more time, which is another test's
		before, due := priority.Decide(in, priority.DefaultPolicy(), at)
		key := rapid.SampledFrom([]string{priority.KeyAutomatable, priority.KeyTechnicalImpact, priority.KeyMissionImpact, priority.KeyKEV, priority.KeyPubliclyExposed}).Draw(t, "key")
		if field(&in, key).Value != priority.Unknown {
			return
		}
		field(&in, key).Value = rapid.SampledFrom(domains[key][1:]).Draw(t, "value")
		after, later := priority.Decide(in, priority.DefaultPolicy(), at)
		require.LessOrEqual(t, after.Outcome.Rank(), before.Outcome.Rank())
		require.LessOrEqual(t, priority.Timeline(after.BOD).Rank(), priority.Timeline(before.BOD).Rank())
		require.False(t, later.Before(due))
	})
}

func TestComingIntoKEVNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		in.KEV.Value = rapid.SampledFrom([]priority.Value{priority.No, priority.Unknown}).Draw(t, "kev before")
		before, _ := priority.Decide(in, priority.DefaultPolicy(), at)
		in.KEV.Value = priority.Yes
		after, _ := priority.Decide(in, priority.DefaultPolicy(), at)
		require.GreaterOrEqual(t, after.Outcome.Rank(), before.Outcome.Rank())
		require.GreaterOrEqual(t, priority.Timeline(after.BOD).Rank(), priority.Timeline(before.BOD).Rank())
		require.True(t, after.Admit || !before.Admit)
	})
}

func TestTheMissingFactMovesItMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		in.EPSS, in.KEVTaken = 0, at
		d, _ := priority.Decide(in, priority.DefaultPolicy(), at)
		most := 0
		for key, values := range domains {
			if field(&in, key).Value != priority.Unknown {
				continue
			}
			known := in
			field(&known, key).Value = values[1] // the best
			better, _ := priority.Decide(known, priority.DefaultPolicy(), at)
			most = max(most, d.Outcome.Rank()-better.Outcome.Rank())
		}
		if most == 0 {
			require.NotContains(t, d.Missing, "the decision would be")
			return
		}
		_, rest, ok := strings.Cut(d.Missing, "the decision would be ")
		require.True(t, ok, d.Missing)
		promised, _, _ := strings.Cut(rest, " ")
		require.Equal(t, most, d.Outcome.Rank()-exposure.DecisionOutcome(promised).Rank(), d.Missing)
	})
}

func TestOfFactsThatMoveItAlikeTheFirstIsAskedFor(t *testing.T) {
	d, _ := priority.Decide(with(func(in *priority.Inputs) {
		in.Exploitation, in.MissionImpact, in.PubliclyExposed = fact(priority.Active), fact(priority.Medium), fact(priority.Yes)
		in.Automatable, in.TechnicalImpact = priority.Fact{}, priority.Fact{}
	}), priority.DefaultPolicy(), at)
	require.Equal(t, "whether exploitation can be automated is unknown: were it no, the decision would be attend instead of act; a CVSS vector or Vulnrichment would tell", d.Missing)
}

func TestEqualDigestsAreEqualDecisions(t *testing.T) {
	type result struct {
		d   exposure.Decision
		due time.Time
	}
	byDigest := map[string]result{}
	rapid.Check(t, func(t *rapid.T) {
		in := drawInputs(t)
		in.Intel = rapid.StringMatching(`[ab]`).Draw(t, "intel")
		when := at.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "ms")) * time.Millisecond)
		policy := priority.DefaultPolicy()
		policy.EPSSPoC = rapid.SampledFrom([]float64{0.1, 0.6}).Draw(t, "threshold")
		d, due := priority.Decide(in, policy, when)
		require.Equal(t, in.Intel, d.Intel)
		require.Equal(t, when, d.At)
		d.Intel, d.At = "", time.Time{}
		now := result{d, due}
		if before, ok := byDigest[d.Digest]; ok {
			require.Equal(t, before, now)
		}
		byDigest[d.Digest] = now
	})
	require.Greater(t, len(byDigest), 10)
}

func TestTheDigestIgnoresWhatDoesNotMatter(t *testing.T) {
	digest := func(change func(*priority.Inputs)) string {
		d, _ := priority.Decide(with(change), priority.DefaultPolicy(), at)
		return d.Digest
	}
	same := digest(func(*priority.Inputs) {})
	require.Equal(t, same, digest(func(in *priority.Inputs) { in.EPSS = 0.05 }), "EPSS on the same side of the threshold")
	require.Equal(t, same, digest(func(in *priority.Inputs) { in.KEVTaken = at }), "a newer snapshot")
	require.Equal(t, same, digest(func(in *priority.Inputs) { in.Intel = "other" }), "other intelligence with nothing new")
	require.NotEqual(t, same, digest(func(in *priority.Inputs) { in.EPSS = 0.5 }))
	require.NotEqual(t, same, digest(func(in *priority.Inputs) { in.Since = at }))
	require.NotEqual(t, same, digest(func(in *priority.Inputs) { in.MissionImpact = fact(priority.Medium) }))
	require.NotEqual(t, same, digest(func(in *priority.Inputs) { in.MissionImpact.From = "another scope" }))
}

func TestAValueThatNoInputTakesIsLookedAtByAPerson(t *testing.T) {
	d, _ := priority.Decide(with(func(in *priority.Inputs) { in.MissionImpact = fact("huge") }), priority.DefaultPolicy(), at)
	require.Equal(t, exposure.Act, d.Outcome)
}
