package jira_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
)

const epicField, nameField = "customfield_10008", "customfield_10011"

// campaigns is a world whose tracker has epics.
func campaigns(t *testing.T, mode jiratest.Mode) *world {
	t.Helper()
	w := newWorld(t, mode, func(_ *jiratest.Options, c *jira.Config) {
		c.Fields = map[string]string{"customfield_10042": `{"value": severity}`}
		c.Routes = []jira.Route{{When: "true", IssueType: "Bug"}}
		c.CampaignFields = map[string]string{nameField: "title"}
		if mode == jiratest.DataCenter {
			c.ParentField = epicField
		}
	})
	w.Set("SEC", func(p *jiratest.Project) { p.Fields = append(p.Fields, epicField, nameField) })
	return w
}

func epic() connectors.Issue {
	return connectors.Issue{Marker: "campaign-0123456789abcdef", Title: "Campaign: KEV", Description: "**ann** leads this.", Status: connectors.IssueTodo, Campaign: true}
}

func parentOf(w *world, key string) string {
	x := w.Issue(key)
	if w.mode == jiratest.DataCenter {
		return string(x.Custom[epicField])
	}
	return x.Parent
}

func TestACampaignIsAnEpicAboveItsTickets(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		w := campaigns(t, mode)
		require.True(t, w.tracker.Nests())
		above := w.create(epic())
		x := w.Issue(above.Key)
		require.Equal(t, "Epic", x.Type, "whatever the routes say")
		require.JSONEq(t, `"Campaign: KEV"`, string(x.Custom[nameField]))
		require.NotContains(t, x.Custom, "customfield_10042", "fields are those of tickets")

		part := ticket()
		part.Parent = above.Key
		made := w.create(part)
		require.Contains(t, parentOf(w, made.Key), above.Key)
	})
}

func TestATicketThatIsThereIsPutBelowItsCampaignOnce(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		w := campaigns(t, mode)
		made := w.create(ticket())
		above := w.create(epic())
		want := ticket()
		want.Key, want.Status, want.Parent = made.Key, "", above.Key
		_, err := w.tracker.Update(t.Context(), want, "c1")
		require.NoError(t, err)
		require.Contains(t, parentOf(w, made.Key), above.Key)
		before := w.Issue(made.Key)
		_, err = w.tracker.Update(t.Context(), want, "c2")
		require.NoError(t, err)
		require.Equal(t, before, w.Issue(made.Key), "nothing differs, so nothing is written")
	})
}

func TestDataCenterHasNoParentsUntilItIsSaidInWhichField(t *testing.T) {
	w := newWorld(t, jiratest.DataCenter)
	require.False(t, w.tracker.Nests())
	part := ticket()
	part.Parent = "SEC-1"
	require.Empty(t, w.Issue(w.create(part).Key).Parent)
}

func TestWhatIsSaidOfCampaignsIsChecked(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	w.config.CampaignFields = map[string]string{"summary": "title"}
	require.Len(t, w.config.Validate(), 1)
	w.config.CampaignFields = map[string]string{nameField: "title +"}
	require.Len(t, w.config.Validate(), 1)
	w.config.CampaignFields, w.config.CampaignType = nil, "Saga"
	w.open()
	problems := w.tracker.Check(t.Context())
	require.Len(t, problems, 1)
	require.ErrorContains(t, problems[0], `no issue type "Saga"`)
}
