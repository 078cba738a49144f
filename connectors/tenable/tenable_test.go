package tenable_test

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/connectors/tenable"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files and counts")

func config() *tenable.Config {
	return &tenable.Config{URL: "https://cloud.tenable.com", AccessKey: secret.New("hunter2hunter2"), SecretKey: secret.New("hunter2hunter2"), Days: 450}
}

func TestConformance(t *testing.T) { connectortest.Conform(t, tenable.Registration(), nil) }

func TestSharedSamples(t *testing.T) {
	if *update {
		connectortest.Update(t, tenable.Registration(), nil)
	}
	connectortest.Counts(t, tenable.Registration(), nil)
}

func TestSamplesBecomeWhatTheyMean(t *testing.T) {
	for _, file := range []string{"vulns.json", "assets.json", "export.csv"} {
		t.Run(file, func(t *testing.T) { connectortest.Golden(t, tenable.Registration(), nil, file, *update) })
	}
}

func FuzzDecode(f *testing.F) { connectortest.Fuzz(f, tenable.Registration(), "tenable-vm") }

// recording is the two recorded exports, one after the other, as they are pulled.
func recording(t *testing.T) *connectortest.Replay {
	t.Helper()
	exchanges := append(connectortest.Recording(t, "tenable-vm/har-assets"), connectortest.Recording(t, "tenable-vm/har-vulns")...)
	return connectortest.NewReplay(t, exchanges)
}

func TestARecordedTenantIsPulled(t *testing.T) {
	got := connectortest.ConformPuller(t, tenable.Registration(), config(), recording)
	require.Len(t, got.Covered, 6)
	require.Len(t, got.Observed, 103)
	require.Equal(t, exposure.RunFull, got.Run.Kind)
	require.True(t, got.Run.Complete, got.Run.Why)

	p := recording(t)
	connectortest.Sync(t, tenable.Registration(), config(), p.Client(), time.Time{})
	require.Empty(t, p.Unasked())
}

