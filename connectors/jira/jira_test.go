package jira_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

const marker = "rem-0123456789abcdef"

func ticket() connectors.Issue {
	return connectors.Issue{
		Marker: marker, Title: "Upgrade lodash", Description: "**payments** owns this.", Team: "payments", Priority: "act", Status: connectors.IssueTodo,
		Due: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC), Facts: map[string]string{"severity": "high", "scopes": "pci, dmz", "owner": "payments"},
	}
}

func (w *world) create(issue connectors.Issue) connectors.Issue {
	w.tb.Helper()
	made, err := w.tracker.Create(w.tb.Context(), issue)
	require.NoError(w.tb, err)
	return made
}

func (w *world) to(key string, status connectors.IssueStatus) error {
	w.tb.Helper()
	want := ticket()
	want.Key, want.Status = key, status
	_, err := w.tracker.Update(w.tb.Context(), want, "c-"+string(status))
	return err
}

// both runs a test on Cloud and on Data Center.
func both(t *testing.T, fn func(t *testing.T, mode jiratest.Mode)) {
	t.Helper()
	for _, mode := range []jiratest.Mode{jiratest.Cloud, jiratest.DataCenter} {
		t.Run(string(mode), func(t *testing.T) { fn(t, mode) })
	}
}

func TestASearchThatMayNotSeeTheProjectProvesNothing(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		for name, hide := range map[string]func(w *world){
			"the permission is gone":  func(w *world) { w.Deny("SEC", "BROWSE_PROJECTS") },
			"the project is archived": func(w *world) { w.Set("SEC", func(p *jiratest.Project) { p.Archived = true }) },
		} {
			w := newWorld(t, mode)
			made := w.create(ticket())
			w.advance(time.Hour)
			hide(w)
			_, err := w.tracker.FindByMarker(t.Context(), marker)
			require.Equal(t, fault.Denied, fault.KindOf(err), "%s: %v", name, err)
			_, err = w.tracker.Get(t.Context(), made.Key)
			require.Equal(t, fault.Denied, fault.KindOf(err), "%s: %v", name, err)
			_, err = w.tracker.Create(t.Context(), ticket())
			require.Error(t, err, name)
			require.Len(t, w.Made(), 1)
		}
	})
}

func TestAnIssueHiddenByItsSecurityLevelIsNotTakenForDeleted(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	w.Set("SEC", func(p *jiratest.Project) { p.Security = true })
	made := w.create(ticket())
	w.Secure(made.Key, true)
	_, err := w.tracker.Get(t.Context(), made.Key)
	require.Equal(t, fault.Denied, fault.KindOf(err), "%v", err)
	require.ErrorContains(t, err, "security level")
}

func TestOfCopiesThatAnAppMadeWithAllThatIsOnThemTheOldestIsOurs(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	made := w.create(ticket())
	w.Server.Clone(made.Key, "bob", true)
	w.advance(time.Hour)
	found, err := w.tracker.FindByMarker(t.Context(), marker)
	require.NoError(t, err)
	require.Equal(t, made.Key, found.Key)
}

func TestWeWriteOnNoIssueThatIsNotOurs(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	w.create(ticket())
	before := w.Writes()
	require.Equal(t, fault.Conflict, fault.KindOf(w.to(w.Raise("SEC", "Buy milk", "ann"), connectors.IssueDone)))
	want := ticket()
	want.Key, want.Marker = "SEC-1", marker+"2"
	_, err := w.tracker.Update(t.Context(), want, "c1")
	require.Equal(t, fault.Conflict, fault.KindOf(err), "it is another remediation's")
	require.Equal(t, before, w.Writes())
	for _, key := range []string{"../../admin", "SEC-1?x=1", "SEC-1/../../user", "", "SEC-", "1e9", "SEC-1%2f.."} {
		_, err := w.tracker.Get(t.Context(), key)
		require.Equal(t, fault.Invalid, fault.KindOf(err), key)
	}
}

func TestThePathThroughAWorkflowIsFoundStepByStepAndRequiredFieldsAreFilled(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		w := newWorld(t, mode)
		made := w.create(ticket())
		require.NoError(t, w.to(made.Key, connectors.IssueDone))
		x := w.Issue(made.Key)
		require.Equal(t, "Done", x.Status)
		require.NoError(t, w.to(made.Key, connectors.IssueTodo))
		require.Equal(t, "To Do", w.Issue(made.Key).Status)
	})
}

