package cloud

import (
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// managers are the package URL types of the words that cloud scanners use for a package's
// manager or technology.
var managers = map[string]string{ //nolint:gochecknoglobals // a constant table
	"jar": "maven", "pom": "maven", "maven": "maven", "java": "maven", "gradle": "maven",
	"npm": "npm", "yarn": "npm", "nodepkg": "npm", "node": "npm", "javascript": "npm", "pnpm": "npm",
	"pip": "pypi", "pipenv": "pypi", "poetry": "pypi", "pythonpkg": "pypi", "python": "pypi", "pypi": "pypi",
	"gobinary": "golang", "gomod": "golang", "go": "golang", "golang": "golang",
	"bundler": "gem", "gemspec": "gem", "ruby": "gem", "cargo": "cargo", "rust": "cargo", "rustbinary": "cargo",
	"composer": "composer", "php": "composer", "nuget": "nuget", "dotnet": "nuget", "dotnetcore": "nuget",
}

// systems are the package URL types, with namespace, of operating systems by a word that
// their names hold.
var systems = []struct{ word, typ string }{ //nolint:gochecknoglobals // a constant table
	{"alpine", "apk/alpine"}, {"wolfi", "apk/wolfi"}, {"chainguard", "apk/chainguard"}, {"debian", "deb/debian"}, {"ubuntu", "deb/ubuntu"},
	{"amazon", "rpm/amazon"}, {"red_hat", "rpm/redhat"}, {"redhat", "rpm/redhat"}, {"rhel", "rpm/redhat"}, {"centos", "rpm/centos"},
	{"rocky", "rpm/rocky"}, {"alma", "rpm/alma"}, {"fedora", "rpm/fedora"}, {"oracle", "rpm/oracle"}, {"suse", "rpm/suse"}, {"photon", "rpm/photon"},
	{"mariner", "rpm/cbl-mariner"}, {"azure_linux", "rpm/azurelinux"},
}

// PURL makes the package URL of a package by the manager that installed it and, where
// that is the system's own, by the name of the system.
func PURL(manager, system, name, version string) string {
	if name == "" {
		return ""
	}
	manager = strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(manager))
	typ, ok := managers[manager]
	if !ok {
		typ = "generic"
		system = strings.ToLower(strings.ReplaceAll(system, " ", "_"))
		for _, s := range systems {
			if strings.Contains(system, s.word) {
				typ = s.typ
				break
			}
		}
	}
	if typ == "maven" {
		name = strings.Replace(name, ":", "/", 1)
	}
	purl := "pkg:" + typ + "/" + strings.ReplaceAll(name, "@", "%40")
	if version != "" {
		purl += "@" + version
	}
	return purl
}

// PackageLocation is where a package is, as part of a finding's identity: its package URL
// without version and qualifiers, and the file that it is in, without the version where
// the file's name repeats it.
func PackageLocation(p *exposure.Package) string {
	bare := p.PURL
	if i := strings.IndexAny(bare, "?#"); i >= 0 {
		bare = bare[:i]
	}
	if i := strings.LastIndexByte(bare, '@'); i > strings.LastIndexByte(bare, '/') { // a scope's @ is written %40
		bare = bare[:i]
	}
	path := p.Path
	if strings.Contains(p.Version, ".") {
		path = strings.ReplaceAll(path, p.Version, "{version}")
	}
	if path != "" && !system(bare) {
		bare += "#" + path
	}
	return connectors.Ident(bare)
}

// system reports whether a package belongs to the operating system, whose database is no
// place of its own.
func system(purl string) bool {
	for _, prefix := range []string{"pkg:deb/", "pkg:apk/", "pkg:rpm/"} {
		if strings.HasPrefix(purl, prefix) {
			return true
		}
	}
	return false
}
