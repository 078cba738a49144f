package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/secret"
)

// noon is the time of every test.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const hookSecret = "correct horse battery"

// rig is a server over parts in memory.
type rig struct {
	*memory
	server  *Server
	deps    Deps
	clock   time.Time
	log     *bytes.Buffer
	sources map[string]SourceInfo
	tokens  map[Role]string // one token each that sees all
}

// newRig makes a rig with one exposure in the scope "shop" and one in the scope "bank".
func newRig(t *testing.T, changes ...func(*Deps)) *rig {
	t.Helper()
	r := &rig{memory: newMemory(), clock: noon, log: &bytes.Buffer{}, tokens: map[Role]string{}, sources: map[string]SourceInfo{
		"bearer": {Name: "bearer", Connector: "nuclei", Bearer: []secret.String{secret.New(hookSecret)}},
		"signed": {Name: "signed", Connector: "nuclei", HMAC: &HMAC{Header: "X-Hub-Signature-256", Prefix: "sha256=",
			Secrets: []secret.String{secret.New(hookSecret)}}},
	}}
	now := func() time.Time { return r.clock }
	chain := ledger.New(r.memory, now)
	r.deps = Deps{
		Exposures: r.memory, Sightings: r.memory, Timeline: chain, Assets: r.memory, Edges: r.memory, Statements: r.memory, Identity: r.memory, Runs: r.memory, Deliveries: r.memory,
		Evidence: r.memory, Tickets: r.memory, Inbox: r.memory, Outbox: desk{}, Tokens: r.memory,
		Decider: decider{r.memory, chain, exception.Default(), now}, Waker: r.memory, Describe: r.memory, Scopes: r.memory, Gaps: r.memory, Sources: r.memory, Syncs: r.memory, Owners: r.memory,
		Intel: r.memory, Upkeep: r.memory, Trackers: r.memory, Remediations: r.memory, RunbookRuns: &r.runs, RunbookHook: r.runs.hook, Registry: prometheus.NewRegistry(),
		Checks: []Check{{Name: "store", Ask: func(context.Context) error { return r.down }}},
		Log:    slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: now,
		TempDir: t.TempDir(), WorkflowURL: "http://ui/namespaces/quell/workflows/{workflow}/{run}",
		Source: func(name string) (SourceInfo, bool) { s, ok := r.sources[name]; return s, ok },
	}
	for _, change := range changes {
		change(&r.deps)
	}
	r.server = New(r.deps)
	for _, role := range Roles() {
		r.tokens[role] = r.token(t, string(role)+"-token", role)
	}
	r.born(t, "web-1", "shop", "git-config")
	r.born(t, "db-1", "bank", "default-login")
	return r
}

// token makes a token that sees the given scopes, or all.
func (r *rig) token(t *testing.T, name string, role Role, scopes ...string) string {
	t.Helper()
	kept, text, err := NewToken(name, role, scopes, time.Time{}, r.clock)
	require.NoError(t, err)
	require.NoError(t, r.PutToken(t.Context(), kept))
	return text.Reveal()
}

// born puts a new exposure into memory.
func (r *rig) born(t *testing.T, host, scopeName, check string) {
	t.Helper()
	a := asset.Asset{ID: asset.ID("asset-" + host), Version: 1, Kind: asset.Host, Name: host, Scopes: []string{scopeName}, FirstSeen: noon, LastSeen: noon, UpdatedAt: noon}
	r.assets[a.ID] = a
	r.assetEvents[a.ID] = []asset.Event{asset.Created(a, "nothing matched", noon)}
	e := exposure.NewExposure(exposure.BornInput{Asset: a, Source: "signed", Run: "run-1", CheckedAt: noon, At: noon, Cause: "delivery-1",
		Actor: exposure.Actor{Kind: exposure.Source, Name: "signed"},
		Finding: exposure.Finding{UID: check, Source: "signed", Connector: "nuclei", Class: exposure.ClassVulnerability, Check: "nuclei:" + check,
			Title: "<script>alert(1)</script> & " + check, Severity: exposure.SeverityHigh, Status: exposure.StatusOpen, Location: "443/tcp"}})
	r.exposures[e.ID] = e
}

// first is the exposure in the scope shop.
func (r *rig) first() exposure.Exposure {
	for _, e := range r.exposures {
		if e.Scopes[0] == "shop" {
			return e
		}
	}
	panic("the rig has no exposure in shop")
}

