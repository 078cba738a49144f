package whole

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// weakness is one way in which a site can be weak: the demo's templates look for it.
type weakness struct {
	template, title string
	path, page      string
}

func weaknesses() []weakness {
	return []weakness{
		{"quell-demo-git-config", "Git configuration served to visitors", "/.git/config", "[core]\n\trepositoryformatversion = 0\n"},
		{"quell-demo-open-admin", "Administration page open without a login", "/admin", "<html><h1>Portal administration</h1></html>"},
	}
}

// site is a small web server on 127.1.TEAM.NUMBER.
type site struct {
	address string
	mu      sync.Mutex
	weak    map[string]bool // by path
}

func (s *site) is(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.weak[path]
}

func (s *site) mend(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.weak[path] = false
}

// ServeHTTP implements http.Handler.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, weak := range weaknesses() {
		if r.URL.Path == weak.path && s.is(weak.path) {
			_, _ = io.WriteString(w, weak.page)
			return
		}
	}
	if r.URL.Path != "/" {
		http.NotFound(w, r)
	}
}

// sites are all of them, by address. They listen on one port, each on an address of its own.
type sites struct {
	port    string
	all     map[string]*site
	servers []*http.Server
}

// openSites starts so many sites of so many teams, each weak in every way. They live until
// close.
func openSites(ctx context.Context, teams, each int) (*sites, error) {
	free, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &sites{port: strconv.Itoa(free), all: map[string]*site{}}
	for team := range teams {
		for n := range each {
			one := &site{address: fmt.Sprintf("127.1.%d.%d", team+1, n+1), weak: map[string]bool{}}
			for _, w := range weaknesses() {
				one.weak[w.path] = true
			}
			listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(one.address, s.port))
			if err != nil {
				s.close()
				return nil, fault.New(fault.Unavailable, "opening a weak site: %w", err)
			}
			server := &http.Server{Handler: one, ReadHeaderTimeout: 10 * time.Second}
			s.servers = append(s.servers, server)
			s.all[one.address] = one
			go func() { _ = server.Serve(listener) }() // it ends with close
		}
	}
	return s, nil
}

func (s *sites) close() {
	for _, server := range s.servers {
		_ = server.Close() // we are done with it
	}
}

// report is what nuclei would say of the sites: one line for each weakness.
func (s *sites) report(at time.Time) []byte {
	var b strings.Builder
	for address := range s.all {
		for _, w := range weaknesses() {
			url := "http://" + net.JoinHostPort(address, s.port)
			fmt.Fprintf(&b, `{"template-id":%q,"info":{"name":%q,"severity":"high","remediation":"Mend %s."},"type":"http","host":%q,"port":%q,"ip":%[4]q,`+
				`"url":%[6]q,"matched-at":%[7]q,"timestamp":%[8]q,"matcher-status":true}`+"\n",
				w.template, w.title, w.path, address, s.port, url, url+w.path, at.UTC().Format(time.RFC3339))
		}
	}
	return []byte(b.String())
}
