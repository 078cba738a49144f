package githubissues

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/fakevendor"
	"github.com/quellsec/quell/connectors/marked"
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

func TestEachTeamHasItsRepositoryAndAllAreSearched(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Repositories = map[string]string{"payments": otherRepo}
		c.Assignees = map[string]string{"payments": "carl"}
	})
	issue := r.made(t)
	require.Equal(t, otherRepo+"#1", issue.Key)
	require.Empty(t, issue.Assignee, "carl has no access there: the ticket is made nevertheless")
	again, err := r.Create(t.Context(), ticket())
	require.NoError(t, err)
	require.Equal(t, issue.Key, again.Key)
	other := ticket()
	other.Team = "somebody else"
	again, err = r.Create(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, issue.Key, again.Key, "another repository is no reason for a second one")
	require.Len(t, r.fake.Made(), 1)
}

func TestARenamedRepositoryIsFollowed(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Rename(ourRepo, "acme/renamed")
	issue, err := r.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, "acme/renamed#1", issue.Key)
	require.Empty(t, issue.Overridden)
	_, err = r.Create(t.Context(), ticket())
	require.NoError(t, err)
	require.Len(t, r.fake.Made(), 1)
}

func TestAnIssueThatLostItsLabelIsStillFound(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Unlabel(key, bucketPrefix+marked.Bucket(marker))
	_, err := r.FindByMarker(t.Context(), marker)
	require.True(t, fault.Is(err, fault.NotFound), "the index has not seen it yet: %v", err)
	r.clock.advance(r.Lag())
	found, err := r.FindByMarker(t.Context(), marker)
	require.NoError(t, err)
	require.Equal(t, key, found.Key)
	want := ticket()
	want.Key = key
	_, err = r.Update(t.Context(), want, "c")
	require.NoError(t, err)
	require.Contains(t, r.fake.Issue(key).Labels, bucketPrefix+marked.Bucket(marker), "and gets it back")
}

func TestWhatWasMadeByTheAccountBeforeIsOursStill(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	for _, former := range [][]string{nil, {"Quell-Bot"}} {
		r.fake.Account("ghp_new", "quell-app")
		r.config.Token, r.config.Former, r.login = secret.New("ghp_new"), former, ""
		r.client.Cred.Token = secret.New("ghp_new")
		r.clock.advance(r.Lag())
		found, err := r.FindByMarker(t.Context(), marker)
		if former == nil {
			require.True(t, fault.Is(err, fault.NotFound), "%v", err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, key, found.Key)
	}
}

func TestABlockThatWasEditedCostsNobodyTheirWords(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.SetTitle(key, "mine")
	r.fake.SetBody(key, func(body string) string { return "my words\n" + strings.Replace(body, "v1.", "v1.x", 1) })
	want := ticket()
	want.Key, want.Title, want.Description = key, "ours", "ours"
	got, err := r.Update(t.Context(), want, "c")
	require.NoError(t, err)
	require.Equal(t, "mine", got.Title)
	require.True(t, strings.HasPrefix(r.fake.Issue(key).Body, "my words"))
	require.Contains(t, r.fake.Issue(key).Body, "ours")
	r.fake.SetBody(key, func(string) string { return "all gone" })
	_, err = r.Update(t.Context(), want, "c")
	require.NoError(t, err)
	require.Equal(t, "mine", r.fake.Issue(key).Title)
	require.Contains(t, r.fake.Issue(key).Body, "all gone")
	require.Contains(t, r.fake.Issue(key).Body, "ours", "the block is put back")
}

func TestAMilestoneThatSomebodyDeletedIsMadeAnew(t *testing.T) {
	r := newRig(t, nil)
	r.milestones[ourRepo+" Due 2026-03-20"] = 77
	_, err := r.Create(t.Context(), ticket())
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.Equal(t, "2026-03-20", r.fake.Issue(r.made(t).Key).Due)
}

func TestGitHubsWaysToRefuseAreUnderstood(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault fakevendor.Fault
		kind  fault.Kind
		wait  time.Duration
	}{
		{"the secondary limit says how long", fakevendor.Fault{Status: 403, Header: map[string]string{"Retry-After": "33"}, Body: `{"message":"You have exceeded a secondary rate limit"}`}, fault.Throttled, 33 * time.Second},
		{"the secondary limit doesn't say how long", fakevendor.Fault{Status: 403, Body: `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes"}`}, fault.Throttled, time.Minute},
		{"the hourly limit", fakevendor.Fault{Status: 429, Header: map[string]string{"X-Ratelimit-Remaining": "0"}}, fault.Throttled, time.Minute},
		{"no permission", fakevendor.Fault{Status: 403, Body: `{"message":"Resource not accessible by integration"}`}, fault.Denied, 0},
		{"what is not valid", fakevendor.Fault{Status: 422, Body: `{"message":"Validation Failed"}`}, fault.Invalid, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, nil)
			tt.fault.Method = http.MethodPost
			r.fake.Faults.Add(tt.fault)
			_, err := r.Create(t.Context(), ticket())
			require.Equal(t, tt.kind, fault.KindOf(err), "%v", err)
			require.Equal(t, tt.wait, fault.RetryAfter(err))
		})
	}
}

