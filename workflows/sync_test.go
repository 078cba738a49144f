package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	"github.com/quellsec/quell/internal/store"
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

// dying is a store that dies at one of its writes, before or after it.
type dying struct {
	*store.Store
	at, calls int
	after     bool
}

var errDied = errors.New("died")

func (d *dying) dies(write func() error) error {
	d.calls++
	if d.calls != d.at {
		return write()
	}
	if d.after {
		if err := write(); err != nil {
			return err
		}
	}
	return errDied
}

func (d *dying) AddStep(ctx context.Context, x exposure.SyncStep, page io.Reader, limit int64) (out exposure.SyncStep, err error) {
	err = d.dies(func() error { out, err = d.Store.AddStep(ctx, x, page, limit); return err })
	return out, err
}

func (d *dying) PutSync(ctx context.Context, x exposure.Sync) error {
	return d.dies(func() error { return d.Store.PutSync(ctx, x) })
}

func (d *dying) DropSteps(ctx context.Context, x exposure.Sync) error {
	return d.dies(func() error { return d.Store.DropSteps(ctx, x) })
}

func (d *dying) AcceptDelivery(ctx context.Context, x exposure.Delivery, body io.Reader) (out exposure.Delivery, fresh bool, err error) {
	err = d.dies(func() error { out, fresh, err = d.Store.AcceptDelivery(ctx, x, body); return err })
	return out, fresh, err
}

// TestASyncThatDiesAtAnyWriteEndsInTheSamePages has the activities die before and after
// every write and be run again, as Temporal does.
func TestASyncThatDiesAtAnyWriteEndsInTheSamePages(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			h := newHouse(t, func() time.Time { return time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC) }, nil)
			v := &vendor{pages: 3, export: 1}
			d := &dying{Store: h.store, at: at, after: after}
			h.pulls(v)
			h.acts.Syncs = d
			in := lifecycle.SyncInput{Source: "tenable", Sync: "s"}
			again := func(do func() error) {
				err := do()
				if errors.Is(err, errDied) {
					err = do()
				}
				require.NoError(t, err)
			}
			again(func() error { _, err := h.acts.BeginSync(t.Context(), in); return err })
			for done := false; !done; {
				again(func() error {
					report, err := h.acts.Pull(t.Context(), in)
					done = report.Done
					return err
				})
			}
			again(func() error {
				_, err := h.acts.EndSync(t.Context(), lifecycle.SyncEnd{Source: "tenable", Sync: "s"})
				return err
			})
			_, text := h.delivered()
			require.Equal(t, "page 1\npage 2\npage 3\n", text, "write %d", at)
			require.LessOrEqual(t, v.calls, 5, "at most the one call that wasn't recorded is made again")
			x, err := h.store.Sync(t.Context(), "tenable", "s")
			require.NoError(t, err)
			require.Equal(t, exposure.SyncDone, x.Status)
			if d.calls < at {
				require.Greater(t, at, 8, "the writes were counted")
				break
			}
		}
	}
}

// TestAManifestThatIsDeliveredTwiceIsOneDelivery has the end of a sync die between the
// delivery and the note of it, and be run again after the delivery was worked on.
func TestAManifestThatIsDeliveredTwiceIsOneDelivery(t *testing.T) {
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	h := newHouse(t, func() time.Time { return now }, nil)
	h.pulls(&vendor{pages: 2})
	d := &dying{Store: h.store}
	h.acts.Syncs = d
	in := lifecycle.SyncInput{Source: "tenable", Sync: "s"}
	_, err := h.acts.BeginSync(t.Context(), in)
	require.NoError(t, err)
	report, err := h.acts.Pull(t.Context(), in)
	require.NoError(t, err)
	require.True(t, report.Done)

	d.at = d.calls + 2 // the write after the delivery's
	_, err = h.acts.EndSync(t.Context(), lifecycle.SyncEnd{Source: "tenable", Sync: "s"})
	require.ErrorIs(t, err, errDied)
	x, err := h.store.Sync(t.Context(), "tenable", "s")
	require.NoError(t, err)
	require.Equal(t, exposure.SyncRunning, x.Status)
	first, _ := h.delivered()
	waiting, err := h.store.NextDeliveries(t.Context(), "tenable", 1)
	require.NoError(t, err)
	worked := waiting[0]
	worked.Status, worked.Counts = exposure.DeliveryDone, map[string]int64{"created": 2}
	require.NoError(t, h.store.PutDelivery(t.Context(), worked))

	now = now.Add(time.Hour)
	for range 2 {
		x, err = h.acts.EndSync(t.Context(), lifecycle.SyncEnd{Source: "tenable", Sync: "s"})
		require.NoError(t, err)
		require.Equal(t, exposure.SyncDone, x.Status)
		require.Equal(t, worked.ID, x.Delivery)
	}
	all, err := h.store.FindDeliveries(t.Context(), "tenable", "", exposure.List{})
	require.NoError(t, err)
	require.Equal(t, []exposure.Delivery{worked}, all.Items, "nothing is worked on again")
	var manifest exposure.Manifest
	require.NoError(t, json.Unmarshal(h.blob(worked.Body), &manifest))
	require.Equal(t, first, manifest)
	_, left, err := h.store.LastStep(t.Context(), x)
	require.NoError(t, err)
	require.False(t, left)
}
