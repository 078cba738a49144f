package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

func TestExposuresComeInPages(t *testing.T) {
	r := newRig(t)
	first := into[exposure.Page[Summary]](t, r.get(prefix+"/exposures?limit=1&sort=id"), http.StatusOK)
	require.Len(t, first.Items, 1)
	require.NotEmpty(t, first.Next)
	second := into[exposure.Page[Summary]](t, r.get(prefix+"/exposures?limit=1&sort=id&cursor="+first.Next), http.StatusOK)
	require.Len(t, second.Items, 1)
	require.Empty(t, second.Next)
	require.NotEqual(t, first.Items[0].ID, second.Items[0].ID)
	require.Equal(t, exposure.List{Sort: exposure.SortID, Limit: 1, Cursor: first.Next}, r.lists[1])
	answer := r.get(prefix + "/exposures?state=closed")
	require.JSONEq(t, `{"items":[]}`, answer.Body.String(), "nothing is a list, too")
	require.NotContains(t, r.get(prefix+"/exposures").Body.String(), "findings")
	require.Contains(t, r.get(prefix+"/exposures").Body.String(), "<script>", "texts are data, as they are")
}

func TestEveryFilterReachesTheStore(t *testing.T) {
	r := newRig(t)
	query := url.Values{
		"state": {"open", "closed"}, "decision": {"act"}, "severity": {"high", "low"}, "owner": {"", "payments"}, "scope": {"shop"}, "source": {"a", "b"},
		"asset": {"x"}, "cve": {"cve-2024-3094"}, "weakness": {"nuclei:git-config"}, "remediation": {"r-1"}, "campaign": {"kev"}, "kev": {"true"}, "text": {"Git & co"}, "mode": {"workflow"},
		"queued": {"true"}, "due_before": {"2026-11-23T12:00:00+01:00"}, "due_after": {"2026-11-01T00:00:00Z"}, "timer_before": {"2026-11-02T00:00:00Z"},
		"wake_before": {"2026-11-03T00:00:00Z"}, "updated_since": {"2026-11-04T00:00:00.123456Z"},
		"q": {"Kernel"}, "vendor": {"vpr.score=9.1", "exploit"},
	}
	for _, p := range slices.Concat(filterParams(), searchParams()) {
		require.Contains(t, query, p.name, "this test sets every filter there is")
	}
	r.filters = nil
	require.Equal(t, http.StatusOK, r.get(prefix+"/exposures?"+query.Encode()).Code)
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	require.Equal(t, exposure.Filter{
		States: []exposure.State{"open", "closed"}, Decisions: []exposure.DecisionOutcome{"act"}, Severities: []exposure.Severity{"high", "low"},
		Owners: []string{"", "payments"}, Scopes: []string{"shop"}, Sources: []string{"a", "b"}, Assets: r.filters[0].Assets, CVE: "CVE-2024-3094",
		Weakness: "nuclei:git-config", Remediation: "r-1", Campaign: "kev", KEV: true, Text: "Git & co", Mode: exposure.ModeWorkflow, Queued: true,
		DueBefore: noon.Add(-time.Hour), DueAfter: day(1), TimerBefore: day(2), WakeBefore: day(3), Updated: day(4).Add(123 * time.Millisecond),
		Search: "Kernel", Vendor: []string{"vpr.score=9.1", "exploit"},
	}, r.filters[0])
	require.Equal(t, "x", string(r.filters[0].Assets[0]))
}

