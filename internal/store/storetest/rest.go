package storetest

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/store"
)

func rest(t *testing.T, address func(t *testing.T) string) {
	t.Helper()
	s := Open(t, address(t))
	ctx := t.Context()

	t.Run("a sighting is the last one put, per source and asset", func(t *testing.T) {
		one := exposure.Sighting{Source: "a", Asset: "01A", Run: "1", CheckedAt: epoch, Keys: []byte{0, 1, 255}, Version: 1}
		require.NoError(t, s.PutSightings(ctx, []exposure.Sighting{one, {Source: "b", Asset: "01A", CheckedAt: epoch}, {Source: "a", Asset: "01B", CheckedAt: epoch}}))
		one.Run, one.Version = "2", 2
		require.NoError(t, s.PutSightings(ctx, []exposure.Sighting{one}))
		got, err := s.Sightings(ctx, "a", []asset.ID{"01A", "01C"})
		require.NoError(t, err)
		one.ID = "a|01A"
		require.Equal(t, map[asset.ID]exposure.Sighting{"01A": one}, got)
		n := 0
		require.NoError(t, s.EachSighting(ctx, "a", func(x exposure.Sighting) error {
			n++
			return s.PutSightings(ctx, []exposure.Sighting{x}) // writing while reading does not lock up
		}))
		require.Equal(t, 2, n)
		of, err := s.SightingsOf(ctx, "01A")
		require.NoError(t, err)
		require.Len(t, of, 2)
	})

	t.Run("runs are listed newest first", func(t *testing.T) {
		for i, id := range []string{"one", "two", "three"} {
			require.NoError(t, s.PutRun(ctx, exposure.Run{ID: id, Source: "a", Finished: day(1 + i)}))
		}
		page, err := s.Runs(ctx, "a", exposure.List{Limit: 2})
		require.NoError(t, err)
		require.Equal(t, "three", page.Items[0].ID)
		page, err = s.Runs(ctx, "a", exposure.List{Limit: 2, Cursor: page.Next})
		require.NoError(t, err)
		require.Equal(t, "one", page.Items[0].ID)
		r, err := s.Run(ctx, "a", "two")
		require.NoError(t, err)
		require.Equal(t, day(2), r.Finished)
	})

	t.Run("an asset's history is kept once and in order", func(t *testing.T) {
		evs := []asset.Event{
			{Asset: "01A", Seq: 2, Kind: asset.EventMerged, Other: "01B", Why: "same serial", At: epoch.Add(time.Second), Cause: strings.Repeat("long", 1000)},
			{Asset: "01A", Seq: 1, Kind: asset.EventCreated, Why: "new", At: epoch, Cause: "delivery/1"},
		}
		for range 2 {
			require.NoError(t, s.RecordAssetEvents(ctx, evs))
		}
		got, err := s.AssetEvents(ctx, "01A")
		require.NoError(t, err)
		require.Equal(t, []asset.Event{evs[1], evs[0]}, got)
	})

	mobilized(t, s)
	kept(t, s)
}

// mobilized are the documents of tickets and messages.
func mobilized(t *testing.T, s *store.Store) {
	t.Helper()
	t.Run("sixteen who begin one remediation begin the same", func(t *testing.T) { begunRemediation(t, s) })
	t.Run("an intent is written once and done once", func(t *testing.T) { intents(t, s) })
	t.Run("tickets and messages", func(t *testing.T) { ticketsAndMessages(t, s) })
}

