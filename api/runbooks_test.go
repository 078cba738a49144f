package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
	"github.com/quellsec/quell/internal/secret"
)

// runsDesk is one run, and what was asked of it.
type runsDesk struct {
	asked   []lifecycle.RunRequest
	decided []lifecycle.RunDecision
	heard   []runbook.Answer
	calls   []string
}

func (*runsDesk) one() runbook.Run {
	return runbook.Run{ID: "run_1", Version: 3, Remediation: "r-1", Runbook: "patch", Team: "payments", State: runbook.Requested, By: "ann", Reason: "now", At: noon, Quorum: 1,
		Expires: noon.Add(time.Hour), Body: json.RawMessage(`{"a":1}`), Heard: []string{"m"}, Targets: []runbook.Target{{ID: "e", Key: "k"}}, Log: []runbook.Line{{At: noon, State: runbook.Requested, By: "ann", Text: "now"}}}
}

func (*runsDesk) RunbookStatuses(context.Context) ([]lifecycle.RunbookStatus, error) {
	return []lifecycle.RunbookStatus{{Name: "patch", Quorum: 1, Approvers: []string{"role_approver"}}}, nil
}

func (d *runsDesk) AskRun(_ context.Context, in lifecycle.RunRequest) (runbook.Run, error) {
	d.asked = append(d.asked, in)
	return d.one(), nil
}

func (d *runsDesk) DecideRun(_ context.Context, in lifecycle.RunDecision) (runbook.Run, error) {
	d.decided = append(d.decided, in)
	return d.one(), nil
}
func (*runsDesk) MayApproveRun(_ *runbook.Run, _, role string) bool { return role == "approver" }

func (d *runsDesk) RunAnswered(_ context.Context, name, call string, a runbook.Answer) (runbook.Run, error) {
	if a.Run != "run_1" || name != "patch" {
		return runbook.Run{}, fault.New(fault.NotFound, "there is no such run")
	}
	d.heard, d.calls = append(d.heard, a), append(d.calls, call)
	return d.one(), nil
}

func (d *runsDesk) Run(_ context.Context, id string) (runbook.Run, error) {
	if id != "run_1" {
		return runbook.Run{}, fault.New(fault.NotFound, "there is none")
	}
	return d.one(), nil
}

func (d *runsDesk) RunsOf(context.Context, string) ([]runbook.Run, error) {
	return []runbook.Run{d.one()}, nil
}

func (d *runsDesk) FindRuns(context.Context, string, runbook.State, exposure.List) (exposure.Page[runbook.Run], error) {
	return exposure.Page[runbook.Run]{Items: []runbook.Run{d.one()}}, nil
}

// The runbook's key is checked as the specification of Standard Webhooks says, written out
// here once more.
var runbookKey = HMAC{Header: "Webhook-Signature", Prefix: "v1,", Encoding: "base64", TimestampHeader: "Webhook-Timestamp", Signed: "{header:Webhook-Id}.{timestamp}.{body}",
	Secrets: []secret.String{secret.New("whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567")))}}

type hmacVerifier struct{}

func (hmacVerifier) VerifyWebhook(h http.Header, body []byte, now time.Time) (string, error) {
	sig := runbookKey.begin(h, now)
	_, _ = sig.Write(body)
	if !sig.good() {
		return "", fault.New(fault.Denied, "no")
	}
	return h.Get("Webhook-Id"), nil
}

func (*runsDesk) hook(name string) (RunbookHook, bool) {
	return RunbookHook{Name: "patch", Verifier: hmacVerifier{}}, name == "patch"
}

func (r *rig) answerRun(name, body string, at time.Time, forge func(h http.Header)) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/hooks/runbooks/"+name, strings.NewReader(body))
	req.Header.Set("Webhook-Id", "msg_1")
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	sig := runbookKey.begin(req.Header, at)
	_, _ = sig.Write([]byte(body))
	req.Header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(sig.sums[0].Sum(nil)))
	if forge != nil {
		forge(req.Header)
	}
	rec := httptest.NewRecorder()
	r.server.Handler().ServeHTTP(rec, req)
	return rec
}

