package exposure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

func TestAStatementSpeaksOfItsProductAndNoOther(t *testing.T) {
	const digest = "sha256:2b0f7c9b7b5c4e6a5d3f1e0d9c8b7a69587766554433221100ffeeddccbbaa99"
	image := asset.Asset{Identifiers: []asset.Known{{Identifier: asset.Identifier{Kind: asset.ImageDigest, Value: digest}}, {Identifier: asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/acme/shop"}}}}
	e := exposure.Exposure{Findings: []exposure.Finding{{CVEs: []string{"CVE-2024-1"}, Advisories: []string{"GHSA-aaaa"}, Check: "go:GO-2024-7",
		Package: &exposure.Package{Name: "x", Version: "1.2.3", PURL: "pkg:npm/%40acme/x@1.2.3?arch=any"}}}}
	on := func(change func(*exposure.Statement)) exposure.Statement {
		s := exposure.Statement{ID: "1", Source: "vex", Vulnerability: "CVE-2024-1", Status: exposure.StatementNotAffected}
		change(&s)
		return s
	}
	for _, c := range []struct {
		name  string
		given exposure.Statement
		fixed string
		says  bool
	}{
		{"by the purl with its version", on(func(s *exposure.Statement) { s.PURLs = []string{"pkg:npm/@acme/x@1.2.3"} }), "", true},
		{"by the purl without one", on(func(s *exposure.Statement) { s.PURLs = []string{"pkg:npm/%40acme/x"} }), "", true},
		{"not of another version", on(func(s *exposure.Statement) { s.PURLs = []string{"pkg:npm/%40acme/x@1.2.2"} }), "", false},
		{"not of another package", on(func(s *exposure.Statement) { s.PURLs = []string{"pkg:npm/x@1.2.3"} }), "", false},
		{"of another version where that is the fixed one", on(func(s *exposure.Statement) {
			s.Status, s.PURLs = exposure.StatementFixed, []string{"pkg:npm/%40acme/x@1.2.4"}
		}), "1.2.4", true},
		{"by the image's digest", on(func(s *exposure.Statement) { s.PURLs = []string{"pkg:oci/shop@sha256%3A" + digest[7:] + "?tag=1"} }), "", true},
		{"by an identifier", on(func(s *exposure.Statement) {
			s.Identifiers = []asset.Identifier{{Kind: asset.ImageDigest, Value: "shop@" + digest}}
		}), "", true},
		{"by the repository", on(func(s *exposure.Statement) { s.PURLs = []string{"pkg:github/Acme/shop@main"} }), "", true},
		{"not by another repository", on(func(s *exposure.Statement) { s.PURLs = []string{"pkg:github/acme/other"} }), "", false},
		{"by a component of the product", on(func(s *exposure.Statement) {
			s.PURLs, s.Components = []string{"pkg:github/acme/shop", "pkg:npm/%40acme/x"}, []string{"pkg:npm/%40acme/x"}
		}), "", true},
		{"not by another component of the product", on(func(s *exposure.Statement) {
			s.PURLs, s.Components = []string{"pkg:github/acme/shop"}, []string{"pkg:npm/y"}
		}), "", false},
		{"not by a component of somebody else's product", on(func(s *exposure.Statement) {
			s.PURLs, s.Components = []string{"pkg:github/acme/other"}, []string{"pkg:npm/%40acme/x"}
		}), "", false},
		{"not by a component of a product that only a name tells", on(func(s *exposure.Statement) {
			s.Product, s.Components = "Acme Shop 3", []string{"pkg:npm/%40acme/x"}
		}), "", false},
		{"by a component that is all that the document speaks of", on(func(s *exposure.Statement) { s.Components = []string{"pkg:npm/%40acme/x"} }), "", true},
		{"under another name of the vulnerability", on(func(s *exposure.Statement) {
			s.Vulnerability, s.Aliases, s.PURLs = "OSV-1", []string{"ghsa-AAAA"}, []string{"pkg:npm/@acme/x"}
		}), "", true},
		{"under the name of the check", on(func(s *exposure.Statement) { s.Vulnerability, s.PURLs = "GO-2024-7", []string{"pkg:npm/@acme/x"} }), "", true},
		{"not of another vulnerability", on(func(s *exposure.Statement) { s.Vulnerability, s.PURLs = "CVE-2024-2", []string{"pkg:npm/@acme/x"} }), "", false},
		{"not once it is withdrawn", on(func(s *exposure.Statement) {
			s.PURLs, s.Withdrawn = []string{"pkg:npm/@acme/x"}, time.Unix(1, 0)
		}), "", false},
		{"not of a product that it doesn't name", on(func(*exposure.Statement) {}), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, changed := exposure.Overlay(e, image, []exposure.Statement{c.given})
			require.Equal(t, c.says, changed)
			if !c.says {
				require.Empty(t, out.Stated)
				return
			}
			require.Len(t, out.Stated, 1)
			require.Equal(t, c.fixed, out.Stated[0].FixedIn)
			_, changed = exposure.Overlay(out, image, []exposure.Statement{c.given})
			require.False(t, changed, "laid over again it is the same")
			out, changed = exposure.Overlay(out, image, nil)
			require.True(t, changed)
			require.Empty(t, out.Stated)
		})
	}
}

func TestAnOverlayIsTheNewestFewWords(t *testing.T) {
	e := exposure.Exposure{Findings: []exposure.Finding{{CVEs: []string{"CVE-2024-1"}, Package: &exposure.Package{PURL: "pkg:deb/debian/xz@5.6"}}}}
	all := make([]exposure.Statement, 0, 40)
	for i := range 40 {
		all = append(all, exposure.Statement{ID: string(rune('a' + i)), Source: "vex", Vulnerability: "CVE-2024-1", Status: exposure.StatementUnderInvestigation,
			PURLs: []string{"pkg:deb/debian/xz"}, At: time.Unix(int64(1000+i), 0).UTC()})
	}
	out, _ := exposure.Overlay(e, asset.Asset{}, all)
	require.Len(t, out.Stated, 16)
	require.Equal(t, all[39].ID, out.Stated[0].Statement)
}
