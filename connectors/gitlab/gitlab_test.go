package gitlab_test

import (
	"encoding/json"
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
	"github.com/quellsec/quell/connectors/gitlab"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, gitlab.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, gitlab.Registration(), nil)
	}
	connectortest.Counts(t, gitlab.Registration(), nil)
}

func TestSamplesBecomeWhatTheGoldenFilesSay(t *testing.T) {
	for _, s := range gitlab.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, gitlab.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, gitlab.Registration(), "gitlab") }

func sample(t *testing.T, file string) string {
	t.Helper()
	body, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	return string(body)
}

func TestAWholeScanCoversItsProjectOrItsImages(t *testing.T) {
	whole := &gitlab.Config{Project: "gitlab.com/acme/billing", FullScan: true}
	require.Empty(t, whole.Validate())
	for _, tt := range []struct {
		name, file string
		config     *gitlab.Config
		old, new   string
		covered    int
		why        string
	}{
		{"dependencies", "dependency.json", whole, "", "", 1, ""},
		{"two images", "container.json", whole, "", "", 2, ""},
		{"without being told so", "dependency.json", &gitlab.Config{}, "", "", 0, "full_scan"},
		{"a failed scan", "sast.json", whole, "", "", 0, "status is failure"},
		{"the same scan, had it gone well", "sast.json", whole, `"failure"`, `"success"`, 1, ""},
		{"without an end", "dependency.json", whole, `"end_time": "2026-03-01T10:02:00"`, `"end_time": ""`, 0, "no end"},
		{"DAST", "dast.json", whole, "", "", 0, "covers only what it lists"},
		{"Code Quality", "codequality.json", whole, "", "", 0, "does not say what was scanned"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.Replace(sample(t, tt.file), tt.old, tt.new, 1)
			rec, err := connectortest.Decode(t, gitlab.Registration(), tt.config, []byte(body))
			require.NoError(t, err)
			require.Equal(t, tt.why == "", rec.Last().Complete)
			require.Contains(t, rec.Last().Why, tt.why)
			require.Len(t, rec.Covered, tt.covered)
			if rec.Last().Complete {
				f := rec.Observed[0].Finding
				require.True(t, rec.Last().Covers(rec.Covered[0], f.Check, f.Location))
				require.False(t, rec.Last().Covers(rec.Covered[0], strings.Replace(f.Check, ":"+strings.Split(f.Check, ":")[2]+":", ":another:", 1), f.Location), "another scanner's findings stay")
			}
		})
	}
}

func TestOnlyWhatTheDefaultBranchNoLongerHasIsFixed(t *testing.T) {
	for _, tt := range []struct {
		name, state, gone string
		want              exposure.Status
	}{
		{"confirmed", "confirmed", "false", exposure.StatusOpen},
		{"resolved, as somebody says", "resolved", "false", exposure.StatusArchived},
		{"resolved, and no longer found", "resolved", "true", exposure.StatusFixed},
		{"no longer found", "detected", "true", exposure.StatusFixed},
		{"dismissed", "dismissed", "true", exposure.StatusSuppressed},
		{"a state that nobody knows", "vanished", "false", exposure.StatusOpen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.NewReplacer(`"confirmed",`, `"`+tt.state+`",`, `"resolved_on_default_branch": false`, `"resolved_on_default_branch": `+tt.gone).Replace(sample(t, "webhook.json"))
			rec, err := connectortest.Decode(t, gitlab.Registration(), nil, []byte(body))
			require.NoError(t, err)
			require.Equal(t, tt.want, rec.Observed[0].Finding.Status)
			require.Equal(t, exposure.RunEvent, rec.Last().Kind)
		})
	}
}