func TestARunbooksCallCountsOnlyAsItIsSignedAndOnlyInTime(t *testing.T) {
	const good = `{"run":"run_1","status":"done","detail":"ok"}`
	for name, tt := range map[string]struct {
		book, body string
		at         time.Time
		forge      func(http.Header)
		status     int
	}{
		"good":                {"patch", good, noon, nil, http.StatusAccepted},
		"forged":              {"patch", good, noon, func(h http.Header) { h.Set("Webhook-Signature", "v1,AAAA") }, http.StatusUnauthorized},
		"unsigned":            {"patch", good, noon, func(h http.Header) { h.Del("Webhook-Signature") }, http.StatusUnauthorized},
		"another ID":          {"patch", good, noon, func(h http.Header) { h.Set("Webhook-Id", "msg_2") }, http.StatusUnauthorized},
		"replayed later":      {"patch", good, noon.Add(-6 * time.Minute), nil, http.StatusUnauthorized},
		"no such runbook":     {"other", good, noon, nil, http.StatusUnauthorized},
		"another's run":       {"patch", `{"run":"run_2","status":"done"}`, noon, nil, http.StatusNotFound},
		"our own call":        {"patch", `{"type":"quell.runbook.run","timestamp":"2026-03-02T09:00:00Z","data":{"run":"run_1"}}`, noon, nil, http.StatusBadRequest},
		"something unknown":   {"patch", `{"run":"run_1","status":"closed"}`, noon, nil, http.StatusBadRequest},
		"two answers":         {"patch", good + good, noon, nil, http.StatusBadRequest},
		"too large":           {"patch", `{"run":"run_1","status":"done","detail":"` + strings.Repeat("x", runbookBody) + `"}`, noon, nil, http.StatusRequestEntityTooLarge},
		"compressed, it says": {"patch", good, noon, func(h http.Header) { h.Set("Content-Encoding", "gzip") }, http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			rec := r.answerRun(tt.book, tt.body, tt.at, tt.forge)
			require.Equal(t, tt.status, rec.Code, rec.Body)
			if tt.status != http.StatusAccepted {
				require.Empty(t, r.runs.heard)
				return
			}
			require.Equal(t, []runbook.Answer{{Run: "run_1", Status: runbook.StatusDone, Detail: "ok"}}, r.runs.heard)
			require.Equal(t, []string{"msg_1"}, r.runs.calls)
		})
	}
}

func TestARunIsAskedForAndDecidedOnByThoseWhoSeeAllOfIt(t *testing.T) {
	r := newRig(t)
	ask, decide := prefix+"/remediations/r-1/runs", prefix+"/runbook-runs/run_1/decisions"
	require.Equal(t, http.StatusForbidden, r.ask(http.MethodPost, ask, r.tokens[RoleViewer], AskRunRequest{Runbook: "patch", Reason: "now"}).Code)
	require.Equal(t, http.StatusForbidden, r.ask(http.MethodPost, decide, r.tokens[RoleViewer], RunDecisionRequest{Kind: runbook.Approve}).Code)
	answer := r.ask(http.MethodPost, ask, r.tokens[RoleOperator], AskRunRequest{Runbook: "patch", Reason: "now"})
	require.Equal(t, http.StatusCreated, answer.Code, answer.Body)
	require.NotContains(t, answer.Body.String(), `"body"`)
	require.NotContains(t, answer.Body.String(), `"heard"`)
	require.Equal(t, "patch", r.runs.asked[0].Runbook)
	require.Equal(t, http.StatusOK, r.ask(http.MethodPost, decide, r.tokens[RoleApprover], RunDecisionRequest{Kind: runbook.Approve}).Code)
	require.Equal(t, "approver", r.runs.decided[0].Role)
	require.Equal(t, http.StatusBadRequest, r.ask(http.MethodPost, decide, r.tokens[RoleApprover], RunDecisionRequest{Kind: runbook.Decline}).Code, "a reason is required")
	require.Equal(t, http.StatusBadRequest, r.ask(http.MethodPost, decide, r.tokens[RoleApprover], RunDecisionRequest{Kind: "force"}).Code)
	mine := r.ask(http.MethodGet, prefix+"/runbook-runs?mine=true", r.tokens[RoleApprover], nil)
	require.Contains(t, mine.Body.String(), "run_1")
	mine = r.ask(http.MethodGet, prefix+"/runbook-runs?mine=true", r.tokens[RoleOperator], nil)
	require.NotContains(t, mine.Body.String(), "run_1")

	// Whoever sees some of its exposures only, or none, sees neither it nor its runs.
	some := r.token(t, "bank", RoleApprover, "bank")
	for _, tt := range []struct{ method, path string }{{http.MethodPost, ask}, {http.MethodPost, decide}, {http.MethodGet, prefix + "/runbook-runs/run_1"}, {http.MethodGet, ask}} {
		var in any = AskRunRequest{Runbook: "patch", Reason: "now"}
		if tt.path == decide {
			in = RunDecisionRequest{Kind: runbook.Approve}
		}
		if tt.method == http.MethodGet {
			in = nil
		}
		require.Equal(t, http.StatusNotFound, r.ask(tt.method, tt.path, some, in).Code, tt.path)
	}
	require.Len(t, r.runs.asked, 1)
	require.Len(t, r.runs.decided, 1)
}