func begunRemediation(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	var group errgroup.Group
	began := make([]bool, writers)
	for n := range writers {
		group.Go(func() error {
			r, fresh, err := s.ClaimRemediation(ctx, lifecycle.Remediation{ID: "rem", Version: 1, Owner: "web", Status: lifecycle.RemediationOpen, Due: day(2), CreatedAt: epoch, UpdatedAt: epoch})
			began[n] = fresh
			if err == nil && r.Owner != "web" {
				return io.ErrUnexpectedEOF
			}
			return err
		})
	}
	require.NoError(t, group.Wait())
	count := 0
	for _, b := range began {
		if b {
			count++
		}
	}
	require.Equal(t, 1, count)
	r, err := s.Remediation(ctx, "rem")
	require.NoError(t, err)
	r.Version, r.Ticket, r.Wake, r.WakeAt = 2, "QT-1", true, day(1)
	ok, err := s.SwapRemediation(ctx, r)
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = s.SwapRemediation(ctx, r)
	require.NoError(t, err)
	require.False(t, ok)
	for f, want := range map[lifecycle.RemediationFilter]int{
		{}: 1, {Owner: "web", Status: lifecycle.RemediationOpen}: 1, {Status: lifecycle.RemediationDone}: 0,
		{WakeBefore: day(2)}: 1, {WakeBefore: day(1)}: 0, {DueBefore: day(2)}: 0, {DueBefore: day(3)}: 1,
	} {
		page, err := s.FindRemediations(ctx, f, exposure.List{})
		require.NoError(t, err)
		require.Len(t, page.Items, want, "%+v", f)
	}
	byTicket, err := s.RemediationByTicket(ctx, "QT-1")
	require.NoError(t, err)
	require.Equal(t, r, byTicket)
}

func intents(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	i := lifecycle.Intent{ID: "rem|create|c", Version: 1, Remediation: "rem", Kind: "create", Cause: "c", CreatedAt: epoch}
	_, fresh, err := s.PutIntent(ctx, i)
	require.NoError(t, err)
	require.True(t, fresh)
	require.NoError(t, s.DoneIntent(ctx, i.ID, "QT-1", day(1)))
	require.NoError(t, s.DoneIntent(ctx, i.ID, "QT-2", day(2)))
	known, fresh, err := s.PutIntent(ctx, i)
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, "QT-1", known.Result)
	journal, err := s.Intents(ctx, "rem")
	require.NoError(t, err)
	require.Equal(t, []lifecycle.Intent{known}, journal)
}

// kept are the small collections.
func kept(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	t.Run("the latest intelligence is the one with the latest date, and older ones stay", func(t *testing.T) { intelligence(t, s) })
	t.Run("tokens", func(t *testing.T) { tokens(t, s) })

	t.Run("a setting is the last one put", func(t *testing.T) {
		_, err := s.Setting(ctx, "key")
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
		for _, v := range []string{"one", "two\x00\xff"} {
			require.NoError(t, s.PutSetting(ctx, "key", []byte(v)))
		}
		v, err := s.Setting(ctx, "key")
		require.NoError(t, err)
		require.Equal(t, "two\x00\xff", string(v))
	})

	t.Run("of two who share a budget, one writes it and the other is told", func(t *testing.T) { sharedBudget(t, s) })

	t.Run("the store's figures", func(t *testing.T) {
		_, err := s.InsertExposures(ctx, exposures(2))
		require.NoError(t, err)
		st, err := s.Stats(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 2, st.Exposures)
		require.NoError(t, s.Ping(ctx))
	})
}

func intelligence(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	for n, m := range []store.IntelMeta{{Kind: "kev", Digest: "d1", Taken: day(1), Count: 1}, {Kind: "kev", Digest: "d3", Taken: day(3), Count: 3}, {Kind: "kev", Digest: "d2", Taken: day(2)}, {Kind: "epss", Digest: "e", Taken: day(4)}} {
		require.NoError(t, s.PutIntel(ctx, m, strings.NewReader(m.Digest)), n)
	}
	m, r, err := s.LatestIntel(ctx, "kev")
	require.NoError(t, err)
	require.Equal(t, "d3", m.Digest)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "d3", string(body))
	m, r, err = s.Intel(ctx, "kev", "d1")
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, 1, m.Count)
	_, _, err = s.LatestIntel(ctx, "none")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

