package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// newTrackerRig is a rig with one tracker whose calls begin with "good", and what it heard.
func newTrackerRig(t *testing.T) (*rig, *[]lifecycle.TicketChange, *error) {
	t.Helper()
	heard, down := &[]lifecycle.TicketChange{}, new(error)
	r := newRig(t, func(d *Deps) {
		d.TrackerHook = func(name string) (TrackerHook, bool) {
			return TrackerHook{Name: "jira", Verifier: verifier{}, Rate: 0.5, Burst: 3, MaxBody: 1 << 10, Ticket: func(header http.Header, body []byte) (lifecycle.TicketChange, bool) {
				key, ours := strings.CutPrefix(string(body), "good ours ")
				return lifecycle.TicketChange{Key: key, Cause: header.Get("X-Change")}, ours
			}}, name == "jira"
		}
		d.TicketChanged = func(_ context.Context, c lifecycle.TicketChange) error {
			if *down == nil {
				*heard = append(*heard, c)
			}
			return *down
		}
	})
	return r, heard, down
}

func TestATrackersCallIsHeardOnceItHasShownItsSignature(t *testing.T) {
	r, heard, _ := newTrackerRig(t)
	one := refused(t, r.ask(http.MethodPost, "/hooks/trackers/jira", "", "bad"), http.StatusUnauthorized)
	none := refused(t, r.ask(http.MethodPost, "/hooks/trackers/other", "", "bad"), http.StatusUnauthorized)
	require.Equal(t, one.Detail, none.Detail, "a stranger doesn't learn which trackers there are")
	require.NotContains(t, one.Detail, "a secret reason")
	require.Empty(t, *heard)

	ours := into[Heard](t, r.ask(http.MethodPost, "/hooks/trackers/jira", "", "good ours PAY-1", "X-Vendor-Id", "call-7"), http.StatusAccepted)
	require.Equal(t, []lifecycle.TicketChange{{Tracker: "jira", Key: "PAY-1", Cause: "call-7"}}, *heard, "without an ID of the change, the call's own is its cause")
	other := into[Heard](t, r.ask(http.MethodPost, "/hooks/trackers/jira", "", "good: somebody else's"), http.StatusAccepted)
	require.Equal(t, ours, other)
	require.Len(t, *heard, 1)
	into[Heard](t, r.ask(http.MethodPost, "/hooks/trackers/jira", "", "good ours PAY-1", "X-Vendor-Id", "call-8", "X-Change", "c1"), http.StatusAccepted)
	require.Equal(t, "c1", (*heard)[1].Cause)
	answer := r.ask(http.MethodPost, "/hooks/trackers/jira", "", "good ours PAY-1")
	require.Equal(t, fault.Throttled, refused(t, answer, http.StatusTooManyRequests).Code)
	require.Equal(t, "2", answer.Header().Get("Retry-After"))
	require.Empty(t, r.deliveries, "it is no delivery")
}

func TestATrackersCallThatCannotBeKeptIsToBeSentAgain(t *testing.T) {
	r, heard, down := newTrackerRig(t)
	*down = fault.New(fault.Unavailable, "the store is away")
	refused(t, r.ask(http.MethodPost, "/hooks/trackers/jira", "", "good ours PAY-1"), http.StatusServiceUnavailable)
	*down = nil
	refused(t, r.ask(http.MethodPost, "/hooks/trackers/jira", "", "good"+strings.Repeat("x", 1<<10)), http.StatusRequestEntityTooLarge)
	refused(t, r.ask(http.MethodPost, "/hooks/trackers/jira", "", "good", "Content-Encoding", "gzip"), http.StatusUnsupportedMediaType)
	require.Empty(t, *heard)
}
