package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/fake"
	"github.com/quellsec/quell/internal/exposure"
)

// scanner plays the fake scanner's API: pages of findings behind a token, one of which it
// refuses for a while, as vendors do.
type scanner struct {
	mu     sync.Mutex
	pages  []string
	asked  []string
	refuse int // how often the second page is refused for now
}

// ServeHTTP implements http.Handler.
func (s *scanner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer scanner-token" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	cursor := r.URL.Query().Get("cursor")
	s.asked = append(s.asked, cursor)
	n := 0
	if cursor != "" {
		if _, err := fmt.Sscanf(cursor, "p%d", &n); err != nil || n >= len(s.pages) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	if n == 1 && s.refuse > 0 {
		s.refuse--
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	if n+1 < len(s.pages) {
		w.Header().Set(fake.HeaderNext, fmt.Sprintf("p%d", n+1))
	}
	_, _ = w.Write([]byte(s.pages[n])) // a lost answer shows in the test
}

// tells gives the scanner other pages, and forgets what it was asked.
func (s *scanner) tells(pages ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages, s.asked = pages, nil
}

func fakePage(findings ...string) string {
	return `{"fake_report":1,"targets":[{"host":"web.quell-lab.net","outcome":"ok"}],"findings":[` + strings.Join(findings, ",") + `]}`
}

func fakeFinding(check string) string {
	return `{"host":"web.quell-lab.net","check":"` + check + `","title":"Weak ` + check + `","severity":"high","port":443}`
}

// TestASourceIsPulledFromItsVendor lives through two syncs with the real daemon: the
// second no longer finds one weakness, and closes it, because it looked at everything.
func TestASourceIsPulledFromItsVendor(t *testing.T) {
	t.Parallel()
	s := &scanner{refuse: 1}
	s.tells(fakePage(fakeFinding("git"), fakeFinding("tls")), fakePage(fakeFinding("login")))
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	d := newDaemonWith(t, func(dir string) string {
		token := filepath.Join(dir, "scanner.token")
		require.NoError(t, os.WriteFile(token, []byte("scanner-token"), 0o600))
		return fmt.Sprintf("sources:\n  - name: pulled\n    connector: fake\n    zone: lab\n    sync: {every: 24h}\n    config: {url: %q, token: \"${file:%s}\"}\n"+
			"  - name: uploads\n    connector: fake\n", server.URL, token)
	})
	d.well("sources", "sync", "pulled")
	d.until("the first sync", func() bool { return len(d.pulled(exposure.SyncDone)) == 1 })
	d.until("its findings", func() bool { return len(d.exposures()) == 3 })
	s.mu.Lock()
	require.Equal(t, []string{"", "p1", "p1"}, s.asked, "a page that was recorded is not asked for again")
	s.mu.Unlock()

	s.tells(fakePage(fakeFinding("tls")), fakePage(fakeFinding("login")))
	d.well("sources", "sync", "pulled")
	d.until("the second sync", func() bool { return len(d.pulled(exposure.SyncDone)) == 2 })
	d.until("the proof", func() bool { return len(d.closed()) == 1 })
	require.Equal(t, []string{"fake:git"}, d.closed())
	require.Contains(t, d.well("sources", "syncs", "pulled"), "everything")

	d.well("sources", "pause", "pulled", "--reason", "the vendor moves")
	d.stop()
	d.start()
	require.Contains(t, d.well("sources", "resume", "pulled"), "pulled next at", "the pause outlived the restart")
	d.stop()
}

// pulled are the syncs of the pulled source in a state.
func (d *daemon) pulled(status exposure.SyncStatus) []exposure.Sync {
	d.t.Helper()
	var out []exposure.Sync
	for item, err := range d.api.Syncs(d.t.Context(), "pulled", 0) {
		require.NoError(d.t, err)
		if item.Value.Status == status {
			out = append(out, item.Value)
		}
	}
	return out
}

// closed are the weaknesses that are proven to be gone.
func (d *daemon) closed() []string {
	d.t.Helper()
	var out []string
	for _, e := range d.exposures() {
		if e.State == exposure.Closed {
			out = append(out, e.Weakness)
		}
	}
	return out
}
