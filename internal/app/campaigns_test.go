package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/store"
)

func campaignDesk(t *testing.T) campaigns {
	t.Helper()
	s, err := store.Open(t.Context(), "sqlite:"+t.TempDir(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	owners := ownership.Config{People: []ownership.Person{{Name: "ann", Aliases: []string{"ann@acme.example"}}}, Teams: []ownership.Team{{Name: "web"}}}
	tree, errs := ownership.Compile(owners)
	require.Empty(t, errs)
	policy := priority.DefaultPolicy()
	policy.Calendar, policy.Calendars = "office", []calendar.Config{{Name: "office", Timezone: "Europe/Berlin", To: "17:30"}}
	a := &app{cfg: &config.Config{Policy: policy, Owners: owners}, store: s, judge: ingest.NewJudge(ingest.Grounds{Policy: policy, Owners: tree}),
		rules: exception.NewRules(policy.Exceptions, owners, nil), log: slog.New(slog.DiscardHandler)}
	a.trackers, err = a.openTrackers(newPeopleMetrics(prometheus.NewRegistry()))
	require.NoError(t, err)
	a.activities = activities.New(activities.Deps{Campaigns: s, Now: now, Log: a.log})
	return campaigns{a}
}

func TestADraftFillsInWhatIsLeftOpenAndNamesWhatIsWrong(t *testing.T) {
	d := campaignDesk(t)
	until := now().AddDate(0, 0, 30)
	good := api.CampaignRequest{Name: "KEV by Friday", Where: campaign.Condition{KEV: true}, Until: until.Format(time.DateOnly), Lead: "ann@acme.example", Channel: "web"}
	c, problems := d.Draft(good, "bob", "k1")
	require.Empty(t, problems)
	require.Equal(t, "kev-by-friday", c.ID)
	require.Equal(t, "ann", c.Lead, "by the name that is configured")
	require.Equal(t, config.BuiltinTracker, c.Tracker)
	berlin := c.Until.In(d.configuredOffice().Zone())
	require.Equal(t, "17:30", berlin.Format("15:04"))
	require.NotContains(t, []time.Weekday{time.Saturday, time.Sunday}, berlin.Weekday())
	for field, change := range map[string]func(in *api.CampaignRequest){
		"until":   func(in *api.CampaignRequest) { in.Until = "soon" },
		"lead":    func(in *api.CampaignRequest) { in.Lead = "mallory" },
		"channel": func(in *api.CampaignRequest) { in.Channel = "nowhere" },
		"tracker": func(in *api.CampaignRequest) { in.Tracker = "jira" },
		"where":   func(in *api.CampaignRequest) { in.Where = campaign.Condition{} },
	} {
		in := good
		change(&in)
		_, problems := d.Draft(in, "bob", "k1")
		require.Len(t, problems, 1, "%s: %v", field, problems)
		require.Equal(t, field, problems[0].Field)
	}
}

func TestACampaignIsStartedOnceAndMeasured(t *testing.T) {
	d := campaignDesk(t)
	c, _ := d.Draft(api.CampaignRequest{Name: "KEV", Where: campaign.Condition{KEV: true}, Until: now().AddDate(0, 0, 3).Format(time.RFC3339)}, "bob", "k1")
	c.Advance(campaign.Counts{Total: 3, Open: 2, Done: 1}, now())
	for range 2 {
		_, err := d.Start(t.Context(), c)
		require.NoError(t, err)
	}
	c.Cause = "k2"
	_, err := d.Start(t.Context(), c)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, "choose another name")
	require.Equal(t, 5, testutil.CollectAndCount(campaignMetrics(d)))
	_, err = d.End(t.Context(), "kev", campaign.Closed, "bob", "enough")
	require.NoError(t, err)
	require.Zero(t, testutil.CollectAndCount(campaignMetrics(d)), "one that has ended is no longer measured")
}
