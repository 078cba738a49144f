package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

func (a *app) syncCommand() *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use: "sync SOURCE", Short: "Pull a source now, or everything since a time", Args: exactly(1, "the source's name"), ValidArgsFunction: a.first(a.sourceNames),
		Example: "  quell sources sync tenable-prod\n  quell sources sync tenable-prod --since 2026-01-01",
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := dayOrTime(since)
			if err != nil {
				return err
			}
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.StartSync(cmd.Context(), args[0], from)
				return a.planned(&item, args[0], err)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "ask for all that changed since this `time`: 2026-01-31, or with the time of day as RFC 3339")
	return cmd
}

func (a *app) syncsCommand() *cobra.Command {
	limit := aPage
	cmd := &cobra.Command{
		Use: "syncs SOURCE", Short: "List how a source was pulled", Args: exactly(1, "the source's name"), ValidArgsFunction: a.first(a.sourceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"STARTED", "TOOK", "ASKED FOR", "PAGES", "BYTES", "STATUS", "DELIVERY", "ERROR"}, wide: 7}
				return each(a, c.Syncs(cmd.Context(), args[0], limit), limit, &t, func(s exposure.Sync) []string {
					took, asked := "", "everything"
					if !s.Ended.IsZero() {
						took = s.Ended.Sub(s.Started).Round(time.Second).String()
					}
					if !s.Full() {
						asked = "since " + when(s.Since)
					}
					return []string{when(s.Started), took, asked, n(int64(s.Pages)), n(s.Bytes), string(s.Status), s.Delivery, s.Error}
				}, "it was never pulled")
			})
		},
	}
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) pauseSyncCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "pause SOURCE --reason TEXT", Short: "Stop pulling a source until it is resumed", Args: exactly(1, "the source's name"), ValidArgsFunction: a.first(a.sourceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.PauseSync(cmd.Context(), args[0], reason)
				return a.planned(&item, args[0], err)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "`why`")
	return cmd
}

func (a *app) resumeSyncCommand() *cobra.Command {
	return &cobra.Command{
		Use: "resume SOURCE", Short: "Go on pulling a source", Args: exactly(1, "the source's name"), ValidArgsFunction: a.first(a.sourceNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.ResumeSync(cmd.Context(), args[0])
				return a.planned(&item, args[0], err)
			})
		},
	}
}

// planned shows when a source is pulled next.
func (a *app) planned(item *apiclient.Item[apiclient.SyncPlan], source string, err error) error {
	if err != nil {
		return err
	}
	if a.json {
		return object(a, *item)
	}
	p := &item.Value
	switch {
	case p.Running:
		a.sayf("%s: being pulled", clean(source))
	case p.Paused:
		a.sayf("%s: %s", clean(source), clean(p.Note))
	default:
		a.sayf("%s: pulled next at %s", clean(source), when(p.Next))
	}
	return nil
}

// dayOrTime reads a day or a moment; empty is zero.
func dayOrTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "--since: %q is neither a day such as 2026-01-31 nor a time as in RFC 3339", text)
}
