package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/priority"
)

// campaigns keeps campaigns for the API.
type campaigns struct{ *app }

// Campaign implements api.Campaigns.
func (d campaigns) Campaign(ctx context.Context, id string) (campaign.Campaign, error) {
	return d.store.Campaign(ctx, id)
}

// FindCampaigns implements api.Campaigns.
func (d campaigns) FindCampaigns(ctx context.Context, state campaign.State, l exposure.List) (exposure.Page[campaign.Campaign], error) {
	return d.store.FindCampaigns(ctx, state, l)
}

// Draft implements api.Campaigns.
func (d campaigns) Draft(in api.CampaignRequest, by, cause string) (campaign.Campaign, []campaign.Problem) {
	at := now()
	c := campaign.Campaign{ID: campaign.Slug(in.Name), Version: 1, Name: strings.TrimSpace(in.Name), Goal: strings.TrimSpace(in.Goal), Where: in.Where,
		Lead: strings.TrimPrefix(in.Lead, "@"), Channel: in.Channel, Tracker: in.Tracker, State: campaign.Open, CreatedBy: by, CreatedAt: at, Cause: cause, Look: at, UpdatedAt: at}
	var problems []campaign.Problem
	until, ok := campaign.Deadline(in.Until, at, d.configuredOffice())
	if c.Until = until; !ok && in.Until != "" {
		problems = append(problems, campaign.Problem{Field: "until", Detail: "must be a day such as 2026-12-04, or an RFC 3339 time"})
		c.Until = at.Add(time.Hour) // so that it is told once
	}
	if c.Lead == "" {
		c.Lead = by
	} else {
		c.Lead = d.rules.Person(c.Lead)
	}
	if problem := d.stranger(c.Lead); in.Lead != "" && problem != "" {
		problems = append(problems, campaign.Problem{Field: "lead", Detail: problem})
	}
	owners := d.judge.Grounds().Owners
	if _, isTeam := owners.Team(c.Channel); c.Channel != "" && !isTeam && !strings.HasPrefix(c.Channel, "#") {
		problems = append(problems, campaign.Problem{Field: "channel", Detail: "must be a channel such as #security, or one of the teams"})
	}
	if c.Tracker == "" {
		c.Tracker = d.trackers.route("", nil, "")
	}
	if d.trackers.byName[c.Tracker] == nil {
		problems = append(problems, campaign.Problem{Field: "tracker", Detail: "must be one of " + strings.Join(d.trackers.names(), ", ")})
	}
	return c, append(problems, c.Problems(at)...)
}

// stranger says that nobody of that name is configured, where people are.
func (d campaigns) stranger(name string) string {
	var names []string
	for _, p := range d.cfg.Owners.People {
		if p.Name == name {
			return ""
		}
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "must be one of owners.people: " + strings.Join(names[:min(len(names), 10)], ", ")
}

// Start implements api.Campaigns: the store first, then Temporal.
func (d campaigns) Start(ctx context.Context, c campaign.Campaign) (campaign.Campaign, error) {
	stored, fresh, err := d.store.ClaimCampaign(ctx, c)
	switch {
	case err != nil:
		return c, err
	case !fresh && stored.Cause != c.Cause:
		return c, fault.New(fault.Conflict, "starting a campaign: %s is one already, %s since %s; choose another name", stored.ID, stored.State, stored.CreatedAt.Format(time.DateOnly))
	}
	d.activities.CampaignStarted(ctx, stored.ID)
	return stored, nil
}

// End implements api.Campaigns.
func (d campaigns) End(ctx context.Context, id string, as campaign.State, by, why string) (campaign.Campaign, error) {
	return d.activities.EndCampaign(ctx, id, as, by, why)
}

// Move implements api.Campaigns.
func (d campaigns) Move(ctx context.Context, id string, in api.CampaignMoveRequest, by, cause string) (campaign.Campaign, error) {
	until, ok := campaign.Deadline(in.Until, now(), d.configuredOffice())
	if !ok {
		return campaign.Campaign{}, fault.New(fault.Invalid, "moving the deadline of campaign %s: until must be a day such as 2026-12-04, or an RFC 3339 time", id)
	}
	return d.activities.MoveCampaign(ctx, id, campaign.Move{Cause: cause, To: until, By: by, Reason: in.Reason})
}

// configuredOffice is the policy's calendar; nil: none is configured.
func (a *app) configuredOffice() *calendar.Calendar {
	return priority.NewDecider(a.cfg.Policy).Calendar("")
}

//nolint:gochecknoglobals // constant declarations
var (
	campaignMembers = prometheus.NewDesc("quell_campaign_members", "Members of campaigns that are open, by how they stand.", []string{"campaign", "standing"}, nil)
	campaignLeft    = prometheus.NewDesc("quell_campaign_seconds_left", "Seconds until the deadline of campaigns that are open; negative past it.", []string{"campaign"}, nil)
)

// campaignMetrics tells of open campaigns as they were counted last.
type campaignMetrics struct{ *app }

// Describe implements prometheus.Collector.
func (campaignMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- campaignMembers
	ch <- campaignLeft
}

// Collect implements prometheus.Collector. A store that doesn't answer costs the gauges,
// not the whole scrape.
func (m campaignMetrics) Collect(ch chan<- prometheus.Metric) {
	const patience, most = 2 * time.Second, 200
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	page, err := m.store.FindCampaigns(ctx, campaign.Open, exposure.List{Limit: most})
	if err != nil {
		m.log.Warn("reading campaigns for metrics", "error", err)
		return
	}
	for i := range page.Items {
		c := &page.Items[i]
		n := c.Now()
		for standing, count := range map[string]int64{"open": n.Open, "done": n.Done, "set_aside": n.Excepted, "added": n.Added} {
			ch <- prometheus.MustNewConstMetric(campaignMembers, prometheus.GaugeValue, float64(count), c.ID, standing)
		}
		ch <- prometheus.MustNewConstMetric(campaignLeft, prometheus.GaugeValue, c.Until.Sub(now()).Seconds(), c.ID)
	}
}
