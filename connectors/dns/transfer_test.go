package dns_test

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	dnslib "github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/dns"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

// serve runs a name server on a loopback port, over TCP.
func serve(t *testing.T, handle dnslib.HandlerFunc, keys map[string]string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	started := make(chan struct{})
	server := &dnslib.Server{Listener: listener, Handler: handle, TsigSecret: keys, NotifyStartedFunc: func() { close(started) }}
	go func() { _ = server.ActivateAndServe() }() // ends with Shutdown
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return listener.Addr().String()
}

func records(t *testing.T, lines ...string) []dnslib.RR {
	t.Helper()
	out := make([]dnslib.RR, 0, len(lines))
	for _, line := range lines {
		rr, err := dnslib.NewRR(line)
		require.NoError(t, err)
		out = append(out, rr)
	}
	return out
}

const soa = "lab.example.org. 60 IN SOA ns1.lab.example.org. h.lab.example.org. 1 2 3 4 5"

// primary answers transfers of lab.example.org in two messages, refuses those of others,
// and knows one name outside of it.
func primary(t *testing.T, end bool) dnslib.HandlerFunc {
	t.Helper()
	all := records(t, soa, "lab.example.org. 60 IN NS ns1.lab.example.org.", "ns1.lab.example.org. 60 IN A 192.0.2.53",
		"gone.lab.example.org. 60 IN CNAME x.missing.example.net.", "here.lab.example.org. 60 IN CNAME x.found.example.net.", "dead.lab.example.org. 60 IN CNAME nobody.lab.example.org.")
	if end {
		all = append(all, records(t, soa)...)
	}
	return func(w dnslib.ResponseWriter, m *dnslib.Msg) {
		answer := new(dnslib.Msg)
		answer.SetReply(m)
		name := m.Question[0].Name
		switch {
		case m.Question[0].Qtype != dnslib.TypeAXFR:
			if !strings.Contains(name, "found") {
				answer.Rcode = dnslib.RcodeNameError
			}
			_ = w.WriteMsg(answer) // a lost answer shows in the test
			return
		case name != "lab.example.org.":
			answer.Rcode = dnslib.RcodeRefused
			_ = w.WriteMsg(answer)
			return
		}
		for _, part := range [][]dnslib.RR{all[:2], all[2:]} {
			part := &dnslib.Msg{MsgHdr: answer.MsgHdr, Question: answer.Question, Answer: part}
			if m.IsTsig() != nil {
				part.SetTsig(m.IsTsig().Hdr.Name, dnslib.HmacSHA256, 300, int64(m.IsTsig().TimeSigned))
			}
			_ = w.WriteMsg(part)
			w.TsigTimersOnly(true) // RFC 8945, section 5.3.1: messages after the first
		}
		_ = w.Close()
	}
}

// pull makes one step, by the clock that the name server's own check of a key goes by.
func pull(t *testing.T, config *dns.Config) (connectors.Pulled, []byte, error) {
	t.Helper()
	in, err := dns.Registration().Open(connectors.Env{Source: "zones", HTTP: &http.Client{}, Now: time.Now}, config)
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	var page bytes.Buffer
	pulled, err := puller.Pull(t.Context(), connectors.PullRequest{}, &page)
	return pulled, page.Bytes(), err
}

func TestATransferGivesTheZoneAndItsDanglingAliases(t *testing.T) {
	server := serve(t, primary(t, true), nil)
	config := configured(t, func(c *dns.Config) {
		c.Provider, c.Server, c.Zones, c.Resolver = "axfr", server, []string{"lab.example.org"}, server
	})
	pulled, page, err := pull(t, config)
	require.NoError(t, err)
	require.True(t, pulled.Run.Complete)
	require.Equal(t, map[string]int{"claimed": 6, "received": 6}, pulled.Run.Counts)
	rec, err := connectortest.Decode(t, dns.Registration(), config, page)
	require.NoError(t, err)
	dangling := make([]string, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		dangling = append(dangling, obs.Asset.Name)
	}
	require.ElementsMatch(t, []string{"gone.lab.example.org", "dead.lab.example.org"}, dangling)
	require.Len(t, rec.Covered, 5)
}

func TestHalfAZoneIsNone(t *testing.T) {
	server := serve(t, primary(t, false), nil)
	_, page, err := pull(t, configured(t, func(c *dns.Config) { c.Provider, c.Server, c.Zones = "axfr", server, []string{"lab.example.org"} }))
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.Empty(t, page)
}

func TestARefusedTransferSaysSo(t *testing.T) {
	server := serve(t, primary(t, true), nil)
	_, _, err := pull(t, configured(t, func(c *dns.Config) { c.Provider, c.Server, c.Zones = "axfr", server, []string{"other.example.org"} }))
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
}

func TestASignedTransferNeedsTheKey(t *testing.T) {
	const key = "aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg=="
	server := serve(t, primary(t, true), map[string]string{"quell.": key})
	signed := func(secretKey string) *dns.Config {
		return configured(t, func(c *dns.Config) {
			c.Provider, c.Server, c.Zones, c.TSIGName, c.TSIGKey = "axfr", server, []string{"lab.example.org"}, "quell", secret.New(secretKey)
		})
	}
	pulled, _, err := pull(t, signed(key))
	require.NoError(t, err)
	require.True(t, pulled.Run.Complete)
	_, _, err = pull(t, signed("d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25n"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "d3Jvbmd3")
}

func TestALinkLocalServerIsNeverSpokenTo(t *testing.T) {
	_, _, err := pull(t, configured(t, func(c *dns.Config) { c.Provider, c.Server, c.Zones = "axfr", "169.254.169.254:53", []string{"x"} }))
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
}
