package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

func (s *skipping) ingest() error {
	s.env.ExecuteWorkflow(lifecycle.IngestWorkflow, lifecycle.IngestInput{Source: "nessus-dc1"})
	require.True(s.t, s.env.IsWorkflowCompleted())
	return s.env.GetWorkflowError()
}

func TestAnIngestDrainsItsSourceAndEndsWhenNothingComes(t *testing.T) {
	s := skip(t)
	s.world.drains = []activities.Drained{{Deliveries: 20, More: true}, {Deliveries: 20, More: true}, {Deliveries: 3}}
	began := s.env.Now()
	require.NoError(t, s.ingest())
	require.Equal(t, 3, s.world.drained)
	require.Less(t, s.env.Now().Sub(began), time.Minute)
}

func TestADeliveryThatComesInTheLullIsTakenInByTheSameIngest(t *testing.T) {
	s := skip(t)
	s.at(5*time.Second, func() {
		for range 50 { // many deliveries, one look
			s.wakeFor("delivery")
		}
	})
	require.NoError(t, s.ingest())
	require.Greater(t, s.world.drained, 1)
	require.LessOrEqual(t, s.world.drained, 3, "wakes that come during a look are answered by the next one together")
}

func TestAnIngestSurvivesAFailureThatTryingAgainAtOnceWouldNotMend(t *testing.T) {
	s := skip(t)
	s.world.drainErr = fault.New(fault.Conflict, "a defect")
	require.NoError(t, s.ingest())
	require.Equal(t, 2, s.world.drained)
}
