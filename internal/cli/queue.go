package cli

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
)

func (a *app) queueCommand() *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use: "queue [TEAM]", Short: "What each team works on, and what waits in its line", Args: atMost(1, "one team"),
		Long: "Each team's budget, how much it has in hand and what waits, counted in fixes: exposures that one fix mends stand in one place. " +
			"Urgent ones go past every budget. TEAM shows its line place by place.",
		Example: "  quell queue\n  quell queue payments --limit 50",
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{}
			if len(args) > 0 {
				q.Set("team", args[0])
			}
			if limit > 0 {
				q.Set("limit", strconv.Itoa(limit))
			}
			return a.withClient(cmd, func(c *apiclient.Client) error {
				lines, err := c.Queue(cmd.Context(), q)
				if err != nil {
					return err
				}
				if a.json {
					for i := range lines {
						if err := a.line(lines[i]); err != nil {
							return err
						}
					}
					return nil
				}
				a.queues(lines)
				return nil
			})
		},
		ValidArgsFunction: a.first(a.teamNames),
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most so `many` places of each line (default 10)")
	return cmd
}

func (a *app) queues(lines []apiclient.Item[apiclient.TeamQueue]) {
	t := table{header: []string{"TEAM", "IN PROGRESS", "BEGUN TODAY", "WAITING", "EXPOSURES"}, wide: 0}
	for i := range lines {
		l := &lines[i].Value
		t.add(teamOf(l.Team), of(l.InProgress, l.WIP), of(l.Begun, l.Intake), strconv.Itoa(l.Waiting), n(l.Exposures))
	}
	a.print(&t)
	for i := range lines {
		l := &lines[i].Value
		if len(l.First) == 0 {
			continue
		}
		a.sayf("\nIn line for %s", clean(teamOf(l.Team)))
		places := table{header: []string{"PLACE", "ABOUT", "DUE", "DECISION", "EXPOSURES", "FIRST", "TITLE"}, wide: 6}
		for k := range l.First {
			e := &l.First[k]
			places.add(ordinal(e.Place), a.about(e), a.due(e.Due), string(e.Decision), n(e.Exposures), string(e.Exposure), e.Title)
		}
		a.print(&places)
		if more := l.Waiting - len(l.First); more > 0 {
			a.notef("and %d more", more)
		}
	}
}

func teamOf(name string) string {
	if name == "" {
		return "nobody"
	}
	return name
}

// of writes what is used of a budget.
func of(used, budget int) string {
	if budget == 0 {
		return strconv.Itoa(used)
	}
	return fmt.Sprintf("%d of %d", used, budget)
}

// about is when an entry's turn comes, as far as anything tells.
func (a *app) about(e *apiclient.QueueEntry) string {
	switch {
	case e.Urgent:
		return "now, urgent"
	case e.Expected.IsZero():
		return ""
	case !e.Expected.After(a.Now()):
		return "now"
	case e.Late:
		return e.Expected.UTC().Format(dayMonth) + ", after it is due"
	}
	return e.Expected.UTC().Format(dayMonth)
}

const dayMonth = "2 Jan"

// place says where an exposure stands in the line: "3rd in line of payments, about 2 Dec".
func place(p *apiclient.Place) string {
	if p == nil {
		return ""
	}
	out := fmt.Sprintf("%s of %d in line of %s", ordinal(p.Place), p.Of, teamOf(p.Team))
	if !p.Expected.IsZero() {
		out += ", about " + p.Expected.UTC().Format(dayMonth)
	}
	return out + "; it waits for " + p.Why
}

// ordinal writes 1st, 2nd, 3rd, 4th, 11th.
func ordinal(n int) string {
	ending := "th"
	if tens := n % 100; tens < 11 || tens > 13 {
		switch n % 10 {
		case 1:
			ending = "st"
		case 2:
			ending = "nd"
		case 3:
			ending = "rd"
		}
	}
	return strconv.Itoa(n) + ending
}
