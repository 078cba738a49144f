package connectors_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

func TestAPackageHasOneURLWhoeverNamesIt(t *testing.T) {
	for _, tt := range []struct{ ecosystem, name, version, want string }{
		{"npm", "@babel/core", "7.1.0", "pkg:npm/%40babel/core@7.1.0"},
		{"NODEPKG", "@Babel/core", "", "pkg:npm/%40babel/core"},
		{"MAVEN", "log4j:log4j", "", "pkg:maven/log4j/log4j"},
		{"JAR", "org.a:b", "8.1", "pkg:maven/org.a/b@8.1"},
		{"pip", "Ruamel_Yaml", "1", "pkg:pypi/ruamel-yaml@1"},
		{"go", "github.com/acme/Tool", "", "pkg:golang/github.com/acme/tool"},
		{"RUBYGEMS", "rack", "", "pkg:gem/rack"},
		{"crates.io", "serde", "", "pkg:cargo/serde"},
		{"ALPINE_LINUX_3_17", "openssl", "3.0.8", "pkg:apk/alpine/openssl@3.0.8"},
		{"Ubuntu 20.04", "bash", "", "pkg:deb/ubuntu/bash"},
		{"cpe:/o:redhat:enterprise_linux:8", "bash", "", "pkg:rpm/redhat/bash"},
		{"opensuse.leap", "bash", "", "pkg:rpm/opensuse.leap/bash"},
		{"sles", "bash", "", "pkg:rpm/suse/bash"},
		{"cbl-mariner", "bash", "", "pkg:rpm/cbl-mariner/bash"},
		{"unheard of", "rack", "", ""},
		{"", "rack", "", ""},
		{"npm", "", "1", ""},
	} {
		require.Equal(t, tt.want, connectors.PURL(tt.ecosystem, tt.name, tt.version), tt.ecosystem)
	}
}

func TestAnUpdateMovesNoPackage(t *testing.T) {
	for _, purl := range []string{"pkg:npm/%40babel/core@7.1.0?arch=x#sub", "pkg:npm/%40babel/core@8", "pkg:npm/%40babel/core"} {
		require.Equal(t, "pkg:npm/%40babel/core#package-lock.json", connectors.PackageLocation(&exposure.Package{PURL: purl, Path: "/package-lock.json"}))
	}
}

func TestAPackageIsWhereImageScannersSayThatItIs(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   exposure.Package
		want string
	}{
		{"a system's, in its database", exposure.Package{PURL: "pkg:deb/ubuntu/bash@5.0", Path: "var/lib/dpkg/status"}, "pkg:deb/ubuntu/bash"},
		{"a jar whose name holds the version", exposure.Package{PURL: "pkg:maven/org.a/b@8.1.14", Version: "8.1.14", Path: "lib/b-8.1.14.jar"}, "pkg:maven/org.a/b#lib/b-{version}.jar"},
		{"a version of one number is part of other words", exposure.Package{PURL: "pkg:npm/a@1", Version: "1", Path: "app1/package.json"}, "pkg:npm/a#app1/package.json"},
		{"of nobody knows what", exposure.Package{Name: "thing", Version: "1", Path: "f"}, "pkg:generic/thing#f"},
		{"a name with what splits a purl", exposure.Package{Name: "@x/Big Tool #1"}, "pkg:generic/%40x/Big%20Tool%20%231"},
		{"a plus is written in two ways", exposure.Package{PURL: "pkg:deb/debian/libstdc%2B%2B6@12"}, "pkg:deb/debian/libstdc++6"},
		{"modules of Go in any case", exposure.Package{PURL: "pkg:golang/github.com/Acme/tool@v1"}, "pkg:golang/github.com/acme/tool"},
		{"no name", exposure.Package{Path: "f"}, "f"},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, connectors.PackageLocation(&tt.in)) })
	}
}

func TestAFileTellsItsEcosystem(t *testing.T) {
	for file, want := range map[string]string{
		"app/package-lock.json": "npm", "lib/b-1.2.jar": "maven", "Gemfile.lock": "gem", "gradle.lockfile": "maven", "x/METADATA": "pypi", "usr/bin/tool": "", "": "", "notes.txt": "",
	} {
		require.Equal(t, want, connectors.FileEcosystem(file), file)
	}
	require.Equal(t, "golang", connectors.BinaryEcosystem("usr/bin/tool", "github.com/acme/tool"))
	require.Equal(t, "golang", connectors.BinaryEcosystem("usr/bin/tool", "stdlib"))
	require.Equal(t, "maven", connectors.BinaryEcosystem("a.jar", "org.a:b"))
	require.Empty(t, connectors.BinaryEcosystem("usr/bin/tool", "serde"))
}
