package priority_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/priority"
)

// coordinatorWant states the whole CISA Coordinator table 2.0.3 the other way round from
// the code: for each outcome the combinations that lead to it.
func coordinatorWant(exploitation, automatable, impact, mission string) string {
	switch key := strings.Join([]string{exploitation, automatable, impact, mission}, " "); key {
	case "active no total high", "active yes partial high", "active yes total medium", "active yes total high":
		return "act"
	case "none yes partial high", "none yes total high",
		"poc no total high", "poc yes partial high", "poc yes total high",
		"active no partial high", "active no total medium",
		"active yes partial low", "active yes partial medium", "active yes total low":
		return "attend"
	case "none no total high", "poc no partial high", "poc no total medium", "poc yes total medium":
		return "track_star"
	}
	return "track"
}

// directiveWant states the BOD 26-04 table 1.0.0 likewise.
func directiveWant(kev, exposed, automatable, impact string) string {
	switch key := strings.Join([]string{kev, exposed, automatable, impact}, "/"); key {
	case "yes/yes/yes/total", "yes/yes/no/total", "yes/no/yes/total":
		return "3d_forensics"
	case "yes/yes/yes/partial", "no/yes/yes/total":
		return "3d"
	case "yes/no/no/partial", "yes/yes/no/partial", "yes/no/yes/partial", "yes/no/no/total", "no/yes/yes/partial", "no/yes/no/total":
		return "14d"
	case "no/yes/no/partial", "no/no/yes/partial", "no/no/yes/total":
		return "60d"
	}
	return "upgrade"
}

func TestEveryRowOfTheCoordinatorTable(t *testing.T) {
	count := map[exposure.DecisionOutcome]int{}
	for _, exploitation := range []priority.Value{priority.None, priority.PoC, priority.Active} {
		for _, automatable := range []priority.Value{priority.No, priority.Yes} {
			for _, impact := range []priority.Value{priority.Partial, priority.Total} {
				for _, mission := range []priority.Value{priority.Low, priority.Medium, priority.High} {
					got, ok := priority.SSVC(exploitation, automatable, impact, mission)
					require.True(t, ok)
					want := coordinatorWant(string(exploitation), string(automatable), string(impact), string(mission))
					require.Equal(t, want, string(got), "%s %s %s %s", exploitation, automatable, impact, mission)
					count[got]++
				}
			}
		}
	}
	require.Equal(t, map[exposure.DecisionOutcome]int{exposure.Track: 18, exposure.TrackStar: 4, exposure.Attend: 10, exposure.Act: 4}, count)
}

func TestEveryRowOfTheDirectiveTable(t *testing.T) {
	for _, kev := range []priority.Value{priority.No, priority.Yes} {
		for _, exposed := range []priority.Value{priority.No, priority.Yes} {
			for _, automatable := range []priority.Value{priority.No, priority.Yes} {
				for _, impact := range []priority.Value{priority.Partial, priority.Total} {
					got, ok := priority.BOD(kev, exposed, automatable, impact)
					require.True(t, ok)
					want := directiveWant(string(kev), string(exposed), string(automatable), string(impact))
					require.Equal(t, want, string(got), "%s %s %s %s", kev, exposed, automatable, impact)
				}
			}
		}
	}
}

// TestTheTablesRise is what deciding on the worst case rests on: a worse input never gives
// a milder outcome.
func TestTheTablesRise(t *testing.T) {
	steps := map[priority.Value]priority.Value{
		priority.None: priority.PoC, priority.PoC: priority.Active, priority.No: priority.Yes, priority.Partial: priority.Total,
		priority.Low: priority.Medium, priority.Medium: priority.High,
	}
	noYes, impacts := []priority.Value{priority.No, priority.Yes}, []priority.Value{priority.Partial, priority.Total}
	rises := func(rank func([]priority.Value) int, domains ...[]priority.Value) {
		for _, row := range product(domains) {
			for i, v := range row {
				next, ok := steps[v]
				if !ok {
					continue
				}
				worse := append([]priority.Value(nil), row...)
				worse[i] = next
				require.GreaterOrEqual(t, rank(worse), rank(row), "%v after %v", worse, row)
			}
		}
	}
	rises(func(v []priority.Value) int { o, _ := priority.SSVC(v[0], v[1], v[2], v[3]); return o.Rank() },
		[]priority.Value{priority.None, priority.PoC, priority.Active}, noYes, impacts, []priority.Value{priority.Low, priority.Medium, priority.High})
	rises(func(v []priority.Value) int { tl, _ := priority.BOD(v[0], v[1], v[2], v[3]); return tl.Rank() }, noYes, noYes, noYes, impacts)
}

func product(domains [][]priority.Value) [][]priority.Value {
	rows := [][]priority.Value{nil}
	for _, domain := range domains {
		var longer [][]priority.Value
		for _, row := range rows {
			for _, v := range domain {
				longer = append(longer, append(append([]priority.Value(nil), row...), v))
			}
		}
		rows = longer
	}
	return rows
}

func TestTablesRefuseWhatIsUnknown(t *testing.T) {
	_, ok := priority.SSVC(priority.Unknown, priority.No, priority.Partial, priority.Low)
	require.False(t, ok)
	_, ok = priority.SSVC(priority.Active, priority.No, priority.Partial, "huge")
	require.False(t, ok)
	_, ok = priority.BOD(priority.Yes, priority.No, priority.Unknown, priority.Partial)
	require.False(t, ok)
}

// published opens a table as CERT/CC publishes it, which is not part of this repository.
func published(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(shared(t, "standards", name))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	return rows[1:]
}

// shared finds a file beside the repository, or skips the test.
func shared(tb testing.TB, parts ...string) string {
	tb.Helper()
	root, err := os.Getwd()
	require.NoError(tb, err)
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		require.NotEqual(tb, root, filepath.Dir(root), "no go.mod above the test")
		root = filepath.Dir(root)
	}
	path := filepath.Join(append([]string{root, "..", "shared"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("not here: ../shared/%s", strings.Join(parts, "/"))
	}
	return path
}

func TestTheCoordinatorTableIsThePublishedOne(t *testing.T) {
	rows := published(t, "cisa_coordinator_2_0_3.csv")
	require.Len(t, rows, 36)
	for _, row := range rows {
		exploitation := priority.Value(strings.TrimPrefix(row[1], "public "))
		got, ok := priority.SSVC(exploitation, priority.Value(row[2]), priority.Value(row[3]), priority.Value(row[4]))
		require.True(t, ok, "%v", row)
		require.Equal(t, strings.Replace(row[5], "*", "_star", 1), string(got), "%v", row)
	}
}

func TestTheDirectiveTableIsThePublishedOne(t *testing.T) {
	words := map[string]priority.Timeline{
		"fix on system upgrade": priority.Upgrade, "60 days": priority.Days60, "14 days": priority.Days14,
		"3 days": priority.Days3, "3 days & forensic investigation": priority.Days3Forensic,
	}
	rows := published(t, "cisa_bod_26_04_1_0_0.csv")
	require.Len(t, rows, 16)
	for _, row := range rows {
		got, ok := priority.BOD(priority.Value(row[1]), priority.Value(row[2]), priority.Value(row[3]), priority.Value(row[4]))
		require.True(t, ok, "%v", row)
		require.Equal(t, words[row[5]], got, "%v", row)
	}
}
