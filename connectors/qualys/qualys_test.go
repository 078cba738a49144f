package qualys_test

import (
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/qualys"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func TestConformance(t *testing.T) { connectortest.Conform(t, qualys.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, qualys.Registration(), nil)
	}
	connectortest.Counts(t, qualys.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, sample := range qualys.Registration().Samples {
		t.Run(sample.File, func(t *testing.T) {
			connectortest.Golden(t, qualys.Registration(), nil, sample.File, *update)
		})
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, qualys.Registration(), "qualys-vmdr") }

func config() *qualys.Config {
	return &qualys.Config{URL: "https://qualysapi.qg3.apps.qualys.com", Username: "quell", Password: secret.New("hunter2hunter2"), Version: "2.0", Hosts: 100}
}

// hostsURL is what we ask for where the recording asked for the bare numbers of hosts.
const hostsURL = "https://qualysapi.qg3.apps.qualys.com/api/2.0/fo/asset/host/?action=list&details=All&show_asset_id=1&show_tags=1&show_cloud_tags=1&host_metadata=all&truncation_limit=1000"

func TestARecordedSubscriptionIsPulled(t *testing.T) {
	replay := func(t *testing.T) *connectortest.Replay {
		t.Helper()
		exchanges := connectortest.Recording(t, "qualys-vmdr/har-detections")
		exchanges[0].URL = hostsURL
		return connectortest.NewReplay(t, exchanges)
	}
	got := connectortest.ConformPuller(t, qualys.Registration(), config(), replay)
	require.Empty(t, got.Observed, "the answer holds no list of hosts: none has detections")
	require.True(t, got.Run.Complete)
	p := replay(t)
	connectortest.Sync(t, qualys.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

// invented is a subscription of two hosts on two pages, with detections on one of them.
func invented(t *testing.T) *connectortest.Replay {
	t.Helper()
	read := func(file string) []byte {
		body, err := os.ReadFile("testdata/" + file)
		require.NoError(t, err)
		return body
	}
	const base = "https://qualysapi.qg3.apps.qualys.com/api/2.0/fo/"
	empty := []byte(`<HOST_LIST_OUTPUT><RESPONSE><HOST_LIST/></RESPONSE></HOST_LIST_OUTPUT>`)
	kb := []byte(`<?xml version="1.0"?><!DOCTYPE KNOWLEDGE_BASE_VULN_LIST_OUTPUT SYSTEM "https://x.example.org/kb.dtd"><KNOWLEDGE_BASE_VULN_LIST_OUTPUT><RESPONSE><VULN_LIST>` +
		`<VULN><QID>91001</QID><VULN_TYPE>Vulnerability</VULN_TYPE><SEVERITY_LEVEL>5</SEVERITY_LEVEL><TITLE>Old Windows</TITLE><CVE_LIST><CVE><ID>CVE-2024-0001</ID></CVE></CVE_LIST>` +
		`<CVSS_V3><BASE>9.8</BASE><VECTOR_STRING>CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:C</VECTOR_STRING></CVSS_V3><THREAT_INTELLIGENCE><THREAT_INTEL id="2">Active_Attacks</THREAT_INTEL></THREAT_INTELLIGENCE></VULN>` +
		`</VULN_LIST></RESPONSE></KNOWLEDGE_BASE_VULN_LIST_OUTPUT>`)
	p := connectortest.NewReplay(t, []connectortest.Exchange{
		{Method: "GET", URL: hostsURL, Status: 200, Body: read("hosts.xml")},
		{Method: "GET", URL: hostsURL + "&id_min=4714", Status: 200, Body: empty},
		{Method: "POST", URL: base + "asset/host/vm/detection/", RequestBody: "id_min=", Status: 200, Body: []byte(strings.Replace(string(read("detections.xml")), "</RESPONSE>", "<WARNING><CODE>1980</CODE><URL>https://elsewhere.example.org/?id_min=5000</URL></WARNING></RESPONSE>", 1))},
		{Method: "POST", URL: base + "asset/host/vm/detection/", RequestBody: "id_min=5000", Status: 200, Body: []byte(`<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE/></HOST_LIST_VM_DETECTION_OUTPUT>`)},
		{Method: "POST", URL: base + "knowledge_base/vuln/", RequestBody: "ids=38170,45038,91001,91002", Status: 200, Body: kb},
	})
	p.Same = func(r *http.Request, body []byte, e *connectortest.Exchange) bool {
		require.Equal(t, "quell", r.Header.Get("X-Requested-With"))
		recorded, err := url.Parse(e.URL)
		require.NoError(t, err)
		if r.Method != e.Method || r.URL.Path != recorded.Path || !connectortest.SameValues(recorded.Query(), r.URL.Query()) {
			return false
		}
		form, err := url.ParseQuery(string(body))
		require.NoError(t, err)
		if strings.HasSuffix(r.URL.Path, "/detection/") {
			require.Equal(t, "New,Active,Re-Opened,Fixed", form.Get("status"), "fixed ones are left out unless they are asked for")
		}
		key, value, _ := strings.Cut(e.RequestBody, "=")
		return form.Get(key) == value
	}
	return p
}

func TestDetectionsAreJoinedWithTheKnowledgeBase(t *testing.T) {
	got := connectortest.ConformPuller(t, qualys.Registration(), config(), invented)
	require.Len(t, got.Covered, 2)
	require.Len(t, got.Observed, 4)
	require.True(t, got.Run.Complete)
	f := got.Observed[1].Finding
	require.Equal(t, "Old Windows", f.Title)
	require.Equal(t, []string{"CVE-2024-0001"}, f.CVEs)
	require.Equal(t, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", f.CVSS[0].Vector)
	require.Equal(t, "active", f.Exploit)
	require.Equal(t, exposure.StatusFixed, f.Status)
	require.Equal(t, time.Date(2026, 4, 1, 3, 48, 50, 0, time.UTC), f.LastSeen, "when it was fixed, not when it was last found")
	require.Equal(t, "Qualys QID 38170", got.Observed[0].Finding.Title, "what the knowledge base doesn't have is reported nevertheless")
	p := invented(t)
	connectortest.Sync(t, qualys.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

func pull(t *testing.T, req connectors.PullRequest, answer func(r *http.Request) *http.Response) (connectors.Pulled, error) {
	t.Helper()
	in, err := qualys.Registration().Open(connectors.Env{Source: "x", HTTP: &http.Client{Transport: roundTrip(answer)}}, config())
	require.NoError(t, err)
	p, ok := in.(connectors.Incremental)
	require.True(t, ok)
	return p.Pull(t.Context(), req, io.Discard)
}

type roundTrip func(r *http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func answer(code int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func TestAConflictIsARequestToWait(t *testing.T) {
	for wait, header := range map[time.Duration]http.Header{90 * time.Second: {"X-Ratelimit-Towait-Sec": {"90"}}, time.Minute: {}} {
		_, err := pull(t, connectors.PullRequest{}, func(*http.Request) *http.Response { return answer(http.StatusConflict, header, "<SIMPLE_RETURN/>") })
		require.True(t, fault.Is(err, fault.Throttled), "%v", err)
		require.Equal(t, wait, fault.RetryAfter(err))
	}
}

func TestARefusalUnderStatus200IsNoPage(t *testing.T) {
	_, err := pull(t, connectors.PullRequest{}, func(*http.Request) *http.Response {
		return answer(http.StatusOK, http.Header{}, "<SIMPLE_RETURN><RESPONSE><CODE>1905</CODE><TEXT>parameter ids has invalid value</TEXT></RESPONSE></SIMPLE_RETURN>")
	})
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.Contains(t, err.Error(), "1905")
}

func TestATruncatedAnswerWithoutItsNextPageIsNotTheLast(t *testing.T) {
	_, err := pull(t, connectors.PullRequest{}, func(*http.Request) *http.Response {
		return answer(http.StatusOK, http.Header{}, "<HOST_LIST_OUTPUT><RESPONSE><WARNING><CODE>1980</CODE></WARNING></RESPONSE></HOST_LIST_OUTPUT>")
	})
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
}

func TestAnIncrementalSyncAsksForWhatChanged(t *testing.T) {
	since := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	step, err := pull(t, connectors.PullRequest{Since: since}, func(r *http.Request) *http.Response {
		require.Equal(t, "2026-04-01T00:00:00Z", r.URL.Query().Get("vm_processed_after"))
		return answer(http.StatusOK, http.Header{}, "<HOST_LIST_OUTPUT><RESPONSE/></HOST_LIST_OUTPUT>")
	})
	require.NoError(t, err)
	step, err = pull(t, connectors.PullRequest{Since: since, Cursor: step.Next}, func(r *http.Request) *http.Response {
		require.NoError(t, r.ParseForm())
		require.Equal(t, "2026-04-01T00:00:00Z", r.PostForm.Get("detection_updated_since"))
		return answer(http.StatusOK, http.Header{}, "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE/></HOST_LIST_VM_DETECTION_OUTPUT>")
	})
	require.NoError(t, err)
	require.Empty(t, step.Next)
	require.Equal(t, exposure.RunPartial, step.Run.Kind)
}

func TestAScanIsCompleteOnlyIfItSaysSo(t *testing.T) {
	body, err := os.ReadFile("testdata/scan.xml")
	require.NoError(t, err)
	read := func(before, after string) exposure.Run {
		rec, err := connectortest.Decode(t, qualys.Registration(), nil, []byte(strings.Replace(string(body), before, after, 1)))
		require.NoError(t, err)
		return rec.Last()
	}
	require.True(t, read("", "").Complete)
	require.Contains(t, read(">FINISHED<", ">CANCELED<").Why, "canceled")
	require.Contains(t, read(`<KEY value="STATUS">FINISHED</KEY>`, "").Why, "does not say")
	require.Contains(t, read(">2<", ">7<").Why, "more hosts were alive")
	require.Contains(t, read("<IP value", `<ERROR number="1">x</ERROR><IP value`).Why, "error")
}

func TestAHostWhereLoggingInFailedIsLookedAtInPart(t *testing.T) {
	body, err := os.ReadFile("testdata/scan.xml")
	require.NoError(t, err)
	outcomes := func(before, after string) (out []exposure.Outcome) {
		rec, err := connectortest.Decode(t, qualys.Registration(), nil, []byte(strings.Replace(string(body), before, after, 1)))
		require.NoError(t, err)
		for _, cov := range rec.Covered {
			out = append(out, cov.Outcome)
		}
		return out
	}
	require.Equal(t, []exposure.Outcome{exposure.TargetOK, exposure.TargetPartial}, outcomes("", ""), "nothing says that the second was logged in to")
	require.Equal(t, []exposure.Outcome{exposure.TargetOK, exposure.TargetOK}, outcomes("Windows Authentication ON, Unix Authentication ON", "no credentials"))
	require.Equal(t, exposure.TargetPartial, outcomes(`number="38170"`, `number="105053"`)[0])
}

func TestOnlyFixedIsFixed(t *testing.T) {
	for word, want := range map[string]exposure.Status{"New": exposure.StatusOpen, "Re-Opened": exposure.StatusOpen, "FIXED": exposure.StatusFixed, "PROTECTED": exposure.StatusSuppressed, "RETESTED": exposure.StatusOpen, "Not Found": exposure.StatusOpen} {
		require.Equal(t, want, qualys.Registration().Statuses.Of(word), word)
	}
}

func TestIdentityOutlivesSeverityAndResults(t *testing.T) {
	body, err := os.ReadFile("testdata/detections.xml")
	require.NoError(t, err)
	read := func(replace ...string) *exposure.Finding {
		rec, err := connectortest.Decode(t, qualys.Registration(), nil, []byte(strings.NewReplacer(replace...).Replace(string(body))))
		require.NoError(t, err)
		return rec.Observed[0].Finding
	}
	one, two := read(), read("<SEVERITY>2<", "<SEVERITY>4<", "Certificate #0", "Certificate #1", "<UNIQUE_VULN_ID>9001</UNIQUE_VULN_ID>", "")
	require.Equal(t, [3]string{one.UID, one.Check, one.Location}, [3]string{two.UID, two.Check, two.Location})
	require.NotEqual(t, one.Severity, two.Severity)
	require.NotEqual(t, one.UID, read("<PORT>3389<", "<PORT>3390<").UID)
}
