// Package notifiertest is the suite that every notifier runs against a fake of its vendor:
// once per cause whatever becomes of an answer, errors of the right kind that hold no
// secret, and hostile text that stays text.
package notifiertest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// Fate is what becomes of the vendor's next call.
type Fate int

// The fates.
const (
	Fine      Fate = iota
	Lost           // it is carried out, and its answer is lost
	Throttled      // refused for now, for a minute
	Down           // refused with a server's error
	Forbidden      // refused for good: the credentials or the address
)

// Rig is a notifier with its vendor.
type Rig struct {
	Notifier connectors.Poster
	To       string // a good address
	Bad      string // one that the vendor or the configuration doesn't know; empty: there is none
	// Got is what people see, one text for each message: as the vendor shows it, which may
	// know repetitions.
	Got func() []string
	// Next decides on the next call.
	Next func(Fate)
	// Secrets must not be in an error.
	Secrets []string
	// Repeats says why a repetition may be seen twice, and Marked what then stands on it.
	Repeats, Marked string
	// Unthrottled is set for what can't say for how long it is to be left alone.
	Unthrottled bool
}

// Run holds a notifier to the contract.
func Run(t *testing.T, open func(t *testing.T) Rig) {
	t.Helper()
	t.Run("a message is seen once, whatever became of the first answer", func(t *testing.T) { once(t, open(t)) })
	t.Run("errors say what can be done about them", func(t *testing.T) { kinds(t, open(t)) })
	t.Run("hostile text stays text", func(t *testing.T) { hostile(t, open(t)) })
	t.Run("what follows in a thread is seen too", func(t *testing.T) { follows(t, open(t)) })
}

// Message is a message as the lifecycle makes them.
func Message(cause string) connectors.Message {
	return connectors.Message{Cause: cause, To: "payments", Kind: "ticket", Subject: "New: update OpenSSL (" + cause + ")", Text: "Ticket **QT-1** is yours: 3 live.",
		Links: map[string]string{"ticket": "https://quell.example.com/tickets/QT-1"}, Subjects: []string{"rem-1"}, Thread: "thread-" + cause,
		Card: &connectors.Card{Title: "Update OpenSSL", Where: "web1 and 2 more", Why: []string{"exploited in the wild"}, Due: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC),
			Owner: "payments", State: "3 of 3 live", Decision: "attend", Severity: "high", Ticket: "QT-1"},
		Actions: []connectors.Action{{Kind: "fix_claimed", Subject: "remediation:rem-1", Label: "Fixed"}}}
}

func once(t *testing.T, r Rig) {
	t.Helper()
	m := Message("lost")
	r.Next(Lost)
	_, err := r.Notifier.Post(t.Context(), m, connectors.Attempt{To: r.To})
	require.True(t, fault.Is(err, fault.Unavailable), "it may have come through: %v", err)
	ref, err := r.Notifier.Post(t.Context(), m, connectors.Attempt{To: r.To, Since: time.Now()})
	require.NoError(t, err)
	again, err := r.Notifier.Post(t.Context(), m, connectors.Attempt{To: r.To, Since: time.Now()})
	require.NoError(t, err)
	require.Equal(t, ref, again)
	got := r.Got()
	if r.Repeats == "" {
		require.Len(t, got, 1, "%q", got)
		return
	}
	for _, text := range got[1:] {
		require.Contains(t, text, r.Marked, r.Repeats)
	}
}

func kinds(t *testing.T, r Rig) {
	t.Helper()
	for fate, want := range map[Fate][]fault.Kind{Throttled: {fault.Throttled}, Down: {fault.Unavailable}, Forbidden: {fault.Denied, fault.NotFound}} {
		if fate == Throttled && r.Unthrottled {
			continue
		}
		r.Next(fate)
		_, err := r.Notifier.Post(t.Context(), Message("refused"), connectors.Attempt{To: r.To})
		require.Contains(t, want, fault.KindOf(err), "%v", err)
		if fate == Throttled {
			require.Equal(t, time.Minute, fault.RetryAfter(err))
		}
		for _, secret := range r.Secrets {
			require.NotContains(t, err.Error(), secret)
		}
	}
	if r.Bad != "" {
		_, err := r.Notifier.Post(t.Context(), Message("stray"), connectors.Attempt{To: r.Bad})
		require.Contains(t, []fault.Kind{fault.NotFound, fault.Denied}, fault.KindOf(err), "%v", err)
	}
	require.Empty(t, r.Got())
}

func hostile(t *testing.T, r Rig) {
	t.Helper()
	for cause, text := range map[string]string{
		"headers": "x\r\nBcc: everybody@example.com\r\n\r\nhello", "markup": "<script>alert(1)</script> [x](javascript:alert(1)) <!channel> <at>all</at>",
		"bytes": "\xff\xfe\x00 \u202e\u2028 \x1b[31m", "long": strings.Repeat("ä very long text ", 20_000), "empty": "",
	} {
		m := Message(cause)
		m.Subject, m.Text, m.Card.Title, m.Card.Where, m.Card.Owner = text, text, text, text, text
		m.Card.Why = []string{text, text}
		m.Links = map[string]string{"ticket": "javascript:alert(1)", text: "https://quell.example.com/"}
		before := len(r.Got())
		_, err := r.Notifier.Post(t.Context(), m, connectors.Attempt{To: r.To})
		require.NoError(t, err, cause)
		require.Len(t, r.Got(), before+1, cause)
	}
	for _, text := range r.Got() {
		require.NotContains(t, text, "\x1b")
	}
}

func follows(t *testing.T, r Rig) {
	t.Helper()
	head, err := r.Notifier.Post(t.Context(), Message("first"), connectors.Attempt{To: r.To})
	require.NoError(t, err)
	second := Message("second")
	second.Thread = "thread-first"
	_, err = r.Notifier.Post(t.Context(), second, connectors.Attempt{To: r.To, Head: head})
	require.NoError(t, err)
	all := strings.Join(r.Got(), "\n")
	require.Contains(t, all, "update OpenSSL (second)")
	if refresher, ok := r.Notifier.(connectors.Refresher); ok && head != "" {
		require.NoError(t, refresher.Refresh(t.Context(), head, connectors.Card{State: "0 of 3 live, 3 closed with proof", Done: true}, nil))
	}
}

// Server is a vendor that speaks HTTP: it lets fate decide, and keeps what it took.
type Server struct {
	*httptest.Server
	mu   sync.Mutex
	fate Fate
}

// NewServer starts a vendor. take carries out a call, and answers it.
func NewServer(t *testing.T, take http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fate := s.fate
		s.fate = Fine
		switch fate {
		case Throttled:
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
		case Down:
			w.WriteHeader(http.StatusBadGateway)
		case Forbidden:
			w.WriteHeader(http.StatusForbidden)
		case Lost:
			take(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler) // the connection breaks
		case Fine:
			take(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// Next decides on the next call.
func (s *Server) Next(f Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fate = f
}
