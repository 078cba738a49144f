package connectortest

import (
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// CountRow is a row of testdata/counts.csv: what one shared sample comes to.
//
//	file          below the shared samples: tenable-vm/har-vulns/002_….json
//	natural       the samples' own count, repeated from their index
//	upstream      what the test of the project that a sample comes from expects of it,
//	              likewise; empty where it says nothing
//	observations  findings emitted; "-" where the file is no body of the connector's (an
//	              answer on the way to one, an index), which then must be refused
//	assets        coverage emitted
//	statements    VEX statements emitted
//	skipped       left out, by reason counted
//	unit          what they are counts of, where that is none of what follows: one of
//	              units, which then must come to one of them
//	explanation   needed where neither count is what was emitted
type CountRow struct {
	File, Natural, Upstream, Observations, Assets, Statements, Skipped, Unit, Explanation string
}

// units count what came out of a sample by what its natural count is of, where each may
// stand behind several findings, assets or statements.
//
//nolint:gochecknoglobals // a constant table
var units = map[string]func(*Recorder) int{
	"hosts": func(r *Recorder) int {
		return distinct(r.Observed, func(o exposure.Observation) any { return o.Asset.Identifiers[0] })
	},
	"checks": func(r *Recorder) int {
		return distinct(r.Observed, func(o exposure.Observation) any { return o.Finding.Check })
	},
	"uids": func(r *Recorder) int {
		return distinct(r.Observed, func(o exposure.Observation) any { return o.Finding.UID })
	},
	"vulnerabilities": func(r *Recorder) int {
		return distinct(r.Stated, func(s exposure.Statement) any { return s.Vulnerability })
	},
	"resources": func(r *Recorder) int {
		return len(slices.DeleteFunc(slices.Clone(r.Covered), func(c exposure.Coverage) bool { return c.Asset.Kind != asset.CloudResource }))
	},
}

func distinct[T any](list []T, of func(T) any) int {
	seen := map[any]bool{}
	for _, one := range list {
		seen[of(one)] = true
	}
	return len(seen)
}

// countColumns is the header of the table.
const countColumns = "file,natural,upstream,observations,assets,statements,skipped,unit,explanation"

// CountedFiles are the shared samples that a connector has a row for. It has none where
// it has no testdata/counts.csv.
func CountedFiles(tb testing.TB, connector string) []string {
	tb.Helper()
	rows := CountRows(tb, connector)
	out := make([]string, 0, len(rows))
	for _, row := range rows {
		out = append(out, row.File)
	}
	return out
}

// CountRows are the rows of a connector's table; none where it has no table.
func CountRows(tb testing.TB, connector string) []CountRow {
	tb.Helper()
	path := filepath.Join(Folder(tb, connector), "testdata", "counts.csv")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	rows := readCSV(tb, path)
	out := make([]CountRow, 0, len(rows))
	for _, r := range rows {
		require.Len(tb, r, 9, "%s: a row is %s", path, countColumns)
		out = append(out, CountRow{r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]})
	}
	return out
}

func readCSV(tb testing.TB, path string) [][]string {
	tb.Helper()
	f, err := os.Open(path)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, f.Close()) }()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(tb, err)
	require.NotEmpty(tb, rows)
	return rows[1:]
}

// SampleCount is what the shared samples' own index says of one of them.
type SampleCount struct {
	Natural  string // "findings=8": counted without any of our code; may be empty
	Upstream string // "8": what the test of the project that it comes from expects; may be empty
}

// SampleCounts are the counts of the shared samples' own index, by file. The test is
// skipped, by name, where there are no samples.
func SampleCounts(tb testing.TB) map[string]SampleCount {
	tb.Helper()
	index := Shared(tb, "SOURCES.csv")
	if _, err := os.Stat(index); errors.Is(err, os.ErrNotExist) {
		tb.Skip("no samples at " + index)
	}
	out := map[string]SampleCount{}
	for _, row := range readCSV(tb, index) {
		out[row[0]+"/"+row[1]] = SampleCount{Natural: row[8], Upstream: row[7]}
	}
	return out
}

