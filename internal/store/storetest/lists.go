package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store"
)

func lists(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	t.Run("lists, streams and counts are what a look at every exposure gives, whatever was written", func(t *testing.T) {
		m := model{s: Open(t, address(t)), xs: map[exposure.ID]exposure.Exposure{}}
		rapid.Check(t, func(r *rapid.T) {
			m.mutate(t, r)
			m.compare(t, filters().Draw(r, "filter"), rapid.SampledFrom(allSorts()).Draw(r, "sort"), rapid.IntRange(4, 40).Draw(r, "limit"))
		})
	})

	t.Run("paging while others write shows each untouched exposure once, in order", func(t *testing.T) {
		for _, sort := range allSorts() {
			t.Run(string(sort), func(t *testing.T) { pagingWhileWriting(t, Open(t, address(t)), sort) })
		}
	})

	t.Run("a cursor that is not this list's is refused", func(t *testing.T) {
		s := Open(t, address(t))
		_, err := s.InsertExposures(t.Context(), exposures(3))
		require.NoError(t, err)
		page, err := s.FindExposures(t.Context(), exposure.Filter{}, exposure.List{Sort: exposure.SortDue, Limit: 1})
		require.NoError(t, err)
		require.NotEmpty(t, page.Next)
		for _, l := range []exposure.List{
			{Sort: exposure.SortSeverity, Cursor: page.Next}, {Cursor: "nonsense"}, {Cursor: "bnVsbA"}, {Cursor: "e30"},
			{Sort: "size"}, {Limit: -1}, {Limit: 1001},
		} {
			_, err := s.FindExposures(t.Context(), exposure.Filter{}, l)
			require.True(t, fault.Is(err, fault.Invalid), "%+v: %v", l, err)
		}
	})

	t.Run("assets are found by what the filter says", func(t *testing.T) { findAssets(t, Open(t, address(t))) })
}

func allSorts() []exposure.Sort {
	return []exposure.Sort{exposure.SortDue, exposure.SortDueDesc, exposure.SortSeverity, exposure.SortDecision,
		exposure.SortFirstSeen, exposure.SortNewest, exposure.SortUpdated, exposure.SortID}
}

// model is what the store should hold.
type model struct {
	s  *store.Store
	xs map[exposure.ID]exposure.Exposure
}

func (m *model) sorted() []exposure.Exposure {
	out := make([]exposure.Exposure, 0, len(m.xs))
	for _, x := range m.xs {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b exposure.Exposure) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// mutate inserts a few and changes a few.
func (m *model) mutate(t *testing.T, r *rapid.T) {
	t.Helper()
	fresh := exposures(rapid.IntRange(0, max(0, 12-len(m.xs)/10)).Draw(r, "fresh")) // about 100 in the end
	for i := range fresh {
		change(&fresh[i], r)
	}
	var swaps []exposure.Exposure
	if known := m.sorted(); len(known) > 0 {
		for range rapid.IntRange(0, 12).Draw(r, "changes") {
			x := rapid.SampledFrom(known).Draw(r, "known")
			if slices.ContainsFunc(swaps, func(y exposure.Exposure) bool { return x.ID == y.ID }) {
				continue
			}
			change(&x, r)
			x.Version++
			swaps = append(swaps, x)
		}
	}
	inserted, err := m.s.InsertExposures(t.Context(), fresh)
	require.NoError(t, err)
	require.True(t, allTrue(inserted))
	swapped, err := m.s.SwapExposures(t.Context(), swaps)
	require.NoError(t, err)
	require.True(t, allTrue(swapped))
	for _, x := range append(fresh, swaps...) {
		m.xs[x.ID] = x
	}
}

func day(n int) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return epoch.Add(time.Duration(n) * 24 * time.Hour)
}

func someOf(r *rapid.T, label string, words ...string) []string {
	var out []string
	for _, w := range words {
		if rapid.Bool().Draw(r, label+" "+w) {
			out = append(out, w)
		}
	}
	return out
}

