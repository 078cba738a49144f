package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// send sends a signed webhook and gives the status of the answer.
func (r *rig) send(body string, headers ...string) int {
	headers = append([]string{"X-Hub-Signature-256", "sha256=" + sign(hookSecret, body)}, headers...)
	return r.ask(http.MethodPost, "/hooks/signed", "", body, headers...).Code
}

func zipped(t *testing.T, body string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestAWebhookIsStoredBeforeItIsAnsweredAndItsSourceWoken(t *testing.T) {
	r := newRig(t)
	out := into[Accepted](t, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, `{"a":1}`), http.StatusAccepted)
	d := r.deliveries[out.Delivery]
	require.Equal(t, `{"a":1}`, string(r.bodies[d.Body]))
	require.Equal(t, exposure.Delivery{ID: out.Delivery, Source: "bearer", Seq: 1, Body: d.Body, Size: 7, Via: "webhook", By: "bearer",
		ReceivedAt: noon, Status: exposure.DeliveryReceived}, d)
	require.NoError(t, r.server.Shutdown(t.Context()))
	require.Equal(t, []string{"bearer"}, r.wakes)
}

func TestARepeatedWebhookIsAnsweredAsBefore(t *testing.T) {
	r := newRig(t)
	id := []string{"X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
	first := r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "one", id...)
	again := r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "one", id...)
	a, b := into[Accepted](t, first, http.StatusAccepted), into[Accepted](t, again, http.StatusAccepted)
	require.Equal(t, "bearer|"+id[1], a.Delivery)
	require.Equal(t, a.Delivery, b.Delivery)
	require.False(t, a.Repeated)
	require.True(t, b.Repeated)
	require.Len(t, r.deliveries, 1)
}

func TestTwoBodiesUnderOneDeliveryIDAreBothKept(t *testing.T) {
	r := newRig(t)
	for range 2 { // the second time round both are repeats
		for _, body := range []string{"one", "two"} {
			into[Accepted](t, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, body, "Webhook-Id", "1"), http.StatusAccepted)
		}
	}
	require.Len(t, r.deliveries, 2)
	kept := make([]string, 0, len(r.deliveries))
	for _, d := range r.deliveries {
		kept = append(kept, string(r.bodies[d.Body]))
	}
	require.ElementsMatch(t, []string{"one", "two"}, kept)
}

func TestAStrangerCannotTellWhichSourcesThereAre(t *testing.T) {
	r := newRig(t)
	r.sources["checked"] = SourceInfo{Name: "checked", Verifier: verifier{}}
	r.sources["open"] = SourceInfo{Name: "open"} // no secret configured: nobody gets in
	want := ""
	for _, source := range []string{"nothing", "bearer", "signed", "checked", "open"} {
		for _, headers := range [][]string{nil, {"Authorization", "Bearer guess"}, {"X-Hub-Signature-256", "sha256=" + sign("guess", "{}")}} {
			body := &countingBody{Reader: strings.NewReader("{}")}
			answer := r.ask(http.MethodPost, "/hooks/"+source, "", body, append(headers, "X-Request-Id", "same")...)
			refused(t, answer, http.StatusUnauthorized)
			answer.Header().Del("Date")
			got := answer.Body.String() + answer.Header().Get("Retry-After") + answer.Header().Get("WWW-Authenticate")
			if want == "" {
				want = got
			}
			require.Equal(t, want, got, source)
			require.Equal(t, 2, body.n, "%s: the body is read either way", source)
		}
	}
	require.Empty(t, r.deliveries)
	require.Empty(t, r.bodies)
}

type countingBody struct {
	io.Reader
	n int
}

func (c *countingBody) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

// verifier is a connector that wants its body to begin with "good".
type verifier struct{}

func (verifier) VerifyWebhook(header http.Header, body []byte, _ time.Time) (string, error) {
	if !bytes.HasPrefix(body, []byte("good")) {
		return "", fault.New(fault.Denied, "a secret reason")
	}
	return header.Get("X-Vendor-Id"), nil
}

