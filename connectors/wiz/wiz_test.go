package wiz_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/wiz"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, wiz.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, wiz.Registration(), nil)
	}
	connectortest.Counts(t, wiz.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, sample := range wiz.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) { connectortest.Golden(t, wiz.Registration(), nil, sample.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, wiz.Registration(), "wiz") }

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(body)
}

func decode(t *testing.T, body string) *connectortest.Recorder {
	t.Helper()
	rec, err := connectortest.Decode(t, wiz.Registration(), nil, []byte(body))
	require.NoError(t, err)
	return rec
}

func TestRejectedIsNotFixedAndResolvedAsksWhy(t *testing.T) {
	tests := []struct {
		name, fields string
		want         exposure.Status
	}{
		{"open", `"status":"OPEN"`, exposure.StatusOpen},
		{"in progress", `"status":"IN_PROGRESS"`, exposure.StatusOpen},
		{"resolved", `"status":"RESOLVED"`, exposure.StatusFixed},
		{"resolved as fixed", `"status":"RESOLVED","resolutionReason":"ISSUE_FIXED"`, exposure.StatusFixed},
		{"resolved with its object", `"status":"RESOLVED","resolutionReason":"OBJECT_DELETED"`, exposure.StatusGone},
		{"resolved as the control was disabled", `"status":"RESOLVED","resolutionReason":"CONTROL_DISABLED"`, exposure.StatusArchived},
		{"resolved for a reason that nobody knows", `"status":"RESOLVED","resolutionReason":"MOON_PHASE"`, exposure.StatusArchived},
		{"rejected", `"status":"REJECTED"`, exposure.StatusSuppressed},
		{"rejected as a false positive", `"status":"REJECTED","resolutionReason":"FALSE_POSITIVE"`, exposure.StatusSuppressed},
		{"rejected, whatever the reason says", `"status":"REJECTED","resolutionReason":"ISSUE_FIXED"`, exposure.StatusSuppressed},
		{"ignored", `"status":"IGNORED"`, exposure.StatusSuppressed},
		{"a word that nobody knows", `"status":"VANISHED"`, exposure.StatusOpen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rec := decode(t, `{"id":"i","sourceRule":{"id":"r","name":"n"},"entitySnapshot":{"id":"e","name":"x"},`+tt.fields+`}`)
			require.Equal(t, tt.want, rec.Observed[0].Finding.Status)
		})
	}
}

func TestAnExportAnEventAndTheAPINameOneIssue(t *testing.T) {
	api, csv, hook := decode(t, sample(t, "issues.json")).Observed[0], decode(t, sample(t, "issues.csv")).Observed[0], decode(t, sample(t, "webhook.json")).Observed[0]
	for _, other := range []exposure.Observation{csv, hook} {
		require.Equal(t, []string{api.Finding.UID, api.Finding.Check, string(api.Finding.Severity), api.Asset.Identifiers[0].Key()},
			[]string{other.Finding.UID, other.Finding.Check, string(other.Finding.Severity), other.Asset.Identifiers[0].Key()})
	}
	require.Equal(t, "HBI", api.Asset.Tags["wiz business impact"], "the worst of its projects'")
	hints := fmt.Sprint(api.Asset.OwnerHints)
	for _, want := range []string{"Ann", "Billing", "Finance", "Shop", "billing", "platform", "prod"} {
		require.Contains(t, hints, want)
	}
}

func TestAResolutionThatOnlyAWebhookTellsIsLeftOut(t *testing.T) {
	rec := decode(t, strings.Replace(sample(t, "webhook.json"), `"OPEN"`, `"RESOLVED"`, 1))
	require.Empty(t, rec.Observed)
	require.Equal(t, map[string]int{"resolution_that_a_sync_has_to_tell": 1}, rec.Skipped)
	require.Equal(t, map[string]int{"event_that_only_names_an_issue": 1}, decode(t, `{"issue":{"id":"i-1"}}`).Skipped)
}

