package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/github"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, github.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, github.Registration(), nil)
	}
	connectortest.Counts(t, github.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range github.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, github.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, github.Registration(), "github") }

func config(set func(*github.Config)) *github.Config {
	c, _ := github.Registration().Config().(*github.Config)
	set(c)
	return c
}

// one decodes an alert and gives its only finding.
func one(t *testing.T, body string) exposure.Observation {
	t.Helper()
	rec, err := connectortest.Decode(t, github.Registration(), nil, []byte(body))
	require.NoError(t, err)
	require.Len(t, rec.Observed, 1, "%v", rec.Skipped)
	return rec.Observed[0]
}

func TestOnlyWhatGitHubNoLongerFindsIsFixed(t *testing.T) {
	const dep = `"dependency":{"package":{"ecosystem":"npm","name":"a"}},"security_advisory":{"ghsa_id":"GHSA-1"},"updated_at":"2026-01-02T00:00:00Z"`
	const code = `"rule":{"id":"r"},"tool":{"name":"T"}`
	const repo = `"repository":{"id":1,"full_name":"a/b","default_branch":"main"}`
	for _, tt := range []struct {
		name, body string
		want       exposure.Status
	}{
		{"dependabot fixed", `[{"number":1,"state":"fixed","fixed_at":"2026-01-03T00:00:00Z",` + dep + `}]`, exposure.StatusFixed},
		{"dependabot dismissed", `[{"number":1,"state":"dismissed","dismissed_reason":"fix_started",` + dep + `}]`, exposure.StatusSuppressed},
		{"dependabot auto-dismissed", `[{"number":1,"state":"auto_dismissed",` + dep + `}]`, exposure.StatusSuppressed},
		{"a state that nobody knows", `[{"number":1,"state":"vanished",` + dep + `}]`, exposure.StatusOpen},
		{"code fixed on the default branch", `{"action":"fixed","ref":"refs/heads/main","commit_oid":"ab","alert":{"number":1,"state":"fixed",` + code + `,"most_recent_instance":{"ref":"refs/heads/main","state":"fixed"}},` + repo + `}`, exposure.StatusFixed},
		{"code fixed on another branch", `{"action":"fixed","ref":"refs/heads/spike","commit_oid":"ab","alert":{"number":1,"state":"fixed",` + code + `},` + repo + `}`, exposure.StatusArchived},
		{"code of a branch that vanished", `{"action":"fixed","ref":"refs/heads/main","commit_oid":"0000000000000000000000000000000000000000","alert":{"number":1,"state":"fixed",` + code + `},` + repo + `}`, exposure.StatusArchived},
		{"code of a pull request", `[{"number":1,"state":"fixed",` + code + `,"most_recent_instance":{"ref":"refs/pull/7/merge","state":"fixed"}}]`, exposure.StatusArchived},
		{"code fixed while still open", `[{"number":1,"state":"fixed",` + code + `,"most_recent_instance":{"ref":"refs/heads/main","state":"open"}}]`, exposure.StatusArchived},
		{"code dismissed", `[{"number":1,"state":"dismissed","dismissed_reason":"used in tests",` + code + `}]`, exposure.StatusSuppressed},
		{"secret revoked, as somebody says", `[{"number":1,"state":"resolved","resolution":"revoked","secret_type":"x"}]`, exposure.StatusArchived},
		{"secret revoked, and checked", `[{"number":1,"state":"resolved","resolution":"revoked","validity":"inactive","secret_type":"x"}]`, exposure.StatusFixed},
		{"secret that is not worth it", `[{"number":1,"state":"resolved","resolution":"wont_fix","validity":"inactive","secret_type":"x"}]`, exposure.StatusSuppressed},
		{"secret whose pattern was deleted", `[{"number":1,"state":"resolved","resolution":"pattern_deleted","secret_type":"x"}]`, exposure.StatusArchived},
		{"secret resolved in a new way", `[{"number":1,"state":"resolved","resolution":"burnt","secret_type":"x"}]`, exposure.StatusArchived},
		{"the older event", `{"action":"resolve","alert":{"id":1,"affected_package_name":"a"},` + repo + `}`, exposure.StatusFixed},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, one(t, tt.body).Finding.Status) })
	}
}

func TestAFixIsDatedByTheCheckThatFoundIt(t *testing.T) {
	f := one(t, `[{"number":1,"state":"fixed","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z","fixed_at":"2026-01-03T00:00:00Z","security_advisory":{"ghsa_id":"GHSA-1"},"dependency":{"package":{"ecosystem":"npm","name":"a"}}}]`).Finding
	require.Equal(t, time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), f.LastSeen)
}

