package cli

import (
	"net/url"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

func (a *app) notifiersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "notifiers", Aliases: []string{"notifier"}, Short: "How those who tell people are doing; check and test them", Args: cobra.NoArgs, RunE: a.notifierStatus}
	var to string
	test := &cobra.Command{
		Use: "test NAME --to TEAM", Short: "Send a test message", Args: exactly(1, "the notifier's name"), Example: "  quell notifiers test mail --to payments",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.TestNotifier(cmd.Context(), args[0], to)
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("on its way as message %s: quell messages list shows what becomes of it", clean(item.Value["message"]))
				return nil
			})
		},
	}
	test.Flags().StringVar(&to, "to", "escalation", "a `team`, escalation, or a person or channel with @ or # in front")
	cmd.AddCommand(
		&cobra.Command{Use: "status", Short: "Their addresses, budgets, what waits, and what is wrong", Args: cobra.NoArgs, RunE: a.notifierStatus},
		&cobra.Command{Use: "check NAME", Short: "Look at a notifier's set-up at its vendor", Args: exactly(1, "the notifier's name"), RunE: a.checkNotifier},
		test)
	return cmd
}

func (a *app) notifierStatus(cmd *cobra.Command, _ []string) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		all, err := c.Notifiers(cmd.Context())
		if err != nil {
			return err
		}
		t := table{header: []string{"NOTIFIER", "ADDRESS", "FOR", "HOUR", "DAY", "WAITING", "LAST", "PROBLEM"}, wide: 7}
		for i := range all {
			if a.json {
				if err := a.line(all[i]); err != nil {
					return err
				}
				continue
			}
			s := &all[i].Value
			if len(s.Addresses) == 0 {
				t.add(s.Name, "", "", "", "", n(s.Waiting), "", "")
			}
			for _, d := range s.Addresses {
				problem := d.Problem
				if d.Bad != "" {
					problem = "bad address: " + d.Bad
				}
				t.add(s.Name, d.Address, d.To, n(int64(d.Hour)), n(int64(d.Day)), n(d.Waiting), when(d.Delivered), problem)
			}
		}
		if !a.json {
			a.print(&t)
		}
		return nil
	})
}

func (a *app) checkNotifier(cmd *cobra.Command, args []string) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		item, err := c.CheckNotifier(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if a.json {
			return object(a, item)
		}
		for _, problem := range item.Value.Problems {
			a.sayf("  %s", clean(problem))
		}
		if len(item.Value.Problems) > 0 {
			return fault.New(fault.Conflict, "%s is not ready", args[0])
		}
		a.sayf("%s is ready", clean(args[0]))
		return nil
	})
}

func (a *app) messagesCommand() *cobra.Command {
	var notifier, state, to string
	limit := aPage
	list := &cobra.Command{
		Use: "list", Short: "What was told to whom, and what is to be, newest first", Args: cobra.NoArgs,
		Example: "  quell messages list --to payments\n  quell messages list --state failed",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := url.Values{}
			for name, value := range map[string]string{"notifier": notifier, "state": state, "to": to} {
				if value != "" {
					q.Set(name, value)
				}
			}
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"AT", "STATE", "BY", "ADDRESS", "TO", "KIND", "SUBJECT", "WHY"}, wide: 6}
				return each(a, c.Messages(cmd.Context(), q, limit), limit, &t, func(m apiclient.Told) []string {
					return []string{when(m.At), m.State, m.Notifier, m.Address, m.To, m.Kind, m.Subject, m.Why}
				}, "nothing was told")
			})
		},
	}
	list.Flags().StringVar(&notifier, "notifier", "", "only by this `notifier`")
	list.Flags().StringVar(&state, "state", "", "only in this `state`: pending, sending, sent, folded or failed")
	list.Flags().StringVar(&to, "to", "", "only to this `team`, or to escalation")
	limitFlag(list, &limit)
	complete(list, "state", []string{"pending", "sending", "sent", "folded", "failed"})
	a.completeFlag(list, "to", a.teamNames)
	cmd := &cobra.Command{Use: "messages", Aliases: []string{"message"}, Short: "What was told to whom", Args: cobra.NoArgs}
	cmd.AddCommand(list)
	return cmd
}