// vendor answers as Tenable does, from what a test puts in.
type vendor struct {
	t      *testing.T
	status []string // answers of /vulns/export/…/status, in order
	asked  []string // method, path and body
	begin  func() (int, string)
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		require.NoError(v.t, err)
		body = string(b)
	}
	v.asked = append(v.asked, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+body))
	require.Equal(v.t, "accessKey=hunter2hunter2;secretKey=hunter2hunter2", r.Header.Get("X-ApiKeys"))
	code, text := http.StatusOK, ""
	switch path := r.URL.Path; {
	case path == "/assets/export":
		text = `{"export_uuid":"a-1"}`
	case path == "/assets/export/a-1/status":
		text = `{"status":"FINISHED","chunks_available":[]}`
	case path == "/vulns/export" && v.begin != nil:
		code, text = v.begin()
	case path == "/vulns/export":
		text = `{"export_uuid":"b-1"}`
	case path == "/vulns/export/b-1/status":
		require.NotEmpty(v.t, v.status)
		text, v.status = v.status[0], v.status[1:]
	case strings.HasPrefix(path, "/vulns/export/b-1/chunks/"):
		text = `[]`
	default:
		code = http.StatusNotFound
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func sync(t *testing.T, v *vendor, c *tenable.Config, since time.Time) *connectortest.Synced {
	t.Helper()
	v.t = t
	return connectortest.Sync(t, tenable.Registration(), c, &http.Client{Transport: v}, since)
}

func TestAnExportIsWaitedForAndItsChunksAreFetchedOnce(t *testing.T) {
	v := &vendor{status: []string{`{"status":"QUEUED"}`, `{"status":"PROCESSING","chunks_available":[3]}`, `{"status":"FINISHED","chunks_available":[3,1,2,7,9],"total_chunks":5,"finished_chunks":5}`}}
	got := sync(t, v, config(), time.Time{})
	require.Equal(t, []time.Duration{10 * time.Second, 20 * time.Second}, got.Waits)
	var chunks []string
	for _, a := range v.asked {
		if _, n, ok := strings.Cut(a, "/chunks/"); ok {
			chunks = append(chunks, n)
		}
	}
	require.Equal(t, []string{"1", "2", "3", "7", "9"}, chunks)
	require.True(t, got.Run.Complete)
	require.Equal(t, `POST /vulns/export {"filters":{"since":1661120000,"state":["OPEN","REOPENED","FIXED"]},"num_assets":500}`, v.asked[2], "fixed ones are asked for, and a time is given")
}

func TestAnExportThatLostChunksIsNotComplete(t *testing.T) {
	for _, status := range []string{
		`{"status":"FINISHED","chunks_available":[1],"chunks_failed":[2],"total_chunks":2}`,
		`{"status":"FINISHED","chunks_available":[1],"chunks_cancelled":[2]}`,
		`{"status":"FINISHED","chunks_available":[1],"total_chunks":2,"finished_chunks":1}`,
	} {
		got := sync(t, &vendor{status: []string{status}}, config(), time.Time{})
		require.False(t, got.Run.Complete, status)
		require.Equal(t, "the export lost 1 of its chunks", got.Run.Why)
	}
}

func TestAFilteredExportIsNotComplete(t *testing.T) {
	c := config()
	c.Severities = []string{"critical"}
	v := &vendor{status: []string{`{"status":"FINISHED","chunks_available":[1]}`}}
	require.False(t, sync(t, v, c, time.Time{}).Run.Complete)
	require.Contains(t, v.asked[2], `"severity":["critical"]`)
}

func TestAnIncrementalSyncAsksForWhatWasIndexedSince(t *testing.T) {
	v := &vendor{status: []string{`{"status":"FINISHED","chunks_available":[]}`}}
	got := sync(t, v, config(), time.Unix(1_690_000_000, 0))
	require.Equal(t, exposure.RunPartial, got.Run.Kind)
	require.False(t, got.Run.Complete)
	require.Equal(t, `POST /assets/export {"chunk_size":1000,"filters":{"updated_at":1690000000}}`, v.asked[0])
	require.Contains(t, v.asked[2], `"indexed_at":1690000000`)
}

func TestAJobThatRunsAlreadyIsTakenOver(t *testing.T) {
	v := &vendor{status: []string{`{"status":"FINISHED","chunks_available":[1]}`}, begin: func() (int, string) {
		return http.StatusConflict, `{"failure_reason":"the same export is running","active_job_id":"b-1"}`
	}}
	require.True(t, sync(t, v, config(), time.Time{}).Run.Complete)
}

func TestAJobThatTenableForgotBeginsAnew(t *testing.T) {
	v := &vendor{t: t}
	in, err := tenable.Registration().Open(connectors.Env{Source: "x", HTTP: &http.Client{Transport: v}}, config())
	require.NoError(t, err)
	puller, ok := in.(connectors.Incremental)
	require.True(t, ok)
	for _, cursor := range []string{`{"e":"vulns","u":"gone"}`, `{"e":"vulns","u":"gone","c":"1-3"}`} {
		_, err = puller.Pull(t.Context(), connectors.PullRequest{Cursor: cursor}, io.Discard)
		require.ErrorIs(t, err, connectors.ErrExpired)
	}
	require.Positive(t, puller.FullEvery())
}

func TestManyChunksFitACursor(t *testing.T) {
	chunks := make([]int, 0, 3000)
	for i := range 3000 {
		chunks = append(chunks, 2*i+1) // no two in a row
	}
	list, err := json.Marshal(chunks)
	require.NoError(t, err)
	status := `{"status":"FINISHED","chunks_available":` + string(list) + `}`
	v := &vendor{t: t, status: []string{status, status, status, status, status}}
	in, err := tenable.Registration().Open(connectors.Env{Source: "x", HTTP: &http.Client{Transport: v}}, config())
	require.NoError(t, err)
	puller, ok := in.(connectors.Puller)
	require.True(t, ok)
	cursor, fetched := `{"e":"vulns","u":"b-1"}`, 0
	for cursor != "" {
		step, err := puller.Pull(t.Context(), connectors.PullRequest{Cursor: cursor}, io.Discard)
		require.NoError(t, err)
		require.LessOrEqual(t, len(step.Next), connectors.MaxCursor)
		cursor = step.Next
	}
	for _, a := range v.asked {
		if strings.Contains(a, "/chunks/") {
			fetched++
		}
	}
	require.Equal(t, len(chunks), fetched)
}

func TestOnlyFixedIsFixed(t *testing.T) {
	for state, want := range map[string]exposure.Status{"OPEN": exposure.StatusOpen, "REOPENED": exposure.StatusOpen, "FIXED": exposure.StatusFixed, "Resurfaced": exposure.StatusOpen, "DELETED": exposure.StatusOpen} {
		require.Equal(t, want, tenable.Registration().Statuses.Of(state), state)
	}
}

func TestIdentityOutlivesSeverityNameAndOutput(t *testing.T) {
	read := func(name, severity, output string) *exposure.Finding {
		body := `[{"asset":{"uuid":"u-1"},"plugin":{"id":22,"name":"` + name + `"},"port":{"port":22,"protocol":"TCP"},"severity":"` + severity + `","state":"OPEN","output":"` + output + `"}]`
		rec, err := connectortest.Decode(t, tenable.Registration(), nil, []byte(body))
		require.NoError(t, err)
		require.Len(t, rec.Observed, 1)
		return rec.Observed[0].Finding
	}
	one, two := read("a 1.0", "high", "x"), read("a 1.1", "low", "y")
	require.Equal(t, [3]string{one.UID, one.Check, one.Location}, [3]string{two.UID, two.Check, two.Location})
	require.Equal(t, [3]string{"22/22/tcp", "nessus:22", "22/tcp"}, [3]string{one.UID, one.Check, one.Location})
}

func TestTheTableOfNessusIsReadToo(t *testing.T) {
	const body = "Plugin ID,CVE,CVSS v2.0 Base Score,Risk,Host,Protocol,Port,Name,Synopsis,Description,Solution,See Also,Plugin Output\n" +
		`"20007","CVE-2014-3566","4.3","Medium","192.0.2.9","tcp","443","SSL Version 2 and 3 Protocol Detection","s","d","f","","out"` + "\n"
	require.Positive(t, tenable.Registration().Recognize([]byte(body), ""))
	rec, err := connectortest.Decode(t, tenable.Registration(), nil, []byte(body))
	require.NoError(t, err)
	require.Len(t, rec.Observed, 1)
	require.Equal(t, "443/tcp", rec.Observed[0].Finding.Location)
	require.False(t, rec.Last().Complete)
}
