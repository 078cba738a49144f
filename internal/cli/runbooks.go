package cli

import (
	"crypto/rand"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/runbook"
)

func (a *app) runbooksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "runbooks", Aliases: []string{"runbook"}, Short: "The configured runbooks, their runs, and approvals of them", Args: cobra.NoArgs,
		Long:    "Runbooks are automation of your own that quell may call to fix what a ticket is about, once others have approved. What a runbook says is a claim, which is tested; nothing closes by it.",
		Example: "  quell runbooks\n  quell remediations run PAY-123 --runbook patch-linux --reason 'window tonight'\n  quell runbooks runs --mine\n  quell runbooks approve run_5d41402abc4b2a76b9719d911017",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"RUNBOOK", "APPROVALS", "BY", "PROPOSED", "TIMEOUT", "RUNNING", "WHEN"}, wide: 6}
				return each(a, all(c.Runbooks(cmd.Context())), 0, &t, func(b apiclient.RunbookStatus) []string {
					proposed := "no"
					if b.Propose {
						proposed = "yes"
					}
					return []string{b.Name, strconv.Itoa(b.Quorum), strings.Join(b.Approvers, ", "), proposed, b.Timeout, of(b.Running, b.MaxRunning), b.When}
				}, "no runbooks are configured")
			})
		},
	}
	cmd.AddCommand(a.runbookRunsCommand(),
		&cobra.Command{
			Use: "show RUN", Short: "One run: what it is about, who approved it, and what came of it", Args: exactly(1, "the run's ID"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.withClient(cmd, func(c *apiclient.Client) error {
					item, err := c.RunbookRun(cmd.Context(), args[0])
					if err != nil {
						return err
					}
					return a.showRun(&item)
				})
			},
		},
		a.decideRunCommand(runbook.Approve, "Approve runs that somebody else asked for", "Approve runs. The last approval that it takes lets the runbook be called. Whoever asked can't approve."),
		a.decideRunCommand(runbook.Decline, "Decline runs that somebody asked for", "Decline runs. One who may approve is enough, and whoever asked is told the reason."),
		a.decideRunCommand(runbook.Withdraw, "No longer ask for runs", "Take back what you asked for."))
	return cmd
}

func (a *app) runbookRunsCommand() *cobra.Command {
	var state, name string
	var mine bool
	limit := aPage
	cmd := &cobra.Command{
		Use: "runs", Short: "Find runs of runbooks, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q := url.Values{}
				for key, value := range map[string]string{"state": state, "runbook": name} {
					if value != "" {
						q.Set(key, value)
					}
				}
				if mine {
					q.Set("mine", "true")
				}
				t := runTable()
				return each(a, c.RunbookRuns(cmd.Context(), q, limit), limit, &t, runRow, "no runs match")
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only in this `state`")
	cmd.Flags().StringVar(&name, "runbook", "", "only of this `runbook`")
	cmd.Flags().BoolVar(&mine, "mine", false, "only those that wait for your approval")
	limitFlag(cmd, &limit)
	complete(cmd, "state", words(runbook.States()))
	return cmd
}

func runTable() table {
	return table{header: []string{"RUN", "RUNBOOK", "STATE", "ASKED BY", "WHEN", "TEAM", "EXPOSURES", "LAST WORD"}, wide: 7}
}

func runRow(r apiclient.RunbookRun) []string {
	last := ""
	if n := len(r.Log); n > 0 {
		last = r.Log[n-1].Text
	}
	return []string{r.ID, r.Runbook, string(r.State), r.By, when(r.At), r.Team, strconv.Itoa(len(r.Targets)), last}
}

func (a *app) decideRunCommand(what runbook.Decision, short, long string) *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: string(what) + " RUN...", Short: short, Long: long, Args: some(1, "the IDs of runs"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				for _, id := range args {
					item, err := c.DecideRun(cmd.Context(), id, what, reason)
					if err != nil {
						return err
					}
					if a.json {
						if err := a.line(item); err != nil {
							return err
						}
						continue
					}
					a.sayf("%s", clean(said(&item.Value)))
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVarP(&reason, "reason", "r", "", "why")
	return cmd
}

// said is where a run stands, in a sentence.
func said(r *apiclient.RunbookRun) string {
	if r.State == runbook.Requested {
		return r.ID + ": runbook " + r.Runbook + " is asked for; " + strconv.Itoa(len(r.Approvals)) + " of " + strconv.Itoa(r.Quorum) + " approvals are there, by " +
			strings.Join(r.Who, " or ") + ", before " + when(r.Expires)
	}
	return r.ID + ": runbook " + r.Runbook + " is " + strings.ReplaceAll(string(r.State), "_", " ")
}

func (a *app) runCommand() *cobra.Command {
	var name, reason, key string
	cmd := &cobra.Command{
		Use: "run ID", Short: "Ask that a runbook be run for a remediation", Args: exactly(1, "the remediation's ID, or its ticket's key"),
		Long: "Ask that a runbook be run for the exposures of a remediation that it is for. Others have to approve it, as its configuration says; then it is called. What it says that it did is tested.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				if key == "" {
					key = rand.Text()
				}
				item, err := c.AskRun(cmd.Context(), args[0], name, reason, key)
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("%s", clean(said(&item.Value)))
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&name, "runbook", "", "`name` of the runbook")
	cmd.Flags().StringVarP(&reason, "reason", "r", "", "why")
	cmd.Flags().StringVar(&key, "key", "", "idempotency `key` (default: a new one)")
	return cmd
}

func (a *app) showRun(item *apiclient.Item[apiclient.RunbookRun]) error {
	if a.json {
		return object(a, *item)
	}
	r := &item.Value
	a.sayf("%s", a.paint(a.Out).as(bold, clean(r.ID+"  "+r.Runbook)))
	var f facts
	f.add("state", "%s", r.State)
	f.add("remediation", "%s", r.Remediation)
	f.add("team", "%s", r.Team)
	f.add("asked by", "%s: %s", r.By, r.Reason)
	f.add("approvals", "%d of %d; %s may approve, until %s", len(r.Approvals), r.Quorum, strings.Join(r.Who, " or "), when(r.Expires))
	f.add("approved", "%s", approvals(r.Approvals))
	f.add("exposures", "%d", len(r.Targets))
	if r.Attempts > 0 {
		f.add("called", "%d times, first %s", r.Attempts, when(r.SentAt))
		f.add("deadline", "%s", when(r.Deadline))
	}
	f.add("problem", "%s", r.Problem)
	f.add("says", "%s", r.Detail)
	f.print(a)
	a.sayf("")
	t := table{header: []string{"WHEN", "STATE", "WHO", "WHAT"}, wide: 3}
	for i := range r.Log {
		l := &r.Log[i]
		t.add(when(l.At), string(l.State), l.By, l.Text)
	}
	a.print(&t)
	return nil
}

// runs shows the runs of runbooks for something.
func (a *app) runs(list []apiclient.RunbookRun) {
	if len(list) == 0 {
		return
	}
	a.sayf("\nRunbooks")
	t := runTable()
	for _, r := range list {
		t.add(runRow(r)...)
	}
	a.print(&t)
}
