package cli

import (
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/exposure"
)

// n is a figure for a cell.
func n(v int64) string { return strconv.FormatInt(v, 10) }

// filter are the flags by which exposures are chosen: the API's parameters.
type filter struct {
	states, decisions, severities, owners, scopes, sources, assets []string
	cve, weakness, text, search, dueBefore                         string
	vendor                                                         []string
	campaign                                                       string
	queued, unowned, kev                                           bool
}

func (f *filter) flags(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "only in these `states`")
	flags.StringSliceVar(&f.decisions, "decision", nil, "only with these `decisions`: act, attend, track_star, track")
	flags.StringSliceVar(&f.severities, "severity", nil, "only of these `severities`")
	flags.StringSliceVar(&f.owners, "owner", nil, "only of these `teams`")
	flags.BoolVar(&f.unowned, "unowned", false, "only those without an owner")
	flags.StringSliceVar(&f.scopes, "scope", nil, "only on assets in these `scopes`")
	flags.StringSliceVar(&f.sources, "source", nil, "only those that these `sources` report")
	flags.StringSliceVar(&f.assets, "asset", nil, "only on the assets of these `IDs`")
	flags.StringVar(&f.cve, "cve", "", "only with this `CVE`")
	flags.StringVar(&f.weakness, "weakness", "", "only this `weakness`: a CVE or a check such as nuclei:git-config")
	flags.BoolVar(&f.kev, "kev", false, "only what is known to be exploited (KEV)")
	flags.StringVar(&f.campaign, "campaign", "", "only what is or was part of this `campaign`")
	flags.StringVar(&f.text, "text", "", "only with this `text` in the title")
	flags.StringVar(&f.search, "search", "", "only with this `text` anywhere, what scanners say in their own fields included")
	flags.StringArrayVar(&f.vendor, "vendor", nil, "only with this `KEY=VALUE`, or KEY alone, in a vendor's own fields; inner keys after a dot")
	flags.StringVar(&f.dueBefore, "due-before", "", "only due before this `date`, time, or duration from now")
	flags.BoolVar(&f.queued, "queued", false, "only those that wait for admission")
	complete(cmd, "state", words(exposure.States()))
	complete(cmd, "decision", words([]exposure.DecisionOutcome{exposure.Act, exposure.Attend, exposure.TrackStar, exposure.Track}))
	complete(cmd, "severity", words([]exposure.Severity{exposure.SeverityCritical, exposure.SeverityHigh, exposure.SeverityMedium, exposure.SeverityLow,
		exposure.SeverityInfo, exposure.SeverityUnknown}))
	a.completeFlag(cmd, "owner", a.teamNames)
	a.completeFlag(cmd, "source", a.sourceNames)
	a.completeFlag(cmd, "campaign", a.campaignIDs)
}

func (f *filter) query(a *app) (url.Values, error) {
	q := url.Values{}
	for name, list := range map[string][]string{"state": f.states, "decision": f.decisions, "severity": f.severities, "owner": f.owners,
		"scope": f.scopes, "source": f.sources, "asset": f.assets, "vendor": f.vendor} {
		if len(list) > 0 {
			q[name] = list
		}
	}
	if f.unowned {
		q.Add("owner", "")
	}
	for name, value := range map[string]string{"cve": f.cve, "weakness": f.weakness, "text": f.text, "q": f.search, "campaign": f.campaign} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.kev {
		q.Set("kev", "true")
	}
	if f.queued {
		q.Set("queued", "true")
	}
	before, err := until(f.dueBefore, a.Now())
	if err != nil {
		return nil, err
	}
	if !before.IsZero() {
		q.Set("due_before", before.Format("2006-01-02T15:04:05.000Z"))
	}
	return q, nil
}

// each is the frame of the verbs that list: it prints a row for every item, or a line of
// JSON, and says where the list was cut.
func each[T any](a *app, items iter.Seq2[apiclient.Item[T], error], limit int, t *table, row func(T) []string, none string) error {
	given := 0
	for item, err := range items {
		if err != nil {
			return err
		}
		given++
		if a.json {
			if err := a.line(item); err != nil {
				return err
			}
			continue
		}
		t.add(row(item.Value)...)
	}
	switch {
	case a.json:
		return nil
	case given == 0:
		a.notef("%s", none)
		return nil
	}
	a.print(t)
	if limit > 0 && given >= limit {
		a.notef("the first %d; --limit 0 gives all", given)
	}
	return nil
}

