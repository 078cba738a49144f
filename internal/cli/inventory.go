package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
)

func (a *app) assetsCommand() *cobra.Command {
	var kind, owner, scope, source, text string
	var unscoped bool
	limit := aPage
	cmd := &cobra.Command{
		Use: "assets", Aliases: []string{"asset"}, Short: "Find assets, and see why each is one", Args: cobra.NoArgs,
		Example: "  quell assets --unscoped\n  quell assets show 01JDAV5Z0Q3F5R0V6K9M2T7XWB",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q := url.Values{}
				for name, value := range map[string]string{"kind": kind, "owner": owner, "scope": scope, "source": source, "text": text} {
					if value != "" {
						q.Set(name, value)
					}
				}
				if unscoped {
					q.Set("unscoped", "true")
				}
				t := table{header: []string{"ID", "KIND", "NAME", "OWNER", "SCOPES", "SOURCES", "LAST SEEN"}, wide: 2}
				return each(a, c.Assets(cmd.Context(), q, limit), limit, &t, func(v asset.Asset) []string {
					return []string{string(v.ID), string(v.Kind), v.Name, v.Owner, listed(v.Scopes), listed(v.Sources), when(v.LastSeen)}
				}, "no assets match")
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&kind, "kind", "", "only of this `kind`: host, cloud_resource, web_application…")
	flags.StringVar(&owner, "owner", "", "only of this `team`")
	flags.StringVar(&scope, "scope", "", "only in this `scope`")
	flags.StringVar(&source, "source", "", "only those that this `source` reports")
	flags.StringVar(&text, "text", "", "only with this `text` in the name")
	flags.BoolVar(&unscoped, "unscoped", false, "only those in no scope")
	limitFlag(cmd, &limit)
	a.completeFlag(cmd, "owner", a.teamNames)
	a.completeFlag(cmd, "source", a.sourceNames)
	cmd.AddCommand(a.showAssetCommand(), a.edgesCommand(), a.undoMergeCommand(), a.splitAssetCommand())
	return cmd
}

func (a *app) showAssetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "One asset: what it is known by, and what was merged and refused", Args: exactly(1, "the asset's ID"), ValidArgsFunction: a.first(a.assetIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.Asset(cmd.Context(), asset.ID(args[0]))
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				var edges []apiclient.Item[apiclient.Relation]
				for edge, err := range c.Edges(cmd.Context(), item.Value.ID, nil, shownRelations) {
					if err != nil {
						return err
					}
					edges = append(edges, edge)
				}
				a.showAsset(&item.Value, edges)
				return nil
			})
		},
	}
}

// shownRelations is how many relations an asset is shown with.
const shownRelations = 20

func (a *app) showAsset(v *apiclient.AssetDetail, edges []apiclient.Item[apiclient.Relation]) {
	a.sayf("%s", a.paint(a.Out).as(bold, clean(v.Name)))
	var f facts
	f.add("id", "%s", v.ID)
	f.add("kind", "%s", v.Kind)
	f.add("owner", "%s", v.Owner)
	f.add("scopes", "%s", strings.Join(v.Scopes, ", "))
	f.add("sources", "%s", strings.Join(v.Sources, ", "))
	f.add("zone", "%s", v.Zone)
	f.add("system", "%s", v.OS)
	f.add("internet", "%s", v.Internet)
	f.add("seen", "%s to %s", when(v.FirstSeen), when(v.LastSeen))
	f.add("merged into", "%s", v.MergedInto)
	f.add("short-lived", "%s", v.Ephemeral)
	if v.Retired {
		f.add("retired", "yes: its exposures are out of scope until it is seen again")
	}
	if !v.Gone.IsZero() {
		f.add("gone", "a source said so for %s", when(v.Gone))
	}
	for _, apart := range v.Apart {
		f.add("never", "%s: %s (%s, %s)", apart.Asset, apart.Why, apart.By, when(apart.At))
	}
	for _, state := range exposure.States() {
		if count := v.Exposures[string(state)]; count > 0 {
			f.add("exposures", "%d %s", count, state)
		}
	}
	f.print(a)
	if len(v.Identifiers) > 0 {
		a.sayf("\nKnown by")
		t := table{header: []string{"KIND", "VALUE", "SOURCE", "LAST SEEN"}, wide: 1}
		for _, k := range v.Identifiers {
			t.add(string(k.Kind), k.Value, k.Source, when(k.LastSeen))
		}
		a.print(&t)
	}
	a.provenance(v.Provenance)
	a.relations(edges, len(edges) >= shownRelations)
	if len(v.Events) > 0 {
		a.sayf("\nStory")
		t := table{header: []string{"WHEN", "WHAT", "OTHER", "WHO", "WHY"}, wide: 4}
		for _, ev := range v.Events {
			t.add(when(ev.At), ev.Kind, string(ev.Other), ev.Actor, ev.Why)
		}
		a.print(&t)
	}
}