func TestPlacesHoldNoVersion(t *testing.T) {
	rec := decode(t, sample(t, "vulnerabilities.json"))
	require.Equal(t, "pkg:deb/ubuntu/openssl", rec.Observed[0].Finding.Location)
	require.Equal(t, "pkg:generic/lodash#app/node_modules/lodash/package.json", rec.Observed[2].Finding.Location)
	require.Equal(t, "active", rec.Observed[1].Finding.Exploit)
	require.Equal(t, 19, rec.Observed[1].Finding.LastSeen.Day(), "a fix is later than the last sight")
	later := decode(t, strings.NewReplacer("3.0.2", "3.0.3", `"HIGH"`, `"LOW"`).Replace(sample(t, "vulnerabilities.json")))
	require.Equal(t, rec.Observed[0].Finding.UID, later.Observed[0].Finding.UID)
	require.Equal(t, rec.Observed[0].Finding.Location, later.Observed[0].Finding.Location)
}

func TestWebhooksNeedTheToken(t *testing.T) {
	c, _ := wiz.Registration().Config().(*wiz.Config)
	c.Secret, c.PreviousSecret = secret.New("one"), secret.New("two")
	in, err := wiz.Registration().Open(connectors.Env{Source: "wiz"}, c)
	require.NoError(t, err)
	verifier, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	for token, good := range map[string]bool{"Bearer one": true, "Bearer two": true, "Bearer three": false, "one": false, "": false} {
		_, err := verifier.VerifyWebhook(http.Header{"Authorization": {token}}, nil, time.Time{})
		require.Equal(t, good, err == nil, token)
		require.True(t, good || fault.Is(err, fault.Denied))
	}
}

func config() *wiz.Config {
	c, _ := wiz.Registration().Config().(*wiz.Config)
	c.URL, c.ClientID, c.ClientSecret = "https://api.us17.app.wiz.io/graphql", "id", secret.New("hunter2hunter2")
	return c
}

// tenant answers as Wiz does: it holds issues at times, and shows no more than a page.
type tenant struct {
	t     *testing.T
	dense map[int64]int // how many changed in a second
	asked int
}

func (w *tenant) same(r *http.Request, body []byte, e *connectortest.Exchange) bool {
	var q struct {
		Query     string
		Variables struct {
			After    string
			FilterBy map[string]struct{ After, Before time.Time }
		}
	}
	if json.Unmarshal(body, &q) != nil || r.URL.String() != e.URL {
		return false
	}
	w.asked++
	field, by := "issues", "statusChangedAt"
	if strings.Contains(q.Query, "vulnerabilityFindings(") {
		field, by = "vulnerabilityFindings", "updatedAt"
	}
	span, ok := q.Variables.FilterBy[by]
	require.True(w.t, ok)
	total, nodes := 0, []string{}
	for second, n := range w.dense {
		if second < span.After.Unix() || second >= span.Before.Unix() || field != "issues" {
			continue
		}
		total += n
		nodes = append(nodes, fmt.Sprintf(`{"id":"i-%d","status":"OPEN","sourceRule":{"id":"r","name":"n"},"entitySnapshot":{"id":"e-%d","name":"x"}}`, second, second))
	}
	e.Body = []byte(fmt.Sprintf(`{"data":{%q:{"totalCount":%d,"pageInfo":{"hasNextPage":false,"endCursor":"x"},"nodes":[%s]}}}`, field, total, strings.Join(nodes, ",")))
	return true
}

func (w *tenant) replay(t *testing.T) *connectortest.Replay {
	t.Helper()
	p := connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodPost, URL: "https://api.us17.app.wiz.io/graphql", Status: http.StatusOK}})
	p.Token, p.Same = connectortest.TokenAnswer("/oauth/token"), w.same //nolint:bodyclose // a function that makes answers
	return p
}

func TestWindowsAreHalvedUntilTheyFit(t *testing.T) {
	w := &tenant{t: t, dense: map[int64]int{1_600_000_000: 7000, 1_600_000_010: 7000, 1_650_000_000: 9000, 1_699_999_000: 5000}}
	got := connectortest.Sync(t, wiz.Registration(), config(), w.replay(t).Client(), time.Time{})
	seen := map[string]bool{}
	for _, obs := range got.Observed {
		seen[obs.Finding.UID] = true
	}
	require.Len(t, seen, 4, "no window swallows what is in it")
	require.Greater(t, len(got.Pages), 2)
	require.NotContains(t, got.Run.Why, "results")

	w.dense[1_650_000_000] = 20_000
	got = connectortest.Sync(t, wiz.Registration(), config(), w.replay(t).Client(), time.Time{})
	require.Contains(t, got.Run.Why, "results", "what can't be made smaller is told")
	require.False(t, got.Run.Complete)
}

