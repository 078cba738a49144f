// Package trackertest is the suite of behaviour that every tracker must pass: one ticket
// whatever answer is lost, people's words and decisions left alone, our own writes told
// from theirs, and nothing secret or foreign let through. A tracker is opened on a fake of
// its vendor, which plays the people and the accidents.
package trackertest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// Harness is a tracker with the fake of its vendor behind it. The suite makes a fresh one
// for each rule.
type Harness struct {
	Tracker connectors.Tracker
	// Vendor is the fake; what it can play is found by asserting the parts below.
	Vendor Ledger
	// Advance moves the one clock of fake and connector. Nil where nothing depends on it.
	Advance func(d time.Duration)
	Now     func() time.Time
	// Secrets are what no error may hold.
	Secrets []string
	// Priorities are two that the vendor shows differently; empty: act and track.
	Priorities [2]string
	// Assignees are two people as Issue.Assignee names them; empty: the tracker assigns nobody.
	Assignees [2]string
	// Lacks are the parts that the vendor, or the tracker, has nothing for, with the reason.
	// Every other part must be there, and one that is there may not be lacking.
	Lacks map[string]string
}

// Parts are what Lacks may name.
func Parts() []string {
	return slices.Sorted(maps.Keys(parts()))
}

func parts() map[string]func(h *Harness) bool {
	return map[string]func(h *Harness) bool{
		"person":    func(h *Harness) bool { return as[Person](h) },
		"editor":    func(h *Harness) bool { return as[Editor](h) },
		"prose":     func(h *Harness) bool { return as[Prose](h) },
		"remover":   func(h *Harness) bool { return as[Remover](h) },
		"mover":     func(h *Harness) bool { return as[Mover](h) },
		"cloner":    func(h *Harness) bool { return as[Cloner](h) },
		"denier":    func(h *Harness) bool { return as[Denier](h) },
		"faulty":    func(h *Harness) bool { return as[Faulty](h) },
		"hooked":    func(h *Harness) bool { return as[Hooked](h) && is[connectors.TicketHook](h) },
		"filed":     func(h *Harness) bool { return as[Filed](h) && is[connectors.Attacher](h) },
		"changing":  func(h *Harness) bool { return is[connectors.Changing](h) },
		"checker":   func(h *Harness) bool { return is[connectors.Checker](h) },
		"assignees": func(h *Harness) bool { return h.Assignees[0] != "" },
	}
}

func as[T any](h *Harness) bool { _, ok := h.Vendor.(T); return ok }
func is[T any](h *Harness) bool { _, ok := h.Tracker.(T); return ok }

// Ledger is what the vendor really holds: the suite counts there, and not in answers.
type Ledger interface {
	// Made are the keys of all issues that were ever created over the API, in order, as they
	// are called now; deleted ones and duplicates too.
	Made() []string
	// Shown is an issue as a person sees it.
	Shown(key string) Shown
	// Writes counts the writing calls that the vendor carried out.
	Writes() int
}

// Shown is an issue as a person sees it.
type Shown struct {
	Title    string
	Text     string // the description's visible text, markup resolved
	Links    []string
	Active   []string // what a reader's client would act on: macros, mentions, embedded images, scripts
	Due      string   // 2006-01-02, or empty
	Priority string   // in the vendor's words
	Assignee string   // as Harness.Assignees
	Status   connectors.IssueStatus
	Comments []string // visible text, the oldest first
}

// Person is a person at the vendor's own pages.
type Person interface {
	Move(key string, to connectors.IssueStatus, by string)
	Say(key, text, by string)
}

// Editor is a person who changes fields.
type Editor interface {
	// Edit sets "title", "due" (2006-01-02), "priority" (ours: act, track…) or "assignee".
	Edit(key, field, value, by string)
}

// Prose is a person who writes in descriptions.
type Prose interface {
	// Around writes before and after what stands in the description.
	Around(key, before, after, by string)
	// Inside changes our own part so that it has the text in it.
	Inside(key, text, by string)
}

// Remover deletes an issue.
type Remover interface{ Delete(key string) }

// Mover moves an issue to another project and gives its new key.
type Mover interface{ MoveAway(key string) string }

// Cloner copies an issue as a person would, with all that a copy takes along.
type Cloner interface{ Clone(key, by string) string }

// Denier takes away, and gives back, the right to see an issue.
type Denier interface {
	Hide(key string)
	Show(key string)
}

// Fault is an accident of one call.
type Fault struct {
	Writing    bool // of a call that writes; else of one that reads
	Skip       int  // calls of that kind that pass before it
	After      bool // the call is carried out, and its answer lost
	Cut        bool // the connection is cut in place of an answer with Status
	Status     int
	RetryAfter time.Duration
}