func TestAQueryThatIsNotUnderstoodIsRefusedByName(t *testing.T) {
	r := newRig(t)
	for query, field := range map[string]string{
		"stat=open": "stat", "state=opened": "state", "sort=severity&sort=due": "sort", "limit=0": "limit", "limit=1001": "limit", "limit=x": "limit",
		"due_before=tomorrow": "due_before", "queued=maybe": "queued", "cve=2024": "cve", "text=%00": "text", "text=%ff": "text",
		"text=" + strings.Repeat("x", maxValue+1): "text", "cursor=" + strings.Repeat("x", maxCursor+1): "cursor",
		strings.Repeat("owner=a&", maxValues+1): "owner",
	} {
		p := refused(t, r.get(prefix+"/exposures?"+query), http.StatusBadRequest)
		require.Len(t, p.Errors, 1, query)
		require.Equal(t, field, p.Errors[0].Field)
	}
	p := refused(t, r.get(prefix+"/exposures?b=1&a=1"), http.StatusBadRequest)
	require.Equal(t, []string{"a", "b"}, []string{p.Errors[0].Field, p.Errors[1].Field}, "every problem at once")
	refused(t, r.get(prefix+"/assets?state=open"), http.StatusBadRequest)
}

func TestAnExposureIsGivenWithItsStoryEvidenceAndWorkflow(t *testing.T) {
	r := newRig(t)
	e := r.first()
	answer := r.get(prefix + "/exposures/" + string(e.ID))
	out := into[Detail](t, answer, http.StatusOK)
	require.Equal(t, e.ID, out.ID)
	require.True(t, out.Timeline.Verified)
	require.Equal(t, exposure.EventDiscovered, out.Timeline.Items[0].Kind)
	require.Equal(t, "http://ui/namespaces/quell/workflows/exposure%2F"+string(e.ID)+"/run", out.Workflow.URL)
	refused(t, r.get(prefix+"/exposures/nothing"), http.StatusNotFound)

	tag := answer.Header().Get("ETag")
	again := func() int {
		return r.ask(http.MethodGet, prefix+"/exposures/"+string(e.ID), r.tokens[RoleViewer], nil, "If-None-Match", `"x", W/`+tag).Code
	}
	require.Equal(t, http.StatusNotModified, again())
	key, err := exposure.PackKeys([]exposure.SeenKey{{ID: e.ID, Digest: 1}})
	require.NoError(t, err)
	r.sightings["signed|"+string(e.Asset)] = exposure.Sighting{Source: "signed", Asset: e.Asset, Run: "run-2", CheckedAt: noon.Add(time.Hour), Keys: key}
	require.Equal(t, http.StatusOK, again(), "a report that said the same again touched the sighting alone")
	require.Equal(t, noon.Add(time.Hour), into[Detail](t, r.get(prefix+"/exposures/"+string(e.ID)), http.StatusOK).LastSeen)
}

func TestABrokenChainIsShownAsBroken(t *testing.T) {
	r := newRig(t)
	e := r.first()
	e.LastEvent.Reason = "rewritten"
	r.exposures[e.ID] = e
	story := into[Story](t, r.get(prefix+"/exposures/"+string(e.ID)+"/timeline"), http.StatusOK)
	require.False(t, story.Verified)
	require.NotEmpty(t, story.Problem)
	require.Len(t, story.Items, 1)
}

func TestADecisionIsAttributedAndMadeOnce(t *testing.T) {
	r := newRig(t)
	e := r.first()
	path := prefix + "/exposures/" + string(e.ID) + "/decisions"
	claim := DecisionRequest{Kind: lifecycle.DecideClaim, Team: "payments", Reason: "ours"}
	out := into[lifecycle.DecisionResult](t, r.post(path, claim, "Idempotency-Key", "k", "If-Match", `"1.abc"`), http.StatusOK)
	again := into[lifecycle.DecisionResult](t, r.post(path, claim, "Idempotency-Key", "k", "If-Match", `"1.abc"`), http.StatusOK)
	require.False(t, out.Repeated)
	require.True(t, again.Repeated, "the same key is the same decision, although the version has moved on")
	require.Equal(t, out.Seq, again.Seq)
	now := r.exposures[e.ID]
	require.Equal(t, "payments", now.Owner.Team)
	require.Equal(t, exposure.Actor{Kind: exposure.Person, Name: "operator-token"}, now.LastEvent.Actor)
	require.Equal(t, int64(2), now.LastEvent.Seq)

	other := r.ask(http.MethodPost, path, r.tokens[RoleAdmin], claim, "Idempotency-Key", "k")
	require.False(t, into[lifecycle.DecisionResult](t, other, http.StatusOK).Repeated, "one caller's key is not another's")
	keyless := r.post(path, claim)
	require.False(t, into[lifecycle.DecisionResult](t, keyless, http.StatusOK).Repeated, "without a key each request is its own")
	again = into[lifecycle.DecisionResult](t, r.post(path, claim, "Idempotency-Key", keyless.Header().Get("Idempotency-Key")), http.StatusOK)
	require.True(t, again.Repeated, "and can be asked again by the key it was given")
}

