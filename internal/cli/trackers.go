package cli

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

func (a *app) trackersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "trackers", Aliases: []string{"tracker"}, Short: "How things stand with the trackers, and what is wrong with their set-up", Args: cobra.NoArgs,
		Example: "  quell trackers status\n  quell trackers check",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.trackersStatus(cmd) },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "status", Short: "When each tracker was last asked what was changed, and what that came to", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.trackersStatus(cmd) },
		},
		&cobra.Command{
			Use: "check [NAME...]", Short: "Look at the trackers' set-up at the vendor; ends with an error if anything is wrong",
			Long: "Look at the set-up of trackers at their vendors: the projects, fields, permissions and transitions that the configuration needs. Every problem is told at once, with what to do.",
			RunE: a.checkTrackers,
		})
	return cmd
}

func (a *app) trackersStatus(cmd *cobra.Command) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		all, err := c.Trackers(cmd.Context())
		if err != nil {
			return err
		}
		if a.json {
			for i := range all {
				if err := a.line(all[i]); err != nil {
					return err
				}
			}
			return nil
		}
		t := table{header: []string{"TRACKER", "CONNECTOR", "OPEN", "TROUBLED", "LAST LOOK", "CHANGED", "READ", "COPIES", "NOBODY'S", "PROBLEMS"}, wide: 9}
		for i := range all {
			v := &all[i].Value
			problems := v.Problems
			look := make([]string, 5)
			if r := v.Reconciled; r != nil {
				look = []string{when(r.LookedAt), n(r.Changed), n(r.Woken), n(int64(len(r.Duplicates))), n(int64(len(r.Orphans)))}
				if r.Problem != "" {
					problems = append([]string{"looks fail since " + when(r.Failing) + ": " + r.Problem}, problems...)
				}
			}
			t.add(slices.Concat([]string{v.Name, v.Connector, n(v.Open), n(v.Troubled)}, look, []string{strings.Join(problems, "; ")})...)
		}
		a.print(&t)
		return nil
	})
}

func (a *app) checkTrackers(cmd *cobra.Command, names []string) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		if len(names) == 0 {
			all, err := c.Trackers(cmd.Context())
			if err != nil {
				return err
			}
			for i := range all {
				names = append(names, all[i].Value.Name)
			}
		}
		problems := 0
		for _, name := range names {
			item, err := c.CheckTracker(cmd.Context(), name)
			if err != nil {
				return err
			}
			problems += len(item.Value.Problems)
			switch {
			case a.json:
				if err := a.line(item); err != nil {
					return err
				}
			case len(item.Value.Problems) == 0:
				a.sayf("%s: ready", clean(name))
			default:
				for _, problem := range item.Value.Problems {
					a.sayf("%s: %s", clean(name), clean(problem))
				}
			}
		}
		if problems > 0 {
			return fault.New(fault.Invalid, "checking the trackers: %d problems", problems)
		}
		return nil
	})
}

func (a *app) remediationsCommand() *cobra.Command {
	var status, team string
	var troubled bool
	limit := aPage
	cmd := &cobra.Command{
		Use: "remediations", Aliases: []string{"remediation"}, Short: "What the tickets are about, whatever tracker they are in", Args: cobra.NoArgs,
		Example: "  quell remediations --troubled\n  quell remediations show PAY-123\n  quell remediations recreate PAY-123",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q := url.Values{}
				for name, value := range map[string]string{"status": status, "team": team} {
					if value != "" {
						q.Set(name, value)
					}
				}
				if troubled {
					q.Set("troubled", "true")
				}
				t := table{header: []string{"REMEDIATION", "STATUS", "TRACKER", "TICKET", "DUE", "TEAM", "FIX", "TROUBLE"}, wide: 7}
				return each(a, c.Remediations(cmd.Context(), q, limit), limit, &t, func(r apiclient.Remediation) []string {
					trouble := ""
					if r.Trouble != nil {
						trouble = r.Trouble.What
					}
					return []string{r.ID, r.Status, r.Tracker, r.Ticket, a.due(r.Due), r.Owner, r.Fix, trouble}
				}, "no remediations match")
			})
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "only `open` or done ones")
	cmd.Flags().StringVar(&team, "team", "", "only of this `team`")
	cmd.Flags().BoolVar(&troubled, "troubled", false, "only those that are kept from their ticket")
	limitFlag(cmd, &limit)
	complete(cmd, "status", []string{"open", "done"})
	a.completeFlag(cmd, "team", a.teamNames)
	cmd.AddCommand(a.runCommand(), a.showRemediationCommand(), a.recreateTicketCommand())
	return cmd
}

func (a *app) showRemediationCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "One remediation, by its ID or its ticket's key, with what was done for it", Args: exactly(1, "the remediation's ID, or its ticket's key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.Remediation(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.showRemediation(&item)
			})
		},
	}
}

func (a *app) recreateTicketCommand() *cobra.Command {
	return &cobra.Command{
		Use: "recreate ID", Short: "Have another ticket made in place of one that was deleted", Args: exactly(1, "the remediation's ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.RecreateTicket(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("another ticket is made for remediation %s", clean(item.Value.ID))
				return nil
			})
		},
	}
}

func (a *app) showRemediation(item *apiclient.Item[apiclient.RemediationDetail]) error {
	if a.json {
		return object(a, *item)
	}
	v, r := &item.Value, &item.Value.Remediation
	a.sayf("%s", a.paint(a.Out).as(bold, clean(r.ID+"  "+r.Fix)))
	var f facts
	f.add("team", "%s", r.Owner)
	f.add("status", "%s", r.Status)
	f.add("tracker", "%s", r.Tracker)
	f.add("ticket", "%s", r.Ticket)
	f.add("url", "%s", r.TicketURL)
	f.add("due", "%s", a.due(r.Due))
	f.add("ticket read", "%s", when(r.LookedAt))
	if r.Trouble != nil {
		f.add("trouble", "since %s: %s", when(r.Trouble.Since), r.Trouble.What)
	}
	for _, state := range sorted(v.States) {
		f.add(strings.ReplaceAll(state, "_", " "), "%s", n(v.States[state]))
	}
	f.print(a)
	a.runs(v.Runs)
	a.sayf("")
	t := table{header: []string{"BEGUN", "WHAT", "CAUSE", "DONE", "ATTEMPTS"}, wide: 2}
	for i := range v.Journal {
		j := &v.Journal[i]
		t.add(when(j.CreatedAt), j.Kind, j.Cause, when(j.DoneAt), strconv.Itoa(max(j.Attempts, 1)))
	}
	a.print(&t)
	return nil
}
