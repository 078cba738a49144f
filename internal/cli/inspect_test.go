package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/exposure"
)

func TestInspectPrintsFindingsOrFigures(t *testing.T) {
	s := newShell(t, nil)
	s.file(t, "r.jsonl", nucleiLine+nucleiLine)
	s.file(t, "r.jsonl.gz", string(gzipped(t, []byte(nucleiLine))))
	s.file(t, "one.zip", string(zipped(t, "r.jsonl", nucleiLine)))

	got := s.run(t, "inspect", "r.jsonl")
	require.Equal(t, ExitOK, got.code, got.err)
	require.Equal(t, 2, strings.Count(got.out, "\n"))
	var obs exposure.Observation
	require.NoError(t, json.NewDecoder(strings.NewReader(got.out)).Decode(&obs))
	require.Equal(t, "nuclei:git-config", obs.Finding.Check)

	for _, name := range []string{"r.jsonl.gz", "one.zip"} {
		got = s.run(t, "inspect", "--summary", name)
		require.Equal(t, ExitOK, got.code, got.err)
		var report map[string]any
		require.NoError(t, json.Unmarshal([]byte(got.out), &report))
		require.Equal(t, "nuclei", report["connector"])
		require.EqualValues(t, 1, report["findings"])
		require.EqualValues(t, 1, report["assets"])
		for _, key := range []string{"complete", "targets"} {
			require.Contains(t, report["run"], key)
		}
		require.Contains(t, report, "skipped")
	}

	s.in = strings.NewReader(nucleiLine)
	require.Equal(t, ExitOK, s.run(t, "inspect", "--connector", "nuclei", "-").code)
}

func TestInspectSaysWhereAReportBreaksOff(t *testing.T) {
	s := newShell(t, nil)
	s.file(t, "cut.jsonl", nucleiLine+`{"template-id":"x","info":{`)
	got := s.run(t, "inspect", "cut.jsonl")
	require.Equal(t, ExitFailed, got.code)
	require.Equal(t, 1, strings.Count(got.out, "\n"), "what came before is given")
	require.Regexp(t, `cut\.jsonl: reading nuclei.*(line \d+|byte \d+)`, got.err)
	got = s.run(t, "inspect", "--summary", "cut.jsonl")
	require.Equal(t, ExitFailed, got.code)
	require.Contains(t, got.out, `"findings":1`)
}

func TestInspectRefusesWhatItDoesNotKnow(t *testing.T) {
	s := newShell(t, nil)
	s.file(t, "what.txt", "hello")
	s.file(t, "two.zip", string(zipped(t, "a.jsonl", nucleiLine, "b.jsonl", nucleiLine)))
	got := s.run(t, "inspect", "what.txt")
	require.Equal(t, ExitFailed, got.code)
	require.Contains(t, got.err, "--connector is one of")
	got = s.run(t, "inspect", "--connector", "nucleii", "what.txt")
	require.Equal(t, ExitNotFound, got.code)
	got = s.run(t, "inspect", "two.zip")
	require.Equal(t, ExitFailed, got.code)
	require.Contains(t, got.err, "several reports")
}

// TestInspectReadsEverySampleOfItsFormats inspects all that lies in the folder of a
// connector's name, recordings of APIs with it, and all that its table of counts has a row
// for: what comes out has to be what the table says.
func TestInspectReadsEverySampleOfItsFormats(t *testing.T) {
	connectortest.SampleCounts(t) // skips where there are no samples
	s := newShell(t, nil)
	for _, name := range decoders() {
		rows := map[string]connectortest.CountRow{}
		for _, row := range connectortest.CountRows(t, name) {
			rows[row.File] = row
		}
		for _, file := range samplesOf(t, name, rows) {
			t.Run(name+"/"+file, func(t *testing.T) {
				path := connectortest.Shared(t, file)
				got := s.run(t, "inspect", "--connector", name, path)
				lines := 0
				for scan := newLineScanner(got.out); scan.Scan(); lines++ {
					var obs exposure.Observation
					require.NoError(t, json.Unmarshal(scan.Bytes(), &obs))
				}
				summary := s.run(t, "inspect", "--connector", name, "--summary", path)
				var report connectors.Report
				require.NoError(t, json.Unmarshal([]byte(summary.out), &report), summary.err)
				require.Equal(t, report.Findings+report.Stated, lines)
				require.Equal(t, got.code, summary.code)
				if got.code != ExitOK {
					require.Regexp(t, `byte \d+`, got.err, "a report that is refused says where")
				}
				row, counted := rows[file]
				switch {
				case !counted:
				case row.Observations == "-":
					require.NotEqual(t, ExitOK, got.code, "the table says that it is no report")
				default:
					require.Equal(t, ExitOK, got.code, got.err)
					require.Equal(t, row.Observations, strconv.Itoa(report.Findings))
					require.Equal(t, row.Statements, strconv.Itoa(report.Stated))
				}
			})
		}
	}
}

// samplesOf are the files in the folder of a connector's name, and in those below it, and
// the files elsewhere that it has a row for.
func samplesOf(t *testing.T, name string, rows map[string]connectortest.CountRow) []string {
	t.Helper()
	files := slices.Collect(maps.Keys(rows))
	root := connectortest.Shared(t, "")
	err := filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || d.IsDir():
			return err
		}
		file, err := filepath.Rel(root, path)
		files = append(files, filepath.ToSlash(file))
		return err
	})
	require.NoError(t, err)
	slices.Sort(files)
	return slices.Compact(files)
}

func newLineScanner(text string) *bufio.Scanner {
	scan := bufio.NewScanner(strings.NewReader(text))
	scan.Buffer(nil, 16<<20)
	return scan
}

func TestDecodersAreThoseThatRecognise(t *testing.T) {
	require.Contains(t, decoders(), "nuclei")
	require.Subset(t, builtin.Catalog{}.Names(), decoders())
}

func TestInspectReadsAsASourceWould(t *testing.T) {
	s := newShell(t, nil)
	s.file(t, "quell.yaml", `
sources:
  - name: lantern
    connector: declarative
    config:
      read: {format: json, items: issues}
      asset: {name: item.host}
      finding: {scheme: lantern, check: item.rule}
      webhook: {secret: "${env:NOT_SET_HERE}", header: X-Sig}
`)
	s.file(t, "r.json", `{"issues":[{"host":"db1","rule":"old-tls"}]}`)
	got := s.run(t, "inspect", "--config", "quell.yaml", "--source", "lantern", "r.json")
	require.Equal(t, ExitOK, got.code, got.err)
	require.Contains(t, got.out, `"check":"lantern:old-tls"`)

	got = s.run(t, "inspect", "--config", "quell.yaml", "--source", "lanterm", "r.json")
	require.Equal(t, ExitNotFound, got.code)
	require.Contains(t, got.err, "it has lantern")
	require.NotEqual(t, ExitOK, s.run(t, "inspect", "--source", "lantern", "r.json").code, "a source is one of a configuration")
}
