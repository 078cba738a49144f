package inspector

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are Inspector's. It closes a finding once a scan no longer sees it.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"active": exposure.StatusOpen, "suppressed": exposure.StatusSuppressed, "closed": exposure.StatusFixed,
}

// reachability is the check of all open ports.
const reachability = "network-reachability"

// places makes one finding for each place that is affected.
func (f *wireFinding) places(raw []byte) (out []*exposure.Finding, skip string) {
	if len(f.Resources) == 0 {
		return nil, "finding_without_resource"
	}
	base := f.base(raw)
	switch {
	case f.Package != nil:
		out = f.packages(base)
	case f.Code != nil:
		code(base, f.Code)
		out = append(out, base)
	case f.Network != nil:
		base.Class, base.Check = exposure.ClassCompliance, Name+":"+reachability
		base.Location = f.Network.location()
		out = append(out, base)
	default: // a type that is newer than this
		base.Class, base.Check = exposure.ClassDetection, Name+":"+strings.ToLower(cmp.Or(connectors.Ident(f.Type.String()), "unknown"))
		out = append(out, base)
	}
	if len(out) > 1 {
		for _, p := range out {
			p.UID = connectors.UID(base.UID, p.Check, p.Location)
		}
	}
	return out, ""
}

func (f *wireFinding) base(raw []byte) *exposure.Finding {
	out := &exposure.Finding{
		UID: connectors.Ident(f.ARN.String()), Connector: Name, Class: exposure.ClassVulnerability, Title: cmp.Or(f.Title.String(), f.ARN.String()),
		Description: f.Description.String(), RawSeverity: f.Severity.String(), Severity: connectors.Severity(f.Severity.String()),
		Status: statuses.Of(f.Status.String()), FirstSeen: f.First.Time, LastSeen: f.Last.Time,
		Vendor: wire.Rest(raw, "findingArn", "title", "description", "severity", "firstObservedAt", "lastObservedAt", "updatedAt", "epss", "remediation",
			"packageVulnerabilityDetails.vulnerabilityId", "packageVulnerabilityDetails.cvss", "packageVulnerabilityDetails.referenceUrls", "packageVulnerabilityDetails.vulnerablePackages"),
	}
	if advice := f.Remediation.Recommendation.Text.String(); !strings.EqualFold(advice, "None Provided") {
		out.Remediation = advice
	}
	if link := f.Remediation.Recommendation.URL.String(); link != "" {
		out.References = append(out.References, link)
	}
	if out.LastSeen.IsZero() || out.Status == exposure.StatusFixed { // the scan that found it gone came after the last that saw it
		out.LastSeen = latest(out.LastSeen, f.Updated.Time)
	}
	if out.Status != exposure.StatusOpen {
		out.StatusNote = f.Status.String()
	}
	if e := f.EPSS.Score; e.Value > 0 && e.Value <= 1 {
		out.EPSS = e.Value
	}
	if strings.EqualFold(f.Exploit.String(), "YES") {
		out.Exploit = "poc"
	}
	return out
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// packages makes a finding for each package of a vulnerability; a package that is in an
// image at several versions is one place.
func (f *wireFinding) packages(base *exposure.Finding) []*exposure.Finding {
	v := f.Package
	id := connectors.Ident(v.ID.String())
	base.Check = Name + ":" + cmp.Or(id, "package-vulnerability")
	base.CVEs = connectors.CVEs([]string{id})
	for _, other := range append([]string{id}, v.Related...) {
		if other = connectors.Ident(other); other != "" && len(connectors.CVEs([]string{other})) == 0 {
			base.Advisories = append(base.Advisories, other)
		}
	}
	if score, ok := connectors.Score(f.ScoreDetails.Adjusted.Vector.String(), cmp.Or(f.ScoreDetails.Adjusted.Score.Value, f.Score.Value), Name); ok {
		base.CVSS = append(base.CVSS, score)
	}
	for _, c := range v.CVSS {
		if score, ok := connectors.Score(c.Vector.String(), c.Score.Value, c.Source.String()); ok && !slices.Contains(base.CVSS, score) {
			base.CVSS = append(base.CVSS, score)
		}
	}
	for _, link := range append([]string{v.URL.String()}, v.References...) {
		if link != "" && !slices.Contains(base.References, link) {
			base.References = append(base.References, link)
		}
	}
	var out []*exposure.Finding
	seen := map[string]bool{}
	for i := range v.Packages {
		p := &v.Packages[i]
		with := *base
		with.Package = p.pkg(f.platform())
		with.Location = connectors.PackageLocation(with.Package)
		if seen[with.Location] {
			continue
		}
		seen[with.Location] = true
		if remedy := p.Remedy.String(); remedy != "" {
			with.Remediation = strings.TrimSpace(remedy + "\n\n" + base.Remediation)
		} else if with.Package.FixedIn != "" && base.Remediation == "" {
			with.Remediation = "Update " + with.Package.Name + " to " + with.Package.FixedIn + "."
		}
		out = append(out, &with)
	}
	if len(out) == 0 {
		out = append(out, base)
	}
	return out
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

// platform is the operating system of the first resource that says one.
func (f *wireFinding) platform() string {
	for i := range f.Resources {
		if d := &f.Resources[i].Details; d.Image != nil {
			return d.Image.Platform.String()
		} else if d.Instance != nil {
			return d.Instance.Platform.String()
		}
	}
	return ""
}

// code fills a finding in code. The detector's version is no part of its name.
func code(f *exposure.Finding, c *wireCode) {
	detector, _, _ := strings.Cut(cmp.Or(c.Detector.String(), c.Rule.String(), c.Name.String(), "code-vulnerability"), "@")
	f.Check = Name + ":" + connectors.Ident(detector)
	f.CWEs = connectors.CWEs(c.CWEs)
	f.Location = connectors.Ident(cmp.Or(c.File.Path.String(), c.File.Name.String()))
	f.References = append(f.References, c.References...)
	for _, tag := range c.Tags {
		if tag = connectors.Ident(tag); tag != "" {
			f.Tags = append(f.Tags, tag)
		}
	}
}

// location is the port, or the range of ports, that can be reached.
func (n *wireNetwork) location() string {
	begin, end, protocol := n.Ports.Begin.Int(), n.Ports.End.Int(), strings.ToLower(connectors.Ident(n.Protocol.String()))
	if protocol == "" {
		return ""
	}
	if end > begin {
		return strconv.Itoa(begin) + "-" + strconv.Itoa(end) + "/" + protocol
	}
	return strconv.Itoa(begin) + "/" + protocol
}

// asset describes a resource, with what its details say.
func (f *wireFinding) asset(r *wireResource) *asset.Description {
	account, region := f.Account.String(), r.Region.String()
	d := cloud.Describe(cloud.Resource{ID: r.ID.String(), Provider: "aws", Account: account, Region: region, Type: r.Type.String()})
	cloud.Tags(d, r.Tags)
	if name := d.Tags["Name"]; name != "" {
		d.Name = connectors.Ident(name)
	}
	if i := r.Details.Instance; i != nil && r.Type != "AWS_ECR_CONTAINER_IMAGE" {
		d.Kind, d.OS, d.Zone = asset.Host, i.Platform.String(), i.VPC.String()
		d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers(d.Zone, nil, slices.Concat(i.IPv4, i.IPv6), nil)...)
		if ami := connectors.Ident(i.ImageID.String()); ami != "" && region != "" {
			d.Edges = append(d.Edges, asset.Edge{Kind: asset.EdgeInstanceOf, ToKind: asset.CloudResource, ToName: ami,
				To: connectors.AWSImage(region, ami)})
		}
		if f.Network != nil {
			for _, step := range f.Network.Path.Steps {
				if strings.Contains(step.Type.String(), "InternetGateway") {
					d.Internet = asset.InternetYes
				}
			}
		}
	}
	if i := r.Details.Image; i != nil && r.Type != "AWS_EC2_INSTANCE" {
		d.Kind, d.OS = asset.ContainerImage, i.Platform.String()
		digest := asset.Identifier{Kind: asset.ImageDigest, Value: i.Digest.String()}
		if digest.Value != "" && !slices.Contains(d.Identifiers, digest) {
			d.Identifiers = append(d.Identifiers, digest)
		}
		d.Name = cmp.Or(i.Repository.String(), d.Name)
		if len(i.Tags) > 0 {
			d.Name += ":" + i.Tags[0]
		}
		cloud.Owner(d, i.Author.String(), "image author")
	}
	if fn := r.Details.Function; fn != nil {
		d.Name, d.OS = cmp.Or(fn.Name.String(), d.Name), fn.Runtime.String()
	}
	if repo := r.Details.Repository; repo != nil {
		d.Kind, d.Name = asset.Repository, cmp.Or(repo.Name.String(), d.Name)
	}
	return d
}
