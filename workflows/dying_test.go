package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// killer fails activities at chosen boundaries, before or after they do their work, as if
// their worker had died there: what was done is done, and nobody was told.
type killer struct {
	interceptor.WorkerInterceptorBase
	mu    sync.Mutex
	calls map[string]int            // by lifecycle
	fate  map[string]func(int) fate // by lifecycle: what becomes of its nth activity
	key   func(workflowID string) string
}

type fate int

const (
	lives fate = iota
	diesBefore
	diesAfter
)

var errKilled = errors.New("the worker died")

func (k *killer) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &killing{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, k: k}
}

type killing struct {
	interceptor.ActivityInboundInterceptorBase
	k *killer
}

func (i *killing) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	switch i.k.next(activity.GetInfo(ctx).WorkflowExecution.ID) {
	case diesBefore:
		return nil, errKilled
	case diesAfter:
		if _, err := i.Next.ExecuteActivity(ctx, in); err != nil {
			return nil, err
		}
		return nil, errKilled
	case lives:
	}
	return i.Next.ExecuteActivity(ctx, in)
}

func (k *killer) next(workflowID string) fate {
	k.mu.Lock()
	defer k.mu.Unlock()
	of := k.key(workflowID)
	n := k.calls[of]
	k.calls[of]++
	if decide := k.fate[of]; decide != nil {
		return decide(n)
	}
	return lives
}

func (k *killer) count(of string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.calls[of]
}

// fullLifeCalls is how many activity boundaries the full lifecycle has at least; the test
// goes on until it finds one that it doesn't reach.
const fullLifeCalls = 24

func TestAWorkerThatDiesAtAnyActivityBoundaryChangesNothingInTheEnd(t *testing.T) {
	t.Parallel() // each has a server of its own, and mostly waits
	k := &killer{calls: map[string]int{}, fate: map[string]func(int) fate{}}
	var mu sync.Mutex
	teams := map[string]string{} // workflow → lifecycle
	k.key = func(workflowID string) string {
		mu.Lock()
		defer mu.Unlock()
		return teams[workflowID]
	}
	l := live(t, startServer(t), nil, k)
	begin := func(team string, decide func(int) fate) exposure.ID {
		id := l.admitted("web-"+team, team)
		mu.Lock()
		teams[lifecycle.ExposureWorkflowID(id)] = team
		teams[lifecycle.RemediationWorkflowID(lifecycle.RemediationID(team, l.exposure(id).Fix, 1))] = team
		mu.Unlock()
		k.mu.Lock()
		k.fate[team] = decide
		k.mu.Unlock()
		return id
	}
	control := begin("control", nil)
	l.stillThereThenFixed(control)
	l.requireFullEnd(control, "control")
	boundaries := k.count("control")
	require.GreaterOrEqual(t, boundaries, fullLifeCalls)

	ids := map[string]exposure.ID{}
	for n := range boundaries + 2 {
		for _, f := range []fate{diesAfter, diesBefore} {
			if f == diesBefore && n%4 != 0 {
				continue // dying before the work is a mere repetition: some of them will do
			}
			team := fmt.Sprintf("n%d-%d", n, f)
			ids[team] = begin(team, func(call int) fate {
				if call == n {
					return f
				}
				return lives
			})
		}
	}
	ids["always"] = begin("always", func(call int) fate { return []fate{lives, diesAfter, lives, diesBefore}[call%4] })
	var all errgroup.Group
	all.SetLimit(8)
	for _, id := range ids {
		all.Go(func() error { l.stillThereThenFixed(id); return nil })
	}
	require.NoError(t, all.Wait())
	for team, id := range ids {
		l.requireFullEnd(id, team)
	}
	t.Logf("%d boundaries, %d lifecycles", boundaries, len(ids))
}

func TestWorkersThatAreStoppedAgainAndAgainComeToTheSameEnd(t *testing.T) {
	t.Parallel()               // each has a server of its own, and mostly waits
	const stops, apart = 4, 25 // activities between two stops
	stop := make(chan struct{}, stops)
	k := &killer{calls: map[string]int{}, key: func(string) string { return "all" }, fate: map[string]func(int) fate{"all": func(call int) fate {
		if n := call / apart; call%apart == 0 && n > 0 && n <= stops {
			stop <- struct{}{}
		}
		return lives
	}}}
	l := live(t, startServer(t), nil, k)
	ids := map[string]exposure.ID{}
	for n := range 6 {
		team := "team" + strconv.Itoa(n)
		ids[team] = l.admitted("web-"+team, team)
	}
	// What a worker had in hand when it was stopped may be lost on its way to Temporal.
	require.NoError(t, l.client.StartSweep(t.Context(), lifecycle.SweepInput{Every: time.Second}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		var all sync.WaitGroup
		for _, id := range ids {
			all.Go(func() { l.stillThereThenFixed(id) })
		}
		all.Wait()
	}()
	for range stops {
		<-stop
		l.stopWorkers()
		l.startWorkers()
	}
	<-done
	for team, id := range ids {
		l.requireFullEnd(id, team)
	}
}

func TestTemporalsDataLostAndRebuiltFromTheStoreComesToTheSameEnd(t *testing.T) {
	t.Parallel() // each has a server of its own, and mostly waits
	first := startServer(t)
	w := &wakes{}
	l := &living{house: newHouse(t, clock, w)}
	t.Cleanup(l.stopWorkers)
	l.connect(first, w, nil)
	open, claimed := l.admitted("web1", "payments"), l.admitted("web2", "platform")
	for _, id := range []exposure.ID{open, claimed} {
		l.begin(id)
		l.until("the ticket", func() bool { return l.exposure(id).Ticket != "" })
	}
	l.stopWorkers()
	first.stop()
	l.world.fix(open)
	x := l.ticket(open) // and while nothing runs, a person closes the ticket, which nobody hears of
	_, err := l.tracker.Move(l.t.Context(), x.ID, connectors.IssueDone, "bob")
	require.NoError(t, err)

	l.connect(startServer(t), w, nil)
	rebuilt, err := l.acts.Rebuild(l.t.Context())
	require.NoError(t, err)
	require.Equal(t, activities.Rebuilt{Exposures: 2, Remediations: 2}, rebuilt)
	l.until("the proof", l.isIn(open, exposure.Closed))
	l.until("the ticket done", func() bool { return l.remediation(open).Status == lifecycle.RemediationDone })
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "confirmed>open", "ticketed", "claim>fix_claimed", "verify>verifying", "refuted>closed"}, l.story(open))
	require.Equal(t, []string{"discovered>tracked", "admit>validating", "confirmed>open", "ticketed"}, l.story(claimed))
	require.Len(t, l.tickets(), 2)
	require.Equal(t, []string{"ticket"}, l.messages("payments"))
	require.Equal(t, []string{"ticket"}, l.messages("platform"))
}
