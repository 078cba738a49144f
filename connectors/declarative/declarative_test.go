package declarative_test

import (
	"errors"
	"flag"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/declarative"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, declarative.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, declarative.Registration(), nil)
	}
	connectortest.Counts(t, declarative.Registration(), nil)
}

func TestSamplesAsGolden(t *testing.T) {
	for _, s := range declarative.Registration().Samples {
		t.Run(s.File, func(t *testing.T) { connectortest.Golden(t, declarative.Registration(), nil, s.File, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, declarative.Registration(), "nikto") }

// profiles are the shared samples by the profile that reads them.
var profiles = map[string]string{
	"acunetix-invicti/acunetix360_many_findings.json":           "acunetix-360",
	"acunetix-invicti/many_findings.xml":                        "acunetix-xml",
	"nikto/juice-shop.json":                                     "nikto-json",
	"nikto/nikto-output.xml":                                    "nikto-xml",
	"picus-bas/many_vulns.csv":                                  "picus",
	"pingcastle/many.xml":                                       "pingcastle",
	"stratus-red-team/aws.defense-evasion.cloudtrail-stop.json": "stratus-red-team",
	"wapiti/juicyshop.xml":                                      "wapiti",
}

func TestAProfileThatIsNamedReadsWhatItRecognises(t *testing.T) {
	named := map[string]bool{}
	for file, profile := range profiles {
		named[profile] = true
		body, err := os.ReadFile(connectortest.Shared(t, file))
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("no shared samples")
		}
		require.NoError(t, err)
		byMarks, err := connectortest.Decode(t, declarative.Registration(), nil, body)
		require.NoError(t, err)
		byName, err := connectortest.Decode(t, declarative.Registration(), &declarative.Config{Profile: profile}, body)
		require.NoError(t, err, file)
		require.Equal(t, byMarks, byName, file)
		for reason := range byName.Skipped {
			require.Equal(t, "not_wanted_by_where", reason, "nothing of the mapping fails: %s", file)
		}
	}
	require.Len(t, named, len(declarative.Profiles()), "every profile is tried on a real report")
}

func TestEveryProblemOfAMappingIsToldWithItsKey(t *testing.T) {
	c := config(t, `
read: {format: toml, where: "item.x +"}
asset: {identifiers: {ip_address: item.ip}}
finding:
  check: item.nope(
  title: unknown_name
  statuses: {Done: fixed, closed: mended}
  severities: {p1: awful}
run: {checks: "['x'", kind: weekly}
pull: {url: https://u:p@lantern.example.org, headers: {authorization: x}, full: true, paging: {by: cursor, until: "1 +"}}
webhook: {secret: x, algorithm: md5, signed: "{timestamp}"}
`)
	text := errors.Join(c.Validate()...).Error()
	for _, key := range []string{"read.format: ", "read.where: column 9: ", "asset.identifiers: ", "finding.check: ", "finding.title: ", "finding.statuses: ", "finding.severities: ", "finding.scheme: ",
		"run.checks: ", "run.kind: ", "pull.url: ", "pull.headers: ", "pull.paging.next: ", "pull.paging.until: ", "webhook.algorithm: ", "webhook.header: ", "webhook.signed: ", "webhook.timestamp_header: "} {
		require.Contains(t, "\n"+text, "\n"+key, text)
	}
	require.NotContains(t, text, "u:p@")
	require.ErrorContains(t, errors.Join((&declarative.Config{Profile: "nikt"}).Validate()...), "profile: there is no \"nikt\"")
	_, err := declarative.Registration().Open(connectors.Env{Source: "x"}, c)
	require.ErrorContains(t, err, "finding.title")
}

// config reads a configuration strictly.
func config(t *testing.T, text string) *declarative.Config {
	t.Helper()
	c := &declarative.Config{}
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	require.NoError(t, d.Decode(c))
	return c
}

// example is the source of the reference page.
func example(t *testing.T) *declarative.Config {
	t.Helper()
	var file struct {
		Sources []struct{ Config declarative.Config }
	}
	require.NoError(t, yaml.Unmarshal([]byte(declarative.Registration().Docs.Example), &file))
	c := &file.Sources[0].Config
	c.Pull.Token, c.Webhook.Secret = secret.New("hunter2hunter2"), secret.New("hunter2hunter2")
	require.Empty(t, c.Validate())
	return c
}

const issues = `{"version":"2.1","data":{"total":3,"next":"n2","issues":[
 {"id":"L-1","kind":"issue","rule":"old-tls","title":"TLS 1.0, see CVE-2014-3566","priority":"P1","state":"open","port":443,"opened":1790000000,"checked":"2026-11-20T08:00:00Z","depth":{"x":9007199254740993},
  "machine":{"name":"db1.quell-lab.net","agent_id":"a-1","addresses":["192.0.2.7","2001:db8::7"],"team":"storage","site":"berlin"}},
 {"id":"L-2","kind":"question","rule":"x","machine":{"name":"db1.quell-lab.net","agent_id":"a-1"}},
 {"id":"L-3","kind":"issue","rule":"old-tls","title":"TLS 1.0","priority":"p9","state":"Verified","machine":{"agent_id":"a-2"}}]}}`

func TestTheExampleOfThePageReadsItsTool(t *testing.T) {
	rec, err := connectortest.Decode(t, declarative.Registration(), example(t), []byte(issues))
	require.NoError(t, err)
	require.Len(t, rec.Observed, 2)
	require.Equal(t, map[string]int{"not_wanted_by_where": 1}, rec.Skipped)
	f, a := rec.Observed[0].Finding, rec.Observed[0].Asset
	require.Equal(t, "lantern:old-tls", f.Check)
	require.Equal(t, "L-1", f.UID)
	require.Equal(t, []string{"CVE-2014-3566"}, f.CVEs)
	require.Equal(t, exposure.SeverityCritical, f.Severity)
	require.Equal(t, "443/tcp", f.Location)
	require.Equal(t, int64(1790000000), f.FirstSeen.Unix())
	require.Contains(t, string(f.Vendor), "9007199254740993", "whole numbers stay whole")
	require.NotContains(t, string(f.Vendor), `"title"`, "what is mapped as it is has no second place")
	require.Equal(t, "storage", a.OwnerHints[0].Value)
	require.Equal(t, map[string]string{"site": "berlin"}, a.Tags)
	require.Equal(t, "agent||a-1", a.Identifiers[0].Key())
	require.Equal(t, "office", a.Zone)
	require.Equal(t, exposure.StatusFixed, rec.Observed[1].Finding.Status)
	require.Equal(t, exposure.SeverityUnknown, rec.Observed[1].Finding.Severity)
	require.Equal(t, connectors.OnePage, rec.Last().Why)
	require.Equal(t, "Lantern 2.1", rec.Last().Tool)
}

// page is one of four ways to say that a list goes on.
func page(id, next string, header map[string]string, query string) connectortest.Exchange {
	body := `{"data":{"total":3,"issues":[]}}`
	if id != "" {
		body = `{"data":{"total":3,"next":"` + next + `","issues":[{"id":"` + id + `","kind":"issue","rule":"r","title":"t","machine":{"agent_id":"a"}}]}}`
	}
	return connectortest.Exchange{Method: "GET", URL: "https://lantern.example.org/api/v2/issues" + query, Status: 200, Headers: header, Body: []byte(body)}
}

func TestPagesAreFollowedAsConfigured(t *testing.T) {
	link := func(q string) map[string]string {
		return map[string]string{"Link": `<https://lantern.example.org/api/v2/issues` + q + `>; rel="next"`}
	}
	tests := []struct {
		name  string
		set   func(p *declarative.Paging)
		pages []connectortest.Exchange
	}{
		{"by a cursor in the body", func(*declarative.Paging) {}, []connectortest.Exchange{
			page("1", "n2", nil, "?limit=200"), page("2", "n3", nil, "?limit=200&after=n2"), page("3", "", nil, "?limit=200&after=n3")}},
		{"by the address of the next page", func(p *declarative.Paging) { p.By, p.Param = "next", "" }, []connectortest.Exchange{
			page("1", "/api/v2/issues?p=2", nil, "?limit=200"), page("2", "?p=3", nil, "?p=2"), page("3", "", nil, "?p=3")}},
		{"by page number, to a short one", func(p *declarative.Paging) { p.By, p.Param, p.Start, p.Size, p.SizeParam = "page", "page", 1, 1, "" }, []connectortest.Exchange{
			page("1", "", nil, "?page=1"), page("2", "", nil, "?page=2"), page("3", "", nil, "?page=3"), page("", "", nil, "?page=4")}},
		{"by offset, to an empty one", func(p *declarative.Paging) { p.By, p.Param, p.Size = "offset", "offset", 0 }, []connectortest.Exchange{
			page("1", "", nil, "?offset=0"), page("2", "", nil, "?offset=1"), page("3", "", nil, "?offset=2"), page("", "", nil, "?offset=3")}},
		{"by the Link header", func(p *declarative.Paging) { p.By = "link" }, []connectortest.Exchange{
			page("1", "", link("?p=2"), "?limit=200"), page("2", "", link("?p=3"), "?p=2"), page("3", "", nil, "?p=3")}},
		{"until a condition holds", func(p *declarative.Paging) { p.By, p.Until = "offset", "item.id == '3'"; p.Param, p.Size = "offset", 0 }, []connectortest.Exchange{
			page("1", "", nil, "?offset=0"), page("2", "", nil, "?offset=1"), page("3", "", nil, "?offset=2")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := example(t)
			tt.set(&c.Pull.Paging)
			require.Empty(t, c.Validate())
			var last *connectortest.Replay
			got := connectortest.ConformPuller(t, declarative.Registration(), c, func(t *testing.T) *connectortest.Replay {
				t.Helper()
				last = connectortest.NewReplay(t, tt.pages)
				return last
			})
			require.Len(t, got.Observed, 3)
			require.True(t, got.Run.Complete, got.Run.Why)
			require.Equal(t, []string{"lantern:*"}, got.Run.Checks)
			require.Equal(t, map[string]int{"claimed": 3, "received": 3}, got.Run.Counts)
			plain := connectortest.NewReplay(t, tt.pages)
			connectortest.Sync(t, declarative.Registration(), c, plain.Client(), time.Time{})
			require.Empty(t, plain.Unasked())
		})
	}
}

func TestASyncThatMissesSomethingIsNotComplete(t *testing.T) {
	c := example(t)
	short := []connectortest.Exchange{page("1", "n2", nil, "?limit=200"), page("", "", nil, "?limit=200&after=n2")}
	got := connectortest.Sync(t, declarative.Registration(), c, connectortest.NewReplay(t, short).Client(), time.Time{})
	require.Equal(t, "3 items were announced and 1 came", got.Run.Why)

	c.Pull.SinceParam, c.Pull.SinceFormat = "changed", "date"
	since := []connectortest.Exchange{page("", "", nil, "?limit=200&changed=2026-11-20")}
	got = connectortest.Sync(t, declarative.Registration(), c, connectortest.NewReplay(t, since).Client(), time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.False(t, got.Run.Complete)
	in, err := declarative.Registration().Open(connectors.Env{Source: "x"}, c)
	require.NoError(t, err)
	_, ok := in.(connectors.Incremental)
	require.True(t, ok)
}

func TestTheNextPageIsNeverOnAnotherHost(t *testing.T) {
	c := example(t)
	c.Pull.Paging.By = "next"
	p := connectortest.NewReplay(t, []connectortest.Exchange{page("1", "https://evil.example.net/x", nil, "?limit=200")})
	in, err := declarative.Registration().Open(connectors.Env{Source: "x", HTTP: p.Client()}, c)
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	_, err = puller.Pull(t.Context(), connectors.PullRequest{}, &strings.Builder{})
	require.True(t, fault.Is(err, fault.Denied), "%v", err)
}

func TestWebhooksAreCheckedAsConfigured(t *testing.T) {
	// The vector is of RFC 4231, test case 2.
	c := &declarative.Config{Webhook: declarative.Webhook{Secret: secret.New("Jefe"), Header: "X-Sig", Prefix: "sha256="}}
	verify := func(c *declarative.Config, h http.Header, body string, now time.Time) (string, error) {
		in, err := declarative.Registration().Open(connectors.Env{Source: "x"}, c)
		require.NoError(t, err)
		v, ok := in.(connectors.WebhookVerifier)
		require.True(t, ok)
		return v.VerifyWebhook(h, []byte(body), now)
	}
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	good := http.Header{"X-Sig": {"sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}}
	_, err := verify(c, good, "what do ya want for nothing?", now)
	require.NoError(t, err)
	_, err = verify(c, good, "what do ya want for nothing!", now)
	require.True(t, fault.Is(err, fault.Denied))

	c = example(t)
	stamp := strconv.FormatInt(now.Unix(), 10)
	header := http.Header{"X-Lantern-Time": {stamp}, "X-Lantern-Delivery": {"d-1"}}
	header.Set("X-Lantern-Signature", declarative.Sign(&c.Webhook, header, []byte(`{"a":"{timestamp}"}`)))
	id, err := verify(c, header, `{"a":"{timestamp}"}`, now)
	require.NoError(t, err)
	require.Equal(t, "d-1", id)
	_, err = verify(c, header, `{"a":"{timestamp}"}`, now.Add(time.Hour))
	require.True(t, fault.Is(err, fault.Denied), "a call of an hour ago is refused")
	c.Webhook.Secret, c.Webhook.PreviousSecret = secret.New("new"), c.Webhook.Secret
	_, err = verify(c, header, `{"a":"{timestamp}"}`, now)
	require.NoError(t, err, "the key before is good still")

	c.Webhook = declarative.Webhook{Secret: secret.New("s3cret"), Header: "X-Token", Algorithm: "token"}
	_, err = verify(c, http.Header{"X-Token": {"s3cret"}}, "{}", now)
	require.NoError(t, err)
	_, err = verify(c, http.Header{"X-Token": {"s3cre"}}, "{}", now)
	require.True(t, fault.Is(err, fault.Denied))
}

func TestAnExpressionCantTakeForever(t *testing.T) {
	c := config(t, `
read: {format: json}
asset: {name: "'x'"}
finding: {scheme: x, check: "'y'", title: "string(item.l.map(a, item.l.map(b, item.l.map(c, item.l.filter(d, d == a + b + c)))).size())", cves: "item.l + 1", cwes: item.none.deep}
`)
	require.Empty(t, c.Validate())
	body := `{"l":[` + strings.Repeat("1,", 999) + `1]}`
	rec, err := connectortest.Decode(t, declarative.Registration(), c, []byte(body))
	require.NoError(t, err)
	require.Equal(t, map[string]int{"mapping_failed_finding.title": 1}, rec.Skipped, "what isn't there is no failure; what takes too long is")
	require.Equal(t, "x:y", rec.Observed[0].Finding.Title)
}

func TestAnIdentityOutlivesWhatChanges(t *testing.T) {
	body, err := os.ReadFile("testdata/nikto.xml")
	require.NoError(t, err)
	one, err := connectortest.Decode(t, declarative.Registration(), nil, body)
	require.NoError(t, err)
	two, err := connectortest.Decode(t, declarative.Registration(), nil, []byte(strings.NewReplacer("An old console", "A console", "?x=1", "?x=2", "2.1.6", "2.5.0").Replace(string(body))))
	require.NoError(t, err)
	for i := range one.Observed {
		require.Equal(t, one.Observed[i].Finding.UID, two.Observed[i].Finding.UID)
		require.Equal(t, one.Observed[i].Finding.Location, two.Observed[i].Finding.Location)
	}
}

func TestOnlyAWholeScanIsComplete(t *testing.T) {
	body, err := os.ReadFile("testdata/nikto.xml")
	require.NoError(t, err)
	for name, edit := range map[string][2]string{
		"tuned":      {"-ssl", "-ssl -Tuning 1"},
		"timed out":  {"-ssl", "-maxtime 60s"},
		"unfinished": {`endtime="2026-11-03 04:19:52"`, ""},
		"no target":  {"scandetails", "other"},
	} {
		rec, err := connectortest.Decode(t, declarative.Registration(), nil, []byte(strings.ReplaceAll(string(body), edit[0], edit[1])))
		require.NoError(t, err, name)
		require.False(t, rec.Last().Complete, name)
	}
	rec, err := connectortest.Decode(t, declarative.Registration(), nil, []byte(strings.Replace(string(body), `errors="0"`, `errors="3"`, 1)))
	require.NoError(t, err)
	require.Equal(t, exposure.TargetPartial, rec.Covered[0].Outcome)
	rec, err = connectortest.Decode(t, declarative.Registration(), nil, body)
	require.NoError(t, err)
	require.True(t, rec.Last().Covers(rec.Covered[0], "nikto:1", "8443/tcp/x"))
	require.False(t, rec.Last().Covers(rec.Covered[0], "nikto:1", "443/tcp/x"), "another port was not looked at")
}

func TestWordsThatLookLikeAFixAreNone(t *testing.T) {
	rec, err := connectortest.Decode(t, declarative.Registration(), nil, read(t, "testdata/invicti.json"))
	require.NoError(t, err)
	got := make([]exposure.Status, 0, len(rec.Observed))
	for _, o := range rec.Observed {
		got = append(got, o.Finding.Status)
	}
	require.Equal(t, []exposure.Status{exposure.StatusOpen, exposure.StatusFixed, exposure.StatusSuppressed, exposure.StatusOpen}, got)
	require.True(t, rec.Observed[1].Finding.LastSeen.After(time.Date(2026, 11, 20, 1, 52, 0, 0, time.UTC)), "a fix is later than the last sight")
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	return body
}
