package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// vendor is a puller of numbered pages that fails as a test says.
type vendor struct {
	pages  int
	export int                                 // polls before the first page is there
	fail   func(call int, cursor string) error // nil: never
	kind   string                              // of intelligence; empty: findings
	full   time.Duration                       // how often it wants everything
	calls  int
	asked  []string
	since  []time.Time
}

func (*vendor) Connector() string                                        { return "vendor" }
func (*vendor) Decode(context.Context, io.Reader, connectors.Sink) error { return nil }
func (v *vendor) FullEvery() time.Duration                               { return v.full }

// Pull implements connectors.Puller.
func (v *vendor) Pull(_ context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	v.calls++
	v.asked, v.since = append(v.asked, req.Cursor), append(v.since, req.Since)
	if v.fail != nil {
		if err := v.fail(v.calls, req.Cursor); err != nil {
			_, _ = io.WriteString(page, "half a page that nobody may see") // it is dropped
			return connectors.Pulled{}, err
		}
	}
	if polls, ok := strings.CutPrefix(req.Cursor, "poll"); ok || req.Cursor == "" && v.export > 0 {
		n, _ := strconv.Atoi(polls) // none yet is zero
		if n < v.export {
			return connectors.Pulled{Next: fmt.Sprint("poll", n+1), Wait: time.Minute}, nil
		}
		req.Cursor = ""
	}
	n := 1
	if req.Cursor != "" {
		n, _ = strconv.Atoi(req.Cursor) // we made it
	}
	if _, err := fmt.Fprintf(page, "page %d\n", n); err != nil {
		return connectors.Pulled{}, err
	}
	if n == v.pages {
		return connectors.Pulled{Run: exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{"vendor:*"}}}, nil
	}
	return connectors.Pulled{Next: strconv.Itoa(n + 1)}, nil
}

// feed is a vendor of intelligence.
type feed struct{ *vendor }

// FeedKind implements connectors.Feed.
func (f feed) FeedKind() string { return f.kind }

func (h *house) pulls(p connectors.Puller) { h.world.set(func(w *world) { w.vendor = p }) }

func (s *skipping) sync() (exposure.Sync, error) {
	s.env.ExecuteWorkflow(lifecycle.SyncWorkflow, lifecycle.SyncInput{Source: "tenable"})
	require.True(s.t, s.env.IsWorkflowCompleted())
	var out exposure.Sync
	err := s.env.GetWorkflowError()
	if err == nil {
		err = s.env.GetWorkflowResult(&out)
	}
	return out, err
}

// delivered gives the manifest of the one delivery of the source and its pages' text.
func (h *house) delivered() (exposure.Manifest, string) {
	h.t.Helper()
	waiting, err := h.store.NextDeliveries(h.t.Context(), "tenable", 10)
	require.NoError(h.t, err)
	require.Len(h.t, waiting, 1)
	require.Equal(h.t, exposure.ViaPull, waiting[0].Via)
	var m exposure.Manifest
	require.NoError(h.t, json.Unmarshal(h.blob(waiting[0].Body), &m))
	var text bytes.Buffer
	for _, page := range m.Pages {
		text.Write(h.blob(page))
	}
	return m, text.String()
}

func (h *house) blob(sha string) []byte {
	h.t.Helper()
	r, err := h.store.Blob(h.t.Context(), sha)
	require.NoError(h.t, err)
	text, err := io.ReadAll(r)
	require.NoError(h.t, err)
	require.NoError(h.t, r.Close())
	return text
}

func TestASyncPullsAllPagesIntoOneDelivery(t *testing.T) {
	s := skip(t)
	v := &vendor{pages: 3, export: 2}
	s.pulls(v)
	began := s.env.Now()
	done, err := s.sync()
	require.NoError(t, err)
	require.Equal(t, exposure.SyncDone, done.Status)
	require.Equal(t, 3, done.Pages)
	require.Equal(t, []string{"", "poll1", "poll2", "2", "3"}, v.asked)
	require.GreaterOrEqual(t, s.env.Now().Sub(began), 2*time.Minute, "it waits for the export by a timer")
	m, text := s.delivered()
	require.Equal(t, "page 1\npage 2\npage 3\n", text)
	require.True(t, m.Run.Complete)
	require.Equal(t, []string{"vendor:*"}, m.Run.Checks)
	require.Equal(t, done.Started, m.Run.Finished, "what changed while we read may be missing")
	require.True(t, s.woken.has("source/tenable"))
}

func TestAVendorWhoAsksToWaitIsLeftAloneForSoLong(t *testing.T) {
	s := skip(t)
	v := &vendor{pages: 2, fail: func(call int, _ string) error {
		switch call {
		case 1:
			return &fault.Error{Kind: fault.Throttled, Msg: "wait", RetryAfter: 7 * time.Minute}
		case 3, 4: // it doesn't say for how long
			return fault.New(fault.Throttled, "wait")
		}
		return nil
	}}
	s.pulls(v)
	began := s.env.Now()
	_, err := s.sync()
	require.NoError(t, err)
	require.Equal(t, []string{"", "", "2", "2", "2"}, v.asked, "nothing is fetched twice")
	require.GreaterOrEqual(t, s.env.Now().Sub(began), 7*time.Minute+90*time.Second)
	_, text := s.delivered()
	require.Equal(t, "page 1\npage 2\n", text)
}

