package connectors

import "strings"

// purlTypes are package URL types of the names that forges and scanners have for the
// ecosystems of packages, in lower case.
var purlTypes = map[string]string{ //nolint:gochecknoglobals // a constant table
	"npm": "npm", "yarn": "npm", "pnpm": "npm", "nodejs": "npm", "node": "npm", "javascript": "npm",
	"pip": "pypi", "pypi": "pypi", "python": "pypi", "poetry": "pypi", "pipenv": "pypi", "conda": "conda",
	"maven": "maven", "gradle": "maven", "sbt": "maven", "java": "maven",
	"go": "golang", "golang": "golang", "gomod": "golang", "gomodules": "golang", "govendor": "golang",
	"rubygems": "gem", "gem": "gem", "bundler": "gem", "ruby": "gem",
	"composer": "composer", "packagist": "composer", "php": "composer", "nuget": "nuget", "paket": "nuget", "dotnet": "nuget",
	"cargo": "cargo", "rust": "cargo", "crates.io": "cargo", "hex": "hex", "erlang": "hex", "pub": "pub", "swift": "swift", "swiftpm": "swift",
	"cocoapods": "cocoapods", "conan": "conan", "actions": "githubactions", "githubactions": "githubactions",
	"deb": "deb/debian", "debian": "deb/debian", "ubuntu": "deb/ubuntu", "apk": "apk/alpine", "alpine": "apk/alpine", "wolfi": "apk/wolfi",
	"rhel": "rpm/redhat", "redhat": "rpm/redhat", "centos": "rpm/centos", "amzn": "rpm/amazon", "rocky": "rpm/rocky", "alma": "rpm/alma", "ol": "rpm/oracle",
	"oracle": "rpm/oracle", "fedora": "rpm/fedora", "sles": "rpm/suse",
}

// PURL makes a package URL of a package's name in an ecosystem, in the form that trivy
// writes, so that one package has one location whoever reports it. Empty where the
// ecosystem is not known or the name is missing: no purl is better than a wrong one.
func PURL(ecosystem, name, version string) string {
	typ, known := purlTypes[strings.ToLower(strings.TrimSpace(ecosystem))]
	name = strings.Trim(strings.TrimSpace(name), "/")
	if !known || name == "" || strings.ContainsAny(name, " \t\r\n?#") {
		return ""
	}
	switch typ {
	case "maven":
		name = strings.Replace(name, ":", "/", 1)
	case "pypi": // PEP 503
		name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	case "npm", "composer":
		name = strings.ToLower(name)
	}
	purl := "pkg:" + typ + "/" + strings.ReplaceAll(name, "@", "%40")
	if version = strings.TrimSpace(version); version != "" {
		purl += "@" + version
	}
	return purl
}

// BarePURL is a package URL without version, qualifiers and subpath: what stays when the
// package is updated.
func BarePURL(purl string) string {
	if i := strings.IndexAny(purl, "?#"); i >= 0 {
		purl = purl[:i]
	}
	// The version's @ comes behind the last slash; a scope's is written %40.
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		purl = purl[:i]
	}
	return purl
}

// PackageLocation is where a weak package is, as part of a finding's identity: its bare
// purl, or its name where it has none, and the file that names it.
func PackageLocation(purl, name, path string) string {
	if purl = BarePURL(purl); purl == "" {
		purl = name
	}
	if path != "" {
		path = "#" + path
	}
	return Ident(purl + path)
}
