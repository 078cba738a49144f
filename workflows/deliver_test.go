package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// desk is a courier with answers that a test gave.
type desk struct {
	s       *skipping
	answers []func(now time.Time) (lifecycle.Delivered, error)
	at      []time.Time
}

func (d *desk) Deliver(context.Context, string, func(string)) (lifecycle.Delivered, error) {
	d.at = append(d.at, d.s.env.Now())
	if len(d.answers) == 0 {
		return lifecycle.Delivered{}, nil
	}
	answer := d.answers[0]
	d.answers = d.answers[1:]
	return answer(d.s.env.Now())
}

func (*desk) Resend(context.Context) (int, error) { return 0, nil }

func TestADeliverySleepsUntilSomethingIsDueAndEndsWhenNothingIs(t *testing.T) {
	s := skip(t)
	d := &desk{s: s, answers: []func(time.Time) (lifecycle.Delivered, error){
		func(time.Time) (lifecycle.Delivered, error) { return lifecycle.Delivered{Sent: 100, More: true}, nil },
		func(time.Time) (lifecycle.Delivered, error) {
			return lifecycle.Delivered{}, fault.New(fault.Conflict, "a defect")
		},
		func(now time.Time) (lifecycle.Delivered, error) {
			return lifecycle.Delivered{Next: now.Add(3 * time.Hour)}, nil
		},
		func(now time.Time) (lifecycle.Delivered, error) {
			return lifecycle.Delivered{Next: now.Add(30 * 24 * time.Hour)}, nil
		},
	}}
	s.acts.Courier = d
	began := s.env.Now()
	s.at(10*time.Hour, func() { s.wakeFor("message") })
	s.env.ExecuteWorkflow(lifecycle.DeliverWorkflow, lifecycle.DeliverInput{Notifier: "slack"})
	require.True(t, s.env.IsWorkflowCompleted())
	require.NoError(t, s.env.GetWorkflowError())
	require.Len(t, d.at, 5)
	require.Less(t, d.at[2].Sub(began), time.Minute, "a failure is tried again")
	require.WithinDuration(t, d.at[2].Add(3*time.Hour), d.at[3], time.Second)
	require.WithinDuration(t, began.Add(10*time.Hour), d.at[4], time.Minute, "a wake is not slept through")
	require.Less(t, s.env.Now().Sub(began), 11*time.Hour)
}
