package servicenowincident

import (
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
	snow "github.com/quellsec/quell/connectors/servicenowincident/servicenowincidenttest"
	"github.com/quellsec/quell/connectors/trackertest"
	"github.com/quellsec/quell/internal/secret"
)

const (
	us       = "quell.integration"
	password = "s3cret-of-the-instance"
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

// rig is a tracker on a fake instance.
type rig struct {
	*Tracker
	fake  *snow.Fake
	clock *clock
}

func newRig(tb testing.TB, edit func(c *Config)) *rig {
	tb.Helper()
	r := &rig{clock: &clock{at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}}
	r.fake = snow.Instance(r.clock.now)
	r.fake.User(us, password)
	r.fake.User("ann", "")
	r.fake.User("bob", "")
	r.fake.Group("Payments Operations")
	server := httptest.NewServer(r.fake.Handler())
	tb.Cleanup(server.Close)
	c := defaults()
	c.URL, c.User, c.Password = server.URL, us, secret.New(password)
	c.Groups, c.Fields = map[string]string{"payments": "Payments Operations"}, map[string]string{"category": "security"}
	if edit != nil {
		edit(c)
	}
	require.Empty(tb, c.Validate())
	in, err := open(connectors.Env{Source: "servicenow", HTTP: server.Client(), Now: r.clock.now}, c)
	require.NoError(tb, err)
	tracker, ok := in.(*Tracker)
	require.True(tb, ok)
	r.Tracker = tracker
	return r
}

// people plays the people at the fake, in the suite's terms.
type people struct{ *snow.Fake }

var (
	marks   = regexp.MustCompile(`(?m)^\[quell:(begin|end|cause) [^\]]*\]$`)
	actives = regexp.MustCompile(`(?i)\[/?code\]|@\[|@[a-z]`)
	urls    = regexp.MustCompile(`https?://[^\s)\]<>"{}]+`)
)

// Shown implements trackertest.Ledger.
func (p people) Shown(key string) trackertest.Shown {
	x := p.Incident(key)
	out := trackertest.Shown{Title: x["short_description"], Text: marks.ReplaceAllString(x["description"], ""), Assignee: x["assigned_to"], Priority: x["priority"],
		Status: connectors.IssueStatus(defaults().States[x["state"]]), Due: strings.Split(x["due_date"], " ")[0]}
	all := out.Text
	for _, entry := range p.Journal(key, "work_notes") {
		shown := strings.TrimSpace(marks.ReplaceAllString(entry["value"], ""))
		all += "\n" + shown
		out.Comments = append(out.Comments, shown)
	}
	out.Links = urls.FindAllString(all, -1)
	out.Active = actives.FindAllString(all, -1)
	return out
}

// Move implements trackertest.Person.
func (p people) Move(key string, to connectors.IssueStatus, by string) {
	state := map[connectors.IssueStatus]string{connectors.IssueTodo: snow.New, connectors.IssueInProgress: snow.OnHold, connectors.IssueDone: snow.Resolved}[to]
	p.Fake.Edit(key, snow.Record{"state": state}, by)
}

// Say implements trackertest.Person.
func (p people) Say(key, text, by string) { p.Fake.Edit(key, snow.Record{"work_notes": text}, by) }

// Edit implements trackertest.Editor.
func (p people) Edit(key, field, value, by string) {
	values := snow.Record{map[string]string{"title": "short_description", "due": "due_date", "assignee": "assigned_to"}[field]: value}
	switch field {
	case "due":
		values["due_date"] = value + " 17:30:00"
	case "priority":
		impact, urgency, _ := strings.Cut(defaults().Priorities[value], "/")
		values = snow.Record{"impact": impact, "urgency": urgency}
	}
	p.Fake.Edit(key, values, by)
}

// Around implements trackertest.Prose.
func (p people) Around(key, before, after, by string) {
	p.Fake.Edit(key, snow.Record{"description": before + "\n\n" + p.Incident(key)["description"] + "\n\n" + after}, by)
}

// Inside implements trackertest.Prose.
func (p people) Inside(key, text, by string) {
	p.Fake.Edit(key, snow.Record{"description": strings.Replace(p.Incident(key)["description"], "## Why", text+"\n\n## Why", 1)}, by)
}

// Clone implements trackertest.Cloner.
func (p people) Clone(key, by string) string { return p.Copy(key, by) }

// Show implements trackertest.Denier.
func (p people) Show(key string) { p.Hide("!" + key) }

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

func TestItIsATrackerAsTheSuiteHasIt(t *testing.T) {
	trackertest.Run(t, func(tb testing.TB) *trackertest.Harness {
		tb.Helper()
		r := newRig(tb, nil)
		return &trackertest.Harness{Tracker: r.Tracker, Vendor: people{r.fake}, Advance: r.clock.advance, Now: r.clock.now,
			Secrets: []string{password}, Assignees: [2]string{"ann", "bob"},
			Lacks: map[string]string{"mover": "an incident is in no project that it could leave", "hooked": "ServiceNow sends no webhooks by itself"}}
	})
}

func TestItKeepsTheContract(t *testing.T) { connectortest.Conform(t, Registration(), nil) }
