package cli

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
)

func (a *app) campaignsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "campaigns", Aliases: []string{"campaign"}, Short: "Named sets of exposures that are to be fixed by a day, with their burn-down",
		Long: "A campaign is a named set of exposures that somebody wants fixed by a day: all KEV on the perimeter by Friday. What matches joins, also later, and stays counted. " +
			"It has a ticket above its members' tickets, a regular word to its channel or lead, and makes due dates earlier, never later. It closes nothing.",
		Example: "  quell campaigns start 'KEV on the perimeter' --kev --scope perimeter --until friday --dry-run\n  quell campaigns list\n  quell campaigns show kev-on-the-perimeter",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return a.listCampaigns(cmd, "", aPage) },
	}
	cmd.AddCommand(a.campaignListCommand(), a.campaignShowCommand(), a.campaignStartCommand(), a.campaignMembersCommand(), a.campaignMoveCommand(),
		a.campaignEndCommand("close", "End a campaign with members open"), a.campaignEndCommand("cancel", "Take a campaign back"))
	return cmd
}

func (a *app) campaignListCommand() *cobra.Command {
	state, limit := "", aPage
	cmd := &cobra.Command{
		Use: "list", Short: "Campaigns by their deadlines, and how far they are", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listCampaigns(cmd, state, limit) },
	}
	cmd.Flags().StringVar(&state, "state", "", "only in this `state`: open, met, closed, cancelled")
	complete(cmd, "state", words(campaign.States()))
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) listCampaigns(cmd *cobra.Command, state string, limit int) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		q := url.Values{}
		if state != "" {
			q.Set("state", state)
		}
		t := table{header: []string{"ID", "STATE", "UNTIL", "DONE", "OPEN", "SET ASIDE", "ALL", "ADDED", "LEAD", "NAME"}, wide: 9}
		row := func(c apiclient.Campaign) []string {
			return []string{c.ID, campaignState(&c), a.due(c.Until), n(c.Now.Done), n(c.Now.Open), n(c.Now.Excepted), n(c.Now.Total), n(c.Now.Added), c.Lead, c.Name}
		}
		return each(a, c.Campaigns(cmd.Context(), q, limit), limit, &t, row, "there are no campaigns; quell campaigns start begins one")
	})
}

// campaignState is how it stands, in a word or two.
func campaignState(c *apiclient.Campaign) string {
	switch {
	case c.Overdue:
		return "overdue"
	case c.State == campaign.Met && c.Missed():
		return "met late"
	}
	return string(c.State)
}

func (a *app) campaignShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "One campaign with its burn-down", Args: exactly(1, "the campaign's ID"), ValidArgsFunction: a.first(a.campaignIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.Campaign(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.showCampaign(&item.Value)
				return nil
			})
		},
	}
}

func (a *app) campaignIDs(ctx context.Context, c *apiclient.Client, _ string) []string {
	var out []string
	for item, err := range c.Campaigns(ctx, nil, aPage) {
		if err != nil {
			return nil
		}
		out = append(out, described(item.Value.ID, item.Value.Name))
	}
	return out
}

func (a *app) campaignMembersCommand() *cobra.Command {
	var states []string
	limit := aPage
	cmd := &cobra.Command{
		Use: "members ID", Short: "The exposures of a campaign, by due date", Args: exactly(1, "the campaign's ID"), ValidArgsFunction: a.first(a.campaignIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				q := url.Values{"sort": {string(exposure.SortDue)}}
				if len(states) > 0 {
					q["state"] = states
				}
				t := table{header: []string{"ID", "DECISION", "SEVERITY", "STATE", "DUE", "OWNER", "ASSET", "WEAKNESS", "TITLE"}, wide: 8}
				return each(a, c.CampaignMembers(cmd.Context(), args[0], q, limit), limit, &t, a.exposureRow, "it has none")
			})
		},
	}
	cmd.Flags().StringSliceVar(&states, "state", nil, "only in these `states`")
	complete(cmd, "state", words(exposure.States()))
	limitFlag(cmd, &limit)
	return cmd
}

func (a *app) campaignStartCommand() *cobra.Command {
	var f filter
	var in apiclient.NewCampaign
	var end, since, key string
	cmd := &cobra.Command{
		Use: "start NAME", Short: "Start a campaign about the exposures that match, or see how many those are",
		Long: "Start a campaign. The flags that exposures are listed by say what it is about; at least one is needed. " +
			"A deadline that is a day ends with its working day, where a calendar is configured.",
		Example: "  quell campaigns start 'KEV on the perimeter' --kev --scope perimeter --until friday --channel '#security'\n" +
			"  quell campaigns start 'Old TLS' --search 'TLS 1.0' --until 2026-12-18 --lead ann --dry-run",
		Args: exactly(1, "the campaign's name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Until = args[0], deadline(end, a.Now())
			var err error
			if in.Where, err = f.condition(a, since); err != nil {
				return err
			}
			if key == "" {
				key = rand.Text()
			}
			return a.startCampaign(cmd, in, key)
		},
	}
	f.flags(a, cmd)
	for _, name := range []string{"state", "queued", "campaign"} { // how the work stands is no part of what it is about
		_ = cmd.Flags().MarkHidden(name) // it is there
	}
	flags := cmd.Flags()
	flags.StringVar(&end, "until", "", "`deadline`: a day, a weekday such as friday, a time, or a duration from now such as 14d")
	flags.StringVar(&since, "first-after", "", "only first seen since this `day`")
	flags.StringVar(&in.Goal, "goal", "", "what it is for")
	flags.StringVar(&in.Lead, "lead", "", "`person` who is told (default: you)")
	flags.StringVar(&in.Channel, "channel", "", "where its regular word goes: a `channel` such as #security, or a team")
	flags.StringVar(&in.Tracker, "tracker", "", "`tracker` that its ticket is in (default: where new tickets go)")
	flags.BoolVar(&in.DryRun, "dry-run", false, "only say what matches now")
	flags.StringVar(&key, "key", "", "idempotency `key` (default: a new one)")
	_ = cmd.MarkFlagRequired("until") // it is there
	return cmd
}

