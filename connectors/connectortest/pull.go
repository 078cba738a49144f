package connectortest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Synced is what a sync came to: its pages, and all that decoding them in order emitted.
type Synced struct {
	Recorder
	Pages  [][]byte
	Run    exposure.Run // what the puller says of the whole
	Waits  []time.Duration
	Faults int // how often a step had to be asked for again
}

// mostSteps ends a sync that never ends.
const mostSteps = 2000

// Sync pulls all pages as the Sync workflow does: each step by a new instance, as if the
// worker had been killed after every page; a step that fails for now is asked for again at
// the same cursor, and an expired cursor begins anew. Then it decodes the pages in order.
func Sync(tb testing.TB, reg connectors.Registration, config any, client *http.Client, since time.Time) *Synced {
	tb.Helper()
	out := &Synced{}
	req := connectors.PullRequest{Since: since}
	for range mostSteps {
		var page bytes.Buffer
		step, err := puller(tb, reg, config, client).Pull(tb.Context(), req, &page)
		switch {
		case errors.Is(err, connectors.ErrExpired):
			out.Pages, req.Cursor = nil, ""
			out.Faults++
			continue
		case fault.Is(err, fault.Throttled), fault.Is(err, fault.Unavailable):
			out.Faults++
			continue
		}
		require.NoError(tb, err, "at cursor %q", req.Cursor)
		require.LessOrEqual(tb, len(step.Next), connectors.MaxCursor)
		if page.Len() > 0 {
			out.Pages = append(out.Pages, page.Bytes())
		}
		if step.Wait > 0 {
			out.Waits = append(out.Waits, step.Wait)
		}
		if step.Next == "" {
			out.Run = step.Run
			out.decode(tb, reg, config)
			return out
		}
		require.True(tb, step.Next != req.Cursor || step.Wait > 0, "cursor %q leads to itself without a wait", step.Next)
		req.Cursor = step.Next
	}
	require.Fail(tb, "the sync does not end")
	return nil
}

// decode decodes the pages, of a feed of intelligence none: those are for priority.
func (s *Synced) decode(tb testing.TB, reg connectors.Registration, config any) {
	tb.Helper()
	if !decodes(tb, reg) {
		return
	}
	for i, page := range s.Pages {
		require.NoError(tb, Open(tb, reg, config).Decode(tb.Context(), bytes.NewReader(page), &s.Recorder), "page %d", i)
		if why := s.Last().Why; why != "" && why != connectors.OnePage && !s.Last().Complete {
			s.Run.Complete, s.Run.Why = false, why
		}
	}
	for _, obs := range s.Observed {
		CheckObservation(tb, obs)
	}
	for _, cov := range s.Covered {
		CheckDescription(tb, &cov.Asset)
	}
}

func puller(tb testing.TB, reg connectors.Registration, config any, client *http.Client) connectors.Puller {
	tb.Helper()
	in, err := reg.Open(connectors.Env{Source: "test-source", HTTP: client, Now: func() time.Time { return time.Unix(1_700_000_000, 0).UTC() }}, config)
	require.NoError(tb, err)
	p, ok := in.(connectors.Puller)
	require.True(tb, ok, "%s pulls", reg.Name)
	return p
}

// ConformPuller holds a puller to the contract over a replay, which is made anew for each
// part: whatever goes wrong on the way, at whatever request, the sync ends in the same
// set; each refusal gets its kind; no error shows a secret of the configuration, which
// must be "hunter2hunter2" wherever the configuration has one. It gives what the sync came
// to.
func ConformPuller(t *testing.T, reg connectors.Registration, config any, replay func(t *testing.T) *Replay) *Synced {
	t.Helper()
	plain := replay(t)
	want := Sync(t, reg, config, plain.Client(), time.Time{})
	requests := plain.Requests()
	require.Positive(t, requests)

	for name, kind := range map[string]Fault{"429": Throttle, "500": ServerError, "503": Unready, "short read": ShortRead, "refused": Refuse} {
		t.Run("the same set after "+name+" at every request", func(t *testing.T) {
			for at := range min(requests, 60) {
				p := replay(t)
				p.FaultAt = func(n int) Fault {
					if n == at {
						return kind
					}
					return NoFault
				}
				got := Sync(t, reg, config, p.Client(), time.Time{})
				require.ElementsMatch(t, set(t, &want.Recorder), set(t, &got.Recorder), "request %d", at)
				require.Equal(t, want.Run, got.Run, "request %d", at)
				if !decodes(t, reg) {
					require.Equal(t, want.Pages, got.Pages, "request %d", at)
				}
			}
		})
	}
	t.Run("each refusal has its kind and shows no secret", func(t *testing.T) {
		for kind, want := range map[Fault]fault.Kind{
			Throttle: fault.Throttled, ServerError: fault.Unavailable, Unready: fault.Unavailable, Refuse: fault.Unavailable,
			Unauthorized: fault.Denied, Forbidden: fault.Denied, Missing: fault.NotFound,
		} {
			p := replay(t)
			p.FaultAt = func(int) Fault { return kind }
			var page bytes.Buffer
			_, err := puller(t, reg, config, p.Client()).Pull(t.Context(), connectors.PullRequest{}, &page)
			require.Equal(t, want, fault.KindOf(err), "%v: %v", kind, err)
			require.NotContains(t, err.Error(), "hunter2")
			if kind == Throttle {
				require.Equal(t, 7*time.Second, fault.RetryAfter(err))
			}
		}
	})
	t.Run("cancellation stops it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var page bytes.Buffer
		_, err := puller(t, reg, config, replay(t).Client()).Pull(ctx, connectors.PullRequest{}, &page)
		require.ErrorIs(t, err, context.Canceled)
	})
	return want
}
