package gitlabissues

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
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

func TestATicketIsConfidentialUnlessTheConfigurationSaysOtherwise(t *testing.T) {
	r := newRig(t, nil)
	require.True(t, r.fake.Issue(r.made(t).Key).Confidential)
	r = newRig(t, func(c *Config) { c.Confidential = false })
	require.False(t, r.fake.Issue(r.made(t).Key).Confidential)
}

func TestEachTeamHasItsProjectAndAllAreSearched(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Projects = map[string]string{"payments": otherProject}
		c.Assignees = map[string]string{"payments": "ann"}
	})
	issue := r.made(t)
	require.Equal(t, otherProject+"#1", issue.Key)
	require.Empty(t, issue.Assignee, "ann is no member there: the ticket is made nevertheless")
	other := ticket()
	other.Team = "somebody else"
	again, err := r.Create(t.Context(), other)
	require.NoError(t, err)
	require.Equal(t, issue.Key, again.Key)
	require.Len(t, r.fake.Made(), 1)
}

func TestARenamedProjectIsFollowed(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Rename(ourProject, "acme/renamed")
	issue, err := r.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, "acme/renamed#1", issue.Key)
	require.Empty(t, issue.Overridden)
}

func TestAnIssueThatLostItsLabelIsStillFoundAndGetsItBack(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Unlabel(key, bucketPrefix+marked.Bucket(marker))
	found, err := r.FindByMarker(t.Context(), marker)
	require.NoError(t, err)
	require.Equal(t, key, found.Key)
	want := ticket()
	want.Key = key
	_, err = r.Update(t.Context(), want, "c")
	require.NoError(t, err)
	require.Contains(t, r.fake.Issue(key).Labels, bucketPrefix+marked.Bucket(marker))
}

func TestAnIssueMovedOutOfSightIsDeniedAndNotMadeAgain(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Move(key, otherProject, "ann")
	r.fake.Set(otherProject, "hidden")
	_, err := r.Get(t.Context(), key)
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	_, err = r.FindByMarker(t.Context(), marker)
	require.True(t, fault.Is(err, fault.Denied), "what it left behind is found: %v", err)
}

func TestWhatARoleThatSeesTooLittleDoesNotSeeIsNotGone(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Former = []string{"somebody"} })
	key := r.made(t).Key
	r.fake.Account("glpat-other", "another_bot")
	r.config.Token = secret.New("glpat-other")
	r.api.Auth = func(x *http.Request) { x.Header.Set("Private-Token", "glpat-other") }
	r.fake.Set(ourProject, "guest")
	_, err := r.Get(t.Context(), key)
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
	for _, what := range []string{"no_issues", "hidden"} {
		r := newRig(t, nil)
		key := r.made(t).Key
		r.fake.Set(ourProject, what)
		_, err := r.Get(t.Context(), key)
		require.True(t, fault.Is(err, fault.Denied), "%s: %v", what, err)
	}
}

func TestTheSetupIsLookedAt(t *testing.T) {
	for _, what := range []string{"no_issues", "archived", "guest", "hidden"} {
		r := newRig(t, nil)
		require.Empty(t, r.Check(t.Context()))
		r.fake.Set(ourProject, what)
		require.Len(t, r.Check(t.Context()), 1, what)
	}
}

func TestABlockThatWasEditedCostsNobodyTheirWords(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.SetDue(key, "2026-12-24")
	r.fake.SetDescription(key, func(old string) string { return "my words\n" + strings.Replace(old, "v1.", "v1.x", 1) })
	want := ticket()
	want.Key, want.Due, want.Description = key, want.Due.AddDate(0, 0, 1), "ours"
	_, err := r.Update(t.Context(), want, "c")
	require.NoError(t, err)
	x := r.fake.Issue(key)
	require.Equal(t, "2026-12-24", x.Due)
	require.True(t, strings.HasPrefix(x.Description, "my words"))
	require.Contains(t, x.Description, "ours")
}

func TestAnOlderGitLabShowsItsSecretToken(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Secret = secret.New("shared") })
	key := r.made(t).Key
	header, body := r.fake.Hook(key, "shared", "")
	id, err := r.VerifyWebhook(header, body, r.clock.now())
	require.NoError(t, err)
	require.NotEmpty(t, id)
	header.Set("X-Gitlab-Token", "guessed")
	_, err = r.VerifyWebhook(header, body, r.clock.now())
	require.True(t, fault.Is(err, fault.Denied))
	header, body = r.fake.Hook(key, "shared", hookKey)
	header.Set("webhook-signature", "v1,AAAA")
	_, err = r.VerifyWebhook(header, body, r.clock.now())
	require.True(t, fault.Is(err, fault.Denied), "a bad signature is not made good by a token")
}

func TestACommentOnATicketIsTold(t *testing.T) {
	r := newRig(t, nil)
	key := r.made(t).Key
	r.fake.Say(key, "it is fixed", "bob")
	header, body := r.fake.Hook(key, "", hookKey)
	change, ok := r.Ticket(header, body)
	require.True(t, ok)
	require.Equal(t, connectors.TicketChange{Key: key, Marker: marker, Cause: header.Get("Idempotency-Key"), What: "commented"}, change)
}

func TestTheConfigurationSaysWhatIsWrong(t *testing.T) {
	c := &Config{URL: "https://user:pass@gitlab.com", Project: "acme", Projects: map[string]string{"x": "a/../c"},
		Priorities: map[string]string{"urgent": "x", "act": "same", "attend": "Same", "track": ""}, Labels: []string{"a,b", "quell::00"}}
	text := ""
	for _, err := range c.Validate() {
		text += err.Error() + "\n"
	}
	for _, want := range []string{"url: holds a password", `"acme" is no path`, `"a/../c"`, "token: is needed", `"urgent" is none`, "track has no label", "act and attend have the same label", `"a,b" can't be`, `"quell::00" can't be`} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "pass@")
}

func TestAKeyNamesAProjectAndANumber(t *testing.T) {
	for _, key := range []string{"", "acme#1", "acme/x", "acme/x#0", "acme/x#-1", "acme/../x#1", "acme/x?y#1", "acme//x#1"} {
		_, err := parseKey(key)
		require.True(t, fault.Is(err, fault.Invalid), key)
	}
	at, err := parseKey("a/b/c#12")
	require.NoError(t, err)
	require.Equal(t, "projects/a%2Fb%2Fc/issues/12", at.path())
}

func FuzzTicket(f *testing.F) {
	block := strings.ReplaceAll(marked.Markdown.Put("", marker, "x", nil), "\n", `\n`)
	for _, seed := range []string{"", "null", `{"object_kind":"issue","object_attributes":{"iid":1,"description":"` + block + `"},"project":{"path_with_namespace":"a/b"}}`, `{"object_kind":"note","object_attributes":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if change, ok := (&Tracker{}).Ticket(http.Header{}, body); ok {
			_, err := parseKey(change.Key)
			require.NoError(t, err)
		}
	})
}
