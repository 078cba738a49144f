package activities

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// faraway is a tracker of its own: it makes another issue whenever it is asked to, its
// search lags, and the process that calls it dies at one call, before it arrives or with
// the answer on its way. It keeps its own account of what it was made to do.
type faraway struct {
	now   func() time.Time
	calls int64
	at    int64
	after bool

	created  []time.Time
	issue    connectors.Issue
	comments map[string]int
	files    map[string]int
	moves    []connectors.IssueStatus
}

const farawayLag = 90 * time.Second

func (f *faraway) die(do func()) error {
	dies := f.calls == f.at
	f.calls++
	if dies && !f.after {
		return errCrash
	}
	do()
	if dies {
		return errCrash
	}
	return nil
}

func (*faraway) Connector() string  { return "faraway" }
func (*faraway) Lag() time.Duration { return farawayLag }

func (f *faraway) FindByMarker(context.Context, string) (issue connectors.Issue, err error) {
	died := f.die(func() {
		if len(f.created) == 0 || f.now().Before(f.created[0].Add(farawayLag)) {
			err = fault.New(fault.NotFound, "the search finds none")
			return
		}
		issue = f.issue
	})
	if died != nil {
		return connectors.Issue{}, died
	}
	return issue, err
}

func (f *faraway) Create(_ context.Context, issue connectors.Issue) (connectors.Issue, error) {
	died := f.die(func() {
		f.created = append(f.created, f.now())
		issue.Key, issue.UpdatedAt = fmt.Sprintf("PAY-%d", len(f.created)), f.now()
		f.issue = issue
	})
	return f.issue, died
}

func (f *faraway) Get(context.Context, string) (connectors.Issue, error) {
	died := f.die(func() {})
	return f.issue, died
}

func (f *faraway) Update(_ context.Context, issue connectors.Issue, _ string) (connectors.Issue, error) {
	died := f.die(func() {
		was := f.issue
		f.issue.Title, f.issue.Description, f.issue.Due, f.issue.Priority = issue.Title, issue.Description, issue.Due, issue.Priority
		if issue.Status != "" && issue.Status != was.Status {
			f.issue.Status, f.issue.ClosedBy, f.issue.ClosedAt = issue.Status, "", time.Time{}
			f.moves = append(f.moves, issue.Status)
			if issue.Status == connectors.IssueDone {
				f.issue.ClosedBy, f.issue.ClosedAt = "quell", f.now()
			}
		}
		if f.issue.Title != was.Title || f.issue.Description != was.Description || f.issue.Status != was.Status {
			f.issue.UpdatedAt = f.now()
		}
	})
	return f.issue, died
}

// Comment makes a comment once per cause, as every tracker must; asked twice with other
// causes, it makes two.
func (f *faraway) Comment(_ context.Context, _, text, cause string) error {
	return f.die(func() {
		if f.comments[cause] == 0 {
			f.comments[cause]++
			f.issue.UpdatedAt = f.now()
		}
		_ = text
	})
}

func (f *faraway) Attach(_ context.Context, _ string, file connectors.Attachment) error {
	return f.die(func() { f.files[file.Name]++ })
}

func (f *faraway) close(at time.Time) {
	f.issue.Status, f.issue.ClosedBy, f.issue.ClosedAt, f.issue.UpdatedAt = connectors.IssueDone, "bob", at, at
}

// farEnd is what a lifecycle leaves behind there, and here.
type farEnd struct {
	Created  int
	Comments int
	Files    int
	Moves    []connectors.IssueStatus
	Status   connectors.IssueStatus
	State    exposure.State
	Ticket   string
	Left     int
	Done     lifecycle.RemediationStatus
}

// liveFar lives a lifecycle whose process dies at one call of the tracker.
func liveFar(t *testing.T, at int64, after bool) (farEnd, int64) {
	t.Helper()
	l := &life{}
	l.at.Store(-1)
	l.rig = newRig(t, map[string]ed25519.PublicKey{})
	far := &faraway{now: l.now, at: at, after: after, comments: map[string]int{}, files: map[string]int{}}
	l.Trackers["local"] = far
	l.Keeping, l.Evidence, l.Waker = map[string]Keeping{"local": {Attach: true}}, l.store, asleep{}
	sha, _, err := l.store.PutBlob(t.Context(), strings.NewReader("GET / HTTP/1.1"), 1<<10)
	require.NoError(t, err)
	l.evidenceHash = sha
	l.id = l.validating()
	l.liveOn()
	e := l.exposureNow(l.id)
	rem := l.remediationNow(e.RemediationID)
	out := farEnd{Created: len(far.created), Comments: len(far.comments), Files: len(far.files), Moves: far.moves, Status: far.issue.Status, State: e.State, Ticket: rem.Ticket, Done: rem.Status}
	intents, err := l.store.Intents(t.Context(), rem.ID)
	require.NoError(t, err)
	for _, in := range intents {
		if !in.Done {
			out.Left++
		}
	}
	return out, far.calls
}

func TestAProcessThatDiesAtAnyCallOfTheTrackerMakesOneTicketAndSaysEachThingOnce(t *testing.T) {
	want, calls := liveFar(t, -1, false)
	require.Equal(t, farEnd{Created: 1, Comments: 2, Files: 1, Moves: []connectors.IssueStatus{connectors.IssueTodo}, Status: connectors.IssueDone,
		State: exposure.Closed, Ticket: "PAY-1", Done: lifecycle.RemediationDone}, want)
	require.Greater(t, calls, int64(12))
	for at := range calls {
		for _, after := range []bool{false, true} {
			got, _ := liveFar(t, at, after)
			require.Equal(t, want, got, "dying at call %d of the tracker (after it: %v)", at, after)
		}
	}
	t.Logf("%d calls", calls)
}
