package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const nucleiLine = `{"template-id":"git-config","info":{"name":"Git configuration exposed","severity":"medium"},"type":"http","host":"https://web-1.example.com","matched-at":"https://web-1.example.com/.git/config","timestamp":"2026-11-22T10:00:00Z"}` + "\n"

// receiving is a daemon that takes deliveries, each of which ends at the third look.
func receiving(t *testing.T, sources, status, problem string) *daemon {
	t.Helper()
	d := newDaemon(t)
	d.answer("GET /api/v1/sources", `{"items":[`+sources+`]}`)
	d.answer("POST /api/v1/sources/{name}/deliveries", `{"delivery":"nuclei-weekly|01J","size":229}`)
	looks := 0
	d.mux.HandleFunc("GET /api/v1/deliveries/{id}", func(w http.ResponseWriter, r *http.Request) {
		looks++
		answer := `{"id":"` + r.PathValue("id") + `","status":"working"}`
		if looks > 2 {
			answer = `{"id":"` + r.PathValue("id") + `","status":"` + status + `","error":"` + problem + `","counts":{"findings":1,"assets":1,"created":1},"skipped":{"no_host":2}}`
		}
		_, _ = io.WriteString(w, answer)
	})
	return d
}

func TestIngestFindsTheSourceAndWaits(t *testing.T) {
	d := receiving(t, `{"name":"nuclei-weekly","connector":"nuclei"},{"name":"nmap","connector":"nmap"}`, "done", "")
	s := newShell(t, d)
	s.file(t, "report.jsonl", nucleiLine)
	got := s.run(t, "ingest", "--wait", "report.jsonl")
	require.Equal(t, ExitOK, got.code, got.err)
	require.Contains(t, got.out, "report.jsonl  nuclei-weekly  done    1         1       1    nuclei-weekly|01J")
	require.Contains(t, got.err, "skipped 2: no_host")
	asked := strings.Join(d.questions(), "\n")
	require.Contains(t, asked, "POST /api/v1/sources/nuclei-weekly/deliveries?name=report.jsonl "+strings.TrimSpace(nucleiLine), "the report arrives as it is")
	require.Equal(t, 3, strings.Count(asked, "GET /api/v1/deliveries/nuclei-weekly%7C01J"))
}

func TestIngestSendsWhatItCanAndTellsTheRest(t *testing.T) {
	d := receiving(t, `{"name":"nuclei-weekly","connector":"nuclei"}`, "done", "")
	s := newShell(t, d)
	s.file(t, "a.jsonl", nucleiLine)
	s.file(t, "b.txt", "hello")
	s.file(t, "c.zip", string(zipped(t, "d.jsonl", nucleiLine, "e.bin", "?", "f.jsonl", nucleiLine)))
	got := s.run(t, "ingest", "--json", "a.jsonl", "b.txt", "missing", "c.zip")
	require.Equal(t, ExitFailed, got.code)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.Len(t, lines, 6)
	for i, has := range []string{`"file":"a.jsonl"`, `b.txt: no connector recognises`, `no such file`, `"file":"c.zip:d.jsonl"`, `c.zip:e.bin: no connector`, `"file":"c.zip:f.jsonl"`} {
		require.Contains(t, lines[i], has)
	}
	require.Equal(t, 3, strings.Count(got.out, `"delivery":"nuclei-weekly|01J"`))
}

func TestIngestDoesNotGuessTheSource(t *testing.T) {
	tests := []struct{ name, sources, says, hint string }{
		{"none has the connector", `{"name":"nmap","connector":"nmap"}`, "no source has that connector", "`connector: nuclei`"},
		{"two have it", `{"name":"n1","connector":"nuclei"},{"name":"n2","connector":"nuclei"}`, "n1, n2", "--source"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := receiving(t, tt.sources, "done", "")
			s := newShell(t, d)
			s.in = strings.NewReader(nucleiLine)
			got := s.run(t, "ingest", "-")
			require.NotEqual(t, ExitOK, got.code)
			require.Contains(t, got.err, tt.says)
			require.Contains(t, got.err, tt.hint)
			s.in = strings.NewReader("anything at all")
			require.Equal(t, ExitOK, s.run(t, "ingest", "--source", "n2", "-").code, "a named source is believed")
		})
	}
}

func TestAFailedDeliveryFailsTheCommandThatWaits(t *testing.T) {
	for _, status := range []string{"failed", "parked"} {
		d := receiving(t, `{"name":"nuclei-weekly","connector":"nuclei"}`, status, "line 3 is cut")
		s := newShell(t, d)
		s.file(t, "report.jsonl", nucleiLine)
		got := s.run(t, "ingest", "-w", "report.jsonl")
		require.Equal(t, ExitFailed, got.code)
		require.Contains(t, got.out, status)
		require.Contains(t, got.err, "line 3 is cut")
	}
}

func TestIntelligenceIsRecognised(t *testing.T) {
	d := newDaemon(t)
	for _, kind := range []string{"kev", "epss"} {
		d.answer("POST /api/v1/intel/"+kind, `{"kind":"`+kind+`","entries":1}`)
	}
	s := newShell(t, d)
	s.file(t, "kev.json", `{"title":"CISA Catalog","catalogVersion":"2026.11.22","vulnerabilities":[]}`)
	s.file(t, "epss.csv.gz", string(gzipped(t, []byte("#model_version:v2025.03.14,score_date:2026-11-22T00:00:00+0000\ncve,epss,percentile\n"))))
	s.file(t, "other.json", `{"a":1}`)
	got := s.run(t, "intel", "import", "kev.json", "epss.csv.gz")
	require.Equal(t, ExitOK, got.code, got.err)
	asked := d.questions()
	require.Contains(t, asked[0], `POST /api/v1/intel/kev {"title"`)
	require.Contains(t, asked[1], `POST /api/v1/intel/epss #model_version`, "it goes out unpacked")
	got = s.run(t, "intel", "import", "other.json")
	require.Equal(t, ExitFailed, got.code)
	require.Contains(t, got.err, "--kind")
	require.Equal(t, ExitOK, s.run(t, "intel", "import", "--kind", "kev", "other.json").code)
}