func TestARenamedRepositoryIsTheSame(t *testing.T) {
	body, err := os.ReadFile("testdata/webhook_dependabot.json")
	require.NoError(t, err)
	before := one(t, string(body))
	after := one(t, strings.ReplaceAll(string(body), "acme/billing", "acme/invoices"))
	require.Equal(t, before.Asset.Identifiers[0], after.Asset.Identifiers[0])
	require.Equal(t, asset.SourceAssetID, before.Asset.Identifiers[0].Kind)
	require.NotEqual(t, before.Asset.Identifiers[1], after.Asset.Identifiers[1])
	require.Equal(t, before.Finding.UID, after.Finding.UID)
}

func TestIdentityOutlivesSeverityVersionAndLine(t *testing.T) {
	for file, changes := range map[string][]string{
		"webhook_dependabot.json": {`"severity": "high"`, `"severity": "low"`, `2.0.1`, `9.9.9`, "Invented weakness", "Other title"},
		"webhook_branch.json":     {`"start_line": 42`, `"start_line": 99`, `"security_severity_level": "high"`, `"security_severity_level": "low"`},
	} {
		body, err := os.ReadFile("testdata/" + file)
		require.NoError(t, err)
		changed := strings.NewReplacer(changes...).Replace(string(body))
		require.NotEqual(t, string(body), changed)
		a, b := one(t, string(body)).Finding, one(t, changed).Finding
		require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
	}
}

func TestASecretIsNeverKept(t *testing.T) {
	body, err := os.ReadFile("testdata/secret_scanning.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, github.Registration(), nil, body)
	require.NoError(t, err)
	text, err := json.Marshal(rec)
	require.NoError(t, err)
	require.NotContains(t, string(text), "notarealsecret")
	require.Equal(t, "acme****", rec.Observed[0].Finding.Evidence)
	require.Equal(t, "deploy/values.yaml", rec.Observed[0].Finding.Target)
	require.Empty(t, rec.Observed[0].Finding.Location, "events have no location, so it can't be identity")
}

func TestADeletedRepositoryIsGone(t *testing.T) {
	body, err := os.ReadFile("testdata/webhook_renamed.json")
	require.NoError(t, err)
	rec, err := connectortest.Decode(t, github.Registration(), nil, []byte(strings.Replace(string(body), `"renamed"`, `"deleted"`, 1)))
	require.NoError(t, err)
	require.True(t, rec.Covered[0].Asset.Gone)
}

func TestTheSignatureIsThatOfGitHubsDocumentation(t *testing.T) {
	in, err := github.Registration().Open(connectors.Env{Source: "x"}, config(func(c *github.Config) {
		c.Secret, c.PreviousSecret = secret.New("a new secret"), secret.New("It's a Secret to Everybody")
	}))
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	header := http.Header{}
	header.Set("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
	header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	id, err := v.VerifyWebhook(header, []byte("Hello, World!"), time.Unix(0, 0))
	require.NoError(t, err)
	require.Equal(t, "72d3162e-cc78-11e3-81ab-4c9367dc0958", id)
	_, err = v.VerifyWebhook(header, []byte("Hello, World?"), time.Unix(0, 0))
	require.Equal(t, fault.Denied, fault.KindOf(err))
}

const base = "https://api.github.com"

// page is an exchange of the API, whose answer is a sample.
func page(t *testing.T, url, file, next string) connectortest.Exchange {
	t.Helper()
	body := []byte(file)
	if strings.HasSuffix(file, ".json") {
		var err error
		body, err = os.ReadFile("testdata/" + file)
		require.NoError(t, err)
	}
	headers := map[string]string{}
	if next != "" {
		headers["Link"] = "<" + base + next + `>; rel="next"`
	}
	return connectortest.Exchange{Method: http.MethodGet, URL: base + url, Status: http.StatusOK, Headers: headers, Body: body}
}

const firstPage = "?direction=desc&per_page=100&sort=updated"

func organization(t *testing.T) *connectortest.Replay {
	t.Helper()
	next := "/organizations/9/dependabot/alerts" + firstPage + "&after=Y3Vyc29y"
	return connectortest.NewReplay(t, []connectortest.Exchange{
		page(t, "/orgs/acme/dependabot/alerts"+firstPage, "dependabot.json", next),
		page(t, next, "[]", ""),
		page(t, "/orgs/acme/code-scanning/alerts"+firstPage, "code_scanning.json", ""),
		page(t, "/orgs/acme/secret-scanning/alerts"+firstPage+"&hide_secret=true", "secret_scanning.json", ""),
	})
}

func acme() *github.Config {
	return config(func(c *github.Config) { c.Organization, c.Token = "acme", secret.New("hunter2hunter2") })
}

func TestPullGetsEveryKindOfAnOrganization(t *testing.T) {
	require.Empty(t, acme().Validate())
	got := connectortest.ConformPuller(t, github.Registration(), acme(), organization)
	require.Len(t, got.Observed, 9)
	require.Equal(t, exposure.Run{Kind: exposure.RunFull, Complete: true}, got.Run)
	replay := organization(t)
	connectortest.Sync(t, github.Registration(), acme(), replay.Client(), time.Time{})
	require.Empty(t, replay.Unasked())
}

func TestPullOfWhatChangedEndsAtWhatIsOlder(t *testing.T) {
	replay := organization(t)
	got := connectortest.Sync(t, github.Registration(), acme(), replay.Client(), time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC))
	require.Len(t, replay.Unasked(), 1, "the second page is older")
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
}

func TestPullOfRepositoriesPassesOverWhatIsSwitchedOff(t *testing.T) {
	c := config(func(c *github.Config) {
		c.Repositories, c.Token = []string{"acme/billing"}, secret.New("hunter2hunter2")
	})
	off := page(t, "/repos/acme/billing/code-scanning/alerts"+firstPage, `{"message":"no analysis found"}`, "")
	off.Status = http.StatusNotFound
	replay := connectortest.NewReplay(t, []connectortest.Exchange{
		page(t, "/repos/acme/billing", `{"id":70000123,"full_name":"acme/billing","html_url":"https://github.com/acme/billing","default_branch":"main"}`, ""),
		page(t, "/repos/acme/billing/dependabot/alerts"+firstPage, `[{"number":1,"state":"open","security_advisory":{"ghsa_id":"GHSA-1"},"dependency":{"package":{"ecosystem":"npm","name":"a"}}}]`, ""),
		off,
		page(t, "/repos/acme/billing/secret-scanning/alerts"+firstPage+"&hide_secret=true", "[]", ""),
	})
	got := connectortest.Sync(t, github.Registration(), c, replay.Client(), time.Time{})
	require.Len(t, got.Observed, 1)
	require.Equal(t, "70000123", got.Observed[0].Asset.Identifiers[0].Value, "the repository's number came along")
	require.Empty(t, replay.Unasked())
}

func TestARateLimitIsNoRefusal(t *testing.T) {
	limited := page(t, "/orgs/acme/dependabot/alerts"+firstPage, `{"message":"slow down"}`, "")
	limited.Status = http.StatusForbidden
	limited.Headers = map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.FormatInt(1_700_000_060, 10), "Date": time.Unix(1_700_000_000, 0).UTC().Format(http.TimeFormat)}
	in, err := github.Registration().Open(connectors.Env{Source: "x", HTTP: connectortest.NewReplay(t, []connectortest.Exchange{limited}).Client()}, acme())
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
	require.Equal(t, fault.Throttled, fault.KindOf(err))
	require.Equal(t, time.Minute, fault.RetryAfter(err))
}