func TestAConnectorMayCheckItsWebhooksItself(t *testing.T) {
	r := newRig(t)
	r.sources["checked"] = SourceInfo{Name: "checked", Verifier: verifier{}}
	large := "good" + strings.Repeat("x", 2*spoolMemory)
	out := into[Accepted](t, r.ask(http.MethodPost, "/hooks/checked", "", large, "X-Vendor-Id", "a b/../c"), http.StatusAccepted)
	require.Regexp(t, `^checked\|sha256:[0-9a-f]{32}$`, out.Delivery, "an ID that would do harm in an address is hashed")
	require.Equal(t, large, string(r.bodies[r.deliveries[out.Delivery].Body]))
	p := refused(t, r.ask(http.MethodPost, "/hooks/checked", "", "good"+strings.Repeat("x", spoolVerified)), http.StatusRequestEntityTooLarge)
	require.Contains(t, p.Detail, "32 MiB")
	require.Empty(t, r.server.spools.large, "every place is given back")
}

func TestALargeSignedBodyWaitsInAFileThatLeavesNothingBehind(t *testing.T) {
	r := newRig(t)
	large := strings.Repeat("0123456789abcdef", spoolMemory/8)
	status := r.send(large)
	require.Equal(t, http.StatusAccepted, status)
	require.Len(t, r.deliveries, 1)
	for _, d := range r.deliveries {
		require.Equal(t, int64(len(large)), d.Size)
		require.Equal(t, large, string(r.bodies[d.Body]))
	}
	refused(t, r.ask(http.MethodPost, "/hooks/signed", "", large, "X-Hub-Signature-256", "sha256="+sign(hookSecret, large+"x")), http.StatusUnauthorized)
	require.Len(t, r.deliveries, 1)
	require.Empty(t, r.server.spools.large)
	left, err := os.ReadDir(r.deps.TempDir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAnUnsignedBodyTakesNoPlaceFromTheSigned(t *testing.T) {
	r := newRig(t)
	for range spoolLarge {
		r.server.spools.large <- struct{}{}
	}
	large := strings.Repeat("x", 2*spoolMemory)
	for _, source := range []string{"signed", "bearer", "nothing"} {
		refused(t, r.ask(http.MethodPost, "/hooks/"+source, "guess", large), http.StatusUnauthorized)
	}
	require.Equal(t, http.StatusTooManyRequests, r.send(large), "a signed one waits for a place")
}

func TestABodyPastItsLimitIsRefusedWithWhatToDo(t *testing.T) {
	r := newRig(t)
	small := r.sources["signed"]
	small.MaxBody = 1 << 10
	r.sources["signed"] = small
	body := strings.Repeat("x", 1<<10)
	status := r.send(body)
	require.Equal(t, http.StatusAccepted, status, "exactly as much as is taken")
	p := refused(t, r.ask(http.MethodPost, "/hooks/signed", "", body+"x", "X-Hub-Signature-256", "sha256="+sign(hookSecret, body+"x")), http.StatusRequestEntityTooLarge)
	require.Contains(t, p.Detail, "1 KiB")
	require.Contains(t, p.Detail, "max_body")
	require.Equal(t, fault.Invalid, p.Code)
	require.Len(t, r.deliveries, 1)
}

func TestACompressedBodyIsSignedAsSentAndStoredAsMeant(t *testing.T) {
	r := newRig(t)
	sent := zipped(t, `{"a":1}`)
	status := r.send(sent, "Content-Encoding", "gzip")
	require.Equal(t, http.StatusAccepted, status)
	for _, d := range r.deliveries {
		require.Equal(t, `{"a":1}`, string(r.bodies[d.Body]))
	}
}

func TestABombOrABrokenCompressionKeepsNothing(t *testing.T) {
	r := newRig(t)
	large := r.sources["bearer"]
	large.MaxBody = 64 << 20
	r.sources["bearer"] = large
	bomb := zipped(t, strings.Repeat("\x00", 32<<20))
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"grows too much":   {bomb, http.StatusBadRequest},
		"not gzip":         {"hello", http.StatusBadRequest},
		"cut short":        {zipped(t, "a whole report")[:20], http.StatusBadRequest},
		"a wrong checksum": {strings.Replace(zipped(t, "hello"), "hello", "hallo", 1)[:23] + "\x01\x02\x03\x04\x05\x00\x00\x00", http.StatusBadRequest},
		"nothing":          {"", http.StatusBadRequest},
	} {
		p := refused(t, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, c.body, "Content-Encoding", "gzip"), c.status)
		require.NotEmpty(t, p.Detail, name)
	}
	refused(t, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "x", "Content-Encoding", "br"), http.StatusUnsupportedMediaType)
	large.MaxBody = 1 << 10
	r.sources["bearer"] = large
	refused(t, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, zipped(t, strings.Repeat("x", 1<<11)), "Content-Encoding", "gzip"), http.StatusRequestEntityTooLarge)
	require.Empty(t, r.deliveries)
}