func pages(t *testing.T) *connectortest.Replay {
	t.Helper()
	answer := func(query, after, body string) connectortest.Exchange {
		return connectortest.Exchange{Method: http.MethodPost, URL: "https://api.us17.app.wiz.io/graphql", RequestBody: query + after, Status: http.StatusOK, Body: []byte(body)}
	}
	first := strings.Replace(sample(t, "issues.json"), `"hasNextPage": false,`, `"hasNextPage": true,`, 1)
	first = strings.Replace(first, `"endCursor": ""`, `"endCursor": "c1"`, 1)
	p := connectortest.NewReplay(t, []connectortest.Exchange{
		answer("issues", "", first), answer("issues", "c1", `{"data":{"issues":{"totalCount":5,"pageInfo":{"hasNextPage":false,"endCursor":"c1"},"nodes":[]}}}`),
		answer("vulnerabilities", "", `{"data":{"vulnerabilityFindings":{"totalCount":3,"pageInfo":{"hasNextPage":false},"nodes":`+sample(t, "vulnerabilities.json")+`}}}`),
	})
	p.Token = connectortest.TokenAnswer("/oauth/token") //nolint:bodyclose // a function that makes answers
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		var q struct {
			Query     string
			Variables struct{ After string }
		}
		kind := "issues"
		if json.Unmarshal(body, &q) == nil && strings.HasPrefix(q.Query, "query Vulnerabilities") {
			kind = "vulnerabilities"
		}
		return r.URL.String() == e.URL && kind+q.Variables.After == e.RequestBody
	}
	return p
}

func TestPullFollowsTheCursorsOfBothLists(t *testing.T) {
	got := connectortest.ConformPuller(t, wiz.Registration(), config(), pages)
	require.Len(t, got.Observed, 8)
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	p := pages(t)
	require.Equal(t, exposure.RunPartial, connectortest.Sync(t, wiz.Registration(), config(), p.Client(), time.Unix(1_699_000_000, 0)).Run.Kind)
	require.Empty(t, p.Unasked())
	c := config()
	c.Vulnerabilities = false
	require.Len(t, connectortest.Sync(t, wiz.Registration(), c, pages(t).Client(), time.Time{}).Observed, 5)
}

func TestErrorsOfAGoodAnswerHaveTheirKinds(t *testing.T) {
	for message, kind := range map[string]fault.Kind{"Rate limit exceeded": fault.Throttled, "UNAUTHENTICATED": fault.Denied, "oops, hunter2hunter2: Cannot query field": fault.Invalid, "INTERNAL": fault.Unavailable} {
		p := connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodPost, URL: "https://api.us17.app.wiz.io/graphql", Status: http.StatusOK, Body: []byte(`{"errors":[{"message":"` + message + `"}]}`)}})
		p.Token = connectortest.TokenAnswer("/oauth/token") //nolint:bodyclose // a function that makes answers
		in, err := wiz.Registration().Open(connectors.Env{Source: "wiz", HTTP: p.Client(), Now: func() time.Time { return time.Unix(1_700_000_000, 0) }}, config())
		require.NoError(t, err)
		puller, ok := in.(connectors.Puller)
		require.True(t, ok)
		_, err = puller.Pull(t.Context(), connectors.PullRequest{}, io.Discard)
		require.Equal(t, kind, fault.KindOf(err))
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestConfigNamesEveryProblem(t *testing.T) {
	c := config()
	require.Empty(t, c.Validate())
	require.Equal(t, []string{"api.us17.app.wiz.io:443", "auth.app.wiz.io:443"}, wiz.Registration().Reach(c))
	c.URL, c.ClientSecret = "api.us17.app.wiz.io", secret.String{}
	require.Len(t, c.Validate(), 2)
}