func TestADeadEndIsLeftAgain(t *testing.T) {
	w := newWorld(t, jiratest.Cloud, func(o *jiratest.Options, _ *jira.Config) {
		p := jiratest.Default("SEC")
		p.Moves = append([]jiratest.Move{{ID: "13", Name: "Block", From: "To Do", To: "Waiting"}}, p.Moves...)
		o.Projects = []jiratest.Project{p}
	})
	made := w.create(ticket())
	w.Server.Move(made.Key, "Waiting", "bob")
	require.NoError(t, w.to(made.Key, connectors.IssueDone))
	require.Equal(t, "Done", w.Issue(made.Key).Status)
}

func TestATransitionThatIsNotToBeHadIsSaidWithWhatIsOffered(t *testing.T) {
	w := newWorld(t, jiratest.Cloud, func(o *jiratest.Options, _ *jira.Config) {
		p := jiratest.Default("SEC")
		for i := range p.Moves {
			p.Moves[i].People = p.Moves[i].People || p.Moves[i].Name == "Approve" // a condition: reviewers alone
		}
		o.Projects = []jiratest.Project{p}
	})
	made := w.create(ticket())
	err := w.to(made.Key, connectors.IssueDone)
	require.Equal(t, fault.Conflict, fault.KindOf(err))
	require.ErrorContains(t, err, "condition")

	unfilled := newWorld(t, jiratest.Cloud, func(_ *jiratest.Options, c *jira.Config) { c.TransitionFields = nil })
	made = unfilled.create(ticket())
	err = unfilled.to(made.Key, connectors.IssueDone)
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.ErrorContains(t, err, "transition_fields")

	denied := newWorld(t, jiratest.Cloud)
	made = denied.create(ticket())
	denied.Deny("SEC", "TRANSITION_ISSUES")
	require.ErrorContains(t, denied.to(made.Key, connectors.IssueDone), "Transition Issues")
}

func TestTicketsGoWhereTheirRouteSays(t *testing.T) {
	w := newWorld(t, jiratest.Cloud, func(_ *jiratest.Options, c *jira.Config) {
		c.Routes = []jira.Route{
			{When: `owner == "nobody"`, Project: "SEC"},
			{When: `"pci" in scopes && decision == "act"`, Project: "OPS", IssueType: "Bug", Components: []string{"Network"}, Assignee: "acc-ann"},
		}
		c.Components = []string{"Platform"}
		c.Fields = map[string]string{"customfield_10042": `{"value": severity, "marker": marker}`}
	})
	x := w.Issue(w.create(ticket()).Key)
	require.Equal(t, "OPS", x.Project)
	require.Equal(t, []string{"Network"}, x.Parts)
	require.Equal(t, "acc-ann", x.Assignee)
	require.JSONEq(t, `{"value": "high", "marker": "`+marker+`"}`, string(x.Custom["customfield_10042"]))
	other := ticket()
	other.Facts, other.Marker = nil, marker+"2"
	x = w.Issue(w.create(other).Key)
	require.Equal(t, "SEC", x.Project)
	require.Equal(t, []string{"Platform"}, x.Parts)
}

func TestAnAssigneeIsFoundByMailAndOneWhoCantHaveItKeepsNothingFromBeingMade(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	issue := ticket()
	issue.Assignee = "ann@example.com"
	require.Equal(t, "acc-ann", w.Issue(w.create(issue).Key).Assignee)
	issue.Marker, issue.Assignee = marker+"2", "acc-who-left"
	made := w.create(issue)
	require.Empty(t, w.Issue(made.Key).Assignee)
	require.Len(t, w.Made(), 2)
}

func TestALabelThatSomebodyTookAwayIsPutBack(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	made := w.create(ticket())
	require.NoError(t, w.Server.Edit(made.Key, "labels", "urgent", "bob"))
	require.NoError(t, w.to(made.Key, ""))
	require.Equal(t, []string{"urgent", "quell", "quell-" + marker}, w.Issue(made.Key).Labels)
	w.advance(time.Hour)
	_, err := w.tracker.FindByMarker(t.Context(), marker)
	require.NoError(t, err)
}