func TestADecisionOnWhatHasChangedIsRefused(t *testing.T) {
	r := newRig(t)
	path := prefix + "/exposures/" + string(r.first().ID) + "/decisions"
	claim := DecisionRequest{Kind: lifecycle.DecideClaim, Team: "payments"}
	require.Equal(t, http.StatusOK, r.post(path, claim, "If-Match", `"1"`).Code)
	p := refused(t, r.post(path, claim, "If-Match", `"1"`), http.StatusPreconditionFailed)
	require.Equal(t, fault.Conflict, p.Code)
	require.Contains(t, p.Detail, "version 2")
	refused(t, r.post(path, DecisionRequest{Kind: lifecycle.DecideReopen}, "If-Match", `"2"`), http.StatusConflict)
	for _, tag := range []string{"1", `W/"1"`, `"one"`, `"0"`, `"1", "2"`} {
		require.Equal(t, "If-Match", refused(t, r.post(path, claim, "If-Match", tag), http.StatusBadRequest).Errors[0].Field, tag)
	}
}

func TestARiskIsAskedForAndAcceptedByOthers(t *testing.T) {
	r := newRig(t)
	path := prefix + "/exposures/" + string(r.first().ID) + "/decisions"
	accept := DecisionRequest{Kind: lifecycle.DecideAcceptRisk, Reason: "replaced in spring", Until: noon.AddDate(0, 0, 20)}
	approve := DecisionRequest{Kind: lifecycle.DecideApprove}
	refused(t, r.ask(http.MethodPost, path, r.tokens[RoleViewer], accept), http.StatusForbidden)
	require.Empty(t, waiting(t, r, RoleApprover, ""))
	out := into[lifecycle.DecisionResult](t, r.post(path, accept), http.StatusOK)
	require.NotEqual(t, exposure.Accepted, out.State)

	require.Empty(t, waiting(t, r, RoleOperator, ""), "it doesn't wait for whoever asked")
	require.False(t, waiting(t, r, RoleOperator, "?all=true")[0].Mine)
	mine := waiting(t, r, RoleApprover, "")
	require.True(t, mine[0].Mine)
	require.Equal(t, 2, mine[0].Missing, "nothing has decided on it: that counts as act")
	require.Equal(t, "replaced in spring", mine[0].Request.Reason)

	refused(t, r.post(path, approve), http.StatusConflict) // who asked
	out = into[lifecycle.DecisionResult](t, r.ask(http.MethodPost, path, r.tokens[RoleApprover], approve), http.StatusOK)
	require.NotEqual(t, exposure.Accepted, out.State)
	require.Empty(t, waiting(t, r, RoleApprover, ""), "it no longer waits for who approved")
	out = into[lifecycle.DecisionResult](t, r.ask(http.MethodPost, path, r.tokens[RoleAdmin], approve), http.StatusOK)
	require.Equal(t, exposure.Accepted, out.State)
	require.Empty(t, waiting(t, r, RoleAdmin, "?all=true"))
}

func waiting(t *testing.T, r *rig, role Role, query string) []WaitingRequest {
	t.Helper()
	return into[exposure.Page[WaitingRequest]](t, r.ask(http.MethodGet, prefix+"/approvals"+query, r.tokens[role], nil), http.StatusOK).Items
}

