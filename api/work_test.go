package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
)

// withTicket puts a ticket into memory, of the remediation "r-1" that has both exposures.
func (r *rig) withTicket() {
	for id, e := range r.exposures {
		e.RemediationID = "r-1"
		r.exposures[id] = e
	}
	r.tickets["QT-1"] = lifecycle.Ticket{ID: "QT-1", Version: 1, Marker: "r-1", Title: "Patch", Status: "todo"}
}

func TestAPersonMovesATicketAndItsRemediationIsWoken(t *testing.T) {
	r := newRig(t)
	r.withTicket()
	done := into[lifecycle.Ticket](t, r.post(prefix+"/tickets/QT-1/status", StatusRequest{Status: "done"}), http.StatusOK)
	require.Equal(t, "operator-token", done.ClosedBy, "who closed it is not taken for quell")
	require.False(t, done.ClosedAt.IsZero(), "a later comment is not taken for another closing")
	require.Equal(t, int64(2), done.Version)
	require.Equal(t, []string{"r-1"}, r.remediated)
	again := into[lifecycle.Ticket](t, r.post(prefix+"/tickets/QT-1/status", StatusRequest{Status: "done"}), http.StatusOK)
	require.Equal(t, int64(2), again.Version, "twice is once")
	back := into[lifecycle.Ticket](t, r.post(prefix+"/tickets/QT-1/status", StatusRequest{Status: "todo"}, "If-Match", `"2"`), http.StatusOK)
	require.Empty(t, back.ClosedBy)
	refused(t, r.post(prefix+"/tickets/QT-1/status", StatusRequest{Status: "done"}, "If-Match", `"2"`), http.StatusPreconditionFailed)
	require.Equal(t, "status", refused(t, r.post(prefix+"/tickets/QT-1/status", StatusRequest{Status: "gone"}), http.StatusBadRequest).Errors[0].Field)
	refused(t, r.post(prefix+"/tickets/QT-2/status", StatusRequest{Status: "done"}), http.StatusNotFound)
}

func TestACommentIsMadeOnce(t *testing.T) {
	r := newRig(t)
	r.withTicket()
	for range 2 {
		into[lifecycle.Ticket](t, r.post(prefix+"/tickets/QT-1/comments", CommentRequest{Text: "done on Friday"}, "Idempotency-Key", "k"), http.StatusCreated)
	}
	into[lifecycle.Ticket](t, r.post(prefix+"/tickets/QT-1/comments", CommentRequest{Text: "done on Friday"}), http.StatusCreated)
	comments := r.tickets["QT-1"].Comments
	require.Len(t, comments, 2)
	require.Equal(t, "operator-token", comments[0].By)
	refused(t, r.post(prefix+"/tickets/QT-1/comments", CommentRequest{Text: " "}), http.StatusBadRequest)
	refused(t, r.post(prefix+"/tickets/QT-1/comments", CommentRequest{Text: strings.Repeat("x", maxComment+1)}), http.StatusBadRequest)
}

func TestATicketIsSeenByWhoSeesAllThatItIsAbout(t *testing.T) {
	r := newRig(t)
	r.withTicket()
	narrow, wide := r.token(t, "narrow", RoleOperator, "shop"), r.token(t, "wide", RoleOperator, "shop", "bank")
	r.messages["m-1"] = lifecycle.InboxMessage{ID: "m-1", Subjects: []string{"r-1"}}
	r.messages["m-2"] = lifecycle.InboxMessage{ID: "m-2", Subjects: []string{string(r.first().ID)}}
	r.messages["m-3"] = lifecycle.InboxMessage{ID: "m-3"}
	for token, sees := range map[string]int{narrow: 0, wide: 1, r.tokens[RoleViewer]: 1} {
		list := into[exposure.Page[lifecycle.Ticket]](t, r.ask(http.MethodGet, prefix+"/tickets", token, nil), http.StatusOK)
		require.Len(t, list.Items, sees)
		want := map[int]int{0: http.StatusNotFound, 1: http.StatusOK}[sees]
		require.Equal(t, want, r.ask(http.MethodGet, prefix+"/tickets/QT-1", token, nil).Code)
	}
	for token, sees := range map[string]int{narrow: 1, wide: 2, r.tokens[RoleViewer]: 3} {
		list := into[exposure.Page[lifecycle.InboxMessage]](t, r.ask(http.MethodGet, prefix+"/inbox", token, nil), http.StatusOK)
		require.Len(t, list.Items, sees)
	}
	refused(t, r.ask(http.MethodPost, prefix+"/tickets/QT-1/status", narrow, StatusRequest{Status: "done"}), http.StatusNotFound)
}

func TestAMessageIsMarkedAsRead(t *testing.T) {
	r := newRig(t)
	r.messages["m-1"] = lifecycle.InboxMessage{ID: "m-1"}
	require.Equal(t, http.StatusNoContent, r.post(prefix+"/inbox/m-1/read", nil).Code)
	require.True(t, r.messages["m-1"].Read)
	refused(t, r.post(prefix+"/inbox/m-2/read", nil), http.StatusNotFound)
}

