//go:build peers

package dns_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/dns"
	"github.com/quellsec/quell/internal/secret"
)

// nameServer is a real PowerDNS with an empty database.
type nameServer struct {
	t        *testing.T
	api, dns string
}

const apiKey = "hunter2hunter2"

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed on the next lines
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return port
}

func startPowerDNS(t *testing.T) *nameServer {
	t.Helper()
	dir := t.TempDir()
	database := filepath.Join(dir, "pdns.db")
	schema, err := os.Open("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
	if err != nil {
		schema, err = os.Open("/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
	}
	require.NoError(t, err, "run make test-peers, which installs PowerDNS")
	make := exec.CommandContext(t.Context(), "sqlite3", database) //nolint:gosec // a file of the test's
	make.Stdin = schema
	out, err := make.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, schema.Close())
	web, port := freePort(t), freePort(t)
	server := exec.Command("/usr/sbin/pdns_server", "--config-dir="+dir, "--daemon=no", "--guardian=no", "--launch=gsqlite3", "--gsqlite3-database="+database, //nolint:noctx,gosec // ended below
		"--local-address=127.0.0.1", "--local-port="+port, "--api=yes", "--api-key="+apiKey, "--webserver=yes", "--webserver-address=127.0.0.1", "--webserver-port="+web,
		"--allow-axfr-ips=127.0.0.1", "--socket-dir="+dir, "--setuid=", "--setgid=", "--loglevel=3")
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()         // killed is what it is
		if t.Failed() {
			t.Log(log.String())
		}
	})
	s := &nameServer{t: t, api: "http://127.0.0.1:" + web, dns: "127.0.0.1:" + port}
	require.Eventually(t, func() bool { return s.call(http.MethodGet, "", "") == http.StatusOK }, 20*time.Second, 50*time.Millisecond)
	return s
}

// call makes a call of the API and gives the status, zero where nobody answers.
func (s *nameServer) call(method, path, body string) int {
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.api+"/api/v1/servers/localhost"+path, bytes.NewReader([]byte(body)))
	require.NoError(s.t, err)
	r.Header.Set("X-API-Key", apiKey)
	response, err := (&http.Client{Timeout: 5 * time.Second}).Do(r)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, response.Body) // only the status counts
	_ = response.Body.Close()                 // likewise
	return response.StatusCode
}

func (s *nameServer) record(name, kind, content string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"rrsets":[{"name":%q,"type":%q,"ttl":60,"changetype":"REPLACE","records":[{"content":%q,"disabled":false}]}]}`, name, kind, content)
	require.Equal(s.t, http.StatusNoContent, s.call(http.MethodPatch, "/zones/shop.example.org.", body))
}

func names(got *connectortest.Synced) []string {
	var out []string
	for _, cov := range got.Covered {
		out = append(out, cov.Asset.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestARealPowerDNSIsReadByItsAPIAndByZoneTransfer has both ways see the same names.
func TestARealPowerDNSIsReadByItsAPIAndByZoneTransfer(t *testing.T) {
	s := startPowerDNS(t)
	require.Equal(t, http.StatusCreated, s.call(http.MethodPost, "/zones", `{"name":"shop.example.org.","kind":"Master","nameservers":["ns1.shop.example.org."]}`))
	s.record("www.shop.example.org.", "A", "198.51.100.7")
	s.record("cdn.shop.example.org.", "CNAME", "gone.shop.example.org.")

	reg := dns.Registration()
	config := func(change func(*dns.Config)) *dns.Config {
		c, ok := reg.Config().(*dns.Config)
		require.True(t, ok)
		change(c)
		require.Empty(t, c.Validate())
		return c
	}
	api := config(func(c *dns.Config) { c.Provider, c.URL, c.Token = "powerdns", s.api, secret.New(apiKey) })
	transfer := config(func(c *dns.Config) { c.Provider, c.Server, c.Zones = "axfr", s.dns, []string{"shop.example.org"} })
	client := &http.Client{Timeout: time.Minute}

	byAPI := connectortest.Sync(t, reg, api, client, time.Time{})
	require.Contains(t, names(byAPI), "www.shop.example.org")
	require.Contains(t, names(byAPI), "cdn.shop.example.org")
	byTransfer := connectortest.Sync(t, reg, transfer, client, time.Time{})
	require.Equal(t, names(byAPI), names(byTransfer))

	s.record("new.shop.example.org.", "A", "198.51.100.8")
	require.Contains(t, names(connectortest.Sync(t, reg, api, client, time.Time{})), "new.shop.example.org")
}