func TestASourceThatSendsTooFastIsToldWhenToComeBack(t *testing.T) {
	r := newRig(t)
	slow := r.sources["signed"]
	slow.Rate, slow.Burst = 0.5, 2
	r.sources["signed"] = slow
	for range 20 { // a stranger doesn't use up the source's share
		refused(t, r.ask(http.MethodPost, "/hooks/signed", "", "{}", "X-Hub-Signature-256", "sha256="+sign("guess", "{}")), http.StatusUnauthorized)
	}
	for range 2 {
		status := r.send("{}")
		require.Equal(t, http.StatusAccepted, status)
	}
	answer := r.ask(http.MethodPost, "/hooks/signed", "", "{}", "X-Hub-Signature-256", "sha256="+sign(hookSecret, "{}"))
	require.Equal(t, fault.Throttled, refused(t, answer, http.StatusTooManyRequests).Code)
	require.Equal(t, "2", answer.Header().Get("Retry-After"))
	r.clock = noon.Add(2 * time.Second)
	status := r.send("{}")
	require.Equal(t, http.StatusAccepted, status)
}

func TestManyWebhooksNeedFewWakes(t *testing.T) {
	r := newRig(t)
	r.waking = make(chan struct{})
	for range 100 {
		require.Equal(t, http.StatusAccepted, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "{}").Code)
	}
	close(r.waking)
	require.NoError(t, r.server.Shutdown(t.Context()))
	require.Equal(t, []string{"bearer", "bearer"}, r.wakes, "the one under way, and one for all that came meanwhile")
}

func TestShutdownWaitsForWakesNoLongerThanItMay(t *testing.T) {
	r := newRig(t)
	r.waking = make(chan struct{})
	defer close(r.waking)
	require.Equal(t, http.StatusAccepted, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "{}").Code)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, r.server.Shutdown(ctx))
	require.Equal(t, http.StatusServiceUnavailable, r.get("/readyz").Code)
}

func TestASenderWhoGoesAwayLeavesNothing(t *testing.T) {
	r := newRig(t)
	for _, source := range []string{"bearer", "signed"} {
		body := io.MultiReader(strings.NewReader("{"), failing{})
		answer := r.ask(http.MethodPost, "/hooks/"+source, hookSecret, body, "X-Hub-Signature-256", "sha256="+sign(hookSecret, "{"))
		refused(t, answer, http.StatusBadRequest)
	}
	require.Empty(t, r.deliveries)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestATrickleRunsOutOfTime(t *testing.T) {
	begun := noon
	var until []time.Time
	now := begun
	p := &patient{body: strings.NewReader(strings.Repeat("x", 100)), now: func() time.Time { return now }, start: begun,
		extend: func(t time.Time) error { until = append(until, t); return nil }}
	one := make([]byte, 1)
	for i := range 30 { // a byte every ten seconds
		now = begun.Add(time.Duration(i) * 10 * time.Second)
		_, err := p.Read(one)
		require.NoError(t, err)
	}
	require.Equal(t, begun.Add(stallTimeout), until[len(until)-1], "100 bytes earn no time")
	p.read = 100 * minThroughput
	_, err := p.Read(one)
	require.NoError(t, err)
	require.Equal(t, begun.Add(stallTimeout+100*time.Second), until[len(until)-1], "what came earns its time")
}

// agent answers questions itself, and reports in its own words.
type agent struct{}

func (agent) Answer(_ http.Header, body []byte) (string, []byte, bool) {
	if bytes.HasPrefix(body, []byte("ask")) {
		return "application/xml", []byte("<SEND/>"), false
	}
	return "application/xml", []byte("<OK/>"), true
}

func TestASourceMayAnswerItsSendersInTheirOwnWords(t *testing.T) {
	r := newRig(t)
	asks := r.sources["bearer"]
	asks.Answerer = agent{}
	r.sources["bearer"] = asks
	answer := r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "ask")
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "<SEND/>", answer.Body.String())
	require.Equal(t, "application/xml", answer.Header().Get("Content-Type"))
	require.Empty(t, r.deliveries, "a question reports nothing")
	answer = r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "report")
	require.Equal(t, "<OK/>", answer.Body.String())
	require.Len(t, r.deliveries, 1)
	refused(t, r.ask(http.MethodPost, "/hooks/bearer", "guess", "ask"), http.StatusUnauthorized)
}