func sharedBudget(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	_, _, err := s.Budget(ctx, "jira")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	for _, step := range []struct {
		version int64
		state   string
		want    bool
	}{{0, `{"n":1}`, true}, {0, `{"n":2}`, false}, {1, `{"n":3}`, true}, {1, `{"n":4}`, false}} {
		ok, err := s.SwapBudget(ctx, "jira", step.version, []byte(step.state))
		require.NoError(t, err)
		require.Equal(t, step.want, ok, step.state)
	}
	state, version, err := s.Budget(ctx, "jira")
	require.NoError(t, err)
	require.JSONEq(t, `{"n":3}`, string(state))
	require.EqualValues(t, 2, version)
	_, err = s.SwapBudget(ctx, "jira", 2, []byte("no JSON"))
	require.Equal(t, fault.Invalid, fault.KindOf(err))
}

func ticketsAndMessages(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	ticket := lifecycle.Ticket{ID: "QT-1", Version: 1, Marker: "rem", Title: "Fix it", Team: "web", Status: "todo", CreatedAt: epoch, UpdatedAt: epoch}
	_, fresh, err := s.InsertTicket(ctx, ticket)
	require.NoError(t, err)
	require.True(t, fresh)
	_, fresh, err = s.InsertTicket(ctx, ticket)
	require.NoError(t, err)
	require.False(t, fresh)
	ticket.Version, ticket.Status = 2, "done"
	ok, err := s.SwapTicket(ctx, ticket)
	require.NoError(t, err)
	require.True(t, ok)
	got, err := s.TicketByMarker(ctx, "rem")
	require.NoError(t, err)
	require.Equal(t, ticket, got)
	_, err = s.TicketByMarker(ctx, "none")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	page, err := s.FindTickets(ctx, store.TicketFilter{Status: "done", Team: "web"}, exposure.List{})
	require.NoError(t, err)
	require.Equal(t, []lifecycle.Ticket{ticket}, page.Items)

	for i, id := range []string{"m1", "m2", "m1"} {
		fresh, err := s.InsertMessage(ctx, lifecycle.InboxMessage{ID: id, Version: 1, To: "web", Kind: "reminder", At: day(1 + i)})
		require.NoError(t, err)
		require.Equal(t, i < 2, fresh)
	}
	for range 2 {
		require.NoError(t, s.MarkRead(ctx, "m2"))
	}
	all, err := s.FindMessages(ctx, "web", false, exposure.List{})
	require.NoError(t, err)
	require.Equal(t, "m2", all.Items[0].ID)
	require.True(t, all.Items[0].Read)
	unread, err := s.FindMessages(ctx, "", true, exposure.List{})
	require.NoError(t, err)
	require.Len(t, unread.Items, 1)
	require.Equal(t, "m1", unread.Items[0].ID)
}

func tokens(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	token := store.Token{ID: "t1", Hash: "h1", Name: "ann", Role: "operator", Scopes: []string{"dmz"}, Created: epoch}
	require.NoError(t, s.PutToken(ctx, token))
	require.True(t, fault.Is(s.PutToken(ctx, token), fault.Conflict))
	require.NoError(t, s.TouchToken(ctx, "t1", day(2)))
	require.NoError(t, s.TouchToken(ctx, "t1", day(1)))
	for n := range 2 {
		require.NoError(t, s.RevokeToken(ctx, "t1", day(3+n)))
	}
	token.LastUsed, token.Revoked = day(2), day(3)
	got, err := s.TokenByHash(ctx, "h1")
	require.NoError(t, err)
	require.Equal(t, token, got)
	_, err = s.TokenByHash(ctx, "h2")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	require.NotContains(t, err.Error(), "h2", "a hash is no matter for a log")
	require.True(t, fault.Is(s.RevokeToken(ctx, "none", epoch), fault.NotFound))
	all, err := s.Tokens(ctx)
	require.NoError(t, err)
	require.Equal(t, []store.Token{token}, all)
}