func TestAnAppPullsWithItsInstallationsToken(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	c := config(func(c *github.Config) {
		c.Organization, c.AppID, c.InstallationID, c.Alerts = "acme", "1234", "99", []string{"secret_scanning", "code_scanning"}
		c.PrivateKey = secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	})
	require.Empty(t, c.Validate())
	asked := 0
	replay := connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: http.MethodPost, URL: base + "/app/installations/99/access_tokens", Status: http.StatusCreated, Body: []byte(`{"token":"ghs_installation","expires_at":"2033-05-18T04:33:20Z"}`)},
		page(t, "/orgs/acme/secret-scanning/alerts"+firstPage+"&hide_secret=true", "[]", ""),
		page(t, "/orgs/acme/code-scanning/alerts"+firstPage, "code_scanning.json", ""),
	})
	replay.Same = func(r *http.Request, _ []byte, e *connectortest.Exchange) bool {
		authorization := r.Header.Get("Authorization")
		if r.Method == http.MethodPost {
			asked++
			parts := strings.Split(strings.TrimPrefix(authorization, "Bearer "), ".")
			return e.Method == http.MethodPost && r.URL.String() == e.URL && len(parts) == 3
		}
		return e.Method == http.MethodGet && strings.HasPrefix(e.URL, "https://"+r.URL.Host+r.URL.Path+"?") && authorization == "Bearer ghs_installation"
	}
	in, err := github.Registration().Open(connectors.Env{Source: "x", HTTP: replay.Client(), Now: func() time.Time { return time.Unix(1_700_000_000, 0) }}, c)
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	first, err := puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
	require.NoError(t, err)
	_, err = puller.Pull(t.Context(), connectors.PullRequest{Cursor: first.Next}, &strings.Builder{})
	require.NoError(t, err)
	require.Empty(t, replay.Unasked())
	require.Equal(t, 3, asked, "one token for both pages: it is compared with three exchanges, once")

	c.PrivateKey = secret.New("hunter2hunter2")
	in, err = github.Registration().Open(connectors.Env{Source: "x", HTTP: replay.Client()}, c)
	require.NoError(t, err)
	puller, _ = in.(connectors.Puller)
	_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.NotContains(t, err.Error(), "hunter2")
}
