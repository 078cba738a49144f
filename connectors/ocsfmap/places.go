package ocsfmap

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// places makes one finding per vulnerability and package or file; the base alone where
// there are none. UIDs stay apart, since the object has but one.
func (m Mapper) places(base *exposure.Finding, o *Object) []*exposure.Finding {
	var out []*exposure.Finding
	for i := range o.Vulns {
		v := &o.Vulns[i]
		f := m.vulnerability(base, v)
		packages := append(slices.Clone(v.Packages), v.OldPackages...)
		for j := range packages {
			p := &packages[j]
			with := *f
			with.Package = pkg(p)
			with.Location = connectors.PackageLocation(with.Package)
			if with.Package.FixedIn != "" && with.Remediation == "" {
				with.Remediation = "Update " + with.Package.Name + " to " + with.Package.FixedIn + "."
			}
			out = append(out, &with)
		}
		for j := range v.Code {
			file := &v.Code[j].File
			with := *f
			with.Location = connectors.Ident(cmp.Or(file.Path.String(), file.Name.String()))
			out = append(out, &with)
		}
		if len(packages)+len(v.Code) == 0 {
			out = append(out, f)
		}
		if len(out) > mostFindings {
			break
		}
	}
	if len(out) == 0 {
		out = append(out, base)
	}
	uid := base.UID
	for _, f := range out {
		switch {
		case uid == "" || placeholder(uid):
			f.UID = connectors.UID(f.Check, f.Location)
		case len(out) > 1:
			f.UID = connectors.UID(uid, f.Check, f.Location)
		}
	}
	return out
}

// placeholder knows what anonymised reports hold in place of identifiers.
func placeholder(uid string) bool { return strings.HasPrefix(uid, "<") && strings.HasSuffix(uid, ">") }

func (m Mapper) vulnerability(base *exposure.Finding, v *Vulnerability) *exposure.Finding {
	f := *base
	id := connectors.Ident(v.CVE.UID.String())
	f.CVEs = connectors.CVEs([]string{id})
	if advisory := connectors.Ident(v.Advisory.UID.String()); advisory != "" {
		f.Advisories = []string{advisory}
		id = cmp.Or(id, advisory)
	}
	if id != "" {
		f.Check = m.Connector + ":" + id
	}
	f.CWEs = []string{v.CVE.CWE.String(), v.CWE.UID.String()}
	for _, cwe := range v.CVE.CWEs {
		f.CWEs = append(f.CWEs, cwe.UID.String())
	}
	f.CWEs = connectors.CWEs(f.CWEs)
	for _, c := range v.CVE.CVSS {
		if score, ok := connectors.Score(c.Vector.String(), c.Score.Value, cmp.Or(c.Vendor.String(), c.Source.String())); ok && !slices.Contains(f.CVSS, score) {
			f.CVSS = append(f.CVSS, score)
		}
	}
	if e := v.CVE.EPSS.Score; e.Value > 0 && e.Value <= 1 {
		f.EPSS = e.Value
	}
	if v.Exploit {
		f.Exploit = "poc"
	}
	f.Title = cmp.Or(base.Title, v.Title.String(), v.CVE.Title.String(), id)
	f.Description = cmp.Or(base.Description, v.Desc.String(), v.CVE.Desc.String())
	f.Remediation = cmp.Or(base.Remediation, v.Remedy.Desc.String())
	f.References = links(slices.Concat(base.References, v.References, v.CVE.References, v.Remedy.References))
	if f.Severity == exposure.SeverityUnknown {
		f.RawSeverity = v.Severity.String()
		f.Severity = severity(f.RawSeverity)
	}
	if t := first(v.FirstDT, v.First); !t.IsZero() && f.FirstSeen.IsZero() {
		f.FirstSeen = t
	}
	return &f
}

func pkg(p *Package) *exposure.Package {
	version := p.Version.String()
	if release := p.Release.String(); release != "" && version != "" {
		version += "-" + release
	}
	out := &exposure.Package{Name: p.Name.String(), Version: version, FixedIn: p.Fixed.String(), PURL: p.PURL.String(), Path: p.Path.String()}
	if !strings.HasPrefix(out.PURL, "pkg:") {
		out.PURL = connectors.PURL(p.Manager.String(), out.Name, version)
	}
	return out
}