func TestASyncThatFailsDeliversWhatItSawAndProvesNothing(t *testing.T) {
	s := skip(t)
	s.pulls(&vendor{pages: 3, fail: func(_ int, cursor string) error {
		if cursor == "3" {
			return fault.New(fault.Denied, "the vendor answered 403: check what the key may do")
		}
		return nil
	}})
	_, err := s.sync()
	require.ErrorContains(t, err, "check what the key may do")
	m, text := s.delivered()
	require.Equal(t, "page 1\npage 2\n", text)
	require.False(t, m.Run.Complete)
	require.Contains(t, m.Run.Why, "403")
	page, err := s.store.Syncs(t.Context(), "tenable", exposure.List{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, exposure.SyncFailed, page.Items[0].Status)
	require.Contains(t, page.Items[0].Error, "403")
}

func TestASyncThatFailsAtOnceDeliversNothing(t *testing.T) {
	s := skip(t)
	s.pulls(&vendor{pages: 1, fail: func(int, string) error { return fault.New(fault.Denied, "no") }})
	_, err := s.sync()
	require.Error(t, err)
	waiting, err := s.store.NextDeliveries(t.Context(), "tenable", 10)
	require.NoError(t, err)
	require.Empty(t, waiting)
}

func TestAVendorWhoForgetsWhereWeWereIsAskedAnew(t *testing.T) {
	s := skip(t)
	v := &vendor{pages: 3}
	v.fail = func(call int, _ string) error {
		if call == 3 {
			return fmt.Errorf("chunk 3: %w", connectors.ErrExpired)
		}
		return nil
	}
	s.pulls(v)
	_, err := s.sync()
	require.NoError(t, err)
	require.Equal(t, []string{"", "2", "3", "", "2", "3"}, v.asked)
	_, text := s.delivered()
	require.Equal(t, "page 1\npage 2\npage 3\n", text)
}

func TestAVendorWhoAlwaysForgetsIsGivenUp(t *testing.T) {
	s := skip(t)
	s.pulls(&vendor{pages: 3, fail: func(_ int, cursor string) error {
		if cursor == "3" {
			return connectors.ErrExpired
		}
		return nil
	}})
	_, err := s.sync()
	require.ErrorContains(t, err, "forgot where we were")
}

func TestPagesThatGoRoundInCirclesEndTheSync(t *testing.T) {
	s := skip(t)
	s.pulls(circle{&vendor{}})
	_, err := s.sync()
	require.ErrorContains(t, err, "round in circles")
}

type circle struct{ *vendor }

func (circle) Pull(_ context.Context, _ connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	_, err := io.WriteString(page, "again")
	return connectors.Pulled{Next: "again"}, err
}

func TestAnIncrementalSyncAsksForWhatChangedUntilEverythingIsDue(t *testing.T) {
	s := skip(t)
	v := &vendor{pages: 1, full: 24 * time.Hour}
	s.pulls(v)
	step := func(name string) exposure.Sync {
		in := lifecycle.SyncInput{Source: "tenable", Sync: name}
		x, err := s.acts.BeginSync(t.Context(), in)
		require.NoError(t, err)
		again, err := s.acts.BeginSync(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, x, again, "the same sync begins once")
		report, err := s.acts.Pull(t.Context(), in)
		require.NoError(t, err)
		require.True(t, report.Done)
		x, err = s.acts.EndSync(t.Context(), lifecycle.SyncEnd{Source: "tenable", Sync: name})
		require.NoError(t, err)
		return x
	}
	first := step("1")
	require.True(t, first.Full())
	s.acts.Now = func() time.Time { return first.Started.Add(time.Hour) }
	second := step("2")
	require.Equal(t, first.Started.Add(-10*time.Minute), second.Since)
	m, err := s.store.Delivery(t.Context(), second.Delivery)
	require.NoError(t, err)
	var manifest exposure.Manifest
	require.NoError(t, json.Unmarshal(s.blob(m.Body), &manifest))
	require.False(t, manifest.Run.Complete, "who asks for changes alone has not looked at everything")
	require.Equal(t, exposure.RunPartial, manifest.Run.Kind)

	s.acts.Now = func() time.Time { return first.Started.Add(25 * time.Hour) }
	require.True(t, step("3").Full())

	from := first.Started.Add(-30 * 24 * time.Hour).Truncate(time.Second)
	require.NoError(t, s.store.PutSetting(t.Context(), activities.BackfillKey("tenable"), []byte(from.Format(time.RFC3339))))
	require.Equal(t, from, step("4").Since, "a person asks for a month")
	require.NotEqual(t, from, step("5").Since, "once")
}

func TestIntelligenceThatIsPulledIsImportedAndNotDelivered(t *testing.T) {
	s := skip(t)
	var got []string
	s.pulls(feed{&vendor{pages: 2, kind: "kev"}})
	s.acts.Import = func(_ context.Context, kind string, body io.Reader, by string) error {
		text, err := io.ReadAll(body)
		got = append(got, kind+" "+by+" "+string(text))
		return err
	}
	done, err := s.sync()
	require.NoError(t, err)
	require.Empty(t, done.Delivery)
	require.Equal(t, []string{"kev source:tenable page 1\npage 2\n"}, got)
}

func TestASourceThatIsNotPulledAnyMoreEndsItsSync(t *testing.T) {
	s := skip(t)
	s.acts.Syncs = s.store
	s.acts.Pulls = func(string) (connectors.Puller, error) {
		return nil, fault.New(fault.NotFound, "not in the configuration")
	}
	_, err := s.sync()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
}
