package trivy

import "strings"

// bare is a package URL without version, qualifiers and subpath.
func bare(purl string) string {
	if i := strings.IndexAny(purl, "?#"); i >= 0 {
		purl = purl[:i]
	}
	// The version's @ comes behind the last slash; a scope's is written %40.
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		purl = purl[:i]
	}
	return purl
}

// purlTypes are package URL types (and namespaces) of trivy's result types.
var purlTypes = map[string]string{
	"debian": "deb/debian", "ubuntu": "deb/ubuntu", "alpine": "apk/alpine", "wolfi": "apk/wolfi", "chainguard": "apk/chainguard",
	"redhat": "rpm/redhat", "centos": "rpm/centos", "rocky": "rpm/rocky", "alma": "rpm/alma", "fedora": "rpm/fedora", "amazon": "rpm/amazon",
	"oracle": "rpm/oracle", "suse": "rpm/suse", "opensuse": "rpm/opensuse", "opensuse.leap": "rpm/opensuse.leap", "photon": "rpm/photon", "cbl-mariner": "rpm/cbl-mariner",
	"npm": "npm", "node-pkg": "npm", "yarn": "npm", "pnpm": "npm", "bun": "npm",
	"pip": "pypi", "pipenv": "pypi", "poetry": "pypi", "uv": "pypi", "python-pkg": "pypi", "conda-pkg": "conda",
	"gobinary": "golang", "gomod": "golang", "bundler": "gem", "gemspec": "gem", "cargo": "cargo", "rustbinary": "cargo",
	"composer": "composer", "composer-vendor": "composer", "jar": "maven", "pom": "maven", "gradle": "maven", "sbt": "maven",
	"nuget": "nuget", "dotnet-core": "nuget", "packages-props": "nuget", "mix": "hex", "pub": "pub", "swift": "swift", "cocoapods": "cocoapods", "conan": "conan",
}

// purlOf makes a package URL for reports from before trivy wrote them.
func purlOf(kind, name, version string) string {
	if name == "" {
		return ""
	}
	typ, ok := purlTypes[kind]
	if !ok {
		typ = "generic"
	}
	if typ == "maven" {
		name = strings.Replace(name, ":", "/", 1)
	}
	name = strings.ReplaceAll(name, "@", "%40")
	purl := "pkg:" + typ + "/" + name
	if version != "" {
		purl += "@" + version
	}
	return purl
}

// isOS reports whether a result's type is an operating system.
func isOS(kind string) bool {
	typ := purlTypes[kind]
	return strings.HasPrefix(typ, "deb/") || strings.HasPrefix(typ, "apk/") || strings.HasPrefix(typ, "rpm/")
}