// condition is what the flags ask of exposures.
func (f *filter) condition(a *app, since string) (campaign.Condition, error) {
	if len(f.states) > 0 || f.queued || f.campaign != "" {
		return campaign.Condition{}, usage("quell campaigns start", "--state, --queued and --campaign say how work stands, not what a campaign is about")
	}
	before, err := until(f.dueBefore, a.Now())
	if err != nil {
		return campaign.Condition{}, err
	}
	c := campaign.Condition{Owners: f.owners, Scopes: f.scopes, Sources: f.sources, CVE: f.cve, Weakness: f.weakness, KEV: f.kev, Text: f.text,
		DueBefore: before, Search: f.search, Vendor: f.vendor}
	if since != "" {
		if c.FirstAfter, err = time.Parse(time.DateOnly, since); err != nil {
			return c, usage("quell campaigns start", "--first-after wants a day such as 2026-11-01")
		}
	}
	if f.unowned {
		c.Owners = append(c.Owners, "")
	}
	for _, v := range f.decisions {
		c.Decisions = append(c.Decisions, exposure.DecisionOutcome(v))
	}
	for _, v := range f.severities {
		c.Severities = append(c.Severities, exposure.Severity(v))
	}
	for _, v := range f.assets {
		c.Assets = append(c.Assets, asset.ID(v))
	}
	return c, nil
}

// deadline makes a day of a weekday, the next one after today, and a time of a duration.
// The rest the daemon reads, by its calendar.
func deadline(text string, now time.Time) string {
	for n := range 7 {
		at := now.UTC().AddDate(0, 0, n+1)
		if name := strings.ToLower(at.Weekday().String()); text != "" && (strings.EqualFold(text, name) || strings.EqualFold(text, name[:3])) {
			return at.Format(time.DateOnly)
		}
	}
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return text
	}
	if at, err := until(text, now); err == nil && !at.IsZero() {
		return at.Format(time.RFC3339)
	}
	return text
}

func (a *app) startCampaign(cmd *cobra.Command, in apiclient.NewCampaign, key string) error {
	return a.withClient(cmd, func(c *apiclient.Client) error {
		item, err := c.StartCampaign(cmd.Context(), in, key)
		if err != nil {
			return err
		}
		if a.json {
			return object(a, item)
		}
		s := &item.Value
		a.sayf("%s now: %s", plural(int(s.Matches), "exposure matches", "exposures match"), clean(s.Campaign.Where.Words()))
		a.counts("owner", s.Teams)
		if in.DryRun {
			a.sayf("Nothing was started. It would be %s, until %s.", clean(s.Campaign.ID), when(s.Campaign.Until))
			return nil
		}
		a.sayf("Started %s, until %s: quell campaigns show %s", clean(s.Campaign.ID), when(s.Campaign.Until), clean(s.Campaign.ID))
		return nil
	})
}

func (a *app) campaignMoveCommand() *cobra.Command {
	var end, reason, key string
	cmd := &cobra.Command{
		Use: "move ID", Short: "Move a campaign's deadline",
		Long: "Move a campaign's deadline. Its ticket, its digests and the due dates of its members follow; no member is due later than policy says. " +
			"Who moved it, when and why stays on record.",
		Example: "  quell campaigns move kev-on-the-perimeter --by 2026-12-11 --reason 'the vendor ships the fix on the 9th'",
		Args:    exactly(1, "the campaign's ID"), ValidArgsFunction: a.first(a.campaignIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				key = rand.Text()
			}
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.MoveCampaign(cmd.Context(), args[0], deadline(end, a.Now()), reason, key)
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("%s is until %s now, with %d of %d open", clean(item.Value.ID), when(item.Value.Until), item.Value.Now.Open, item.Value.Now.Total)
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&end, "by", "", "new `deadline`: a day, a weekday such as friday, a time, or a duration from now such as 14d")
	flags.StringVarP(&reason, "reason", "r", "", "why")
	flags.StringVar(&key, "key", "", "idempotency `key` (default: a new one)")
	_, _ = cmd.MarkFlagRequired("by"), cmd.MarkFlagRequired("reason") // they are there
	return cmd
}

func (a *app) campaignEndCommand(how, short string) *cobra.Command {
	reason := ""
	cmd := &cobra.Command{
		Use: how + " ID", Short: short, Long: short + ". What is open is due as policy says from then on, and work on it goes on.",
		Args: exactly(1, "the campaign's ID"), ValidArgsFunction: a.first(a.campaignIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(cmd, func(c *apiclient.Client) error {
				item, err := c.EndCampaign(cmd.Context(), args[0], how, reason)
				if err != nil {
					return err
				}
				if a.json {
					return object(a, item)
				}
				a.sayf("%s is %s, with %d of %d open", clean(item.Value.ID), item.Value.State, item.Value.Now.Open, item.Value.Now.Total)
				return nil
			})
		},
	}
	cmd.Flags().StringVarP(&reason, "reason", "r", "", "why")
	_ = cmd.MarkFlagRequired("reason") // it is there
	return cmd
}