func TestAnUpdateThatStaysWeakIsTheSameFinding(t *testing.T) {
	for file, changes := range map[string][]string{
		"dependency.json": {"3.3.1", "3.9.9", `"High"`, `"Low"`, strings.Repeat("0f", 32), strings.Repeat("1e", 32)},
		"sast.json":       {`"start_line": 42`, `"start_line": 77`, `"High"`, `"Low"`},
		"dast.json":       {"5ec00bbc-0000", "deadbeef-0000", `"High"`, `"Low"`},
	} {
		one, err := connectortest.Decode(t, gitlab.Registration(), nil, []byte(sample(t, file)))
		require.NoError(t, err)
		two, err := connectortest.Decode(t, gitlab.Registration(), nil, []byte(strings.NewReplacer(changes...).Replace(sample(t, file))))
		require.NoError(t, err)
		for i := range one.Observed {
			a, b := one.Observed[i].Finding, two.Observed[i].Finding
			require.Equal(t, []string{a.UID, a.Check, a.Location}, []string{b.UID, b.Check, b.Location})
		}
		require.NotEqual(t, one.Observed, two.Observed)
	}
}

func TestTheScanMayComeBeforeOrBehindWhatItFound(t *testing.T) {
	var fields struct {
		Version         json.RawMessage `json:"version"`
		Scan            json.RawMessage `json:"scan"`
		Vulnerabilities json.RawMessage `json:"vulnerabilities"`
	}
	body := sample(t, "dependency.json")
	require.NoError(t, json.Unmarshal([]byte(body), &fields))
	turned, err := json.Marshal(fields)
	require.NoError(t, err)
	one, err := connectortest.Decode(t, gitlab.Registration(), nil, []byte(body))
	require.NoError(t, err)
	two, err := connectortest.Decode(t, gitlab.Registration(), nil, turned)
	require.NoError(t, err)
	require.Equal(t, one.Observed, two.Observed)
	require.Equal(t, "gitlab:dependency_scanning:gemnasium:cve:CVE-2026-10101", one.Observed[0].Finding.Check)
}

func TestAnImageIsKnownByItsDigest(t *testing.T) {
	rec, err := connectortest.Decode(t, gitlab.Registration(), nil, []byte(sample(t, "container.json")))
	require.NoError(t, err)
	require.Equal(t, asset.ImageDigest, rec.Observed[0].Asset.Identifiers[0].Kind)
	require.Equal(t, "pkg:apk/alpine/libfoo", rec.Observed[0].Finding.Location, "as trivy says it")
}

func verify(t *testing.T, c *gitlab.Config, header http.Header, body string, now time.Time) (string, error) {
	t.Helper()
	in, err := gitlab.Registration().Open(connectors.Env{Source: "x"}, c)
	require.NoError(t, err)
	v, ok := in.(connectors.WebhookVerifier)
	require.True(t, ok)
	return v.VerifyWebhook(header, []byte(body), now)
}

// The vector is that of the Standard Webhooks specification's reference libraries.
func TestASignedHookIsVerifiedAndATokenIsNoWayAroundIt(t *testing.T) {
	const body = `{"test": 2432232314}`
	now := time.Unix(1614265330, 0)
	header := http.Header{}
	header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	signed := &gitlab.Config{SigningToken: secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}
	id, err := verify(t, signed, header, body, now)
	require.NoError(t, err)
	require.Equal(t, "msg_p5jXN8AQM9LWM0D4loKWxJek", id)

	for name, call := range map[string]func() error{
		"another body":  func() error { _, err := verify(t, signed, header, body+" ", now); return err },
		"an hour later": func() error { _, err := verify(t, signed, header, body, now.Add(time.Hour)); return err },
		"a token where signatures are configured": func() error {
			_, err := verify(t, signed, http.Header{"X-Gitlab-Token": {""}}, body, now)
			return err
		},
		"a wrong token": func() error {
			_, err := verify(t, &gitlab.Config{Secret: secret.New("right")}, http.Header{"X-Gitlab-Token": {"wrong"}}, body, now)
			return err
		},
	} {
		require.Equal(t, fault.Denied, fault.KindOf(call()), name)
	}
	old := http.Header{}
	old.Set("X-Gitlab-Token", "right")
	old.Set("X-Gitlab-Event-UUID", "d-1")
	id, err = verify(t, &gitlab.Config{Secret: secret.New("newer"), PreviousSecret: secret.New("right")}, old, body, now)
	require.NoError(t, err)
	require.Equal(t, "d-1", id)
}

