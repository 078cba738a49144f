package servicenowincident

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/fakevendor"
	snow "github.com/quellsec/quell/connectors/servicenowincident/servicenowincidenttest"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

const marker = "0ab4cdef01234567-1"

func ticket() connectors.Issue {
	return connectors.Issue{Marker: marker, Title: "Upgrade lodash", Description: "why", Team: "payments", Priority: "act", Due: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)}
}

func (r *rig) made(t *testing.T) connectors.Issue {
	t.Helper()
	issue, err := r.Create(t.Context(), ticket())
	require.NoError(t, err)
	return issue
}

func (r *rig) update(t *testing.T, key string, to connectors.IssueStatus) connectors.Issue {
	t.Helper()
	want := ticket()
	want.Key, want.Status = key, to
	got, err := r.Update(t.Context(), want, "c")
	require.NoError(t, err)
	return got
}

func TestANewIncidentHasItsGroupItsColumnsAndItsPriority(t *testing.T) {
	r := newRig(t, nil)
	x := r.fake.Incident(r.made(t).Key)
	require.Equal(t, marker, x["correlation_id"])
	require.Equal(t, "quell", x["correlation_display"])
	require.Equal(t, "Payments Operations", x["assignment_group"])
	require.Equal(t, "security", x["category"])
	require.Equal(t, "1", x["priority"], "computed from impact and urgency")
}

func TestWhatIsClosedForGoodIsContinuedByOneIncidentBelowIt(t *testing.T) {
	for _, final := range []string{snow.Closed, snow.Canceled} {
		r := newRig(t, nil)
		old := r.made(t).Key
		r.clock.advance(time.Hour)
		r.fake.Edit(old, snow.Record{"state": final}, "bob")
		closed, err := r.Get(t.Context(), old)
		require.NoError(t, err)
		require.Equal(t, connectors.IssueDone, closed.Status)
		require.Equal(t, "bob", closed.ClosedBy)

		r.clock.advance(time.Hour)
		r.fake.Faults.Add(fakevendor.Fault{Kind: fakevendor.Write, After: true, Status: 502})
		want := ticket()
		want.Key, want.Status = old, connectors.IssueTodo
		_, err = r.Update(t.Context(), want, "c")
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		next, err := r.Update(t.Context(), want, "c")
		require.NoError(t, err)
		require.Equal(t, []string{old, next.Key}, r.fake.Made(), "whose answer was lost is not made twice")
		require.Equal(t, connectors.IssueTodo, next.Status)

		x := r.fake.Incident(next.Key)
		require.Equal(t, r.fake.Incident(old)["sys_id"], x["parent_incident"])
		require.Contains(t, r.fake.Journal(next.Key, "work_notes")[0]["value"], "Continues "+old)
		for _, find := range []func() (connectors.Issue, error){
			func() (connectors.Issue, error) { return r.Get(t.Context(), old) },
			func() (connectors.Issue, error) { return r.FindByMarker(t.Context(), marker) },
			func() (connectors.Issue, error) { return r.Create(t.Context(), ticket()) },
		} {
			found, err := find()
			require.NoError(t, err)
			require.Equal(t, next.Key, found.Key)
		}
		require.NoError(t, r.Comment(t.Context(), old, "still there", "c1"))
		require.Len(t, r.fake.Journal(next.Key, "work_notes"), 2)
		require.Equal(t, connectors.IssueDone, r.update(t, old, connectors.IssueDone).Status)
		require.Len(t, r.fake.Made(), 2)
	}
}

func TestAClosedIncidentSaysWhatContinuesIt(t *testing.T) {
	r := newRig(t, nil)
	old := r.made(t).Key
	r.fake.Edit(old, snow.Record{"state": snow.Closed}, "bob")
	r.clock.advance(time.Hour)
	next := r.update(t, old, connectors.IssueTodo)
	require.Contains(t, r.fake.Journal(old, "work_notes")[0]["value"], "Continued by "+next.Key)
}

func TestWhatTheInstanceClosesByItselfWasStillResolvedByWhoDid(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.clock.advance(time.Hour)
	at := r.clock.now()
	r.fake.Edit(key, snow.Record{"state": snow.Resolved}, "bob")
	r.clock.advance(8 * 24 * time.Hour)
	r.fake.Later()
	require.Equal(t, snow.Closed, r.fake.Incident(key)["state"])
	issue, err := r.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, "bob", issue.ClosedBy)
	require.Equal(t, at, issue.ClosedAt, "it is no other closing")
	before := r.fake.Writes()
	require.Equal(t, connectors.IssueDone, r.update(t, key, connectors.IssueDone).Status)
	require.Equal(t, before, r.fake.Writes(), "what is closed is left alone")
}

func TestAGroupThatAPersonChoseStays(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Edit(key, snow.Record{"assignment_group": "f00"}, "bob")
	r.update(t, key, "")
	require.Equal(t, "f00", r.fake.Incident(key)["assignment_group"])
	r.fake.Edit(key, snow.Record{"assignment_group": ""}, "bob")
	r.update(t, key, "")
	require.Equal(t, "Payments Operations", r.fake.Incident(key)["assignment_group"], "what nobody has is given again")
}

