package chatops

import (
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
	lines := []string{"- " + open(states), "- " + strconv.FormatInt(sum(overdue), 10) + " overdue", "- " + strconv.FormatInt(owners[""], 10) + " without an owner"}
	var by []string
	for _, d := range []exposure.DecisionOutcome{exposure.Act, exposure.Attend, exposure.TrackStar, exposure.Track, ""} {
		if n := decisions[string(d)]; n > 0 {
			name := strings.ReplaceAll(string(d), "_", " ")
			if d == "" {
				name = "not decided"
			}
			by = append(by, fmt.Sprintf("%s %d", name, n))
		}
	}
	if len(by) > 0 {
		lines = append(lines, "- By decision: "+strings.Join(by, ", "))
	}
	by = nil
	for _, s := range []exposure.State{exposure.Closed, exposure.Accepted, exposure.Mitigated, exposure.FalsePositive} {
		if n := states[string(s)]; n > 0 {
			by = append(by, fmt.Sprintf("%s %d", strings.ReplaceAll(string(s), "_", " "), n))
		}
	}
	if len(by) > 0 {
		lines = append(lines, "- No longer open: "+strings.Join(by, ", "))
	}
	delete(owners, "")
	busiest := slices.SortedFunc(maps.Keys(owners), func(a, b string) int {
		if owners[a] != owners[b] {
			return int(min(max(owners[b]-owners[a], -1), 1))
		}
		return strings.Compare(a, b)
	})
	by = nil
	for _, team := range busiest[:min(len(busiest), 5)] {
		by = append(by, fmt.Sprintf("%s %d", escaped(team), owners[team]))
	}
	if len(by) > 0 {
		lines = append(lines, "- Most of it: "+strings.Join(by, ", "))
	}
	return lists("**Where things stand**", lines), nil
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