// change draws all that an exposure can be found by.
func change(x *exposure.Exposure, r *rapid.T) {
	days := rapid.IntRange(0, 4)
	x.State = rapid.SampledFrom(exposure.States()).Draw(r, "state")
	x.Decision.Outcome = rapid.SampledFrom([]exposure.DecisionOutcome{"", exposure.Track, exposure.TrackStar, exposure.Attend, exposure.Act}).Draw(r, "outcome")
	x.Severity = rapid.SampledFrom([]exposure.Severity{exposure.SeverityUnknown, exposure.SeverityLow, exposure.SeverityCritical}).Draw(r, "severity")
	x.Owner.Team = rapid.SampledFrom([]string{"", "payments", "web"}).Draw(r, "owner")
	x.Scopes = someOf(r, "scope", "dmz", "pci")
	x.Sources = someOf(r, "source", "nessus", "nuclei")
	x.CVEs = someOf(r, "cve", "CVE-2024-1", "CVE-2024-2")
	x.Weakness = rapid.SampledFrom([]string{"CVE-2024-1", "test:1"}).Draw(r, "weakness")
	x.Asset = asset.ID(rapid.SampledFrom([]string{"01A", "01B"}).Draw(r, "asset"))
	x.RemediationID = rapid.SampledFrom([]string{"", "rem-1"}).Draw(r, "remediation")
	x.Title = rapid.SampledFrom([]string{"Weak TLS (1.0)", "weak.*password"}).Draw(r, "title")
	x.Mode = rapid.SampledFrom([]exposure.Mode{exposure.ModeStore, exposure.ModeWorkflow}).Draw(r, "mode")
	x.Due, x.TimerAt, x.Queued = day(days.Draw(r, "due")), day(days.Draw(r, "timer")), day(days.Draw(r, "queued"))
	x.FirstSeen, x.UpdateAt = day(1+days.Draw(r, "first")), day(1+days.Draw(r, "updated"))
	x.Wake, x.WakeAt = false, time.Time{}
	if n := days.Draw(r, "wake"); n > 0 {
		x.Wake, x.WakeAt = true, day(n)
	}
}

// filters draws filters, most of which something meets.
func filters() *rapid.Generator[exposure.Filter] {
	return rapid.Custom(func(r *rapid.T) exposure.Filter {
		var f exposure.Filter
		maybe := func(label string) bool { return rapid.IntRange(0, 4).Draw(r, label) == 0 }
		days := rapid.IntRange(1, 5)
		if maybe("states?") {
			f.States = rapid.SliceOfN(rapid.SampledFrom(exposure.States()), 1, 6).Draw(r, "states")
		}
		if maybe("decisions?") {
			f.Decisions = []exposure.DecisionOutcome{exposure.Act, ""}
		}
		if maybe("severities?") {
			f.Severities = []exposure.Severity{exposure.SeverityLow}
		}
		if maybe("owners?") {
			f.Owners = []string{"", "web"}
		}
		if maybe("scopes?") {
			f.Scopes = someOf(r, "scopes", "dmz", "pci", "none")
		}
		if maybe("sources?") {
			f.Sources = someOf(r, "sources", "nessus", "nuclei")
		}
		if maybe("assets?") {
			f.Assets = []asset.ID{"01A", "01C"}
		}
		if maybe("visible?") {
			f.Visible = append([]string{}, someOf(r, "visible", "dmz", "pci")...)
		}
		f.CVE = rapid.SampledFrom([]string{"", "", "", "CVE-2024-1", "CVE-2024-2", "CVE-2024-3"}).Draw(r, "cve")
		f.Weakness = rapid.SampledFrom([]string{"", "", "", "CVE-2024-1", "test:1"}).Draw(r, "weakness")
		f.Remediation = rapid.SampledFrom([]string{"", "", "", "rem-1"}).Draw(r, "remediation")
		f.Text = rapid.SampledFrom([]string{"", "", "", "WEAK", ".*", "(1.0)"}).Draw(r, "text")
		f.Mode = rapid.SampledFrom([]exposure.Mode{"", "", exposure.ModeStore, exposure.ModeWorkflow}).Draw(r, "mode")
		for _, at := range []struct {
			label string
			into  *time.Time
		}{{"due before", &f.DueBefore}, {"due after", &f.DueAfter}, {"timer", &f.TimerBefore}, {"wake", &f.WakeBefore}, {"updated", &f.Updated}} {
			if maybe(at.label + "?") {
				*at.into = day(days.Draw(r, at.label))
			}
		}
		f.Queued = maybe("queued?")
		return f
	})
}

