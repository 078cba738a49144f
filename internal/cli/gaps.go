package cli

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/scope"
)

// firstGaps is how many of each kind of gap are shown where nobody says otherwise.
const firstGaps = 10

func (a *app) gapsCommand() *cobra.Command {
	var kind string
	limit := firstGaps
	cmd := &cobra.Command{
		Use: "gaps [KIND]", Short: "What no scope, no source and no owner covers", Args: atMost(1, "one kind of gap"),
		Long: "What scoping doesn't cover: assets in no scope, SaaS applications that no scope claims, scopes that no source reports on, sources that are late, " +
			"assets without a clue to their owner, assets that one source alone sees. KIND, such as unscoped, lists one kind further than the first few.",
		Example: "  quell gaps\n  quell gaps unscoped --limit 0",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				kind = args[0]
			}
			return a.withClient(cmd, func(c *apiclient.Client) error {
				gaps, err := gapsUpTo(cmd.Context(), c, kind, limit)
				if err != nil {
					return err
				}
				for i := range gaps {
					if a.json {
						if err := a.line(gaps[i]); err != nil {
							return err
						}
						continue
					}
					a.gap(&gaps[i].Value)
				}
				return nil
			})
		},
		ValidArgsFunction: cobra.FixedCompletions(words(scope.GapKinds()), cobra.ShellCompDirectiveNoFileComp),
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", firstGaps, "at most so `many` of each kind; 0 = all of one kind")
	return cmd
}

// gapsUpTo reads the first of each kind, or as many of one kind as are asked for.
func gapsUpTo(ctx context.Context, c *apiclient.Client, kind string, limit int) ([]apiclient.Item[scope.Gap], error) {
	const page = 1000
	q := url.Values{}
	size := limit
	if kind != "" {
		q.Set("gap", kind)
	}
	if limit <= 0 || limit > page {
		size = page
	}
	q.Set("limit", strconv.Itoa(size))
	gaps, err := c.Gaps(ctx, q)
	if err != nil || kind == "" || len(gaps) != 1 {
		return gaps, err
	}
	whole := &gaps[0]
	for next := whole.Value.Next; next != "" && (limit <= 0 || len(whole.Value.Items) < limit); next = whole.Value.Next {
		q.Set("cursor", next)
		more, err := c.Gaps(ctx, q)
		if err != nil || len(more) != 1 {
			return gaps, err
		}
		whole.Value.Items, whole.Value.Next, whole.JSON = append(whole.Value.Items, more[0].Value.Items...), more[0].Value.Next, nil
	}
	return gaps, nil
}

func (a *app) gap(g *scope.Gap) {
	p := a.paint(a.Out)
	if g.Count == 0 {
		a.sayf("%s %s", p.as(green, "none"), g.Words)
		return
	}
	a.sayf("%s %s (%s)", p.as(bold, n(g.Count)), g.Words, g.Kind)
	t := table{header: []string{"ID", "KIND", "NAME", "NOTE", "LAST SEEN"}, wide: 3}
	for _, item := range g.Items {
		t.add(item.ID, item.Kind, item.Name, item.Note, when(item.Last))
	}
	a.print(&t)
	if g.Next != "" {
		a.notef("the first %d; quell gaps %s --limit 0 gives all", len(g.Items), g.Kind)
	}
}