// Update writes what the shared samples come to into testdata/counts.csv, for the rows
// that are there: read the difference before you commit it. Units and explanations stay.
func Update(t *testing.T, reg connectors.Registration, config any) {
	t.Helper()
	index := SampleCounts(t)
	before := CountRows(t, reg.Name)
	rows := append(make([][]string, 0, 1+len(before)), strings.Split(countColumns, ","))
	for _, row := range before {
		body, err := os.ReadFile(Shared(t, row.File))
		require.NoError(t, err)
		rec, err := Decode(t, reg, config, body)
		counts := []string{strconv.Itoa(len(rec.Observed)), strconv.Itoa(len(rec.Covered)), strconv.Itoa(len(rec.Stated)), strconv.Itoa(rec.Skips())}
		if err != nil {
			t.Logf("%s: %v", row.File, err)
			counts = []string{"-", "0", "0", "0"}
		}
		rows = append(rows, slices.Concat([]string{row.File, index[row.File].Natural, index[row.File].Upstream}, counts, []string{row.Unit, row.Explanation}))
	}
	var out bytes.Buffer
	require.NoError(t, csv.NewWriter(&out).WriteAll(rows))
	require.NoError(t, os.WriteFile(filepath.Join(Folder(t, reg.Name), "testdata", "counts.csv"), out.Bytes(), 0o600))
}

// Counts decodes every shared sample that testdata/counts.csv has a row for and holds
// what comes out to the row. A nil config stands for the defaults.
func Counts(t *testing.T, reg connectors.Registration, config any) {
	t.Helper()
	index := SampleCounts(t)
	if !decodes(t, reg) {
		return // intelligence: TestFeedsAreReadByWhoDecidesWithThem counts it
	}
	for _, row := range CountRows(t, reg.Name) {
		t.Run(row.File, func(t *testing.T) {
			told := index[row.File]
			require.Equal(t, SampleCount{row.Natural, row.Upstream}, told, "the table repeats what the samples' own index says")
			body, err := os.ReadFile(Shared(t, row.File))
			require.NoError(t, err)
			rec, err := Decode(t, reg, config, body)
			if row.Observations == "-" {
				require.Error(t, err, "it is no body of this connector's")
				require.Empty(t, rec.Observed)
				require.NotEmpty(t, row.Explanation)
				return
			}
			require.NoError(t, err)
			for _, obs := range rec.Observed {
				CheckObservation(t, obs)
				require.NotEmpty(t, obs.Asset.Identifiers, "every finding of a real report has an asset")
			}
			for i := range rec.Covered {
				CheckDescription(t, &rec.Covered[i].Asset)
			}
			require.Equal(t, row.Observations, strconv.Itoa(len(rec.Observed)), "observations")
			require.Equal(t, row.Assets, strconv.Itoa(len(rec.Covered)), "assets")
			require.Equal(t, row.Statements, strconv.Itoa(len(rec.Stated)), "statements")
			require.Equal(t, row.Skipped, strconv.Itoa(rec.Skips()), "skipped: %v", rec.Skipped)
			if row.Unit != "" {
				require.Contains(t, units, row.Unit)
				require.Contains(t, row.others(), units[row.Unit](rec), "the count is of %s", row.Unit)
			}
			if row.Differs() {
				require.NotEmpty(t, row.Explanation, "a difference needs an explanation")
			}
		})
	}
}

// number finds the counts in the index's words.
var number = regexp.MustCompile(`=([0-9]+)`)

// numbers are the natural counts and, last, their sum; none where the index says nothing.
func numbers(natural string) []int {
	var out []int
	sum := 0
	for _, m := range number.FindAllStringSubmatch(natural, -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			out = append(out, n)
			sum += n
		}
	}
	if len(out) > 0 {
		out = append(out, sum)
	}
	return out
}

// others are all counts by others.
func (row *CountRow) others() []int {
	out := numbers(row.Natural)
	if n, err := strconv.Atoi(row.Upstream); err == nil {
		out = append(out, n)
	}
	return out
}

// Told reports whether somebody else has counted what is in the sample.
func (row *CountRow) Told() bool { return len(row.others()) > 0 }

// Differs reports whether none of the natural counts, nor their sum, nor what upstream
// expects, is what was emitted, with or without what was skipped.
func (row *CountRow) Differs() bool {
	var counts []int
	for _, text := range []string{row.Observations, row.Assets, row.Statements, row.Skipped} {
		n, err := strconv.Atoi(text)
		if err != nil {
			return false // it is refused
		}
		counts = append(counts, n)
	}
	emitted, skipped := []int{counts[0], counts[1], counts[2], counts[0] + counts[1]}, counts[3]
	agree := slices.ContainsFunc(row.others(), func(n int) bool {
		return slices.ContainsFunc(emitted, func(e int) bool { return n == e || n == e+skipped })
	})
	return row.Told() && row.Unit == "" && !agree
}
