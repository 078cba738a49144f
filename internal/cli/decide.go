package cli

import (
	"crypto/rand"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
)

// kind is one decision, for help and completion. The daemon has the last word on each.
type kind struct{ name, what string }

func kinds() []kind {
	return []kind{
		{"claim", "take ownership for --team"},
		{"reassign", "give it to --team"},
		{"accept_risk", "ask that the risk be accepted: --reason, and an end: --until or --ends-on"},
		{"mitigate", "ask that a control count as mitigating it: --reason, and an end"},
		{"mark_false_positive", "say that it is none: --reason; for longer than policy allows unasked, it waits for approval"},
		{"snooze", "no reminders --until"},
		{"retest", "validate it again, now"},
		{"fix_claimed", "say that it is fixed: it is tested, not believed"},
		{"reopen", "work on it again"},
		{"wait", "stop the clock of its due date: --for vendor or change_window, --reason, --until"},
		{"resume", "let the clock run again"},
		{"approve", "approve the exception that somebody asked for"},
		{"decline", "decline it: --reason"},
		{"withdraw", "no longer ask for it"},
		{"not_ours", "say that it isn't yours, or --team's: --reason; who else is likely gets it"},
	}
}

func (a *app) decideCommand() *cobra.Command {
	var d apiclient.Decision
	var end, key string
	var version int64
	var help strings.Builder
	help.WriteString("Decide on exposures. The decisions:\n\n")
	for _, k := range kinds() {
		help.WriteString("  " + k.name + strings.Repeat(" ", 21-len(k.name)) + k.what + "\n")
	}
	help.WriteString("\nSpaces and dashes may stand for underscores: accept-risk. The same --key twice is one decision.")
	cmd := &cobra.Command{
		Use: "decide DECISION ID...", Short: "Decide on exposures: claim, accept a risk, call for a re-test…", Long: help.String(),
		Example: "  quell decide claim --team payments 3f9k2m7q0v1x4z8bhc5d6e7f8g\n" +
			"  quell decide accept-risk --reason 'behind the VPN' --until 2027-03-31 --ends-on kev,internet 3f9k2m7q0v1x4z8bhc5d6e7f8g\n" +
			"  quell decide retest 3f9k2m7q0v1x4z8bhc5d6e7f8g",
		Args: some(2, "a decision and the IDs of exposures"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d.Kind = strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(args[0]))
			if !slices.ContainsFunc(kinds(), func(k kind) bool { return k.name == d.Kind }) {
				return usage(cmd.CommandPath(), "there is no decision %q; there are %s", args[0], strings.Join(kindNames(), ", "))
			}
			if version > 0 && len(args) > 2 {
				return usage(cmd.CommandPath(), "--if-version is for one exposure")
			}
			var err error
			if d.Until, err = until(end, a.Now()); err != nil {
				return err
			}
			if key == "" {
				key = rand.Text()
			}
			return a.decide(cmd, args[1:], d, key, version)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return a.ask(a.exposureIDs)(cmd, args, start)
			}
			var out []string
			for _, k := range kinds() {
				if strings.HasPrefix(k.name, start) {
					out = append(out, k.name+"\t"+k.what)
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&d.Reason, "reason", "r", "", "why")
	flags.StringVar(&d.Team, "team", "", "`team` that is to own it")
	flags.StringVar(&end, "until", "", "`end`: a date, a time, or a duration from now such as 30d")
	flags.StringSliceVar(&d.EndsOn, "ends-on", nil, "what ends it early: "+strings.Join(endings(), ", ")+"NAME")
	flags.StringVar(&d.For, "for", "", "what is waited for: vendor or change_window")
	flags.StringVar(&d.Reference, "reference", "", "the vendor's case, or the number of the change")
	flags.StringVar(&key, "key", "", "idempotency `key` (default: a new one)")
	flags.Int64Var(&version, "if-version", 0, "only if the exposure is still at this `version`")
	complete(cmd, "ends-on", endings())
	complete(cmd, "for", exposure.WaitKinds())
	a.completeFlag(cmd, "team", a.teamNames)
	return cmd
}

// decide sends one decision on each of some exposures, and says what came of it.
func (a *app) decide(cmd *cobra.Command, ids []string, d apiclient.Decision, key string, version int64) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		for _, id := range ids {
			item, err := c.Decide(cmd.Context(), exposure.ID(id), d, key, version)
			switch {
			case err != nil:
				return err
			case a.json:
				if err := a.line(item); err != nil {
					return err
				}
			default:
				a.sayf("%s: %s (now %s)", clean(id), clean(item.Value.Message), item.Value.State)
			}
		}
		return nil
	})
}

func kindNames() []string {
	list := kinds()
	out := make([]string, len(list))
	for i, k := range list {
		out[i] = k.name
	}
	return out
}
