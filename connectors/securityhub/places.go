package securityhub

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// places makes one finding for each vulnerability and each package or file that it is in;
// the base alone where there are none.
func (f *wireFinding) places(base *exposure.Finding) []*exposure.Finding {
	var out []*exposure.Finding
	for i := range f.Vulns {
		v := &f.Vulns[i]
		at := vulnerability(base, v)
		for j := range v.Packages {
			with := *at
			with.Package = v.Packages[j].pkg(f.platform())
			with.Location = connectors.PackageLocation(with.Package)
			if remedy := v.Packages[j].Remedy.String(); remedy != "" {
				with.Remediation = strings.TrimSpace(remedy + "\n\n" + base.Remediation)
			}
			out = append(out, &with)
		}
		for j := range v.Code {
			with := *at
			with.CWEs = connectors.CWEs(slices.Concat(at.CWEs, v.Code[j].CWEs))
			with.Location = connectors.Ident(cmp.Or(v.Code[j].File.Path.String(), v.Code[j].File.Name.String()))
			out = append(out, &with)
		}
		if len(v.Packages)+len(v.Code) == 0 {
			out = append(out, at)
		}
	}
	if len(out) == 0 {
		return []*exposure.Finding{base}
	}
	// A package may be in an image several times, at versions that differ: one place.
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(f *exposure.Finding) bool {
		key := f.Check + "|" + f.Location
		was := seen[key]
		seen[key] = true
		return was
	})
	if len(out) > 1 {
		for _, f := range out {
			f.UID = connectors.UID(base.UID, f.Check, f.Location)
		}
	}
	return out
}

func vulnerability(base *exposure.Finding, v *wireVulnerability) *exposure.Finding {
	f := *base
	id := connectors.Ident(v.ID.String())
	if id != "" {
		f.Check = Name + ":" + id
	}
	f.CVEs = connectors.CVEs([]string{id})
	for _, other := range append([]string{id}, v.Related...) {
		if other = connectors.Ident(other); other != "" && len(connectors.CVEs([]string{other})) == 0 {
			f.Advisories = append(f.Advisories, other)
		}
	}
	for _, c := range v.CVSS {
		if score, ok := connectors.Score(c.Vector.String(), c.Score.Value, c.Source.String()); ok && !slices.Contains(f.CVSS, score) {
			f.CVSS = append(f.CVSS, score)
		}
	}
	if v.EPSS.Value > 0 && v.EPSS.Value <= 1 {
		f.EPSS = v.EPSS.Value
	}
	if strings.EqualFold(v.Exploit.String(), "YES") {
		f.Exploit = "poc"
	}
	f.References = slices.Clone(base.References)
	for _, link := range append([]string{v.Vendor.URL.String()}, v.References...) {
		if link != "" && !slices.Contains(f.References, link) {
			f.References = append(f.References, link)
		}
	}
	return &f
}

func (p *wirePackage) pkg(system string) *exposure.Package {
	version := p.Version.String()
	if release := p.Release.String(); release != "" {
		version += "-" + release
	}
	if epoch := p.Epoch.String(); epoch != "" && epoch != "0" {
		version = epoch + ":" + version
	}
	fixed := p.Fixed.String()
	if strings.EqualFold(fixed, "NotAvailable") {
		fixed = ""
	}
	out := &exposure.Package{Name: p.Name.String(), Version: version, FixedIn: strings.TrimPrefix(fixed, "0:"), Path: p.Path.String()}
	out.PURL = cmp.Or(connectors.PURL(p.Manager.String(), out.Name, version), connectors.PURL(system, out.Name, version))
	return out
}
