package cli

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/asset"
)

func (a *app) undoMergeCommand() *cobra.Command {
	var reason, key string
	cmd := &cobra.Command{
		Use: "undo ASSET", Short: "Take a merge back, for good",
		Long: "Take a merge back. ASSET is the asset that was merged into another, as the other's story names it; or the other, whose last merge is then taken back.\n\n" +
			"Each exposure goes back to where it was born, or to the asset that its sources see, with its ticket and its story. The two are never merged again.",
		Example: "  quell assets undo --reason 'a cloned machine' 01JDAV5Z0Q3F5R0V6K9M2T7XWB",
		Args:    exactly(1, "the asset's ID"), ValidArgsFunction: a.first(a.assetIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				into, other, err := mergeOf(cmd.Context(), c, asset.ID(args[0]))
				if err != nil {
					return err
				}
				item, err := c.UndoMerge(cmd.Context(), into, other, reason, keyOr(key))
				return a.separated(item, err)
			})
		},
	}
	reasonFlags(cmd, &reason, &key)
	return cmd
}

// mergeOf reads which merge an asset's ID stands for.
func mergeOf(ctx context.Context, c *apiclient.Client, id asset.ID) (into, other asset.ID, err error) {
	item, err := c.Asset(ctx, id)
	if err == nil && item.Value.MergedInto != "" {
		return item.Value.MergedInto, id, nil
	}
	return id, "", err
}

func (a *app) splitAssetCommand() *cobra.Command {
	var reason, key string
	var identifiers []string
	cmd := &cobra.Command{
		Use: "split ASSET", Short: "Take identifiers out of an asset, for one of their own",
		Long: "Take identifiers out of an asset that were never its own. What only their sources saw goes with them, and the two are never merged.\n\n" +
			"Identifiers are written as quell assets show has them: KIND:VALUE.",
		Example: "  quell assets split --identifiers serial:SN-4711,fqdn:old.example.com --reason 'the board was swapped' 01JDAV5Z0Q3F5R0V6K9M2T7XWB",
		Args:    exactly(1, "the asset's ID"), ValidArgsFunction: a.first(a.assetIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.SplitAsset(cmd.Context(), asset.ID(args[0]), identifiers, reason, keyOr(key))
				return a.separated(item, err)
			})
		},
	}
	cmd.Flags().StringSliceVar(&identifiers, "identifiers", nil, "the `identifiers` of the other thing, each as KIND:VALUE")
	reasonFlags(cmd, &reason, &key)
	return cmd
}

func reasonFlags(cmd *cobra.Command, reason, key *string) {
	cmd.Flags().StringVarP(reason, "reason", "r", "", "why; it is kept with both assets")
	cmd.Flags().StringVar(key, "key", "", "idempotency `key` (default: a new one)")
}

func keyOr(key string) string {
	if key == "" {
		return rand.Text()
	}
	return key
}

func (a *app) separated(item apiclient.Item[apiclient.Separation], err error) error {
	switch {
	case err != nil:
		return err
	case a.json:
		return object(a, item)
	}
	v := item.Value
	done := "is an asset of its own now"
	if v.Repeated {
		done = "was made an asset of its own by this key before"
	}
	a.sayf("%s %s, with %d exposures; it is never merged with %s again", v.Other, done, v.Exposures, v.Asset)
	return nil
}

// relations shows what an asset is related to, the first few.
func (a *app) relations(list []apiclient.Item[apiclient.Relation], more bool) {
	if len(list) == 0 {
		return
	}
	a.sayf("\nRelations")
	t := table{header: []string{"RELATION", "OTHER", "NAME", "NOTE", "SOURCE", "LAST SEEN"}, wide: 2}
	for i := range list {
		r := &list[i].Value
		relation := r.Kind
		if r.Direction == "in" {
			relation = "← " + r.Kind
		}
		name := r.Name
		if name == "" {
			name = string(r.To.Kind) + " " + r.To.Value
		}
		last := when(r.LastSeen)
		if r.Stale {
			last += " (not said since)"
		}
		t.add(relation, string(r.Asset), name, r.Note, r.Source, last)
	}
	a.print(&t)
	if more {
		a.notef("the first %d relations; quell assets edges gives all", len(list))
	}
}

func (a *app) edgesCommand() *cobra.Command {
	limit := aPage
	cmd := &cobra.Command{
		Use: "edges ASSET", Short: "What an asset is related to, and how", Args: exactly(1, "the asset's ID"), ValidArgsFunction: a.first(a.assetIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"RELATION", "WAY", "OTHER", "NAME", "NOTE", "SOURCE", "LAST SEEN"}, wide: 3}
				return each(a, c.Edges(cmd.Context(), asset.ID(args[0]), nil, limit), limit, &t, func(r apiclient.Relation) []string {
					name := r.Name
					if name == "" {
						name = string(r.To.Kind) + " " + r.To.Value
					}
					return []string{r.Kind, r.Direction, string(r.Asset), name, r.Note, r.Source, when(r.LastSeen)}
				}, "no relations are known")
			})
		},
	}
	limitFlag(cmd, &limit)
	return cmd
}

// provenance shows who said what of an asset, and whose word holds.
func (a *app) provenance(list []asset.Provenance) {
	if len(list) == 0 {
		return
	}
	a.sayf("\nSaid by")
	t := table{header: []string{"FIELD", "VALUE", "SOURCE", "WHEN", "WHY IT HOLDS", "OTHERS SAY"}, wide: 5}
	for i := range list {
		p := &list[i]
		others := make([]string, 0, len(p.Others))
		for _, o := range p.Others {
			others = append(others, o.Source+": "+o.Value)
		}
		t.add(p.Field, p.Value, p.Source, when(p.At), p.Why, strings.Join(others, ", "))
	}
	a.print(&t)
}
