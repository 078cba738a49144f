package connectortest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/connectors/connectortest"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// formats are reports of one trivy scan of one image, in each format that trivy writes,
// with the connector that reads it. What is equal of them is what identity needs: that a
// team changes its build from one format to another must open and close nothing.
//
// Three of the formats carry all of it. Two can't:
//   - ASFF knows the image by its name alone, and not at all where the package is a
//     language's. The package itself is told by its name and its target.
//   - GitLab's format knows the image by its name, and a package by its name and the
//     image's system. A package of a language has no type and no file in it, so its place
//     reads as if it were the system's.
var formats = []struct {
	file, connector string
	digests         bool // the image is known by what joins across sources
	places          func(location string) bool
}{
	{"trivy.json", "trivy", true, everywhere},
	{"trivy.sarif", "sarif", true, everywhere},
	{"trivy.cdx.json", "vex", true, everywhere},
	{"trivy.gitlab.json", "gitlab", false, func(location string) bool { return strings.HasPrefix(location, "pkg:apk/") }},
	{"trivy.asff.json", "securityhub", false, everywhere},
}

func everywhere(string) bool { return true }

func TestOneScanIsTheSameExposuresInEveryFormat(t *testing.T) {
	reference := formatted(t, formats[0].file, formats[0].connector)
	want := keys(reference, everywhere)
	require.Len(t, want, 4)
	for _, f := range formats {
		t.Run(f.file, func(t *testing.T) {
			rec := formatted(t, f.file, f.connector)
			require.Len(t, rec.Observed, len(reference.Observed))
			require.Equal(t, keys(reference, f.places), intersected(keys(rec, f.places), keys(reference, f.places)), "same weakness at the same place")
			require.Equal(t, cves(reference), cves(rec))
			require.Len(t, uids(rec), len(rec.Observed), "two packages of one vulnerability are two findings")
			require.Equal(t, f.digests, joins(t, reference, rec), "as the same asset")
			if f.digests {
				require.Equal(t, want, keys(rec, everywhere))
				require.Equal(t, checks(reference), checks(rec))
			}
		})
	}
}

func formatted(t *testing.T, file, connector string) *connectortest.Recorder {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", "formats", file))
	require.NoError(t, err)
	found, err := builtin.Recognize(body, file)
	require.NoError(t, err)
	require.Equal(t, connector, found.Name)
	rec, err := connectortest.Decode(t, found, nil, body)
	require.NoError(t, err)
	return rec
}

// keys are weakness and location of all findings at the places that a format can tell.
func keys(rec *connectortest.Recorder, tells func(string) bool) []string {
	var out []string
	for _, obs := range rec.Observed {
		if tells(obs.Finding.Location) {
			out = append(out, exposure.WeaknessOf(*obs.Finding)+" "+obs.Finding.Location)
		}
	}
	slices.Sort(out)
	return out
}

// intersected are those of one that are in the other too.
func intersected(one, other []string) []string {
	return slices.DeleteFunc(one, func(s string) bool { return !slices.Contains(other, s) })
}

func uids(rec *connectortest.Recorder) map[string]bool {
	out := map[string]bool{}
	for _, obs := range rec.Observed {
		out[obs.Finding.UID] = true
	}
	return out
}

func checks(rec *connectortest.Recorder) []string {
	out := make([]string, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		out = append(out, obs.Finding.Check)
	}
	slices.Sort(out)
	return out
}

var cve = regexp.MustCompile(`CVE-\d{4}-\d{4,}`)

// cves are those in the weaknesses' names, however they are prefixed.
func cves(rec *connectortest.Recorder) []string {
	out := make([]string, 0, len(rec.Observed))
	for _, obs := range rec.Observed {
		out = append(out, cve.FindString(exposure.WeaknessOf(*obs.Finding)))
	}
	slices.Sort(out)
	return out
}

// joins reports whether all that two reports are of is one asset by an identifier that is
// good beyond their source.
func joins(t *testing.T, one, other *connectortest.Recorder) bool {
	t.Helper()
	strong := func(a *asset.Description) []string {
		var out []string
		for _, id := range a.Identifiers {
			clean, ok, why := asset.Clean(id)
			require.True(t, ok, why)
			if clean.Kind == asset.ImageDigest {
				out = append(out, clean.Key())
			}
		}
		return out
	}
	known := strong(one.Observed[0].Asset)
	for _, obs := range other.Observed {
		if !slices.Equal(known, strong(obs.Asset)) {
			return false
		}
	}
	return len(known) > 0
}
