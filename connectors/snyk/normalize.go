package snyk

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what Snyk's states mean, resolutions with them: "removed" is the list of
// that name in a webhook. An issue that disappeared was not necessarily fixed.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open": exposure.StatusOpen, "ignored": exposure.StatusSuppressed, "fixed": exposure.StatusFixed, "removed": exposure.StatusFixed,
	"disappeared": exposure.StatusArchived, "resolved": exposure.StatusArchived,
}

// languages are the ecosystems that Snyk's IDs name, without the digits of a release:
// SNYK-JS-LODASH-567746, SNYK-DEBIAN11-OPENSSL-1569403.
var languages = map[string]string{ //nolint:gochecknoglobals // a constant table
	"JS": "npm", "JAVA": "maven", "PYTHON": "pypi", "GOLANG": "golang", "RUBY": "gem", "PHP": "composer", "DOTNET": "nuget", "RUST": "cargo", "HEX": "hex",
	"SWIFT": "swift", "COCOAPODS": "cocoapods", "DEBIAN": "debian", "UBUNTU": "ubuntu", "ALPINE": "alpine", "RHEL": "rhel", "CENTOS": "centos", "AMZN": "amzn",
	"ORACLE": "oracle", "SLES": "sles", "ROCKY": "rocky", "WOLFI": "wolfi", "PUB": "pub",
}

// ecosystem tells a package's ecosystem by Snyk's ID of the issue, old ("npm:ms:20151024",
// "snyk:lic:maven:…") and new.
func ecosystem(key string) string {
	if parts := strings.Split(key, ":"); len(parts) > 2 {
		if parts[0] == "snyk" && parts[1] == "lic" {
			return parts[2]
		}
		return parts[0]
	}
	parts := strings.SplitN(key, "-", 3)
	if len(parts) < 3 || parts[0] != "SNYK" {
		return ""
	}
	return languages[strings.TrimRight(parts[1], "0123456789")]
}

// finding makes a finding of an issue of the REST API; nil where it has no identity.
func (is *issue) finding(id string, raw []byte, disappearedFixed bool) *exposure.Finding {
	key := connectors.Ident(is.Key.String())
	if key == "" || id == "" {
		return nil
	}
	f := &exposure.Finding{
		Connector: Name, Class: class(is.Type.String()), UID: connectors.Ident(id), Check: Name + ":" + key, Title: cmp.Or(is.Title.String(), key),
		Description: is.Description.String(), RawSeverity: is.Severity.String(), Severity: connectors.Severity(is.Severity.String()),
		FirstSeen: is.CreatedAt.Time, LastSeen: is.UpdatedAt.Time,
	}
	for _, p := range is.Problems {
		switch {
		case connectors.IsCVE(strings.ToUpper(p.ID.String())):
			f.CVEs = append(f.CVEs, p.ID.String())
		case p.ID != "":
			f.Advisories = append(f.Advisories, p.ID.String())
		}
		if p.URL != "" {
			f.References = append(f.References, p.URL.String())
		}
	}
	f.CVEs = connectors.CVEs(f.CVEs)
	for _, c := range is.Classes {
		f.CWEs = append(f.CWEs, c.ID.String())
	}
	f.CWEs = connectors.CWEs(f.CWEs)
	for _, s := range is.Severities {
		f.CVSS = append(f.CVSS, connectors.CVSSOf(s.Vector.String(), s.Score.Value, s.Source.String())...)
	}
	for _, l := range is.Exploit.Levels {
		f.Exploit = cmp.Or(exploit(l.Level.String()), f.Exploit)
	}
	is.place(f, key)
	is.state(f, disappearedFixed)
	f.Vendor = rest(raw, "key", "title", "description", "created_at", "classes", "problems", "severities", "status", "ignored", "effective_severity_level", "coordinates.representations")
	return f
}

// place fills in where an issue is. Package issues are known by Snyk's ID, which webhooks
// give too; those of code by their own.
func (is *issue) place(f *exposure.Finding, key string) {
	packages := is.Type == "package_vulnerability" || is.Type == "license"
	var name, file string
	var versions []string
	for _, c := range is.Coordinates {
		for _, remedy := range c.Remedies {
			f.Remediation = cmp.Or(f.Remediation, remedy.Description.String())
		}
		for _, rep := range c.Representations {
			name = cmp.Or(name, rep.Dependency.Name.String())
			if v := rep.Dependency.Version.String(); v != "" {
				versions = append(versions, v)
			}
			if path := rep.Source.File.String(); path != "" && file == "" {
				file, f.Target = path, path
				if line := rep.Source.Region.Start.Line.String(); line != "" {
					f.Target += ":" + line
				}
			}
			file = cmp.Or(file, rep.ResourcePath.String())
		}
	}
	switch {
	case packages:
		f.UID = key
		setPackage(f, key, name, strings.Join(versions, ", "), "", "")
	case is.Type == "code":
		f.Check = Name + ":code:" + cmp.Or(strings.Join(f.CWEs, "+"), "unknown")
		f.Location = connectors.Ident(file)
	default:
		f.Location = connectors.Ident(file)
	}
}