// Faulty has accidents. Each strikes once.
type Faulty interface {
	Fail(f Fault)
	// Calm takes back what has not struck, and reports whether there was any.
	Calm() bool
}

// Hooked sends webhooks.
type Hooked interface {
	// Hook is the call that tells of the latest change of an issue, as the vendor signs it.
	Hook(key string) (http.Header, []byte)
	// Rotated is the same signed with the former secret, which is still good.
	Rotated(key string) (http.Header, []byte)
	// Foreign is a good call that is about none of our issues.
	Foreign() (http.Header, []byte)
}

// Filed holds files: the names on an issue.
type Filed interface{ Files(key string) []string }

// Run holds a tracker to the suite. open makes a fresh tracker on a fresh fake.
func Run(t *testing.T, open func(tb testing.TB) *Harness) {
	t.Helper()
	first := open(t)
	has := map[string]bool{}
	for part, there := range parts() {
		reason, lacking := first.Lacks[part]
		require.Equal(t, !lacking, there(first), "part %q: it is there exactly where Lacks doesn't name it", part)
		require.Equal(t, lacking, reason != "", "part %q: a lack has a reason", part)
		has[part] = !lacking
	}
	for part := range first.Lacks {
		require.Contains(t, Parts(), part)
	}
	for _, rule := range slices.Concat(creating, finding, updating, overriding, moving, talking, losing, hostile, hooking, following) {
		if !slices.ContainsFunc(strings.Fields(rule.needs), func(part string) bool { return !has[part] }) {
			t.Run(rule.name, func(t *testing.T) { rule.check(t, open(t)) })
		}
	}
}

// rule is one behaviour, and the parts that show it.
type rule struct {
	name  string
	needs string
	check func(t *testing.T, h *Harness)
}

// Marker is the marker of the suite's issue: what a remediation's ID looks like.
const Marker = "rem-0123456789abcdef0123456789abcdef"

// issue is a remediation's issue as the engine would make it.
func (h *Harness) issue(marker string) connectors.Issue {
	return connectors.Issue{
		Marker: marker, Title: "Upgrade npm/lodash on web1.example.com", Team: "payments", Status: connectors.IssueTodo,
		Description: "**payments** owns this. Decision: **act**, due **2026-03-20**.\n\n## Why\n\n- known to be exploited\n- faces the internet\n\n" +
			"## What is affected\n\n| asset | where | state |\n|---|---|---|\n| [web1.example.com](https://quell.example.org/exposures/exp-1) | 443/tcp | open |\n\n1. Upgrade lodash to 4.17.21.\n2. Restart.\n\n`npm ls lodash` shows it.\n",
		Due: time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC), Priority: h.priority(0),
		Labels: map[string]string{"quell": marker, "severity": "high"},
		Facts:  map[string]string{"owner": "payments", "severity": "high", "decision": "act", "assets": "1"},
	}
}

func (h *Harness) priority(n int) string {
	if h.Priorities[n] != "" {
		return h.Priorities[n]
	}
	return [2]string{"act", "track"}[n]
}

func (h *Harness) create(t *testing.T) connectors.Issue {
	t.Helper()
	made, err := h.Tracker.Create(t.Context(), h.issue(Marker))
	require.NoError(t, err)
	require.NotEmpty(t, made.Key)
	h.settle()
	return made
}

// settle lets the vendor's search catch up.
func (h *Harness) settle() {
	if lagging, ok := h.Tracker.(connectors.Lagging); ok && h.Advance != nil {
		h.Advance(lagging.Lag())
	}
}

func (h *Harness) get(t *testing.T, key string) connectors.Issue {
	t.Helper()
	issue, err := h.Tracker.Get(t.Context(), key)
	require.NoError(t, err)
	return issue
}

// wanted is the suite's issue under its key, with its status left as it is.
func (h *Harness) wanted(key string) connectors.Issue {
	want := h.issue(Marker)
	want.Key, want.Status = key, ""
	return want
}

func (h *Harness) update(t *testing.T, want connectors.Issue, cause string) connectors.Issue {
	t.Helper()
	got, err := h.Tracker.Update(t.Context(), want, cause)
	require.NoError(t, err)
	return got
}

// ours reports whether who closed an issue stands for us.
func ours(closedBy string) bool { return closedBy == "" || closedBy == "quell" }

func requireKind(t *testing.T, kind fault.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, fault.KindOf(err), "%v", err)
}

// clean holds an error against the secrets.
func (h *Harness) clean(t *testing.T, err error) {
	t.Helper()
	for _, secret := range h.Secrets {
		require.NotContains(t, err.Error(), secret)
	}
}

func vendor[T any](t *testing.T, h *Harness) T {
	t.Helper()
	v, ok := h.Vendor.(T)
	require.True(t, ok)
	return v
}
