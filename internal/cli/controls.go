package cli

import (
	"net/url"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

func (a *app) controlsCommand() *cobra.Command {
	limit := aPage
	list := func(cmd *cobra.Command, _ []string) error {
		return a.withClient(cmd, func(c *apiclient.Client) error {
			t := table{header: []string{"CONTROL", "ASSET", "STATE", "AS OF", "SAYS", "REASON"}, wide: 5}
			return each(a, c.Controls(cmd.Context(), url.Values{}, limit), limit, &t, func(v exposure.Control) []string {
				on := string(v.Asset)
				if on == "" {
					on = "everywhere"
				}
				return []string{v.Name, on, string(v.State), when(v.At), v.By, v.Reason}
			}, "nothing is known of any control")
		})
	}
	cmd := &cobra.Command{
		Use: "controls", Aliases: []string{"control"}, Short: "How compensating controls are doing", Args: cobra.NoArgs, RunE: list,
		Long:    "What is known of compensating controls, newest first. That one failed ends the exceptions that rest on it: those with control:NAME.",
		Example: "  quell controls\n  quell controls set edr failed --reason 'agent stopped' --asset 01JD0A…",
	}
	limitFlag(cmd, &limit)
	cmd.AddCommand(a.setControlCommand())
	return cmd
}

func (a *app) setControlCommand() *cobra.Command {
	reason, on := "", ""
	cmd := &cobra.Command{
		Use: "set NAME STATE", Short: "Say that a control works or failed", Args: exactly(2, "the control's name and working or failed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.SetControl(cmd.Context(), args[0], exposure.ControlState(args[1]), reason, asset.ID(on))
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("%s: %s, as of %s", clean(item.Value.Name), clean(string(item.Value.State)), when(item.Value.At))
				return nil
			})
		},
	}
	cmd.Flags().StringVarP(&reason, "reason", "r", "", "why")
	cmd.Flags().StringVar(&on, "asset", "", "`ID` of the asset (default: everywhere)")
	return cmd
}
