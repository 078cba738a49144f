package chatops

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/scope"
)

// report is where things stand, in figures.
func (c *Chat) report(ctx context.Context, p *person, _ []string) (say, error) {
	count := func(f exposure.Filter, by string) (map[string]int64, error) {
		f.Visible = p.visible
		n, err := c.Exposures.CountExposures(ctx, f, by)
		return n, fault.Wrap(fault.KindOf(err), err, "counting exposures")
	}
	states, err := count(exposure.Filter{}, "state")
	if err != nil {
		return say{}, err
	}
	decisions, err := count(exposure.Filter{States: live()}, "decision")
	if err != nil {
		return say{}, err
	}
	overdue, err := count(exposure.Filter{States: live(), DueBefore: c.Now()}, "")
	if err != nil {
		return say{}, err
	}
	owners, err := count(exposure.Filter{States: live()}, "owner")
	if err != nil {
		return say{}, err
	}
	const most = 6
	lines := append(make([]string, 0, most), "- "+open(states), "- "+strconv.FormatInt(sum(overdue), 10)+" overdue", "- "+strconv.FormatInt(owners[""], 10)+" without an owner")
	outcomes := []string{string(exposure.Act), string(exposure.Attend), string(exposure.TrackStar), string(exposure.Track), ""}
	lines = append(lines, tally("By decision", decisions, outcomes, spoken)...)
	ended := []string{string(exposure.Closed), string(exposure.Accepted), string(exposure.Mitigated), string(exposure.FalsePositive)}
	lines = append(lines, tally("No longer open", states, ended, spoken)...)
	lines = append(lines, tally("Most of it", owners, busiest(owners), escaped)...)
	return lists("**Where things stand**", lines), nil
}

// spoken is a state or a decision as people say it.
func spoken(name string) string {
	if name == "" {
		return "not decided"
	}
	return strings.ReplaceAll(name, "_", " ")
}

// tally is a line of those that there are any of; none where there is nothing.
func tally(title string, counts map[string]int64, names []string, word func(string) string) []string {
	var by []string
	for _, name := range names {
		if n := counts[name]; n > 0 {
			by = append(by, word(name)+" "+strconv.FormatInt(n, 10))
		}
	}
	if len(by) == 0 {
		return nil
	}
	return []string{"- " + title + ": " + strings.Join(by, ", ")}
}

// busiest are the five teams with the most to do.
func busiest(owners map[string]int64) []string {
	teams := slices.SortedFunc(maps.Keys(owners), func(a, b string) int {
		return cmp.Or(cmp.Compare(owners[b], owners[a]), cmp.Compare(a, b))
	})
	teams = slices.DeleteFunc(teams, func(team string) bool { return team == "" })
	return teams[:min(len(teams), 5)]
}

// policy is how long what may take.
func (c *Chat) policy(context.Context, *person, []string) (say, error) {
	x := c.Policy()
	lines := []string{
		fmt.Sprintf("- Time to remediate: act %s, attend %s, track\\* %s, track %s; where the BOD 26-04 timeline is shorter, that counts", x.Due.Act, x.Due.Attend, x.Due.TrackStar, x.Due.Track),
		fmt.Sprintf("- Worked on from %s, or where the BOD 26-04 timeline is %s or less", strings.ReplaceAll(string(x.AdmitFrom), "_", " "), x.AdmitWithin),
		fmt.Sprintf("- %d at a time, %d more a minute", x.MaxOpen, x.RatePerMinute),
		fmt.Sprintf("- A KEV snapshot is believed for %s", x.IntelMaxAge),
	}
	return lists("**Policy**", lines), nil
}

func gapLine(g *scope.Gap) string {
	names := make([]string, 0, len(g.Items))
	for i := range g.Items {
		name := g.Items[i].Name
		if name == "" {
			name = g.Items[i].ID
		}
		names = append(names, escaped(name))
	}
	line := "**" + strconv.FormatInt(g.Count, 10) + "** " + escaped(g.Words)
	if len(names) > 0 {
		line += ": " + strings.Join(names, ", ")
	}
	if g.Count > int64(len(names)) {
		line += ", …"
	}
	return line
}
