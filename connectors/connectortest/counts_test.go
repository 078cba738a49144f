package connectortest_test

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
)

func table(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	return rows[1:]
}

// counted are the words of natural counts that are of findings.
var counted = regexp.MustCompile(`(?:^|[; ])(csv_rows|findings|ReportItem|port|jsonl_lines|top|vulns|misconf|secrets)=([0-9]+)`)

func natural(text string) (total int) {
	for _, m := range counted.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[2])
		if err == nil { // the expression saw to it
			total += n
		}
	}
	return total
}

// TestRealReportsGiveTheirNaturalCounts decodes every shared sample of the connectors in
// the list. What differs from the count that was taken by other means has an explanation.
func TestRealReportsGiveTheirNaturalCounts(t *testing.T) {
	index := connectortest.Shared(t, "SOURCES.csv")
	if _, err := os.Stat(index); err != nil {
		t.Skip("no samples at " + index)
	}
	sources := map[string]string{}
	for _, row := range table(t, index) {
		sources[row[0]+"/"+row[1]] = row[8]
	}
	checked := map[string]bool{}
	for _, row := range table(t, "counts.csv") {
		connector, file, key := row[0], row[1], row[0]+"/"+row[1]
		checked[key] = true
		t.Run(key, func(t *testing.T) {
			require.Equal(t, sources[key], row[2], "the table repeats what the samples' own index says")
			reg, err := builtin.Find(connector)
			require.NoError(t, err)
			path := filepath.Join(connectortest.Shared(t, connector), file)
			body, err := os.ReadFile(path)
			require.NoError(t, err)
			rec, err := connectortest.Decode(t, reg, nil, body)
			if row[3] == "" {
				require.Error(t, err, "not of this connector")
				require.Empty(t, rec.Observed)
				require.NotEmpty(t, row[5])
				return
			}
			require.NoError(t, err)
			for _, obs := range rec.Observed {
				connectortest.CheckObservation(t, obs)
				require.NotEmpty(t, obs.Asset.Identifiers, "every finding of a real report has an asset")
			}
			require.Equal(t, row[3], strconv.Itoa(len(rec.Observed)), "observations")
			require.Equal(t, row[4], strconv.Itoa(rec.Skips()), "skipped: %v", rec.Skipped)
			if len(rec.Observed)+rec.Skips() != natural(row[2]) {
				require.NotEmpty(t, row[5], "a difference needs an explanation")
			}
			found, err := builtin.Recognize(body[:min(len(body), 8<<10)], file)
			require.NoError(t, err)
			require.Equal(t, connector, found.Name)
		})
	}
	for _, reg := range builtin.List() {
		files, err := os.ReadDir(connectortest.Shared(t, reg.Name))
		if err != nil && !os.IsNotExist(err) {
			require.NoError(t, err)
		}
		for _, f := range files {
			require.True(t, checked[reg.Name+"/"+f.Name()], "%s/%s has no row in counts.csv", reg.Name, f.Name())
		}
	}
}

// TestNoOtherSampleIsTakenForOneOfOurs shows every sample of formats that have no
// connector to the list.
func TestNoOtherSampleIsTakenForOneOfOurs(t *testing.T) {
	root := connectortest.Shared(t, "")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no samples at " + root)
	}
	mine := map[string]bool{}
	for _, reg := range builtin.List() {
		mine[reg.Name] = true
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*"))
	require.NoError(t, err)
	for _, path := range files {
		folder := filepath.Base(filepath.Dir(path))
		if info, err := os.Stat(path); err != nil || info.IsDir() || mine[folder] {
			continue
		}
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		found, err := builtin.Recognize(body, filepath.Base(path))
		if err != nil || found.Name == "generic" && strings.Contains(string(body), `"title"`) {
			continue // generic takes everything that has titled findings, and says what it can't read
		}
		if reason := lookalikes[folder+"/"+filepath.Base(path)]; reason == "" {
			t.Errorf("%s/%s is taken for %s", folder, filepath.Base(path), found.Name)
		}
	}
}

// lookalikes are samples of other folders that one of ours may take, and why.
var lookalikes = map[string]string{}
