package cli

import (
	"crypto/rand"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
)

func ticketStatuses() []string { return []string{"todo", "in_progress", "done"} }

func (a *app) ticketsCommand() *cobra.Command {
	var status, team string
	limit := aPage
	cmd := &cobra.Command{
		Use: "tickets", Aliases: []string{"ticket"}, Short: "Find, read, move and comment on tickets of the built-in tracker", Args: cobra.NoArgs,
		Example: "  quell tickets --team payments\n  quell tickets move QT-4f9k2c done\n  quell tickets comment QT-4f9k2c 'rolled out in 4.2'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q := url.Values{}
				for name, value := range map[string]string{"status": status, "team": team} {
					if value != "" {
						q.Set(name, value)
					}
				}
				t := table{header: []string{"TICKET", "STATUS", "PRIORITY", "DUE", "TEAM", "UPDATED", "TITLE"}, wide: 6}
				return each(a, c.Tickets(cmd.Context(), q, limit), limit, &t, func(v apiclient.Ticket) []string {
					return []string{v.ID, v.Status, v.Priority, a.due(v.Due), v.Team, when(v.UpdatedAt), v.Title}
				}, "no tickets match")
			})
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "only in this `status`: todo, in_progress or done")
	cmd.Flags().StringVar(&team, "team", "", "only of this `team`")
	limitFlag(cmd, &limit)
	complete(cmd, "status", ticketStatuses())
	a.completeFlag(cmd, "team", a.teamNames)
	cmd.AddCommand(
		&cobra.Command{
			Use: "show KEY", Short: "One ticket with its comments", Args: exactly(1, "the ticket's key"), ValidArgsFunction: a.first(a.ticketKeys),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.onTicket(cmd, func(c *apiclient.Client) (apiclient.Item[apiclient.Ticket], error) {
					return c.Ticket(cmd.Context(), args[0])
				})
			},
		},
		a.moveTicketCommand(),
		&cobra.Command{
			Use: "comment KEY TEXT", Short: "Comment on a ticket", Args: exactly(2, "the ticket's key and the text"), ValidArgsFunction: a.first(a.ticketKeys),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.onTicket(cmd, func(c *apiclient.Client) (apiclient.Item[apiclient.Ticket], error) {
					return c.CommentTicket(cmd.Context(), args[0], args[1], rand.Text())
				})
			},
		})
	return cmd
}

func (a *app) moveTicketCommand() *cobra.Command {
	return &cobra.Command{
		Use: "move KEY STATUS", Short: "Move a ticket to todo, in_progress or done",
		Long: "Move a ticket. Done is a claim, not a proof: its exposures are tested, and the ticket comes back if one is still there.",
		Args: exactly(2, "the ticket's key and todo, in_progress or done"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onTicket(cmd, func(c *apiclient.Client) (apiclient.Item[apiclient.Ticket], error) {
				return c.MoveTicket(cmd.Context(), args[0], strings.ReplaceAll(args[1], "-", "_"))
			})
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return ticketStatuses(), cobra.ShellCompDirectiveNoFileComp
			}
			return a.first(a.ticketKeys)(cmd, args, start)
		},
	}
}

// onTicket does something with a ticket and shows what it is then.
func (a *app) onTicket(cmd *cobra.Command, do func(c *apiclient.Client) (apiclient.Item[apiclient.Ticket], error)) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		item, err := do(c)
		if err != nil {
			return err
		}
		if a.json {
			return object(a, item)
		}
		v := &item.Value
		a.sayf("%s", a.paint(a.Out).as(bold, clean(v.ID+"  "+v.Title)))
		var f facts
		f.add("status", "%s", v.Status)
		f.add("closed by", "%s", v.ClosedBy)
		f.add("team", "%s", v.Team)
		f.add("priority", "%s", v.Priority)
		f.add("due", "%s", a.due(v.Due))
		f.print(a)
		if v.Description != "" {
			a.sayf("\n%s", cleanLines(v.Description, "  "))
		}
		for _, comment := range v.Comments {
			a.sayf("\n%s, %s:\n%s", clean(comment.By), when(comment.At), cleanLines(comment.Text, "  "))
		}
		return nil
	})
}