func TestAStateOfOnesOwnIsWorkInProgress(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Edit(key, snow.Record{"state": "42"}, "bob")
	issue, err := r.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, connectors.IssueInProgress, issue.Status)
}

func TestWhatTheInstancesRulesRefuseIsSaid(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.config.CloseCode = ""
	want := ticket()
	want.Key, want.Status = key, connectors.IssueDone
	_, err := r.Update(t.Context(), want, "c")
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "Resolution code, Resolution notes are mandatory")
}

func TestWhatAnACLHidesIsNotGone(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Hide(key)
	_, err := r.FindByMarker(t.Context(), marker)
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	_, err = r.Create(t.Context(), ticket())
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	require.Len(t, r.fake.Made(), 1, "no second one is made beside a hidden one")
}

func TestWithoutTheJournalNothingIsSaidTwice(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	require.NoError(t, r.Comment(t.Context(), key, "still there", "c1"))
	r.fake.Hide("sys_journal_field")
	err := r.Comment(t.Context(), key, "still there", "c1")
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	require.Len(t, r.fake.Journal(key, "work_notes"), 1)
}

func TestTheSetupIsLookedAt(t *testing.T) {
	for name, edit := range map[string]func(r *rig){
		"a journal that is hidden": func(r *rig) {
			r.made(t)
			_ = r.Comment(t.Context(), "INC0010001", "x", "c")
			r.fake.Hide("sys_journal_field")
		},
		"a table that is forbidden":  func(r *rig) { r.fake.Hide("sys_user_group") },
		"a group that there isn't":   func(r *rig) { r.config.Groups = map[string]string{"x": "Nobody"} },
		"a code that there isn't":    func(r *rig) { r.config.CloseCode = "Solved (Permanently)" },
		"a user that there isn't":    func(r *rig) { r.config.User = "somebody.else" },
		"a code that is a query":     func(r *rig) { r.config.CloseCode = "x^ORactive=true" },
		"an instance that is asleep": func(r *rig) { r.fake.Faults.Add(fakevendor.Fault{Status: 404}) },
	} {
		r := newRig(t, nil)
		require.Empty(t, r.Check(t.Context()), name)
		edit(r)
		require.NotEmpty(t, r.Check(t.Context()), name)
	}
}

func TestAnOAuthClientActsAsItsUser(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Password, c.ClientID, c.ClientSecret = secret.String{}, "id", secret.New("s")
	})
	require.Equal(t, marker, r.made(t).Marker)
}

func TestAKeyIsANumberAndNoQuery(t *testing.T) {
	r := newRig(t, nil)
	for _, key := range []string{"", "INC", "INC0010001^ORactive=true", "inc0010001", "x"} {
		_, err := r.Get(t.Context(), key)
		require.True(t, fault.Is(err, fault.Invalid), key)
	}
}

func TestReferencesMayComeAsObjects(t *testing.T) {
	for body, want := range map[string]string{
		`{"link":"https://acme.service-now.com/x","value":"abc"}`: "abc",
		`"abc"`: "abc",
		`null`:  "",
		`[1]`:   "",
	} {
		var got text
		require.NoError(t, got.UnmarshalJSON([]byte(body)))
		require.Equal(t, want, string(got), body)
	}
}

func TestTheConfigurationSaysWhatIsWrong(t *testing.T) {
	c := &Config{URL: "https://user:pass@acme.service-now.com", User: "a^b", Password: secret.New("x"), ClientID: "y", ClientSecret: secret.New("z"),
		Priorities: map[string]string{"urgent": "1/1", "act": "high"}, States: map[string]string{"1": "open", "x": "todo"}, Final: []string{"1"},
		Fields: map[string]string{"correlation_id": "mine", "U X": "y"}, Groups: map[string]string{"a": "b^c"}}
	text := ""
	for _, err := range c.Validate() {
		text += err.Error() + "\n"
	}
	for _, want := range []string{"url: holds a password", "user: is needed", "password: this, or", `"urgent" is none`, `"high" is no impact/urgency`, `"open" is none of`, `"x" is no value`,
		`final: "1"`, `resolve: ""`, `reopen: ""`, "close_code: is needed", `"correlation_id" is no column`, `"U X" is no column`, `"b^c" can't be`} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "pass@")
}

func TestWhatTheInstanceAsksToWaitIsSaid(t *testing.T) {
	r := newRig(t, nil)
	r.fake.Faults.Add(fakevendor.Fault{Method: http.MethodGet, Status: 429, Header: map[string]string{"Retry-After": "30"}})
	_, err := r.Get(t.Context(), "INC0010001")
	require.True(t, fault.Is(err, fault.Throttled))
	require.Equal(t, 30*time.Second, fault.RetryAfter(err))
}