// all makes a walk of a list that came in one piece.
func all[T any](items []apiclient.Item[T], err error) iter.Seq2[apiclient.Item[T], error] {
	return func(yield func(apiclient.Item[T], error) bool) {
		if err != nil {
			yield(apiclient.Item[T]{}, err)
			return
		}
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// aPage is how many rows a list has where nobody says otherwise.
const aPage = 50

func limitFlag(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVarP(limit, "limit", "n", aPage, "at most so `many`; 0 = all")
}

func (a *app) exposuresCommand() *cobra.Command {
	var f filter
	var sort string
	limit := aPage
	list := func(cmd *cobra.Command, _ []string) error {
		return a.withClient(cmd, func(c *apiclient.Client) error {
			q, err := f.query(a)
			if err != nil {
				return err
			}
			q.Set("sort", sort)
			t := table{header: []string{"ID", "DECISION", "SEVERITY", "STATE", "DUE", "OWNER", "ASSET", "WEAKNESS", "TITLE"}, wide: 8}
			return each(a, c.Exposures(cmd.Context(), q, limit), limit, &t, a.exposureRow, "no exposures match")
		})
	}
	cmd := &cobra.Command{
		Use: "exposures", Aliases: []string{"exposure"}, Short: "Find exposures, read their story, export them",
		Example: "  quell exposures --decision act,attend --sort due\n  quell exposures show 3f9k2m7q0v1x4z8bhc5d6e7f8g\n  quell exposures export --state open > open.ndjson",
		Args:    cobra.NoArgs, RunE: list,
	}
	f.flags(a, cmd)
	limitFlag(cmd, &limit)
	cmd.Flags().StringVar(&sort, "sort", string(exposure.SortDecision), "`order`: decision, due, -due, severity, first_seen, -first_seen, updated, id")
	complete(cmd, "sort", words([]exposure.Sort{exposure.SortDecision, exposure.SortDue, exposure.SortDueDesc, exposure.SortSeverity, exposure.SortFirstSeen,
		exposure.SortNewest, exposure.SortUpdated, exposure.SortID}))
	cmd.AddCommand(a.showExposureCommand(), a.timelineCommand(), a.exportCommand(), a.evidenceCommand())
	cmd.AddCommand(a.exceptionCommands()...)
	return cmd
}

func (a *app) exposureRow(e exposure.Exposure) []string {
	owner := e.Owner.Team
	if owner == "" {
		owner = "unowned"
	}
	return []string{string(e.ID), string(e.Decision.Outcome), string(e.Severity), string(e.State), a.due(e.Due), owner, e.AssetName, e.Weakness, e.Title}
}

// withClient runs a verb that talks to the daemon.
func (a *app) withClient(_ *cobra.Command, do func(c *apiclient.Client) error) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return do(client)
}

func (a *app) exportCommand() *cobra.Command {
	var f filter
	cmd := &cobra.Command{
		Use: "export", Short: "Print exposures whole, one JSON object a line, as a stream", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q, err := f.query(a)
				if err != nil {
					return err
				}
				return c.Export(cmd.Context(), q, &lines{w: escaping{a.Out}})
			})
		},
	}
	f.flags(a, cmd)
	return cmd
}

func (a *app) evidenceCommand() *cobra.Command {
	return &cobra.Command{
		Use: "evidence ID", Short: "Print the evidence of an exposure's verdicts", Args: exactly(1, "the exposure's ID"), ValidArgsFunction: a.first(a.exposureIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				id := exposure.ID(args[0])
				found, err := c.Exposure(cmd.Context(), id)
				if err != nil {
					return err
				}
				for _, sha := range found.Value.Evidence {
					item, err := c.Evidence(cmd.Context(), sha, id)
					switch {
					case err != nil:
						return err
					case a.json:
						if err := a.line(item); err != nil {
							return err
						}
					default:
						a.evidence(sha, &item.Value)
					}
				}
				if len(found.Value.Evidence) == 0 {
					a.notef("there is none yet: nothing has validated this exposure")
				}
				return nil
			})
		},
	}
}

func (a *app) evidence(sha string, e *exposure.Evidence) {
	a.sayf("%s", a.paint(a.Out).as(bold, sha))
	a.sayf("  %s %s (%s) at %s", clean(e.Kind), clean(e.Target), clean(e.Address), when(e.At))
	for _, part := range []struct{ name, text string }{{"template", e.Template}, {"matcher", e.Matcher}, {"request", e.Request}, {"response", e.Response}} {
		if strings.TrimSpace(part.text) != "" {
			a.sayf("  %s\n%s", part.name, cleanLines(part.text, "    "))
		}
	}
}