// meets is what a filter means, said once more in another way.
func meets(f exposure.Filter, x exposure.Exposure) bool {
	before := func(limit, at time.Time) bool { return limit.IsZero() || !at.IsZero() && at.Before(limit) }
	return anyOf(f.States, x.State) && anyOf(f.Decisions, x.Decision.Outcome) && anyOf(f.Severities, x.Severity) &&
		anyOf(f.Owners, x.Owner.Team) && anyOf(f.Scopes, x.Scopes...) && anyOf(f.Sources, x.Sources...) && anyOf(f.Assets, x.Asset) &&
		(f.CVE == "" || slices.Contains(x.CVEs, f.CVE) || x.Weakness == f.CVE) && (f.Weakness == "" || x.Weakness == f.Weakness) &&
		(f.Remediation == "" || x.RemediationID == f.Remediation) &&
		strings.Contains(strings.ToLower(x.Title), strings.ToLower(f.Text)) &&
		(f.Mode == "" || x.Mode == f.Mode) && (!f.Queued || !x.Queued.IsZero()) &&
		before(f.DueBefore, x.Due) && before(f.TimerBefore, x.TimerAt) && (f.WakeBefore.IsZero() || x.Wake && x.WakeAt.Before(f.WakeBefore)) &&
		(f.DueAfter.IsZero() || x.Due.After(f.DueAfter)) && !x.UpdateAt.Before(f.Updated) &&
		(f.Visible == nil || slices.ContainsFunc(x.Scopes, func(s string) bool { return slices.Contains(f.Visible, s) }))
}

func anyOf[T comparable](wanted []T, have ...T) bool {
	return len(wanted) == 0 || slices.ContainsFunc(have, func(v T) bool { return slices.Contains(wanted, v) })
}

// order compares by a sort, ties left as ties.
func order(sort exposure.Sort, a, b exposure.Exposure) int {
	due := func(x exposure.Exposure) time.Time {
		if x.Due.IsZero() {
			return epoch.Add(1e6 * time.Hour)
		}
		return x.Due
	}
	switch sort {
	case exposure.SortDue:
		return due(a).Compare(due(b))
	case exposure.SortDueDesc:
		return due(b).Compare(due(a))
	case exposure.SortSeverity:
		return b.Severity.Rank() - a.Severity.Rank()
	case exposure.SortDecision:
		return cmp.Or(b.Decision.Outcome.Rank()-a.Decision.Outcome.Rank(), due(a).Compare(due(b)))
	case exposure.SortFirstSeen:
		return a.FirstSeen.Compare(b.FirstSeen)
	case exposure.SortNewest:
		return b.FirstSeen.Compare(a.FirstSeen)
	case exposure.SortUpdated:
		return a.UpdateAt.Compare(b.UpdateAt)
	case exposure.SortID:
		return cmp.Compare(a.ID, b.ID)
	}
	panic("no such sort")
}

func (m *model) compare(t *testing.T, f exposure.Filter, sort exposure.Sort, limit int) {
	t.Helper()
	want := map[exposure.ID]exposure.Exposure{}
	for id, x := range m.xs {
		if meets(f, x) {
			want[id] = x
		}
	}
	listed := list(t, m.s, f, sort, limit)
	require.True(t, slices.IsSortedFunc(listed, func(a, b exposure.Exposure) int { return order(sort, a, b) }), "%s", sort)
	require.Equal(t, want, byID(t, listed), "%+v", f)
	var streamed []exposure.Exposure
	require.NoError(t, m.s.EachExposure(t.Context(), f, func(x exposure.Exposure) error { streamed = append(streamed, x); return nil }))
	require.Equal(t, want, byID(t, streamed), "%+v", f)
	for by, of := range map[string]func(exposure.Exposure) []string{
		"":         func(exposure.Exposure) []string { return []string{""} },
		"state":    func(x exposure.Exposure) []string { return []string{string(x.State)} },
		"decision": func(x exposure.Exposure) []string { return []string{string(x.Decision.Outcome)} },
		"severity": func(x exposure.Exposure) []string { return []string{string(x.Severity)} },
		"owner":    func(x exposure.Exposure) []string { return []string{x.Owner.Team} },
		"scope":    func(x exposure.Exposure) []string { return x.Scopes },
		"source":   func(x exposure.Exposure) []string { return x.Sources },
	} {
		counts := map[string]int64{}
		for _, x := range want {
			for _, v := range of(x) {
				counts[v]++
			}
		}
		if by == "" {
			counts[""] += 0
		}
		got, err := m.s.CountExposures(t.Context(), f, by)
		require.NoError(t, err)
		require.Equal(t, counts, got, "by %q: %+v", by, f)
	}
}

func byID(t *testing.T, xs []exposure.Exposure) map[exposure.ID]exposure.Exposure {
	t.Helper()
	out := map[exposure.ID]exposure.Exposure{}
	for _, x := range xs {
		require.NotContains(t, out, x.ID, "shown twice")
		out[x.ID] = x
	}
	return out
}

func list(t *testing.T, s *store.Store, f exposure.Filter, sort exposure.Sort, limit int) []exposure.Exposure {
	t.Helper()
	var all []exposure.Exposure
	for cursor := ""; ; {
		page, err := s.FindExposures(t.Context(), f, exposure.List{Sort: sort, Limit: limit, Cursor: cursor})
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Items), limit)
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