func TestARepositoryThatTakesNoIssuesIsSaidSo(t *testing.T) {
	for _, what := range []string{"no_issues", "archived", "read_only", "hidden"} {
		r := newRig(t, nil)
		require.Empty(t, r.Check(t.Context()))
		r.fake.Set(ourRepo, what)
		require.Len(t, r.Check(t.Context()), 1, what)
		if what != "read_only" {
			_, err := r.Create(t.Context(), ticket())
			require.True(t, fault.Is(err, fault.Denied), "%s: nothing is gone: %v", what, err)
		}
	}
}

func TestALockedConversationIsSaidSo(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Lock(key)
	require.NoError(t, r.Comment(t.Context(), key, "still there", "c1"), "with write access a lock doesn't matter")
	r.fake.Set(ourRepo, "read_only")
	err := r.Comment(t.Context(), key, "still there", "c2")
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	require.ErrorContains(t, err, "unlock it")
}

func TestAnIssueTransferredOutOfSightIsDeniedAndNotMadeAgain(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Transfer(key, otherRepo)
	r.fake.Set(otherRepo, "hidden")
	_, err := r.Get(t.Context(), key)
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
}

func TestTransfersAndDeletionsAreToldByTheWebhook(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Delete(key)
	header, body := r.fake.Hook(key, hookKey)
	change, ok := r.Ticket(header, body)
	require.True(t, ok)
	require.Equal(t, connectors.TicketChange{Key: key, Marker: marker, Cause: header.Get("X-GitHub-Delivery"), What: "deleted"}, change)

	block := marked.Markdown.Put("", marker, "x", nil)
	transferred := `{"action":"transferred","issue":{"number":1,"body":` + quoted(block) + `},"repository":{"full_name":"acme/security"},
		"changes":{"new_issue":{"number":7},"new_repository":{"full_name":"acme/elsewhere"}}}`
	change, ok = r.Ticket(header, []byte(transferred))
	require.True(t, ok)
	require.Equal(t, "acme/elsewhere#7", change.Key)
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, "\n", `\n`) + `"` }

func TestAnAppShowsItselfByItsInstallation(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	r := newRig(t, func(c *Config) {
		c.Token, c.AppID, c.InstallationID, c.PrivateKey = secret.String{}, "1", "2", secret.New(string(text))
	})
	issue := r.made(t)
	require.Equal(t, marker, issue.Marker, "the app's own login is known")
	require.Equal(t, "quell-app[bot]", r.fake.Issue(issue.Key).Author)
}

func TestTheConfigurationSaysWhatIsWrong(t *testing.T) {
	c := &Config{URL: "https://user:pass@api.github.com", Repository: "acme", Repositories: map[string]string{"x": "a/b/c"},
		Priorities: map[string]string{"urgent": "x", "act": "same", "attend": "Same", "track": ""}, Labels: []string{"a,b", "quell-00"}}
	text := ""
	for _, err := range c.Validate() {
		text += err.Error() + "\n"
	}
	for _, want := range []string{"url: holds a password", `"acme" is not owner/name`, `"a/b/c"`, "token: this or an app", `"urgent" is none`, "track has no label", "act and attend have the same label", `"a,b" can't be`, `"quell-00" can't be`} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "pass@")
}

// budgets counts what is taken and held.
type budgets struct {
	taken map[string]float64
	held  map[string]time.Time
}

func (b *budgets) governor() connectors.Governor { return governed{b} }

func TestGitHubsLimitsAreSharedAndHeld(t *testing.T) {
	b := &budgets{taken: map[string]float64{}, held: map[string]time.Time{}}
	r := newRig(t, nil)
	r.governor = b.governor()
	r.made(t)
	require.InDelta(t, 1, b.taken["githubissues/github/content"], 0)
	require.Greater(t, b.taken["githubissues/github/core"], 3.0)
	_, err := r.FindByMarker(t.Context(), "none-1")
	require.True(t, fault.Is(err, fault.NotFound))
	require.InDelta(t, 1, b.taken["githubissues/github/search"], 0)
	r.fake.Faults.Add(fakevendor.Fault{Status: 403, Header: map[string]string{"Retry-After": "60"}})
	_, err = r.Get(t.Context(), ourRepo+"#1")
	require.True(t, fault.Is(err, fault.Throttled))
	require.Equal(t, r.clock.now().Add(time.Minute), b.held["githubissues/github/core"])
}

func FuzzTicket(f *testing.F) {
	block := marked.Markdown.Put("", marker, "x", nil)
	for _, seed := range []string{"", "null", `{"issue":{"number":1,"body":` + quoted(block) + `},"repository":{"full_name":"a/b"}}`, `{"action":"transferred","changes":{"new_issue":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		change, ok := (&Tracker{}).Ticket(http.Header{"X-Github-Event": {"issues"}}, body)
		if ok {
			_, err := parseKey(change.Key)
			require.NoError(t, err)
		}
	})
}
