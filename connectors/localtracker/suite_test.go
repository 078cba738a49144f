package localtracker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/trackertest"
	"github.com/quellsec/quell/internal/lifecycle"
)

// desk is the built-in tracker's store, and the people who use it.
type desk struct {
	*memory
	tb      testing.TB
	tracker *Tracker
}

func (d *desk) find(key string) lifecycle.Ticket {
	d.tb.Helper()
	x, err := d.Ticket(d.tb.Context(), key)
	require.NoError(d.tb, err)
	return x
}

// Made implements trackertest.Ledger.
func (d *desk) Made() []string { return d.made }

// Writes implements trackertest.Ledger.
func (d *desk) Writes() int { return d.writes }

// Shown implements trackertest.Ledger. The pages show Markdown as it is written.
func (d *desk) Shown(key string) trackertest.Shown {
	x := d.find(key)
	out := trackertest.Shown{Title: x.Title, Text: x.Description, Priority: x.Priority, Status: connectors.IssueStatus(x.Status)}
	if !x.Due.IsZero() {
		out.Due = x.Due.Format(time.DateOnly)
	}
	for _, c := range x.Comments {
		out.Comments = append(out.Comments, c.Text)
	}
	return out
}

// Move implements trackertest.Person.
func (d *desk) Move(key string, to connectors.IssueStatus, by string) {
	_, err := d.tracker.Move(d.tb.Context(), key, to, by)
	require.NoError(d.tb, err)
}

// Say implements trackertest.Person.
func (d *desk) Say(key, text, by string) {
	_, err := d.tracker.Say(d.tb.Context(), key, text, by, "")
	require.NoError(d.tb, err)
}

func TestTheBuiltInTrackerBehavesAsEveryTrackerDoes(t *testing.T) {
	const (
		noFields = "people move tickets and comment on them, and change nothing else"
		noMore   = "its store keeps every ticket where it is"
		noHTTP   = "there is no network in between"
	)
	trackertest.Run(t, func(tb testing.TB) *trackertest.Harness {
		tb.Helper()
		tr, m, now := tracker()
		return &trackertest.Harness{
			Tracker: tr, Vendor: &desk{memory: m, tb: tb, tracker: tr},
			Now: func() time.Time { return *now }, Advance: func(d time.Duration) { *now = now.Add(d) },
			Lacks: map[string]string{
				"editor": noFields, "prose": noFields, "assignees": noFields, "remover": noMore, "mover": noMore, "cloner": noMore, "denier": noMore,
				"faulty": noHTTP, "hooked": noHTTP, "checker": "there is nothing to set up", "filed": "evidence is in the same store",
				"changing": "who moves a ticket wakes its remediation",
			},
		}
	})
}
