package cli

import (
	"crypto/rand"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/runbook"
)

// endings are what can end an exception early; the name of a control is to follow.
func endings() []string {
	return []string{exposure.EndsOnKEV, exposure.EndsOnEvidence, exposure.EndsOnInternet, exposure.EndsOnFix, exposure.EndsOnApproverGone, "control:"}
}

// exceptionCommands are the verbs about exceptions, each a decision with its own flags.
func (a *app) exceptionCommands() []*cobra.Command {
	return []*cobra.Command{
		a.exceptionCommand("accept", "accept_risk", "Ask that the risk of exposures be accepted",
			"Ask that a risk be accepted. It takes the approvals that policy.exceptions says, by others than whoever asks, and lasts as long as the policy allows at most.", true),
		a.exceptionCommand("approve", "approve", "Approve the exceptions that somebody asked for", "Approve what somebody else asked for. The last approval that it takes makes the exception.", false),
		a.exceptionCommand("decline", "decline", "Decline the exceptions that somebody asked for", "Decline what somebody asked for. One who may approve is enough, and whoever asked is told the reason.", false),
		a.exceptionCommand("withdraw", "withdraw", "No longer ask for exceptions", "Take back what you asked for.", false),
	}
}

func (a *app) exceptionCommand(verb, kind, short, long string, ends bool) *cobra.Command {
	d := apiclient.Decision{Kind: kind}
	var end, key string
	cmd := &cobra.Command{
		Use: verb + " ID...", Short: short, Long: long, Args: some(1, "the IDs of exposures"), ValidArgsFunction: a.ask(a.exposureIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if d.Until, err = until(end, a.Now()); err != nil {
				return err
			}
			if key == "" {
				key = rand.Text()
			}
			return a.decide(cmd, args, d, key, 0)
		},
	}
	cmd.Flags().StringVarP(&d.Reason, "reason", "r", "", "why")
	cmd.Flags().StringVar(&key, "key", "", "idempotency `key` (default: a new one)")
	if ends {
		cmd.Flags().StringVar(&end, "until", "", "`end`: a date, a time, or a duration from now such as 30d")
		cmd.Flags().StringSliceVar(&d.EndsOn, "ends-on", nil, "what ends it early: "+strings.Join(endings(), ", ")+"NAME")
		complete(cmd, "ends-on", endings())
	}
	return cmd
}

// runApprovals shows the runs of runbooks that wait.
func (a *app) runApprovals(cmd *cobra.Command, c *apiclient.Client, everybodys bool, limit int) error {
	q := url.Values{"state": {string(runbook.Requested)}}
	if !everybodys {
		q = url.Values{"mine": {"true"}}
	}
	t := runTable()
	return each(a, c.RunbookRuns(cmd.Context(), q, limit), limit, &t, runRow, "no run of a runbook waits for your approval")
}

func (a *app) approvalsCommand() *cobra.Command {
	var everybodys bool
	limit := aPage
	cmd := &cobra.Command{
		Use: "approvals", Short: "Requests for exceptions, and for runs of runbooks, that wait for you", Args: cobra.NoArgs,
		Long:    "Requests for exceptions that wait for your approval, by the name of your token. Nothing is approved by waiting: a request that nobody answers expires.",
		Example: "  quell approvals\n  quell exposures approve 3f9k2m7q0v1x4z8bhc5d6e7f8g\n  quell exposures decline --reason 'patch it, the window is on Sunday' 3f9k2m7q0v1x4z8bhc5d6e7f8g",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"EXPOSURE", "ASKS", "FOR", "UNTIL", "MISSING", "EXPIRES", "DECISION", "ASSET", "TITLE", "REASON"}, wide: 9}
				if err := each(a, c.Approvals(cmd.Context(), everybodys, limit), limit, &t, func(v apiclient.Approval) []string {
					return []string{string(v.Exposure.ID), v.Request.By, string(v.Request.Kind), when(v.Request.Until), strconv.Itoa(v.Missing), a.due(v.Request.Expires),
						string(v.Exposure.Decision.Outcome), v.Exposure.AssetName, v.Exposure.Title, v.Request.Reason}
				}, "no exception waits for your approval"); err != nil {
					return err
				}
				return a.runApprovals(cmd, c, everybodys, limit)
			})
		},
	}
	cmd.Flags().BoolVar(&everybodys, "all", false, "also those that wait for others")
	limitFlag(cmd, &limit)
	return cmd
}
