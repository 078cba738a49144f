package probe

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/quellsec/quell/internal/exposure"
)

// fakeDNS answers TXT questions. There is one for all tests, since the engine keeps the
// name servers of its first run for as long as the process lives.
var fakeDNS struct {
	address string

	mu    sync.Mutex
	texts map[string]string // name → text
	rcode dnsmessage.RCode
}

func tellDNS(name, text string, rcode dnsmessage.RCode) {
	fakeDNS.mu.Lock()
	defer fakeDNS.mu.Unlock()
	fakeDNS.texts, fakeDNS.rcode = map[string]string{name: text}, rcode
}

func startFakeDNS() (stop func(), err error) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(context.Background(), "udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	fakeDNS.address = conn.LocalAddr().String()
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			fakeDNS.mu.Lock()
			m.Response, m.RCode, m.Additionals = true, fakeDNS.rcode, nil
			if text := fakeDNS.texts[m.Questions[0].Name.String()]; text != "" {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1},
					Body: &dnsmessage.TXTResource{TXT: []string{text}}}}
			}
			fakeDNS.mu.Unlock()
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return func() { _ = conn.Close() }, nil
}

const spf = `id: spf
info: {name: x, author: q, severity: info}
dns:
  - name: "{{FQDN}}"
    type: TXT
    retries: 1
    matchers:
      - type: word
        words: ["v=spf1 +all"]
`

func TestADNSTemplateAsksTheNameServerThatWasGiven(t *testing.T) {
	r := newRig(t, map[string]string{"spf.yaml": spf}, nil)
	r.names.answers["app.example"] = []string{"127.0.0.1"}
	look := func() exposure.Verdict { return r.verdict(t, request(exposure.MethodTemplate, "spf", "app.example")) }
	tellDNS("app.example.", "v=spf1 +all", dnsmessage.RCodeSuccess)
	v := look()
	require.Equal(t, exposure.Confirmed, v.Outcome, v.Reason)
	require.Equal(t, "dns", r.evidence(t, v).Kind)
	tellDNS("app.example.", "v=spf1 -all", dnsmessage.RCodeSuccess)
	v = look()
	require.Equal(t, exposure.Refuted, v.Outcome, v.Reason)
	tellDNS("app.example.", "", dnsmessage.RCodeServerFailure)
	v = look()
	require.Equal(t, exposure.Inconclusive, v.Outcome, v.Reason)
}

func TestADNSTemplateWithoutANameServerIsInconclusive(t *testing.T) {
	r := newRig(t, map[string]string{"spf.yaml": spf}, func(o *Options) { o.NameServers = nil })
	v := r.verdict(t, request(exposure.MethodTemplate, "spf", "app.example"))
	require.Equal(t, exposure.Inconclusive, v.Outcome)
	require.Contains(t, v.Reason, "no name server")
}

func TestATemplateThatNamesAnotherHostDialsNothingThere(t *testing.T) {
	stray, visits := counter(t, "127.0.0.3:0")
	home, homeVisits := counter(t, "127.0.0.1:0")
	server := site(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := strings.Cut(stray.Addr().String(), ":")
	const head = "id: away\ninfo: {name: x, author: q, severity: info}\n"
	for name, c := range map[string]struct{ text, target string }{
		"http":          {head + "http:\n  - path: [\"http://" + stray.Addr().String() + "/\"]\n    matchers: [{type: status, status: [200]}]\n", server.URL},
		"tcp":           {head + "tcp:\n  - host: [\"" + stray.Addr().String() + "\"]\n    inputs: [{data: x}]\n    matchers: [{type: word, words: [y]}]\n", home.Addr().String()},
		"ssl":           {head + "ssl:\n  - address: \"" + stray.Addr().String() + "\"\n    matchers: [{type: dsl, dsl: [\"expired == true\"]}]\n", home.Addr().String()},
		"tcp by a name": {head + "tcp:\n  - host: [\"localhost:" + port + "\"]\n    inputs: [{data: x}]\n    matchers: [{type: word, words: [y]}]\n", home.Addr().String()},
	} {
		r := newRig(t, map[string]string{"away.yaml": c.text}, nil)
		v := r.verdict(t, request(exposure.MethodTemplate, "away", c.target))
		require.Equal(t, exposure.Inconclusive, v.Outcome, "%s: %s", name, v.Reason)
		require.Contains(t, v.Reason, "off target", name)
	}
	require.Zero(t, visits.Load())
	require.NotZero(t, homeVisits.Load(), "the target itself was looked at")
}
