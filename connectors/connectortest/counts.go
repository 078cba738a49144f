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
)

// CountRow is a row of testdata/counts.csv: what one shared sample comes to.
//
//	file          below the shared samples: tenable-vm/har-vulns/002_….json
//	natural       the samples' own count, repeated from their index
//	observations  findings emitted; "-" where the file is no body of the connector's (an
//	              answer on the way to one, an index), which then must be refused
//	assets        coverage emitted
//	statements    VEX statements emitted
//	skipped       left out, by reason counted
//	explanation   needed where the natural count is another than what was emitted
type CountRow struct {
	File, Natural, Observations, Assets, Statements, Skipped, Explanation string
}

// countColumns is the header of the table.
const countColumns = "file,natural,observations,assets,statements,skipped,explanation"

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
		require.Len(tb, r, 7, "%s: a row is %s", path, countColumns)
		out = append(out, CountRow{r[0], r[1], r[2], r[3], r[4], r[5], r[6]})
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

// SampleCounts are the natural counts of the shared samples' own index, by file. The test
// is skipped, by name, where there are no samples.
func SampleCounts(tb testing.TB) map[string]string {
	tb.Helper()
	index := Shared(tb, "SOURCES.csv")
	if _, err := os.Stat(index); errors.Is(err, os.ErrNotExist) {
		tb.Skip("no samples at " + index)
	}
	out := map[string]string{}
	for _, row := range readCSV(tb, index) {
		out[row[0]+"/"+row[1]] = row[8]
	}
	return out
}

// Update writes what the shared samples come to into testdata/counts.csv, for the rows
// that are there: read the difference before you commit it. An explanation stays.
func Update(t *testing.T, reg connectors.Registration, config any) {
	t.Helper()
	naturals := SampleCounts(t)
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
		rows = append(rows, slices.Concat([]string{row.File, naturals[row.File]}, counts, []string{row.Explanation}))
	}
	var out bytes.Buffer
	require.NoError(t, csv.NewWriter(&out).WriteAll(rows))
	require.NoError(t, os.WriteFile(filepath.Join(Folder(t, reg.Name), "testdata", "counts.csv"), out.Bytes(), 0o600))
}

// Counts decodes every shared sample that testdata/counts.csv has a row for and holds
// what comes out to the row. A nil config stands for the defaults.
func Counts(t *testing.T, reg connectors.Registration, config any) {
	t.Helper()
	naturals := SampleCounts(t)
	if !decodes(t, reg) {
		return // intelligence: TestFeedsAreReadByWhoDecidesWithThem counts it
	}
	for _, row := range CountRows(t, reg.Name) {
		t.Run(row.File, func(t *testing.T) {
			require.Equal(t, naturals[row.File], row.Natural, "the table repeats what the samples' own index says")
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
			if differs(&row) {
				require.NotEmpty(t, row.Explanation, "a difference needs an explanation")
			}
		})
	}
}

// number finds the counts in the index's words.
var number = regexp.MustCompile(`=([0-9]+)`)

// differs reports whether none of the natural counts, nor their sum, is what was emitted,
// with or without what was skipped.
func differs(row *CountRow) bool {
	var counts []int
	for _, text := range []string{row.Observations, row.Assets, row.Statements, row.Skipped} {
		n, err := strconv.Atoi(text)
		if err != nil {
			return false
		}
		counts = append(counts, n)
	}
	got := []int{counts[0], counts[1], counts[2], counts[0] + counts[1]}
	sum, told := 0, false
	for _, m := range number.FindAllStringSubmatch(row.Natural, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		told = true
		sum += n
		for _, g := range got {
			if n == g || n == g+counts[3] {
				return false
			}
		}
	}
	for _, g := range got {
		if sum == g || sum == g+counts[3] {
			return false
		}
	}
	return told
}