func config() *gitlab.Config {
	return &gitlab.Config{URL: "https://gitlab.quell-lab.net", Group: "acme", Token: secret.New("hunter2hunter2")}
}

// pages answers by what comes after, which is what the recorded request's body names here.
func pages(t *testing.T) *connectortest.Replay {
	t.Helper()
	const url = "https://gitlab.quell-lab.net/api/graphql"
	one, two := sample(t, "graphql.json"), strings.NewReplacer("/17", "/27", "/18", "/28").Replace(sample(t, "graphql.json"))
	replay := connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: http.MethodPost, URL: url, RequestBody: "null", Status: http.StatusOK, Body: []byte(strings.Replace(one, `"hasNextPage": false`, `"hasNextPage": true`, 1))},
		{Method: http.MethodPost, URL: url, RequestBody: `"Mg"`, Status: http.StatusOK, Body: []byte(strings.Replace(two, `"Mg"`, `"NA"`, 1))},
	})
	replay.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		var asked struct {
			Query     string `json:"query"`
			Variables struct {
				Path  string          `json:"path"`
				After json.RawMessage `json:"after"`
			} `json:"variables"`
		}
		return json.Unmarshal(body, &asked) == nil && r.Method == e.Method && r.URL.String() == e.URL && asked.Variables.Path == "acme" &&
			strings.Contains(asked.Query, "group(fullPath: $path)") && string(asked.Variables.After) == e.RequestBody
	}
	return replay
}

func TestPullGetsEveryPageOfAGroup(t *testing.T) {
	require.Empty(t, config().Validate())
	got := connectortest.ConformPuller(t, gitlab.Registration(), config(), pages)
	require.Len(t, got.Observed, 4)
	require.Equal(t, exposure.Run{Kind: exposure.RunFull, Complete: true}, got.Run)
	replay := pages(t)
	connectortest.Sync(t, gitlab.Registration(), config(), replay.Client(), time.Time{})
	require.Empty(t, replay.Unasked())
}

func TestTheAPIAndTheHookSpeakOfOneFinding(t *testing.T) {
	one, err := connectortest.Decode(t, gitlab.Registration(), nil, []byte(sample(t, "graphql.json")))
	require.NoError(t, err)
	two, err := connectortest.Decode(t, gitlab.Registration(), nil, []byte(sample(t, "webhook.json")))
	require.NoError(t, err)
	a, h := one.Observed[0], two.Observed[0]
	require.Equal(t, a.Asset.Identifiers, h.Asset.Identifiers)
	require.Equal(t, []string{a.Finding.UID, a.Finding.Check, a.Finding.Location}, []string{h.Finding.UID, h.Finding.Check, h.Finding.Location})
	require.Equal(t, "vulnerability/18", one.Observed[1].Finding.UID, "an older GitLab gives no address")
}

func TestARefusalInAGoodAnswerIsOne(t *testing.T) {
	for body, want := range map[string]fault.Kind{
		`{"errors":[{"message":"Query has complexity of 300"}]}`: fault.Invalid, `{"data":{"group":null}}`: fault.NotFound, `<html>`: fault.Unavailable,
	} {
		replay := connectortest.NewReplay(t, []connectortest.Exchange{{Method: http.MethodPost, URL: "https://gitlab.quell-lab.net/api/graphql", Status: http.StatusOK, Body: []byte(body)}})
		in, err := gitlab.Registration().Open(connectors.Env{Source: "x", HTTP: replay.Client()}, config())
		require.NoError(t, err)
		puller, ok := in.(connectors.Puller)
		require.True(t, ok)
		_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
		require.Equal(t, want, fault.KindOf(err), body)
	}
}
