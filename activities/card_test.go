package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// chat is a notifier that remembers what it was told and shown.
type chat struct {
	told  []connectors.Message
	shown []connectors.Card
}

func (*chat) Connector() string { return "chat" }

func (c *chat) Notify(_ context.Context, m connectors.Message) error {
	c.told = append(c.told, m)
	return nil
}

func (c *chat) Show(_ context.Context, _ string, card connectors.Card, _ []connectors.Action) error {
	c.shown = append(c.shown, card)
	return nil
}

func TestAMessageOnATicketCarriesItsCardAndWhatCanBeDecided(t *testing.T) {
	r := newRig(t, nil)
	c := &chat{}
	r.Notifier = c
	r.Waker = asleep{}
	l := &life{rig: r, id: r.validating()}
	l.at.Store(-1)
	l.probed(exposure.Confirmed)
	l.step(l.Join)
	l.remediate()
	require.Len(t, c.told, 1)
	m := c.told[0]
	require.Equal(t, "ticket", m.Kind)
	require.Equal(t, r.exposureNow(l.id).RemediationID, m.Thread)
	require.Equal(t, "1 of 1 live", m.Card.State)
	require.Equal(t, "web1", m.Card.Where)
	require.Equal(t, "act", m.Card.Decision)
	require.True(t, m.Urgent, "it must be acted on now")
	require.Equal(t, connectors.Action{Kind: "fix_claimed", Subject: "remediation:" + m.Thread, Label: "Fixed", Primary: true}, m.Actions[0])
	require.NotEmpty(t, c.shown)
	require.Equal(t, m.Card.State, c.shown[0].State)
}

func TestOfTheSameMembersTheCardIsTheSame(t *testing.T) {
	due := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	members := []member{{id: "a", asset: "web1", state: exposure.Open, due: due, severity: exposure.SeverityHigh, outcome: exposure.Attend, why: []string{"1", "2", "3", "4", "5"}},
		{id: "b", asset: "web2", state: exposure.FixClaimed, claimed: true}, {id: "c", asset: "web2", state: exposure.Closed}, {id: "d", asset: "web3", state: exposure.Accepted}}
	rem := &lifecycle.Remediation{ID: "r-1", Owner: "web", Ticket: "QT-1", TicketURL: "https://x/QT-1"}
	card := cardOf(rem, members)
	require.Equal(t, card, cardOf(rem, members))
	require.Equal(t, "2 of 4 live, 1 claimed fixed, 1 closed with proof, 1 accepted, mitigated or dismissed", card.State)
	require.Equal(t, "web1 and 2 more", card.Where)
	require.Equal(t, due, card.Due)
	require.Len(t, card.Why, 4)
	require.False(t, card.Done)
	require.True(t, cardOf(rem, members[2:]).Done)
}

func TestWhatIsUrgent(t *testing.T) {
	for _, kind := range []string{"ticket", "escalation", "reopened", "unowned"} {
		require.True(t, pressing(kind, exposure.Act), kind)
		require.False(t, pressing(kind, exposure.Attend), kind)
	}
	require.True(t, pressing("breaker", ""))
	require.False(t, pressing("reminder", exposure.Act))
	require.Empty(t, actionsFor("source", "exposure:x"))
}

// shelf is what is kept, by how old it is.
type shelf map[string]time.Time

func (s shelf) remove(name string, before time.Time) (int, error) {
	s[name] = before
	return 1, nil
}

func (s shelf) PruneMessages(_ context.Context, t time.Time) (int, error) {
	return s.remove("messages", t)
}
func (s shelf) PruneThreads(_ context.Context, t time.Time) (int, error) {
	return s.remove("threads", t)
}
func (s shelf) PruneInbox(_ context.Context, t time.Time) (int, error) { return s.remove("inbox", t) }
func (s shelf) PrunePresses(_ context.Context, t time.Time) (int, error) {
	return s.remove("presses", t)
}
func (s shelf) PruneBlobs(_ context.Context, t time.Time) (int, error) { return s.remove("blobs", t) }

func TestWhatWasKeptLongEnoughIsRemovedOnceADay(t *testing.T) {
	r := newRig(t, nil)
	kept := shelf{}
	r.Keeper, r.Keep = kept, Keep{Messages: 90 * day, Threads: 30 * day, Inbox: day, Presses: 2 * day}
	report, err := r.Sweep(t.Context(), SweepRequest{})
	require.NoError(t, err)
	require.Equal(t, 4, report.Removed)
	require.Equal(t, shelf{"messages": r.clock.Add(-90 * day), "threads": r.clock.Add(-30 * day), "inbox": r.clock.Add(-day), "presses": r.clock.Add(-2 * day)}, kept, "blobs are kept for ever")
	again, err := r.Sweep(t.Context(), SweepRequest{Pruned: report.Pruned})
	require.NoError(t, err)
	require.Zero(t, again.Removed)
	r.clock = r.clock.Add(day)
	again, err = r.Sweep(t.Context(), SweepRequest{Pruned: report.Pruned})
	require.NoError(t, err)
	require.Equal(t, 4, again.Removed)
}