func (a *app) findingsCommand() *cobra.Command {
	var f filter
	limit := aPage
	cmd := &cobra.Command{
		Use: "findings", Short: "List what sources say, finding by finding", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q, err := f.query(a)
				if err != nil {
					return err
				}
				t := table{header: []string{"EXPOSURE", "SOURCE", "CHECK", "SEVERITY", "STATUS", "ASSET", "LOCATION", "TITLE"}, wide: 7}
				return each(a, c.Findings(cmd.Context(), q, limit), limit, &t, func(r apiclient.Reported) []string {
					v := r.Finding
					return []string{string(r.Exposure), v.Source, v.Check, string(v.Severity), string(v.Status), r.AssetName, v.Location, v.Title}
				}, "no findings match")
			})
		},
	}
	f.flags(a, cmd)
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) scopesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "scopes", Aliases: []string{"scope"}, Short: "List scopes, what is in them, and their gaps", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"SCOPE", "OWNER", "IMPACT", "INTERNET", "PROBES", "LIVE", "CLOSED", "PROBLEM"}, wide: 7}
				return each(a, all(c.Scopes(cmd.Context())), 0, &t, func(s apiclient.ScopeStatus) []string {
					probes := "no consent"
					if s.Engagement != nil && s.Engagement.Probe {
						probes = "yes"
					}
					var live int64
					for _, state := range exposure.States() {
						if state.Live() {
							live += s.Exposures[string(state)]
						}
					}
					return []string{s.Name, s.Owner, string(s.MissionImpact), s.Internet, probes, n(live), n(s.Exposures[string(exposure.Closed)]), s.Problem}
				}, "no scopes are configured: assets are in none, and nothing may be probed")
			})
		},
	}
}

func (a *app) ownersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "owners", Aliases: []string{"owner"}, Short: "List teams, and explain who owns an asset", Args: cobra.NoArgs,
		Example: "  quell owners\n  quell owners test 01JDAV5Z0Q3F5R0V6K9M2T7XWB",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				t := table{header: []string{"TEAM", "ALIASES", "CHANNEL"}, wide: 1}
				return each(a, all(c.Owners(cmd.Context())), 0, &t, func(team ownership.Team) []string {
					return []string{team.Name, listed(team.Aliases), team.Channel}
				}, "no teams are configured: everything is unowned")
			})
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use: "test ASSET", Short: "Explain how an asset's owner is found, node by node", Args: exactly(1, "the asset's ID"), ValidArgsFunction: a.first(a.assetIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.TestOwner(cmd.Context(), asset.ID(args[0]))
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.ownerTest(&item.Value)
				return nil
			})
		},
	})
	cmd.AddCommand(&cobra.Command{
		Use: "explain ASSET|EXPOSURE", Short: "Explain who owns an asset or an exposure: the routes, the evidence and what each weighs",
		Args: exactly(1, "the ID of an asset or an exposure"), Example: "  quell owner explain 3f9k2m7q0v1x4z8bhc5d6e7f8g",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := a.explainOwner(cmd.Context(), c, args[0])
				switch {
				case err != nil:
					return err
				case a.json:
					return object(a, item)
				}
				a.sayf("%s", a.paint(a.Out).as(bold, clean(item.Value.Line)))
				for _, line := range item.Value.Lines {
					a.sayf("%s", cleanLines(line, "  "))
				}
				return nil
			})
		},
	})
	return cmd
}

// explainOwner asks about an exposure, whose ID is in small letters, or about an asset.
func (a *app) explainOwner(ctx context.Context, c *apiclient.Client, id string) (apiclient.Item[apiclient.OwnerTest], error) {
	if strings.ToLower(id) == id {
		return c.ExplainOwner(ctx, exposure.ID(id))
	}
	return c.TestOwner(ctx, asset.ID(id))
}

func (a *app) ownerTest(v *apiclient.OwnerTest) {
	var f facts
	f.add("asset", "%s (%s)", v.AssetName, v.Asset)
	if v.Team == "" {
		f.add("owner", "unowned")
	} else {
		f.add("owner", "%s", v.Team)
		f.add("sure", "%.0f %%", 100*v.Confidence)
	}
	f.add("how", "%s", v.How)
	f.add("told too", "%s", strings.Join(v.Copies, ", "))
	f.print(a)
	a.sayf("\nAsked")
	for _, line := range v.Lines {
		a.sayf("%s", cleanLines(line, "  "))
	}
}