func TestADecisionThatMakesNoSenseIsNamed(t *testing.T) {
	r := newRig(t)
	path := prefix + "/exposures/" + string(r.first().ID) + "/decisions"
	for name, c := range map[string]struct {
		body   any
		field  string
		status int
		header []string
	}{
		"unknown kind":     {DecisionRequest{Kind: "explode"}, "kind", http.StatusBadRequest, nil},
		"long reason":      {DecisionRequest{Kind: "retest", Reason: strings.Repeat("x", maxReason+1)}, "reason", http.StatusBadRequest, nil},
		"many ends":        {DecisionRequest{Kind: "mitigate", EndsOn: make([]string, maxEndsOn+1)}, "ends_on", http.StatusBadRequest, nil},
		"unknown field":    {map[string]any{"kind": "claim", "teem": "x"}, "teem", http.StatusBadRequest, nil},
		"wrong type":       {map[string]any{"kind": 7}, "kind", http.StatusBadRequest, nil},
		"key with a break": {DecisionRequest{Kind: "retest"}, "Idempotency-Key", http.StatusBadRequest, []string{"Idempotency-Key", "a b"}},
	} {
		p := refused(t, r.post(path, c.body, c.header...), c.status)
		require.Equal(t, c.field, p.Errors[0].Field, name)
	}
	refused(t, r.post(path, DecisionRequest{Kind: "claim"}), http.StatusBadRequest)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"not JSON": {"{", http.StatusBadRequest}, "two values": {`{"kind":"retest"} {}`, http.StatusBadRequest}, "nothing": {"", http.StatusBadRequest},
		"deep": {strings.Repeat("[", 1000), http.StatusBadRequest}, "large": {`{"reason":"` + strings.Repeat("x", maxJSON) + `"}`, http.StatusRequestEntityTooLarge},
	} {
		p := refused(t, r.post(path, c.body, "Content-Type", jsonType), c.status)
		require.NotEmpty(t, p.Detail, name)
	}
	require.Contains(t, refused(t, r.post(path, strings.Repeat("[", 1000), "Content-Type", jsonType), http.StatusBadRequest).Detail, "nested")
	refused(t, r.post(path, `{"kind":"retest"}`, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
	require.True(t, deeperThan([]byte(`{"a":[{"b":[]}]}`), 3))
	require.False(t, deeperThan([]byte(`{"a":"[[[[\"[["}`), 1), "brackets in texts don't count")
}

func TestAnExportStreamsWholeExposures(t *testing.T) {
	r := newRig(t)
	answer := r.get(prefix + "/exposures.ndjson")
	require.Equal(t, []string{ndjsonType}, answer.Header()["Content-Type"])
	lines := strings.Split(strings.TrimSpace(answer.Body.String()), "\n")
	require.Len(t, lines, 2)
	for _, line := range lines {
		var e exposure.Exposure
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		require.Equal(t, r.exposures[e.ID], e)
	}
	require.Empty(t, r.get(prefix+"/exposures.ndjson?state=closed").Body.String())
}

func TestAnExportThatBreaksIsNotTakenForAWholeOne(t *testing.T) {
	r := newRig(t)
	r.breakAfter = 1
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { r.get(prefix + "/exposures.ndjson") })
	server := httptest.NewServer(r.server.Handler())
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+prefix+"/exposures.ndjson", http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+r.tokens[RoleViewer])
	answer, err := server.Client().Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Error(t, drained(answer.Body), "the connection is cut")
	require.Empty(t, r.server.exports)
}

func TestExportsAreBoundedInNumber(t *testing.T) {
	r := newRig(t)
	for range maxExports {
		r.server.exports <- struct{}{}
	}
	refused(t, r.get(prefix+"/exposures.ndjson"), http.StatusTooManyRequests)
}

