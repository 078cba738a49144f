package api

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/fault"
)

func TestEveryKindOfErrorHasItsProblem(t *testing.T) {
	var out bytes.Buffer
	for _, c := range []struct {
		path string
		err  error
	}{
		{"/exposures", fault.New(fault.Invalid, "finding exposures: the cursor isn't one of ours")},
		{"/exposures", fault.New(fault.NotFound, "reading exposures: there is no such collection")},
		{"/exposures", fault.New(fault.Denied, "reading exposures: denied")},
		{"/exposures", fault.New(fault.Conflict, "reading exposures: conflict")},
		{"/exposures", &fault.Error{Kind: fault.Throttled, Msg: "reading exposures: slow down", RetryAfter: 1500 * time.Millisecond}},
		{"/exposures", fault.New(fault.Unavailable, "dialling mongodb://10.0.0.5: refused")},
		{"/exposures", fault.New(fault.Internal, "opening /var/lib/quell/store.db: broken")},
		{"/exposures", errors.New("an error without a kind: password=hunter2")},
		{"/nothing", nil},
		{"/exposures?a=1&state=x", nil},
	} {
		r := newRig(t)
		r.broken = c.err
		answer := r.ask(http.MethodGet, prefix+c.path, r.tokens[RoleViewer], nil, "X-Request-Id", "req-1")
		fmt.Fprintf(&out, "%s: %v\n%d retry-after=%q\n%s\n", c.path, c.err, answer.Code, answer.Header().Get("Retry-After"), answer.Body)
		if answer.Code >= http.StatusInternalServerError {
			require.NotContains(t, answer.Body.String(), c.err.Error(), "what failed inside is for the log")
			require.Contains(t, r.log.String(), "request_id=req-1")
		}
	}
	golden(t, "testdata/problems.golden", out.Bytes())
}

func TestAPanicIsAnInternalProblem(t *testing.T) {
	r := newRig(t, func(d *Deps) { d.Scopes = nil })
	p := refused(t, r.get(prefix+"/scopes"), http.StatusInternalServerError)
	require.NotContains(t, p.Detail, "nil pointer")
	require.Contains(t, r.log.String(), "nil pointer")
}

func TestAMethodThatAnAddressDoesNotTakeIsAProblem(t *testing.T) {
	r := newRig(t)
	refused(t, r.ask(http.MethodDelete, prefix+"/exposures", r.tokens[RoleAdmin], nil), http.StatusMethodNotAllowed)
	refused(t, r.ask("BREW", prefix+"/exposures", r.tokens[RoleAdmin], nil), http.StatusMethodNotAllowed)
}

func TestARequestHasANameThatCannotForgeALogLine(t *testing.T) {
	r := newRig(t)
	require.Equal(t, "mine-1", r.ask(http.MethodGet, "/livez", "", nil, "X-Request-Id", "mine-1").Header().Get("X-Request-Id"))
	for _, id := range []string{"", "a b", "a\nb", strings.Repeat("x", 65)} {
		require.Regexp(t, `^[0-9A-Z]{26}$`, r.ask(http.MethodGet, "/livez", "", nil, "X-Request-Id", id).Header().Get("X-Request-Id"))
	}
}

func TestReadinessNamesWhatFailsAndNotWhy(t *testing.T) {
	r := newRig(t)
	require.Equal(t, Readiness{Ready: true, Checks: map[string]string{"store": "ok"}}, into[Readiness](t, r.get("/readyz"), http.StatusOK))
	r.down = errors.New("disk /dev/sda is full")
	answer := r.get("/readyz")
	require.Equal(t, map[string]string{"store": "failed"}, into[Readiness](t, answer, http.StatusServiceUnavailable).Checks)
	require.NotContains(t, answer.Body.String(), "disk")
	require.Equal(t, http.StatusOK, r.get("/livez").Code, "it lives all the same")
}

func TestMetricsCountRequestsDeliveriesAndQueues(t *testing.T) {
	r := newRig(t, func(d *Deps) { d.Version = "v1" })
	require.Equal(t, http.StatusAccepted, r.ask(http.MethodPost, "/hooks/bearer", hookSecret, "{}").Code)
	require.Equal(t, http.StatusUnauthorized, r.ask(http.MethodPost, "/hooks/bearer", "guess", "{}").Code)
	r.get("/unknown/" + strings.Repeat("x", 20))
	r.ask("BREW", "/livez", "", nil)
	text := r.get("/metrics").Body.String()
	for _, line := range []string{
		`quell_http_requests_total{code="202",method="POST",route="/hooks/:source"} 1`,
		`quell_deliveries_total{outcome="accepted",source="bearer",via="webhook"} 1`,
		`quell_deliveries_total{outcome="refused",source="bearer",via="webhook"} 1`,
		`quell_delivery_bytes_total{source="bearer"} 2`,
		`quell_admission_queue_length 0`,
		`quell_sources_pending 1`,
		`quell_build_info{version="v1"} 1`,
		`method="other"`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "xxxx", "nobody makes a series by asking for an address")
	require.NotContains(t, text, "BREW")
	open := newRig(t, func(d *Deps) { d.PublicMetrics = true })
	require.Equal(t, http.StatusOK, open.ask(http.MethodGet, "/metrics", "", nil).Code)
}

func TestTheServerServesUntilItIsShutDown(t *testing.T) {
	r := newRig(t)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- r.server.Serve(l) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/hooks/bearer", strings.NewReader("{}"))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+hookSecret)
	answer, err := (&http.Client{}).Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
	require.NoError(t, r.server.Shutdown(t.Context()))
	require.NoError(t, <-ended)
	require.Equal(t, []string{"bearer"}, r.wakes)
}