func (is *issue) state(f *exposure.Finding, disappearedFixed bool) {
	f.Status = statuses.Of(is.Status.String())
	if strings.EqualFold(is.Status.String(), "resolved") {
		how := strings.ToLower(is.Resolution.Type.String())
		f.Status, f.StatusNote = statuses.Of(cmp.Or(how, "resolved")), strings.TrimSpace("resolved "+how)
		switch {
		case how == "disappeared" && disappearedFixed:
			f.Status = exposure.StatusFixed
		case f.Status == exposure.StatusOpen: // a resolution that we don't know proves nothing
			f.Status = exposure.StatusArchived
		}
		if is.Resolution.At.After(f.LastSeen) || f.Status == exposure.StatusFixed && !is.Resolution.At.IsZero() {
			f.LastSeen = is.Resolution.At.Time
		}
		return
	}
	if is.Ignored {
		f.Status, f.StatusNote = statuses["ignored"], "ignored"
	}
}

func class(kind string) exposure.Class {
	switch kind {
	case "license", "cloud", "config":
		return exposure.ClassCompliance
	}
	return exposure.ClassVulnerability
}

// exploit reads the words for how mature an exploit is, of CVSS 3, CVSS 4 and Snyk.
func exploit(level string) string {
	switch strings.ToLower(strings.ReplaceAll(level, "-", " ")) {
	case "attacked":
		return "active"
	case "high", "functional", "mature", "proof of concept":
		return "poc"
	}
	return ""
}

func setPackage(f *exposure.Finding, key, name, version, fixed, path string) {
	eco := ecosystem(key)
	if name == "" {
		return
	}
	if distro, pkg, ok := strings.Cut(name, "/"); ok && (eco == "debian" || eco == "ubuntu") && distro != "" {
		name = pkg // Snyk writes source/binary
	}
	purl := connectors.PURL(eco, name, version)
	if strings.Contains(version, ", ") {
		purl = connectors.PURL(eco, name, "")
	}
	f.Package = &exposure.Package{Name: name, Version: version, FixedIn: fixed, PURL: purl, Path: path}
	f.Location = connectors.PackageLocation(f.Package)
	if fixed != "" {
		f.Remediation = "Update " + name + " to " + fixed + "."
	}
}

// base makes what the command line and webhooks have in common.
func (v *vuln) base(key, name, version, fixed, path string) *exposure.Finding {
	f := &exposure.Finding{
		Connector: Name, Class: class(v.Type.String()), Status: exposure.StatusOpen, Check: Name + ":" + key, Title: cmp.Or(v.Title.String(), key), Description: v.Description.String(),
		RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()), CVEs: connectors.CVEs(v.Identifiers.CVE), CWEs: connectors.CWEs(v.Identifiers.CWE),
		Advisories: append([]string{key}, v.Identifiers.GHSA...), CVSS: connectors.CVSSOf(v.CVSSv3.String(), v.Score.Value, "snyk"),
		Exploit: cmp.Or(exploit(v.Maturity.String()), exploit(v.Exploit.String())), EPSS: v.EPSS.Probability.Value,
	}
	if strings.HasPrefix(key, "snyk:lic:") {
		f.Class = exposure.ClassCompliance
	}
	for _, ref := range v.References {
		if ref.URL != "" {
			f.References = append(f.References, ref.URL.String())
		}
	}
	if v.URL != "" {
		f.References = append(f.References, v.URL.String())
	}
	setPackage(f, key, name, version, fixed, path)
	return f
}

// reported makes a finding of one of the command line; nil where it has no identity.
func (v *vuln) reported(res *result, raw []byte) *exposure.Finding {
	key := connectors.Ident(v.ID.String())
	if key == "" {
		return nil
	}
	name := cmp.Or(v.PackageName.String(), v.Name.String(), v.ModuleName.String())
	f := v.base(key, name, v.Version.String(), strings.Join(v.FixedIn, ", "), res.target)
	f.UID = connectors.UID(key, f.Location)
	if len(v.From) > 0 {
		f.Evidence = connectors.Redact(strings.Join(v.From, " > "))
	}
	f.Vendor = rest(raw, "id", "title", "description", "severity", "packageName", "moduleName", "name", "version", "from", "fixedIn", "CVSSv3", "cvssScore", "identifiers", "references", "url", "filtered", "epssDetails")
	return f
}

// finding makes a finding of one of a webhook; nil where it has no identity.
func (i *hookIssue) finding(status string, raw []byte) *exposure.Finding {
	key := connectors.Ident(cmp.Or(i.ID.String(), i.Data.ID.String()))
	if key == "" {
		return nil
	}
	i.Data.Type = i.Type
	fixed := cmp.Or(strings.Join(i.FixInfo.FixedIn, ", "), i.Data.Nearest.String())
	f := i.Data.base(key, i.PackageName.String(), strings.Join(i.Versions, ", "), fixed, "")
	f.UID, f.Status = key, statuses.Of(status)
	if status == "removed" {
		f.StatusNote = "removed: the last test no longer found it"
	} else if i.Ignored {
		f.Status, f.StatusNote = statuses["ignored"], "ignored"
	}
	f.Vendor = rest(raw, "id", "pkgName", "pkgVersions", "issueData.id", "issueData.title", "issueData.description", "issueData.severity", "issueData.identifiers", "issueData.CVSSv3", "issueData.cvssScore", "issueData.url", "isIgnored")
	return f
}
