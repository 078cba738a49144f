package fleet

import (
	"cmp"
	"maps"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what a host's answers to a policy mean.
var statuses = connectors.Statuses{"fail": exposure.StatusOpen, "pass": exposure.StatusFixed} //nolint:gochecknoglobals // a constant table

// describe describes a host.
func (d *decoding) describe(h *wireHost) *asset.Description {
	a := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(h.DisplayName.String(), h.Hostname.String(), h.ComputerName.String(), "host "+h.ID.String()), Zone: d.config.Zone, OS: h.OSVersion.String(), SeenAt: h.Seen.Time,
		Tags: map[string]string{
			"platform": h.Platform.String(), "build": h.Build.String(), "hardware_model": h.Model.String(), "hardware_vendor": h.Vendor.String(), "team": h.Team.String(), "status": h.Status.String(),
			"osquery_version": h.Osquery.String(), "mdm": h.MDM.Status.String(), "disk_encryption": h.DiskEncryption.String(),
		},
	}
	if ip := h.PublicIP.String(); ip != "" && ip != h.PrimaryIP.String() { // of the network that it calls from
		a.Tags["public_ip"] = ip
	}
	for _, l := range h.Labels {
		if l.Name != "" && !strings.EqualFold(l.Type.String(), "builtin") {
			a.Tags["label "+l.Name.String()] = "yes"
		}
	}
	maps.DeleteFunc(a.Tags, func(_, v string) bool { return v == "" })
	a.Identifiers = []asset.Identifier{{Kind: asset.SourceAssetID, Value: h.ID.String()}}
	if uuid := h.UUID.String(); uuid != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.BIOSUUID, Value: uuid})
	}
	if serial := h.Serial.String(); serial != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Scope: strings.ToLower(strings.ReplaceAll(h.Vendor.String(), "|", " ")), Value: serial})
	}
	ips, macs := []string{h.PrimaryIP.String()}, []string{h.PrimaryMAC.String()}
	for _, id := range connectors.HostIdentifiers(d.config.Zone, []string{h.Hostname.String(), h.ComputerName.String()}, ips, macs) {
		if id.Kind != asset.IP || !strings.HasPrefix(id.Value, "127.") && id.Value != "::1" { // what an agent calls its own address
			a.Identifiers = append(a.Identifiers, id)
		}
	}
	if team := h.Team.String(); team != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: team, From: "team"})
	}
	for _, m := range append(d.mapping, h.Mapping...) {
		if m.Email != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: m.Email.String(), From: strings.TrimSpace("device mapping " + m.Source.String())})
		}
	}
	return a
}

// policy gives a host's answer to a policy as a finding; nil where it has given none.
func policy(h *wireHost, p *wirePolicy) *exposure.Finding {
	status, answered := statuses[strings.ToLower(p.Response.String())]
	if !answered {
		return nil
	}
	check := connectors.Ident(Name + ":policy-" + p.ID.String())
	f := &exposure.Finding{
		UID: check, Connector: Name, Class: exposure.ClassCompliance, Check: check, Title: cmp.Or(p.Name.String(), "Policy "+p.ID.String()),
		Description: p.Description.String(), Remediation: p.Resolution.String(), Severity: exposure.SeverityUnknown, Status: status, StatusNote: p.Response.String(),
		Evidence: connectors.Redact(p.Query.String()), LastSeen: latest(h.PolicyUpdated, h.DetailUpdated).Time,
		Vendor: wire.Fields(map[string]any{"author_email": p.Author, "team_id": p.Team, "platform": p.Platform}),
	}
	if p.Critical {
		f.Severity, f.RawSeverity = exposure.SeverityCritical, "critical"
	}
	return f
}

// latest is the first of the times that is one.
func latest(a, b wire.Time) wire.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// vulnerability gives a CVE of an installed package as a finding.
func vulnerability(h *wireHost, s *wireSoftware, v *wireVulnerability) *exposure.Finding {
	cve := strings.ToUpper(v.CVE.String())
	software := pkg(h, s)
	location := connectors.PackageLocation(software)
	if len(s.Paths) > 0 {
		software.Path = s.Paths[0]
		if source := s.Source.String(); languages[source] != "" || source == "atom_packages" {
			location = connectors.PackageLocation(software)
		}
	}
	software.FixedIn = v.FixedIn.String()
	f := &exposure.Finding{
		UID: connectors.UID(cve, location), Connector: Name, Class: exposure.ClassVulnerability, Check: connectors.Ident(Name + ":" + cve), CVEs: connectors.CVEs([]string{cve}),
		Title: cve + " in " + s.Name.String(), Description: v.Description.String(), Severity: exposure.SeverityUnknown, Location: location, Status: exposure.StatusOpen, EPSS: v.EPSS.Value,
		Package:  software,
		LastSeen: latest(h.SoftwareUpdated, h.DetailUpdated).Time,
		Vendor: wire.Fields(map[string]any{"generated_cpe": s.CPE, "bundle_identifier": s.Bundle, "source": s.Source, "installed_paths": s.Paths, "last_opened_at": s.LastOpened, "cve_published": v.Published,
			"release": s.Release, "arch": s.Arch, "software_id": s.ID, "vendor": s.Vendor}),
	}
	if v.Link != "" {
		f.References = []string{v.Link.String()}
	}
	if v.Score.OK {
		f.CVSS = []exposure.CVSS{{Version: "3.1", Score: v.Score.Value, By: "nvd"}}
		f.Severity, f.RawSeverity = rated(v.Score.Value), "CVSS"
	}
	if v.Exploited {
		f.Exploit = "active"
	}
	if fixed := v.FixedIn.String(); fixed != "" {
		f.Remediation = "Update " + s.Name.String() + " to " + fixed + "."
	}
	return f
}

// rated is the qualitative rating of CVSS 3.1, section 5.
func rated(score float64) exposure.Severity {
	switch {
	case score >= 9:
		return exposure.SeverityCritical
	case score >= 7:
		return exposure.SeverityHigh
	case score >= 4:
		return exposure.SeverityMedium
	case score > 0:
		return exposure.SeverityLow
	}
	return exposure.SeverityInfo
}

// languages are the ecosystems of the sources of packages that a host may hold several
// times, each at a path of its own.
var languages = map[string]string{"python_packages": "pypi", "npm_packages": "npm", "go_binaries": "golang"} //nolint:gochecknoglobals // a constant table

// managers are package URL types of the sources that install applications.
var managers = map[string]string{"homebrew_packages": "brew", "chocolatey_packages": "chocolatey", "vscode_extensions": "vscode-extension"} //nolint:gochecknoglobals // a constant table

// pkg names a piece of software. An application for macOS is named by its bundle, since
// several share a display name.
func pkg(h *wireHost, s *wireSoftware) *exposure.Package {
	p := &exposure.Package{Name: s.Name.String(), Version: s.Version.String()}
	source := s.Source.String()
	switch {
	case languages[source] != "":
		p.PURL = connectors.PURL(languages[source], p.Name, p.Version)
	case source == "deb_packages", source == "rpm_packages":
		p.PURL = connectors.PURL(h.Platform.String(), p.Name, p.Version)
	default:
		p.PURL = "pkg:" + cmp.Or(managers[source], "generic") + "/" + escaped.Replace(cmp.Or(s.Bundle.String(), p.Name))
		if p.Version != "" {
			p.PURL += "@" + p.Version
		}
	}
	return p
}

var escaped = strings.NewReplacer("@", "%40", " ", "%20", "#", "%23", "?", "%3F") //nolint:gochecknoglobals // a constant table
