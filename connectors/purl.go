package connectors

import (
	"path"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// purlTypes are package URL types, with the namespace of a system's, of the names that
// scanners, forges and clouds have for the ecosystems and managers of packages, squeezed.
var purlTypes = map[string]string{ //nolint:gochecknoglobals // a constant table
	"npm": "npm", "yarn": "npm", "pnpm": "npm", "bun": "npm", "nodejs": "npm", "node": "npm", "nodepkg": "npm", "javascript": "npm",
	"pip": "pypi", "pypi": "pypi", "python": "pypi", "pythonpkg": "pypi", "poetry": "pypi", "pipenv": "pypi", "uv": "pypi", "conda": "conda", "condapkg": "conda",
	"maven": "maven", "gradle": "maven", "sbt": "maven", "java": "maven", "jar": "maven", "pom": "maven",
	"go": "golang", "golang": "golang", "gomod": "golang", "gomodules": "golang", "govendor": "golang", "gobinary": "golang",
	"rubygems": "gem", "gem": "gem", "gemspec": "gem", "bundler": "gem", "ruby": "gem",
	"composer": "composer", "composervendor": "composer", "packagist": "composer", "php": "composer",
	"nuget": "nuget", "paket": "nuget", "dotnet": "nuget", "dotnetcore": "nuget", "packagesprops": "nuget",
	"cargo": "cargo", "rust": "cargo", "rustbinary": "cargo", "cratesio": "cargo", "hex": "hex", "mix": "hex", "erlang": "hex", "pub": "pub", "swift": "swift", "swiftpm": "swift",
	"cocoapods": "cocoapods", "conan": "conan", "actions": "githubactions", "githubactions": "githubactions",
	"deb": "deb/debian", "apk": "apk/alpine", "kali": "deb/kali", "linuxmint": "deb/linuxmint", "pop": "deb/pop", "amzn": "rpm/amazon", "ol": "rpm/oracle", "sles": "rpm/suse",
}

// systems are the same of operating systems, by a word that their names hold, squeezed:
// ALPINE_LINUX_3_17, "Ubuntu 20.04", Debian:12. The namespaces are trivy's.
var systems = []struct{ word, typ string }{ //nolint:gochecknoglobals // a constant table
	{"alpine", "apk/alpine"}, {"wolfi", "apk/wolfi"}, {"chainguard", "apk/chainguard"}, {"debian", "deb/debian"}, {"ubuntu", "deb/ubuntu"},
	{"amazon", "rpm/amazon"}, {"redhat", "rpm/redhat"}, {"rhel", "rpm/redhat"}, {"centos", "rpm/centos"}, {"rocky", "rpm/rocky"}, {"alma", "rpm/alma"},
	{"fedora", "rpm/fedora"}, {"oracle", "rpm/oracle"}, {"opensuseleap", "rpm/opensuse.leap"}, {"opensusetumbleweed", "rpm/opensuse.tumbleweed"},
	{"opensuse", "rpm/opensuse"}, {"suse", "rpm/suse"}, {"photon", "rpm/photon"}, {"mariner", "rpm/cbl-mariner"}, {"azurelinux", "rpm/azurelinux"},
}

// purlType gives the package URL type of an ecosystem; empty where it is not known.
func purlType(ecosystem string) string {
	squeezed := squeeze(ecosystem)
	if typ, known := purlTypes[squeezed]; known {
		return typ
	}
	for _, s := range systems {
		if strings.Contains(squeezed, s.word) {
			return s.typ
		}
	}
	return ""
}

// PURL makes a package URL of a package's name in an ecosystem, in the form that trivy
// writes, so that one package has one location whoever reports it. The ecosystem is a
// language's, a package manager's, or that of the operating system whose own package it
// is. Empty where it is not known or the name is missing: no purl is better than a wrong
// one.
func PURL(ecosystem, name, version string) string {
	typ := purlType(ecosystem)
	name = strings.Trim(strings.TrimSpace(name), "/")
	if typ == "" || name == "" || strings.ContainsAny(name, " \t\r\n?#") {
		return ""
	}
	switch typ {
	case "maven":
		name = strings.Replace(name, ":", "/", 1)
	case "pypi": // PEP 503
		name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	case "npm", "composer", "golang":
		name = strings.ToLower(name)
	}
	purl := "pkg:" + typ + "/" + strings.ReplaceAll(name, "@", "%40")
	if version = strings.TrimSpace(version); version != "" {
		purl += "@" + version
	}
	return purl
}

// BarePURL is a package URL without version, qualifiers and subpath: what stays when the
// package is updated. Where tools write one package differently, it is in one way.
func BarePURL(purl string) string {
	if i := strings.IndexAny(purl, "?#"); i >= 0 {
		purl = purl[:i]
	}
	// The version's @ comes behind the last slash; a scope's is written %40.
	if i := strings.LastIndexByte(purl, '@'); i > strings.LastIndexByte(purl, '/') {
		purl = purl[:i]
	}
	purl = strings.NewReplacer("%2B", "+", "%2b", "+").Replace(purl) // libstdc++6
	if strings.HasPrefix(purl, "pkg:golang/") {
		purl = strings.ToLower(purl)
	}
	return purl
}

// System reports whether an ecosystem is an operating system's.
func System(ecosystem string) bool { return SystemPackage("pkg:" + purlType(ecosystem)) }

// SystemPackage reports whether a package URL is of an operating system's own package,
// which is in the system's database and in no file of its own.
func SystemPackage(purl string) bool {
	return slices.ContainsFunc([]string{"pkg:deb/", "pkg:apk/", "pkg:rpm/", "pkg:alpm/"}, func(typ string) bool { return strings.HasPrefix(purl, typ) })
}

var purlName = strings.NewReplacer("@", "%40", " ", "%20", "#", "%23", "?", "%3F")

// PackageLocation is where a weak package is, as part of a finding's identity: its bare
// purl, and for what is no system's package the file that names it, without the version
// where the file's own name repeats it: an upgrade that stays vulnerable moves nothing. A
// package without a purl is a generic one of its name, one without a name just the file.
func PackageLocation(p *exposure.Package) string {
	purl := BarePURL(p.PURL)
	if purl == "" && p.Name != "" {
		purl = "pkg:generic/" + purlName.Replace(p.Name)
	}
	file := strings.TrimPrefix(p.Path, "/")
	switch {
	case SystemPackage(purl):
		file = ""
	case strings.Contains(p.Version, "."):
		file = strings.ReplaceAll(file, p.Version, "{version}")
	}
	if purl != "" && file != "" {
		file = "#" + file
	}
	return Ident(purl + file)
}

// packageFiles are the ecosystems of lock files, manifests and archives, by name or
// ending.
var packageFiles = map[string]string{ //nolint:gochecknoglobals // a constant table
	"package-lock.json": "npm", "npm-shrinkwrap.json": "npm", "yarn.lock": "npm", "pnpm-lock.yaml": "npm", "bun.lock": "npm", "package.json": "npm",
	"requirements.txt": "pypi", "requirements.pip": "pypi", "pipfile": "pypi", "pipfile.lock": "pypi", "poetry.lock": "pypi", "uv.lock": "pypi", "pylock.toml": "pypi",
	"setup.py": "pypi", "pipdeptree.json": "pypi", "metadata": "pypi", "pkg-info": "pypi",
	"go.mod": "golang", "go.sum": "golang", "go.list": "golang", "gemfile.lock": "gem", "gems.locked": "gem", ".gemspec": "gem", "cargo.lock": "cargo",
	"composer.lock": "composer", "installed.json": "composer",
	"pom.xml": "maven", "maven.graph.json": "maven", "build.gradle": "maven", "build.gradle.kts": "maven", "gradle-dependencies.json": "maven", "build.sbt": "maven",
	".lockfile": "maven", ".jar": "maven", ".war": "maven", ".ear": "maven", ".par": "maven", ".sbt.lock": "maven",
	"packages.lock.json": "nuget", "project.assets.json": "nuget", "packages.config": "nuget", ".deps.json": "nuget", "directory.packages.props": "nuget", "packages.props": "nuget",
	"mix.lock": "hex", "pubspec.lock": "pub", "package.resolved": "swift", "podfile.lock": "cocoapods", "conan.lock": "conan", "environment.yaml": "conda", "environment.yml": "conda",
}

// FileEcosystem gives the ecosystem of the packages that a file names; empty where the
// file doesn't tell.
func FileEcosystem(file string) string {
	base := strings.ToLower(path.Base(file))
	if typ, ok := packageFiles[base]; ok {
		return typ
	}
	for {
		_, rest, ok := strings.Cut(base, ".")
		if !ok {
			return ""
		}
		if typ, known := packageFiles["."+rest]; known {
			return typ
		}
		base = rest
	}
}

// BinaryEcosystem gives the ecosystem of a package by the file that it was found in, and,
// where the file doesn't tell, by its name: binaries of Go bear no ending, but name their
// packages by host.
func BinaryEcosystem(file, name string) string {
	host, _, _ := strings.Cut(name, "/")
	if typ := FileEcosystem(file); typ != "" {
		return typ
	}
	if name == "stdlib" || strings.Contains(host, ".") {
		return "golang"
	}
	return ""
}