// ask sends a request; headers are name, value, name, value.
func (r *rig) ask(method, path, token string, body any, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader = http.NoBody
	contentType := ""
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case io.Reader:
		reader = b
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		reader, contentType = bytes.NewReader(raw), jsonType
	}
	request := httptest.NewRequestWithContext(context.Background(), method, path, reader)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	r.server.Handler().ServeHTTP(answer, request)
	return answer
}

// get asks as a viewer who sees all.
func (r *rig) get(path string) *httptest.ResponseRecorder {
	return r.ask(http.MethodGet, path, r.tokens[RoleViewer], nil)
}

// post asks as an operator who sees all.
func (r *rig) post(path string, body any, headers ...string) *httptest.ResponseRecorder {
	return r.ask(http.MethodPost, path, r.tokens[RoleOperator], body, headers...)
}

// into decodes an answer that must have a status.
func into[T any](t *testing.T, answer *httptest.ResponseRecorder, status int) T {
	t.Helper()
	require.Equal(t, status, answer.Code, answer.Body.String())
	var out T
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &out), answer.Body.String())
	return out
}

// refused decodes a problem that must have a status.
func refused(t *testing.T, answer *httptest.ResponseRecorder, status int) Problem {
	t.Helper()
	p := into[Problem](t, answer, status)
	require.Equal(t, problemType, answer.Header().Get("Content-Type"))
	require.Equal(t, status, p.Status)
	return p
}

// decider decides as the lifecycle's client does for exposures that no workflow has.
type decider struct {
	records *memory
	ledger  *ledger.Ledger
	rules   *exception.Rules
	now     func() time.Time
}

func (d decider) Decide(ctx context.Context, in lifecycle.Decision) (lifecycle.DecisionResult, error) {
	if err := in.Validate(d.now()); err != nil {
		return lifecycle.DecisionResult{}, err
	}
	_, out, err := lifecycle.DecideUnder(ctx, d.ledger, d.records, d.rules, exposure.ModeStore, in, d.now())
	return out, err
}

func (m *memory) Sources(context.Context) ([]SourceStatus, error) {
	return []SourceStatus{{Name: "signed", Connector: "nuclei", Webhook: "/hooks/signed", Silent: true,
		Conditions: []SourceCondition{{Condition: exposure.SourceLate, Since: noon, Why: "no complete run", LastGood: noon}}}}, nil
}

func (m *memory) Conditions(context.Context) (map[string][]SourceCondition, error) {
	return map[string][]SourceCondition{"signed": {{Condition: exposure.SourceLate, Since: noon}}, "bearer": nil}, nil
}

func (m *memory) Scopes(context.Context) ([]ScopeStatus, error) {
	return []ScopeStatus{{Scope: scope.Scope{Name: "shop"}}, {Scope: scope.Scope{Name: "bank"}}}, nil
}

func (m *memory) Owners(context.Context) ([]ownership.Team, error) {
	return []ownership.Team{{Name: "payments"}}, nil
}

func (*memory) Unowned(context.Context, []string) (Unowned, error) {
	return Unowned{Assets: 3, Overdue: 2, Within: "7d"}, nil
}

func (m *memory) TestOwner(_ context.Context, id asset.ID, _ exposure.ID) (OwnerTest, error) {
	return OwnerTest{Asset: id, Team: "payments", Confidence: 0.5, Lines: []string{"root: matches everything"}}, nil
}

func (m *memory) Import(_ context.Context, kind string, body io.Reader, _ string) (IntelImport, error) {
	n, err := io.Copy(io.Discard, body)
	return IntelImport{Kind: kind, Digest: "d", Entries: n}, err
}

func (m *memory) Status(context.Context) ([]IntelStatus, error) {
	return []IntelStatus{{Kind: "kev", Missing: "there is no KEV snapshot: import one"}}, nil
}

func (m *memory) Reassess(context.Context, string) (UpkeepResult, error) {
	return UpkeepResult{Looked: 2}, nil
}

func (m *memory) Rebuild(context.Context, string) (UpkeepResult, error) { return UpkeepResult{}, nil }

func (m *memory) Gaps(_ context.Context, page scope.GapPage) ([]scope.Gap, error) {
	m.gapPages = append(m.gapPages, page)
	return scope.FindGaps(func(yield func(asset.Asset) bool) { yield(asset.Asset{ID: "A1", Sources: []string{"signed"}}) }, scope.Set{}, nil, noon, page), nil
}
