package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/localtracker"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/store"
)

// Some workflows follow what is in the store: campaigns, runs of runbooks, what notifiers
// have to tell, what was changed in trackers. These tests live through each on a real
// server, and record what it did.

// followed is a living house with all that they follow.
type followed struct {
	*living
	refuse  *refuser
	told    *outbox
	changes *changes
	books   *automation
}

func follow(t *testing.T, s *server) *followed {
	t.Helper()
	w := &wakes{}
	h := newHouse(t, clock, w)
	f := &followed{refuse: &refuser{}, told: &outbox{}, changes: &changes{Tracker: h.tracker, tickets: h.store, empty: 21}, books: &automation{}}
	h.acts.Courier = f.told
	h.acts.Trackers["local"] = f.changes
	h.acts.Settings = h.store
	h.acts.Keeping = map[string]activities.Keeping{"local": {Reconcile: time.Second}}
	h.acts.Campaigns, h.acts.Reassess, h.acts.Beckon = h.store, unmoved{}, w
	h.acts.Runbooks = &activities.Runbooks{Store: h.store, Call: map[string]activities.Caller{}, Wake: w.WakeRun}
	for _, d := range []runbook.Definition{
		{Name: "patch", Quorum: 1, Approvers: []string{"@boss"}, Expires: day, Remind: day, Timeout: time.Hour, MaxRunning: 1},
		{Name: "reboot", Expires: day, Remind: day, Timeout: 3 * time.Second, MaxRunning: 1},
	} {
		book, err := runbook.New(d, ownership.Config{People: []ownership.Person{{Name: "boss"}, {Name: "ann"}}}, nil)
		require.NoError(t, err)
		h.acts.Runbooks.All = append(h.acts.Runbooks.All, book)
		h.acts.Runbooks.Call[d.Name] = f.books
	}
	f.living = &living{house: h, extra: []interceptor.WorkerInterceptor{f.refuse}}
	f.connect(s, w, nil)
	t.Cleanup(f.stopWorkers)
	return f
}

// refuser fails the next calls of activities for good, by their names.
type refuser struct {
	interceptor.WorkerInterceptorBase
	mu   sync.Mutex
	next map[string]int
}

func (r *refuser) refuse(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = map[string]int{}
	}
	r.next[name]++
}

func (r *refuser) refuses(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next[name] == 0 {
		return false
	}
	r.next[name]--
	return true
}

func (r *refuser) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &refusing{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, r: r}
}

type refusing struct {
	interceptor.ActivityInboundInterceptorBase
	r *refuser
}

func (i *refusing) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if i.r.refuses(activity.GetInfo(ctx).ActivityType.Name) {
		return nil, lifecycle.Failure(fault.New(fault.Conflict, "a defect"))
	}
	return i.Next.ExecuteActivity(ctx, in)
}

// outbox is a courier with answers that a test gave, by notifier.
type outbox struct {
	mu      sync.Mutex
	answers map[string][]func() (lifecycle.Delivered, error)
	looks   map[string]int
}

func (o *outbox) say(notifier string, answers ...func() (lifecycle.Delivered, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answers == nil {
		o.answers, o.looks = map[string][]func() (lifecycle.Delivered, error){}, map[string]int{}
	}
	o.answers[notifier] = answers
}

func (o *outbox) looked(notifier string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.looks[notifier]
}

// Deliver implements activities.Courier.
func (o *outbox) Deliver(_ context.Context, notifier string, _ func(string)) (lifecycle.Delivered, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looks[notifier]++
	left := o.answers[notifier]
	if len(left) == 0 {
		return lifecycle.Delivered{}, nil
	}
	o.answers[notifier] = left[1:]
	return left[0]()
}

// Resend implements activities.Courier.
func (*outbox) Resend(context.Context) (int, error) { return 0, nil }

// changes is the built-in tracker that can say what was changed, after some empty pages.
type changes struct {
	*localtracker.Tracker
	tickets *store.Store
	mu      sync.Mutex
	empty   int
}

// Changed implements connectors.Changing.
func (c *changes) Changed(ctx context.Context, since time.Time, _ string) (connectors.ChangedPage, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.empty > 0 {
		c.empty--
		return connectors.ChangedPage{Next: "more"}, nil
	}
	var page connectors.ChangedPage
	found, err := c.tickets.FindTickets(ctx, store.TicketFilter{}, exposure.List{Limit: 1000})
	if err != nil {
		return page, err
	}
	for _, x := range found.Items {
		issue, err := c.Get(ctx, x.ID)
		if err != nil {
			return page, err
		}
		if !issue.UpdatedAt.Before(since) {
			page.Issues = append(page.Issues, issue)
		}
	}
	return page, nil
}

// automation is what is behind the runbooks: the answer to its first call is lost.
type automation struct {
	mu    sync.Mutex
	calls map[string]int
}

// Call implements activities.Caller.
func (m *automation) Call(_ context.Context, id string, _ []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls == nil {
		m.calls = map[string]int{}
	}
	if m.calls[id]++; m.calls[id] == 1 {
		return nil, fault.New(fault.Unavailable, "the answer was lost")
	}
	return nil, nil
}

func (m *automation) called(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[id]
}

// unmoved are due dates that nothing moves.
type unmoved struct{}

func (unmoved) Reassess(context.Context, exposure.Filter, string, func(ingest.Progress)) (ingest.Reassessed, error) {
	return ingest.Reassessed{}, nil
}

// ended reports whether a workflow has ended well.
func (l *living) ended(workflowID string) func() bool {
	return func() bool {
		x, err := l.temporal.DescribeWorkflowExecution(l.t.Context(), workflowID, "")
		return err == nil && x.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
}

// waits reports whether a workflow has set itself a timer for a reason, n times by now.
func (l *living) waits(workflowID, why string, n int) func() bool {
	return func() bool {
		set := 0
		for _, ev := range l.history(workflowID).GetEvents() {
			if ev.GetEventType() == enumspb.EVENT_TYPE_TIMER_STARTED && string(ev.GetUserMetadata().GetSummary().GetData()) == `"`+why+`"` {
				set++
			}
		}
		return set >= n
	}
}

// signal wakes a workflow.
func (l *living) signal(workflowID string) {
	l.t.Helper()
	require.NoError(l.t, l.temporal.SignalWorkflow(l.t.Context(), workflowID, "", lifecycle.SignalWake, lifecycle.Wake{Reason: "test"}))
}