func TestAClosingIsFoundInALongChangelog(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		w := newWorld(t, mode)
		made := w.create(ticket())
		w.Server.Move(made.Key, "Done", "bob")
		for n := range 250 {
			require.NoError(t, w.Server.Edit(made.Key, "labels", "quell quell-"+marker+" n"+strconv.Itoa(n), "ann"))
		}
		issue, err := w.tracker.Get(t.Context(), made.Key)
		require.NoError(t, err)
		require.Equal(t, "bob", issue.ClosedBy)
	})
}

func TestAPersonWhoMovesItFromOneDoneToAnotherHasNotClosedIt(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	made := w.create(ticket())
	require.NoError(t, w.to(made.Key, connectors.IssueDone))
	w.Server.Move(made.Key, "Closed", "bob")
	issue, err := w.tracker.Get(t.Context(), made.Key)
	require.NoError(t, err)
	require.Equal(t, "quell", issue.ClosedBy)
}

func TestAPersonWhoUsesOurAccountIsAPersonStill(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	made := w.create(ticket())
	require.NoError(t, w.to(made.Key, connectors.IssueDone))
	w.Server.Move(made.Key, "To Do", "quell-bot")
	w.Server.Move(made.Key, "Done", "quell-bot")
	issue, err := w.tracker.Get(t.Context(), made.Key)
	require.NoError(t, err)
	require.NotEqual(t, "quell", issue.ClosedBy)
	require.NotEmpty(t, issue.ClosedBy)
}

func TestWhatJiraSetsByItselfIsNoPersonsDoing(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		w := newWorld(t, mode)
		w.Set("SEC", func(p *jiratest.Project) { p.Lead = "ann" })
		made := w.create(ticket())
		issue, err := w.tracker.Get(t.Context(), made.Key)
		require.NoError(t, err)
		require.Equal(t, w.Account("ann"), issue.Assignee)
		require.Empty(t, issue.Overridden)
		want := ticket()
		want.Key, want.Assignee, want.Status = made.Key, w.Account("bob"), ""
		got, err := w.tracker.Update(t.Context(), want, "c1")
		require.NoError(t, err)
		require.Equal(t, w.Account("bob"), got.Assignee)
	})
}

func TestWhoIsTakenForAnAnonymousVisitorFindsNothingAndKnowsIt(t *testing.T) {
	w := newWorld(t, jiratest.Cloud, func(o *jiratest.Options, _ *jira.Config) { o.Anonymous = true })
	w.create(ticket())
	_, err := w.tracker.FindByMarker(t.Context(), marker+"2") // so that the projects are known to be visible
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	w.config.Token = secret.New("revoked")
	w.open()
	_, err = w.tracker.FindByMarker(t.Context(), marker)
	require.Equal(t, fault.Denied, fault.KindOf(err))
	require.ErrorContains(t, err, "credentials")
}

func TestACommentThatAPersonMadeLookLikeOursIsTheirs(t *testing.T) {
	w := newWorld(t, jiratest.DataCenter)
	made := w.create(ticket())
	require.NoError(t, w.tracker.Comment(t.Context(), made.Key, "one", "c1"))
	sum := sha256.Sum256([]byte("c2"))
	w.Say(made.Key, "two\n\nquell ref "+hex.EncodeToString(sum[:8]), "bob")
	require.NoError(t, w.tracker.Comment(t.Context(), made.Key, "two", "c2"))
	require.NoError(t, w.tracker.Comment(t.Context(), made.Key, "two", "c2"))
	require.Len(t, w.Issue(made.Key).Comments, 3)
}

func TestCheckTellsEveryProblemAtOnceAndWhatToDo(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		w := newWorld(t, mode, func(o *jiratest.Options, c *jira.Config) {
			p := jiratest.Default("SEC")
			p.Required, p.Denied = []string{"customfield_10099"}, []string{"SCHEDULE_ISSUES", "ADD_COMMENTS"}
			o.Projects = []jiratest.Project{p}
			c.Priorities = map[string]string{"act": "Blocker"}
			c.Components = []string{"Datenbank"}
			c.Fields = map[string]string{"customfield_1": `owner`}
			c.Statuses = map[string][]string{"done": {"Resolved"}}
			c.Routes = []jira.Route{{When: "true", Project: "GONE"}, {When: "true", IssueType: "Story"}}
		})
		text := errors.Join(w.tracker.Check(t.Context())...).Error()
		for _, words := range []string{
			"project GONE", "Browse Projects", "permission Schedule Issues", "permission Add Comments", `no issue type "Story"`, "there are Task, Bug, Epic",
			"customfield_10099", "is required", "duedate is not on the screen", "due_date: false", `no priority "Blocker"`, "Highest", `no component "Datenbank"`, "customfield_1 is not on the screen", `"Resolved"`,
		} {
			require.Contains(t, text, words)
		}
		require.Empty(t, w.Made(), "it changes nothing")
	})
}