func (a *app) inboxCommand() *cobra.Command {
	var to string
	var everything bool
	limit := aPage
	cmd := &cobra.Command{
		Use: "inbox", Short: "Read the built-in inbox: what nobody has read yet", Args: cobra.NoArgs,
		Example: "  quell inbox --to payments\n  quell inbox read 5d41402abc4b2a76",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"ID", "WHEN", "TO", "KIND", "SUBJECT"}, wide: 4}
				return each(a, c.Inbox(cmd.Context(), to, !everything, limit), limit, &t, func(m apiclient.Message) []string {
					return []string{m.ID, when(m.At), m.To, m.Kind, m.Subject}
				}, "nothing unread")
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "only to this `team`, or to escalation")
	cmd.Flags().BoolVar(&everything, "all", false, "also what has been read")
	limitFlag(cmd, &limit)
	a.completeFlag(cmd, "to", a.teamNames)
	cmd.AddCommand(a.readMessageCommand())
	return cmd
}

func (a *app) readMessageCommand() *cobra.Command {
	return &cobra.Command{
		Use: "read ID...", Short: "Show messages whole, and mark them as read", Args: some(1, "the IDs of messages"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				wanted := map[string]bool{}
				for _, id := range args {
					wanted[id] = true
				}
				for item, err := range c.Inbox(cmd.Context(), "", false, 0) {
					if err != nil {
						return err
					}
					if !wanted[item.Value.ID] {
						continue
					}
					if err := a.message(item); err != nil {
						return err
					}
					if delete(wanted, item.Value.ID); len(wanted) == 0 {
						break
					}
				}
				for _, id := range args {
					// One that isn't there is the daemon's to refuse.
					if err := c.MarkRead(cmd.Context(), id); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func (a *app) message(item apiclient.Item[apiclient.Message]) error {
	if a.json {
		return a.line(item)
	}
	m := &item.Value
	a.sayf("%s", a.paint(a.Out).as(bold, clean(m.Subject)))
	var f facts
	f.add("to", "%s", m.To)
	f.add("when", "%s", when(m.At))
	f.add("kind", "%s", m.Kind)
	f.add("about", "%s", strings.Join(m.Subjects, ", "))
	for _, name := range sorted(m.Links) {
		f.add(name, "%s", m.Links[name])
	}
	f.print(a)
	a.sayf("\n%s\n", cleanLines(m.Text, "  "))
	return nil
}

func (a *app) statsCommand() *cobra.Command {
	var f filter
	cmd := &cobra.Command{
		Use: "stats", Short: "Count exposures, and say what is missing", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q, err := f.query(a)
				if err != nil {
					return err
				}
				item, err := c.Stats(cmd.Context(), q)
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.stats(&item.Value)
				return nil
			})
		},
	}
	f.flags(a, cmd)
	return cmd
}

func (a *app) stats(s *apiclient.Stats) {
	a.sayf("%d exposures, %d of them waiting for admission", s.Total, s.Queued)
	if u := &s.Unowned; u.Exposures+u.Assets > 0 {
		a.sayf("%d live ones and %d assets that nobody owns; %d assets for longer than %s", u.Exposures, u.Assets, u.Overdue, clean(u.Within))
	}
	for _, group := range []string{"state", "decision", "severity", "owner", "scope", "source"} {
		if len(s.By[group]) == 0 {
			continue
		}
		a.sayf("")
		t := table{header: []string{strings.ToUpper(group), "COUNT"}, wide: 0}
		for _, value := range sorted(s.By[group]) {
			name := value
			if name == "" && group == "owner" {
				name = "unowned"
			}
			t.add(name, n(s.By[group][value]))
		}
		a.print(&t)
	}
	if len(s.Missing) > 0 {
		a.sayf("\nMissing")
		for _, line := range s.Missing {
			a.sayf("  %s", clean(line))
		}
	}
}