func pagingWhileWriting(t *testing.T, s *store.Store, sort exposure.Sort) {
	t.Helper()
	still := exposures(30)
	for i := range still {
		still[i].Due, still[i].Owner.Team = day(i%5), fmt.Sprint("team", i%3)
	}
	_, err := s.InsertExposures(t.Context(), still)
	require.NoError(t, err)
	moving := exposures(1)[0]
	_, err = s.InsertExposures(t.Context(), []exposure.Exposure{moving})
	require.NoError(t, err)
	var shown []exposure.Exposure
	for cursor, n := "", 0; ; n++ {
		page, err := s.FindExposures(t.Context(), exposure.Filter{}, exposure.List{Sort: sort, Limit: 4, Cursor: cursor})
		require.NoError(t, err)
		shown = append(shown, page.Items...)
		if cursor = page.Next; cursor == "" || n > 1000 {
			break
		}
		fresh := exposures(2)
		fresh[0].Due = day(1)
		_, err = s.InsertExposures(t.Context(), fresh)
		require.NoError(t, err)
		moving.Due, moving.Severity = day(n%5), exposure.SeverityLow
		moving.Version++
		swapped, err := s.SwapExposures(t.Context(), []exposure.Exposure{moving})
		require.NoError(t, err)
		require.True(t, allTrue(swapped))
		if n > 20 { // new ones at the end of a list would keep it going for ever
			page, err := s.FindExposures(t.Context(), exposure.Filter{}, exposure.List{Sort: sort, Limit: 1000, Cursor: cursor})
			require.NoError(t, err)
			shown = append(shown, page.Items...)
			break
		}
	}
	times := map[exposure.ID]int{}
	for _, x := range shown {
		times[x.ID]++
	}
	for _, x := range still {
		require.Equal(t, 1, times[x.ID], "untouched, so shown once")
	}
}

func findAssets(t *testing.T, s *store.Store) {
	t.Helper()
	as := []asset.Asset{
		{ID: "01A", Version: 1, Kind: asset.Host, Name: "Web1.example.com", Owner: "web", Scopes: []string{"dmz"}, Sources: []string{"nessus"}, LastSeen: day(1)},
		{ID: "01B", Version: 1, Kind: asset.Host, Name: "db1.example.com", Owner: "data", Sources: []string{"nessus", "nmap"}, LastSeen: day(3)},
		{ID: "01C", Version: 1, Kind: asset.ContainerImage, Name: "registry/app", Scopes: []string{"pci", "dmz"}, LastSeen: day(2)},
		{ID: "01D", Version: 1, Kind: asset.Host, Name: "gone", MergedInto: "01A", Scopes: []string{"dmz"}, LastSeen: day(2)},
		{ID: "01E", Version: 1, Kind: asset.Host, Name: "retired", Retired: true, LastSeen: day(2)},
	}
	inserted, err := s.InsertAssets(t.Context(), as)
	require.NoError(t, err)
	require.True(t, allTrue(inserted))
	for _, c := range []struct {
		name string
		f    asset.Filter
		want []asset.ID
	}{
		{"all", asset.Filter{}, []asset.ID{"01B", "01C", "01A"}},
		{"kind", asset.Filter{Kind: asset.Host}, []asset.ID{"01B", "01A"}},
		{"owner", asset.Filter{Owner: "web"}, []asset.ID{"01A"}},
		{"scope", asset.Filter{Scope: "dmz"}, []asset.ID{"01C", "01A"}},
		{"source", asset.Filter{Source: "nmap"}, []asset.ID{"01B"}},
		{"text", asset.Filter{Text: "EXAMPLE.com"}, []asset.ID{"01B", "01A"}},
		{"unscoped", asset.Filter{Unscoped: true}, []asset.ID{"01B"}},
		{"visible", asset.Filter{Visible: []string{"pci"}}, []asset.ID{"01C"}},
		{"nothing is visible", asset.Filter{Visible: []string{}}, nil},
	} {
		var got []asset.ID
		for cursor := ""; ; {
			page, err := s.FindAssets(t.Context(), c.f, exposure.List{Limit: 1, Cursor: cursor})
			require.NoError(t, err)
			for _, a := range page.Items {
				got = append(got, a.ID)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		require.Equal(t, c.want, got, c.name)
		counts, err := s.CountAssets(t.Context(), c.f, "")
		require.NoError(t, err)
		require.EqualValues(t, len(c.want), counts[""], c.name)
	}
}