// evidence puts evidence into memory and gives its hash.
func (r *rig) evidence(t *testing.T, ev exposure.Evidence) string {
	t.Helper()
	raw, err := json.Marshal(ev)
	require.NoError(t, err)
	return r.blob(string(raw))
}

func (r *rig) blob(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	sha := hex.EncodeToString(sum[:])
	r.bodies[sha] = []byte(raw)
	return sha
}

func TestAProbeStoresEvidenceOfItsHashAndNothingElse(t *testing.T) {
	r := newRig(t)
	probe := r.tokens[RoleProbe]
	body := `{"kind":"http","target":"x","vantage":"internet","at":"2026-11-23T12:00:00Z"}`
	sum := sha256.Sum256([]byte(body))
	sha := hex.EncodeToString(sum[:])
	put := func(sha, body string) int {
		return r.ask(http.MethodPut, prefix+"/evidence/"+sha, probe, body).Code
	}
	require.Equal(t, http.StatusNoContent, put(sha, body))
	require.Equal(t, http.StatusNoContent, put(sha, body), "twice is once")
	require.Equal(t, http.StatusBadRequest, put(sha, body+" "), "another body")
	require.Equal(t, http.StatusBadRequest, put("../../etc", body))
	require.Equal(t, http.StatusBadRequest, put(strings.ToUpper(sha), body))
	require.Equal(t, http.StatusRequestEntityTooLarge, put(sha, strings.Repeat("x", maxEvidence+1)))
	require.Equal(t, http.StatusForbidden, r.ask(http.MethodGet, prefix+"/evidence/"+sha, probe, nil).Code)
	out := into[exposure.Evidence](t, r.get(prefix+"/evidence/"+sha), http.StatusOK)
	require.Equal(t, "internet", out.Vantage)
}

func TestEvidenceIsReadAndTheBodiesOfDeliveriesAreNot(t *testing.T) {
	r := newRig(t)
	for name, raw := range map[string]string{"a report": `{"template-id":"x"}`, "another": `{"at":"2026-11-23T12:00:00Z"}`, "not JSON": "hello", "a list": "[]", "large": `{"kind":"` + strings.Repeat("x", maxEvidence)} {
		refused(t, r.get(prefix+"/evidence/"+r.blob(raw)), http.StatusNotFound)
		_ = name
	}
	e := r.first()
	sha := r.evidence(t, exposure.Evidence{Kind: "http", Vantage: "internet", At: noon})
	narrow := r.token(t, "narrow", RoleViewer, "shop")
	read := func(query string) int {
		return r.ask(http.MethodGet, prefix+"/evidence/"+sha+query, narrow, nil).Code
	}
	require.Equal(t, http.StatusBadRequest, read(""), "who sees some scopes has to say whose evidence it is")
	require.Equal(t, http.StatusNotFound, read("?exposure="+string(e.ID)), "it isn't that exposure's")
	e.Verdict = &exposure.Verdict{Evidence: []string{sha}}
	r.exposures[e.ID] = e
	require.Equal(t, http.StatusOK, read("?exposure="+string(e.ID)))
	e.Scopes = []string{"bank"}
	r.exposures[e.ID] = e
	require.Equal(t, http.StatusNotFound, read("?exposure="+string(e.ID)))
}

func TestAnAssetIsExplained(t *testing.T) {
	r := newRig(t)
	out := into[AssetDetail](t, r.get(prefix+"/assets/"+string(r.first().Asset)), http.StatusOK)
	require.Equal(t, map[string]int64{"tracked": 1}, out.Exposures)
	require.Equal(t, "nothing matched", out.Events[0].Why)
	test := into[OwnerTest](t, r.post(prefix+"/owners/test", OwnerTestRequest{Asset: r.first().Asset}), http.StatusOK)
	require.Equal(t, "payments", test.Team)
	refused(t, r.post(prefix+"/owners/test", OwnerTestRequest{Asset: asset.ID("nothing")}), http.StatusNotFound)
	of := into[OwnerTest](t, r.post(prefix+"/owners/test", OwnerTestRequest{Exposure: r.first().ID}), http.StatusOK)
	require.Equal(t, r.first().Asset, of.Asset, "of an exposure")
	refused(t, r.post(prefix+"/owners/test", OwnerTestRequest{Exposure: "nothing"}), http.StatusNotFound)
	stats := into[Stats](t, r.get(prefix+"/stats"), http.StatusOK)
	require.EqualValues(t, 2, stats.Unowned.Overdue)
	require.Contains(t, strings.Join(stats.Missing, "\n"), "2 assets have had no owner for longer than 7d")
}

func TestIntelligenceIsImportedAsAStream(t *testing.T) {
	r := newRig(t)
	out := into[IntelImport](t, r.post(prefix+"/intel/epss", zipped(t, "cve,epss"), "Content-Encoding", "gzip"), http.StatusOK)
	require.Equal(t, IntelImport{Kind: "epss", Digest: "d", Entries: 8}, out)
	refused(t, r.post(prefix+"/intel/rumours", "x"), http.StatusNotFound)
	refused(t, r.post(prefix+"/intel/kev", "x", "Content-Encoding", "gzip"), http.StatusBadRequest)
}
