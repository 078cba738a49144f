package connectors_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

func TestAPackageHasOneURLWhoeverNamesIt(t *testing.T) {
	for _, tt := range []struct{ ecosystem, name, version, want string }{
		{"npm", "@babel/core", "7.1.0", "pkg:npm/%40babel/core@7.1.0"},
		{"MAVEN", "log4j:log4j", "", "pkg:maven/log4j/log4j"},
		{"pip", "Ruamel_Yaml", "1", "pkg:pypi/ruamel-yaml@1"},
		{"go", "github.com/acme/Tool", "", "pkg:golang/github.com/acme/Tool"},
		{"RUBYGEMS", "rack", "", "pkg:gem/rack"},
		{"unheard of", "rack", "", ""},
		{"npm", "", "1", ""},
	} {
		require.Equal(t, tt.want, connectors.PURL(tt.ecosystem, tt.name, tt.version))
	}
}

func TestAnUpdateMovesNoPackage(t *testing.T) {
	for _, purl := range []string{"pkg:npm/%40babel/core@7.1.0?arch=x#sub", "pkg:npm/%40babel/core@8", "pkg:npm/%40babel/core"} {
		require.Equal(t, "pkg:npm/%40babel/core#package-lock.json", connectors.PackageLocation(purl, "@babel/core", "package-lock.json"))
	}
	require.Equal(t, "rack", connectors.PackageLocation("", "rack", ""))
}
