package gitlabissues

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/fakevendor"
	"github.com/quellsec/quell/connectors/gitlabissues/gitlabissuestest"
	"github.com/quellsec/quell/connectors/trackertest"
	"github.com/quellsec/quell/internal/secret"
)

const (
	token        = "glpat-0123456789secret"
	hookKey      = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	formerKey    = "whsec_bm9ib2R5IGtub3dzIHRoaXMga2V5IQ=="
	ourProject   = "acme/security"
	otherProject = "acme/else/where"
)

// clock is the one clock of fake and connector.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// rig is a tracker on a fake GitLab.
type rig struct {
	*Tracker
	fake  *gitlabissuestest.Fake
	clock *clock
}

func newRig(tb testing.TB, edit func(c *Config)) *rig {
	tb.Helper()
	r := &rig{clock: &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}}
	r.fake = gitlabissuestest.New(r.clock.now)
	r.fake.Account(token, "project_1_bot")
	r.fake.Project(ourProject, "ann", "bob")
	r.fake.Project(otherProject)
	server := httptest.NewServer(r.fake.Handler())
	tb.Cleanup(server.Close)
	c := defaults()
	c.URL, c.Project, c.Token = server.URL+"/api/v4", ourProject, secret.New(token)
	c.SigningToken, c.PreviousSigningToken = secret.New(hookKey), secret.New(formerKey)
	if edit != nil {
		edit(c)
	}
	require.Empty(tb, c.Validate())
	in, err := open(connectors.Env{Source: "gitlab", HTTP: server.Client(), Now: r.clock.now}, c)
	require.NoError(tb, err)
	tracker, ok := in.(*Tracker)
	require.True(tb, ok)
	r.Tracker = tracker
	return r
}

// people plays the people at the fake, in the suite's terms.
type people struct{ *gitlabissuestest.Fake }

var (
	hidden  = regexp.MustCompile(`<!--.*?-->`)
	links   = regexp.MustCompile(`\]\(([^)\s]*)`)
	actives = regexp.MustCompile(`(?m)(?:^|[^\w/])@[0-9A-Za-z]|!\[|<[a-z!/]|(?:^|\W)[#!~%&$]["\w]|&#?\w+;\w|^\s*/[a-z]+|` + "```")
	urls    = regexp.MustCompile(`https?://[^\s)\]<>"]+`)
)

// Shown implements trackertest.Ledger.
func (p people) Shown(key string) trackertest.Shown {
	x := p.Issue(key)
	out := trackertest.Shown{Title: x.Title, Due: x.Due, Assignee: x.Assignee, Status: connectors.IssueTodo}
	text := hidden.ReplaceAllString(x.Description, "")
	out.Text = strings.NewReplacer("**", "", "&lt;", "<").Replace(text)
	all := text
	for _, n := range x.Notes {
		shown := hidden.ReplaceAllString(n.Body, "")
		all += "\n" + shown
		out.Comments = append(out.Comments, strings.TrimSpace(strings.ReplaceAll(shown, "**", "")))
	}
	for _, m := range links.FindAllStringSubmatch(all, -1) {
		out.Links = append(out.Links, m[1])
	}
	out.Active = actives.FindAllString(urls.ReplaceAllString(strings.ReplaceAll(all, "&lt;", " "), " "), -1)
	for _, l := range x.Labels {
		if p, ok := strings.CutPrefix(l, "priority::"); ok {
			out.Priority = p
		}
		if l == "workflow::in progress" {
			out.Status = connectors.IssueInProgress
		}
	}
	if x.Closed {
		out.Status = connectors.IssueDone
	}
	return out
}

// Move implements trackertest.Person.
func (p people) Move(key string, to connectors.IssueStatus, by string) {
	switch to {
	case connectors.IssueDone:
		p.Close(key, by)
	case connectors.IssueInProgress:
		p.Label(key, "workflow::in progress")
	case connectors.IssueTodo:
		p.Unlabel(key, "workflow::in progress")
		p.Reopen(key)
	}
}

// Edit implements trackertest.Editor.
func (p people) Edit(key, field, value, _ string) {
	switch field {
	case "title":
		p.SetTitle(key, value)
	case "due":
		p.SetDue(key, value)
	case "assignee":
		p.Assign(key, value)
	case "priority":
		p.Label(key, defaults().Priorities[value])
	}
}

// Around implements trackertest.Prose.
func (p people) Around(key, before, after, _ string) {
	p.SetDescription(key, func(old string) string { return before + "\n\n" + old + "\n\n" + after })
}

// Inside implements trackertest.Prose.
func (p people) Inside(key, text, _ string) {
	p.SetDescription(key, func(old string) string { return strings.Replace(old, "## Why", text+"\n\n## Why", 1) })
}

// MoveAway implements trackertest.Mover.
func (p people) MoveAway(key string) string { return p.Fake.Move(key, otherProject, "ann") }

// Hide implements trackertest.Denier.
func (p people) Hide(string) { p.Set(ourProject, "hidden") }

// Show implements trackertest.Denier.
func (p people) Show(string) { p.Set(ourProject, "!hidden") }

// Fail implements trackertest.Faulty.
func (p people) Fail(f trackertest.Fault) {
	x := fakevendor.Fault{Kind: fakevendor.Read, Skip: f.Skip, After: f.After, Drop: f.Cut, Status: f.Status, Header: map[string]string{}}
	if f.Writing {
		x.Kind = fakevendor.Write
	}
	if f.RetryAfter > 0 {
		x.Header["Retry-After"] = f.RetryAfter.String()[:len(f.RetryAfter.String())-1]
	}
	p.Faults.Add(x)
}

// Calm implements trackertest.Faulty.
func (p people) Calm() bool { return p.Faults.Clear() }

// Hook implements trackertest.Hooked.
func (p people) Hook(key string) (http.Header, []byte) { return p.Fake.Hook(key, "", hookKey) }

// Rotated implements trackertest.Hooked.
func (p people) Rotated(key string) (http.Header, []byte) { return p.Fake.Hook(key, "", formerKey) }

// Foreign implements trackertest.Hooked.
func (p people) Foreign() (http.Header, []byte) {
	return p.Fake.Hook(p.Open(ourProject, "The build is red", "since noon", "ann"), "", hookKey)
}

func TestItIsATrackerAsTheSuiteHasIt(t *testing.T) {
	trackertest.Run(t, func(tb testing.TB) *trackertest.Harness {
		tb.Helper()
		r := newRig(tb, nil)
		return &trackertest.Harness{Tracker: r.Tracker, Vendor: people{r.fake}, Advance: r.clock.advance, Now: r.clock.now,
			Secrets: []string{token, hookKey, formerKey}, Assignees: [2]string{"ann", "bob"}}
	})
}

func TestItKeepsTheContract(t *testing.T) { connectortest.Conform(t, Registration(), nil) }
