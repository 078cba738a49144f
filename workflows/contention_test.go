package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

func TestAPersonWhoClosesTheTicketWhileItIsBeingWrittenIsHeard(t *testing.T) {
	s := skip(t)
	one := s.joined("web1", "payments")
	contended := &contended{Tracker: s.tracker}
	s.acts.Trackers["local"] = contended
	var two exposure.ID
	s.at(day, func() {
		// What the ticket says changes, and bob closes it between our look and our write.
		two = s.joined("web2", "payments")
		contended.before = func(ctx context.Context, key string) {
			_, err := s.tracker.Move(ctx, key, connectors.IssueDone, "bob")
			require.NoError(t, err)
		}
		s.wakeFor("joined")
	})
	s.at(day+time.Minute, func() {
		require.Nil(t, contended.before, "the ticket was written")
		require.Equal(t, "done", s.ticket(one).Status, "what bob did stands")
		require.Contains(t, s.ticket(one).Title, "2 assets", "and so does what we wrote")
		s.wakeFor("ticket")
	})
	s.at(day+2*time.Minute, func() {
		for _, id := range []exposure.ID{one, two} {
			require.NotNil(t, s.exposure(id).Claim, "it is taken as a claim")
			require.Equal(t, "bob", s.exposure(id).Claim.By)
		}
	})
	require.True(t, workflow.IsContinueAsNewError(s.remediate(one)))
}

// contended is a tracker where something happens just before a write of ours arrives.
type contended struct {
	connectors.Tracker
	before func(ctx context.Context, key string) // once
}

func (c *contended) Update(ctx context.Context, issue connectors.Issue, cause string) (connectors.Issue, error) {
	if before := c.before; before != nil {
		c.before = nil
		before(ctx, issue.Key)
	}
	return c.Tracker.Update(ctx, issue, cause)
}