func TestFindingsAreThoseOfTheExposuresAndOfTheSourceAsked(t *testing.T) {
	r := newRig(t)
	e := r.first()
	e.Findings = append(e.Findings, exposure.Finding{UID: "2", Source: "other", Check: "nuclei:x"})
	e.Sources = append(e.Sources, "other")
	r.exposures[e.ID] = e
	require.Len(t, into[exposure.Page[Reported]](t, r.get(prefix+"/findings"), http.StatusOK).Items, 3)
	out := into[exposure.Page[Reported]](t, r.get(prefix+"/findings?source=other"), http.StatusOK)
	require.Len(t, out.Items, 1)
	require.Equal(t, e.ID, out.Items[0].Exposure)
}

func TestStatsCountAndSayWhatIsMissing(t *testing.T) {
	r := newRig(t)
	out := into[Stats](t, r.get(prefix+"/stats"), http.StatusOK)
	require.Equal(t, int64(2), out.Total)
	require.Len(t, out.By, len(groups()))
	require.Equal(t, map[string]int64{"tracked": 2}, out.By["state"])
	require.Equal(t, []string{"signed"}, out.Silent)
	require.Len(t, out.Missing, 3)
	require.Contains(t, out.Missing[0], "no owner")
	require.Contains(t, out.Missing[1], "KEV")
	require.Len(t, into[Stats](t, r.get(prefix+"/stats?by=scope&by=state"), http.StatusOK).By, 2)
}

// FuzzFilter finds queries that pass the check and come out as something that could not
// have been meant.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{"state=open&state=closed", "owner=", "cve=CVE-2024-3094", "due_before=2026-11-23T00:00:00Z", "limit=5&cursor=x&sort=-due", "a=%zz", "text=%e2%80%ae"} {
		f.Add(seed)
	}
	list := append(append(filterParams(), pageParams()...), choice("sort", "", sorts()))
	f.Fuzz(func(t *testing.T, raw string) {
		query, err := url.ParseQuery(raw)
		if err != nil || checkQuery(list, query) != nil {
			return
		}
		filter, err := filterOf(query, []string{"shop"})
		require.Equal(t, []string{"shop"}, filter.Visible)
		if err != nil {
			return
		}
		l := listOf(query)
		require.True(t, 0 <= l.Limit && l.Limit <= maxLimit)
		for name, values := range map[string]int{"state": len(filter.States), "owner": len(filter.Owners), "asset": len(filter.Assets), "source": len(filter.Sources)} {
			require.Len(t, query[name], values, name)
		}
		for _, s := range filter.States {
			require.Contains(t, exposure.States(), s)
		}
		if query.Get("due_before") == "" {
			require.Zero(t, filter.DueBefore)
		}
	})
}

func TestASearchWantsAKeyAndCannotBeCounted(t *testing.T) {
	r := newRig(t)
	for _, query := range []string{"/exposures?vendor=", "/exposures?vendor=%3Dx", "/exposures?vendor=.", "/stats?q=x", "/stats?vendor=a%3Db"} {
		refused(t, r.get(prefix+query), http.StatusBadRequest)
	}
}

func TestAnExposureIsShownWithWhatElseSpeaksOfItsCVEs(t *testing.T) {
	r := newRig(t)
	e := r.first()
	e.CVEs = []string{"CVE-2024-1", "CVE-2024-2"}
	r.exposures[e.ID] = e
	one := e
	one.ID, one.Weakness, one.CVEs = "single", "CVE-2024-2", []string{"CVE-2024-2"}
	r.exposures[one.ID] = one
	out := into[Detail](t, r.get(prefix+"/exposures/"+string(e.ID)), http.StatusOK)
	require.Len(t, out.Related, 1)
	require.Equal(t, one.ID, out.Related[0].ID)
	require.Equal(t, []string{"CVE-2024-2"}, out.Related[0].CVEs)
	back := into[Detail](t, r.get(prefix+"/exposures/single"), http.StatusOK)
	require.Equal(t, e.ID, back.Related[0].ID, "and the other way round")
}
