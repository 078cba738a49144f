package connectortest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
)

// TestRealReportsGiveTheirNaturalCounts decodes every shared sample. What differs from
// the count that was taken by other means has an explanation.
func TestRealReportsGiveTheirNaturalCounts(t *testing.T) {
	for _, reg := range builtin.List() {
		t.Run(reg.Name, func(t *testing.T) { connectortest.Counts(t, reg, nil) })
	}
}

// TestEverySampleHasARow holds the tables to the samples' own index.
func TestEverySampleHasARow(t *testing.T) {
	counted := map[string]bool{}
	for _, reg := range builtin.List() {
		for _, file := range connectortest.CountedFiles(t, reg.Name) {
			counted[file] = true
		}
	}
	for file := range connectortest.SampleCounts(t) {
		if !counted[file] {
			t.Errorf("no connector has a row for %s in its testdata/counts.csv", file)
		}
	}
}

// TestAtMostTwoOfAHundredCountsDiffer holds down how many rows may need an explanation
// because they come to another count than that of the samples' index.
func TestAtMostTwoOfAHundredCountsDiffer(t *testing.T) {
	rows, told := 0, 0
	var differ []string
	for _, reg := range builtin.List() {
		for _, row := range connectortest.CountRows(t, reg.Name) {
			rows++
			if row.Told() {
				told++
			}
			if row.Differs() {
				differ = append(differ, row.File)
			}
		}
	}
	t.Logf("%d rows, %d with a count by others, %d differ: %q", rows, told, len(differ), differ)
	require.NotZero(t, rows)
	require.LessOrEqual(t, len(differ)*100, 2*rows)
}

// TestNoSampleIsTakenForAnotherConnectors shows every shared sample that a connector has
// a row for to all the others: the surest must be one that reads it.
func TestNoSampleIsTakenForAnotherConnectors(t *testing.T) {
	readers := map[string][]string{}
	for _, reg := range builtin.List() {
		for _, file := range connectortest.CountedFiles(t, reg.Name) {
			readers[file] = append(readers[file], reg.Name)
		}
	}
	for file := range connectortest.SampleCounts(t) {
		body, err := os.ReadFile(connectortest.Shared(t, file))
		require.NoError(t, err)
		found, err := builtin.Recognize(body, filepath.Base(file))
		if err != nil || found.Name == "generic" {
			continue // unknown is never wrong; generic is asked last, takes what has titles, and says what it can't read
		}
		if reason := lookalikes[file]; reason == "" {
			require.Contains(t, readers[file], found.Name, file)
		}
	}
}

// lookalikes are samples that one of ours takes for its own, and why that is right.
var lookalikes = map[string]string{}