func TestCheckLooksAtTheTransitionsOfIssuesThatAreThere(t *testing.T) {
	both(t, func(t *testing.T, mode jiratest.Mode) {
		t.Helper()
		w := newWorld(t, mode, func(_ *jiratest.Options, c *jira.Config) { c.TransitionFields = nil })
		require.Empty(t, w.tracker.Check(t.Context()), "nothing shows yet")
		for range 2 {
			w.Server.Move(w.Raise("SEC", "Buy milk", "ann"), "In Review", "bob")
		}
		w.advance(time.Hour)
		problems := w.tracker.Check(t.Context())
		require.Len(t, problems, 1)
		require.ErrorContains(t, problems[0], `the transition "Approve" wants the field resolution`)
		w.Deny("SEC", "TRANSITION_ISSUES")
		require.ErrorContains(t, errors.Join(w.tracker.Check(t.Context())...), "is offered no transition")
	})
}

func TestWhatIsWrongInAConfigurationIsSaidAtOnce(t *testing.T) {
	c, ok := jira.Registration().Config().(*jira.Config)
	require.True(t, ok)
	c.URL, c.Deployment, c.Page, c.SearchLag = "https://u:p@jira.example?x=1", "server", 0, 1
	c.Priorities = map[string]string{"urgent": "High"}
	c.Statuses = map[string][]string{"closed": {"Done"}}
	c.Routes = []jira.Route{{When: "owner = 1", Project: "S C"}, {When: `"text"`, Project: "SEC"}, {When: "true"}}
	c.Fields = map[string]string{"summary": "title", "x y": "title", "customfield_1": "nosuch.field"}
	c.Labels = []string{"two words"}
	text := errors.Join(c.Validate()...).Error()
	for _, words := range []string{
		"deployment:", "page:", "search_lag:", `"urgent"`, `"closed"`, "routes[0].when", "routes[0].project", "routes[1].when", "routes[2]", "fields.summary", `"x y"`, "fields.customfield_1", "labels[0]", "url:", "project:", "token:",
	} {
		require.Contains(t, text, words)
	}
	require.NotContains(t, text, "u:p@")
}

func TestAWebhookWhoseBodyWasChangedIsDenied(t *testing.T) {
	w := newWorld(t, jiratest.Cloud)
	made := w.create(ticket())
	w.Server.Move(made.Key, "Done", "bob")
	header, body := w.Hook(made.Key)
	id, err := w.tracker.VerifyWebhook(header, body, w.clock())
	require.NoError(t, err)
	require.NotEmpty(t, id)
	_, err = w.tracker.VerifyWebhook(header, append(body, ' '), w.clock())
	require.Equal(t, fault.Denied, fault.KindOf(err))
	change, ok := w.tracker.Ticket(header, body)
	require.True(t, ok)
	require.Equal(t, connectors.TicketChange{Key: made.Key, Marker: marker, Cause: id, What: "moved to Done"}, change)
	w.Delete(made.Key)
	header, body = w.Hook(made.Key)
	change, ok = w.tracker.Ticket(header, body)
	require.True(t, ok)
	require.Equal(t, "deleted", change.What)
}

func BenchmarkCreations(b *testing.B) {
	for _, mode := range []jiratest.Mode{jiratest.Cloud, jiratest.DataCenter} {
		b.Run(string(mode), func(b *testing.B) {
			w := newWorld(b, mode)
			w.env.HTTP = httpclient.New(httpclient.Options{Reach: jira.Registration().Reach(&w.config), Rate: 1e6, Burst: 1e6})
			w.open()
			n := 0
			b.ResetTimer()
			for b.Loop() {
				n++
				issue := ticket()
				issue.Marker += strconv.Itoa(n)
				_, err := w.tracker.FindByMarker(b.Context(), issue.Marker)
				require.Equal(b, fault.NotFound, fault.KindOf(err))
				w.create(issue)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "creations/s")
		})
	}
}
