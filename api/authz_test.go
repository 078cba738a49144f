package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// address makes an address of a route, with something in the place of its parameters.
func (r *rig) address(path string) string {
	e := r.first()
	for name, value := range map[string]string{"source": "signed", "name": "signed", "key": "QT-1", "tracker": "jira", "remediation": "r-1", "campaign": "kev", "runbook": "patch", "run": "run_1", "control": "edr", "kind": "kev", "sha256": strings.Repeat("0", 64)} {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	id := "nothing"
	if strings.Contains(path, "/exposures/") {
		id = string(e.ID)
	}
	return strings.ReplaceAll(path, "{id}", id)
}

func TestEveryRouteLetsInWhoItSaysAndNobodyElse(t *testing.T) {
	public := []string{"/hooks/{source}", "/hooks/trackers/{tracker}", "/hooks/runbooks/{runbook}", "/slack/commands", "/slack/interactions", "/slack/events", "/livez", "/readyz", "/api/v1/openapi.json"}
	for _, route := range routes() {
		t.Run(route.method+" "+route.path, func(t *testing.T) {
			r := newRig(t)
			answer := r.ask(route.method, r.address(route.path), "", nil)
			if slices.Contains(public, route.path) {
				require.Empty(t, route.access.role)
				return
			}
			require.NotEmpty(t, route.access.role, "a route without a role must be on the list of public ones")
			p := refused(t, answer, http.StatusUnauthorized)
			require.Equal(t, `Bearer realm="quell"`, answer.Header().Get("WWW-Authenticate"))
			require.NotContains(t, p.Detail, "role")
			for _, role := range Roles() {
				answer := r.ask(route.method, r.address(route.path), r.tokens[role], nil)
				if allowed(role, route.access.role) {
					require.NotEqual(t, http.StatusForbidden, answer.Code, "%s: %s", role, answer.Body)
					require.NotEqual(t, http.StatusUnauthorized, answer.Code, role)
					require.Less(t, answer.Code, http.StatusInternalServerError, answer.Body)
				} else {
					require.Equal(t, http.StatusForbidden, answer.Code, role)
				}
			}
			answer = r.ask(route.method, r.address(route.path), r.token(t, "narrow", RoleAdmin, "shop"), nil)
			if route.access.whole {
				require.Contains(t, refused(t, answer, http.StatusForbidden).Detail, "scope")
			} else {
				require.NotEqual(t, http.StatusForbidden, answer.Code)
			}
		})
	}
}

// allowed is who may do what, written out rather than computed.
func allowed(role, need Role) bool {
	table := map[Role][]Role{
		RoleViewer:   {RoleViewer, RoleOperator, RoleApprover, RoleAdmin},
		RoleOperator: {RoleOperator, RoleApprover, RoleAdmin},
		RoleApprover: {RoleApprover, RoleAdmin},
		RoleAdmin:    {RoleAdmin},
		RoleProbe:    {RoleProbe, RoleAdmin},
	}
	return slices.Contains(table[need], role)
}

func TestOnlyATokenThatIsGoodNowIsTaken(t *testing.T) {
	r := newRig(t)
	kept, text, err := NewToken("ann", RoleViewer, nil, noon.Add(time.Hour), noon)
	require.NoError(t, err)
	require.NoError(t, r.PutToken(t.Context(), kept))
	ask := func(header string) int {
		return r.ask(http.MethodGet, prefix+"/exposures", "", nil, "Authorization", header).Code
	}
	good := text.Reveal()
	require.Equal(t, http.StatusOK, ask("Bearer "+good))
	require.Equal(t, http.StatusOK, ask("bearer "+good))
	for name, header := range map[string]string{
		"no scheme": good, "another scheme": "Basic " + good, "a changed secret": "Bearer " + good[:len(good)-1] + "!",
		"its hash": "Bearer " + kept.Hash, "its ID": "Bearer quell_" + kept.ID + "_", "nothing": "", "much": "Bearer quell_" + strings.Repeat("a", 1<<12),
	} {
		require.Equal(t, http.StatusUnauthorized, ask(header), name)
	}
	r.clock = noon.Add(time.Hour)
	require.Equal(t, http.StatusUnauthorized, ask("Bearer "+good), "it expires at that very time")
	r.clock = noon
	require.NoError(t, r.RevokeToken(t.Context(), kept.ID, noon))
	require.Equal(t, http.StatusUnauthorized, ask("Bearer "+good), "revoked")
	require.NotContains(t, r.log.String(), good, "no token in the log")
}

func TestATokenThatSeesSomeScopesSeesNothingElse(t *testing.T) {
	r := newRig(t)
	narrow := r.token(t, "narrow", RoleOperator, "shop")
	ask := func(path string) *http.Response {
		return r.ask(http.MethodGet, prefix+path, narrow, nil).Result()
	}
	shop := r.first()
	var bank = shop
	for _, e := range r.exposures {
		if e.Scopes[0] == "bank" {
			bank = e
		}
	}
	for path, want := range map[string]int{
		"/exposures/" + string(shop.ID): http.StatusOK, "/exposures/" + string(bank.ID): http.StatusNotFound,
		"/exposures/" + string(shop.ID) + "/timeline": http.StatusOK, "/exposures/" + string(bank.ID) + "/timeline": http.StatusNotFound,
		"/assets/" + string(shop.Asset): http.StatusOK, "/assets/" + string(bank.Asset): http.StatusNotFound,
	} {
		answer := ask(path)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, answer.StatusCode, path)
	}
	for _, path := range []string{"/exposures", "/findings", "/exposures.ndjson", "/stats"} {
		r.filters = nil
		body := r.ask(http.MethodGet, prefix+path, narrow, nil).Body.String()
		require.NotContains(t, body, "db-1", path)
		require.NotEmpty(t, r.filters, path)
		for _, f := range r.filters {
			require.Equal(t, []string{"shop"}, f.Visible, path)
		}
	}
	require.NotContains(t, r.ask(http.MethodGet, prefix+"/assets", narrow, nil).Body.String(), "db-1")
	require.NotContains(t, r.ask(http.MethodGet, prefix+"/scopes", narrow, nil).Body.String(), "bank")
	require.NotContains(t, r.ask(http.MethodGet, prefix+"/stats", narrow, nil).Body.String(), `"signed"`)
	refused(t, r.ask(http.MethodPost, prefix+"/exposures/"+string(bank.ID)+"/decisions", narrow, DecisionRequest{Kind: "retest"}), http.StatusNotFound)
	refused(t, r.ask(http.MethodPost, prefix+"/owners/test", narrow, OwnerTestRequest{Asset: bank.Asset}), http.StatusNotFound)
}

func TestTheLastUseOfATokenIsWrittenOnceInAWhile(t *testing.T) {
	r := newRig(t)
	for range 3 {
		require.Equal(t, http.StatusOK, r.get(prefix+"/exposures").Code)
	}
	r.server.uses.running.Wait()
	require.Empty(t, r.touches, "no request is made a write")
	r.clock = noon.Add(usesEvery)
	require.Equal(t, http.StatusOK, r.get(prefix+"/exposures").Code)
	r.server.uses.running.Wait()
	require.Len(t, r.touches, 1)
	r.clock = noon.Add(usesEvery + time.Second)
	require.Equal(t, http.StatusOK, r.post(prefix+"/reassess", nil).Code)
	require.NoError(t, r.server.Shutdown(t.Context()))
	require.Len(t, r.touches, 2, "what is owed is written at the end")
}
