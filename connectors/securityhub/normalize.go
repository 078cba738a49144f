package securityhub

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/ocsfmap"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are the words of the three states that a finding has: of its record, of the
// work on it, and of the control behind it. How they go together is said by status.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"active": exposure.StatusOpen, "archived": exposure.StatusArchived,
	"new": exposure.StatusOpen, "notified": exposure.StatusOpen, "suppressed": exposure.StatusSuppressed, "resolved": exposure.StatusArchived,
	"passed": exposure.StatusFixed, "failed": exposure.StatusOpen, "warning": exposure.StatusOpen,
	"closed": exposure.StatusFixed, // of Inspector, which checks again
}

// inspectorStatus is the field in which Inspector gives its own status.
const inspectorStatus = "aws/inspector/FindingStatus"

// status reads the states together. Only a check that passed, or a product that closed
// its own finding, proves anything; a person's "resolved" counts where the product has put
// the finding away as well.
func (f *wireFinding) status() (exposure.Status, string) {
	control, work, record := f.Compliance.Status.String(), strings.ToLower(f.Workflow.Status.String()), strings.ToLower(f.RecordState.String())
	note := strings.Trim(strings.ToUpper(record+", "+work), ", ")
	switch {
	case statuses.Of(control) == exposure.StatusFixed:
		return exposure.StatusFixed, "control " + strings.ToUpper(control)
	case statuses.Of(f.Fields[inspectorStatus].String()) == exposure.StatusFixed:
		return exposure.StatusFixed, "inspector CLOSED"
	case work == "resolved" && record == "archived" && control == "":
		return exposure.StatusFixed, note
	case record == "archived":
		return statuses.Of(record), note
	case work == "resolved" && control != "":
		return exposure.StatusOpen, note
	case work == "suppressed", work == "resolved":
		return statuses.Of(work), strings.TrimSuffix(note+": "+f.Note.Text.String(), ": ")
	}
	if work == "notified" {
		return exposure.StatusOpen, "NOTIFIED"
	}
	return exposure.StatusOpen, ""
}

// observations makes one finding for each resource and place.
func (f *wireFinding) observations(raw []byte) (out []ocsfmap.Observation, skip string) {
	switch {
	case strings.EqualFold(f.Compliance.Status.String(), "NOT_AVAILABLE"):
		return nil, "check_that_did_not_run"
	case len(f.Resources) == 0:
		return nil, "finding_without_resource"
	case connectors.Ident(f.check()) == "":
		return nil, "finding_without_check"
	}
	const most = 1000
	base := f.base(raw)
	places := f.places(base)
	for i := range f.Resources {
		d := f.asset(&f.Resources[i])
		here := places
		if at := f.trivy(base, &f.Resources[i]); at != nil && len(f.Vulns) == 0 {
			here = []*exposure.Finding{at}
		}
		for _, p := range here {
			if len(out) == most {
				return out, "finding_with_too_many_places"
			}
			out = append(out, ocsfmap.Observation{Asset: d, Finding: p})
		}
	}
	return out, ""
}

func (f *wireFinding) types() []string {
	if len(f.Provider.Types) > 0 {
		return f.Provider.Types
	}
	return f.Types
}

// check names the rule: the control, whatever standard asks for it; for GuardDuty, whose
// generator is a detector, the type; else the generator.
func (f *wireFinding) check() string {
	types := f.types()
	first := ""
	if len(types) > 0 {
		first = types[0]
	}
	if strings.Contains(f.Generator.String(), ":guardduty:") || strings.Contains(f.Generator.String(), ":detector/") {
		return cmp.Or(first, f.Generator.String())
	}
	return cmp.Or(f.Compliance.Control.String(), f.Generator.String(), first, f.Title.String())
}

// checkOf names the same rule in a finding of the hub's second version.
func checkOf(o *ocsfmap.Object) string {
	generator := o.Metadata.Product.Feature.UID.String()
	first := ""
	if len(o.Info.Types) > 0 {
		first = o.Info.Types[0]
	}
	if strings.Contains(generator, ":guardduty:") {
		generator = first
	}
	return cmp.Or(o.Rules.Control.String(), generator, o.Info.Analytic.UID.String(), first, o.Info.Title.String())
}

func (f *wireFinding) class() exposure.Class {
	if len(f.Vulns) > 0 {
		return exposure.ClassVulnerability
	}
	for _, t := range f.types() {
		if strings.HasPrefix(t, "Software and Configuration Checks/Vulnerabilities") {
			return exposure.ClassVulnerability
		}
		if strings.HasPrefix(t, "Software and Configuration Checks") {
			return exposure.ClassCompliance
		}
	}
	if f.Compliance.Status != "" {
		return exposure.ClassCompliance
	}
	return exposure.ClassDetection
}

func (f *wireFinding) base(raw []byte) *exposure.Finding {
	check := connectors.Ident(f.check())
	label := cmp.Or(f.Severity.Label.String(), f.Provider.Severity.Label.String(), bySize(f.Severity.Normalized))
	out := &exposure.Finding{
		UID: connectors.Ident(f.ID.String()), Connector: Name, Class: f.class(), Check: Name + ":" + check, Title: cmp.Or(f.Title.String(), check),
		Description: f.Description.String(), Remediation: f.Remediation.Recommendation.Text.String(),
		RawSeverity: label, Severity: connectors.Severity(label),
		Tags:      slices.Concat(trimmed(f.types()), trimmed(f.Compliance.Related)),
		FirstSeen: earliest(f.First.Time, f.Created.Time), LastSeen: latest(f.Last.Time, time.Time{}),
		Vendor: wire.Rest(raw, "SchemaVersion", "Id", "Title", "Description", "Types", "FirstObservedAt", "LastObservedAt", "CreatedAt", "UpdatedAt",
			"Severity.Label", "Remediation", "Vulnerabilities", "FindingProviderFields"),
	}
	out.Status, out.StatusNote = f.status()
	if out.LastSeen.IsZero() || out.Status == exposure.StatusFixed { // what found it gone came after what saw it
		out.LastSeen = latest(out.LastSeen, f.Updated.Time)
	}
	for _, link := range []string{f.SourceURL.String(), f.Remediation.Recommendation.URL.String()} {
		if link != "" {
			out.References = append(out.References, link)
		}
	}
	for i := range f.Compliance.Reasons {
		out.Evidence = connectors.Redact(cmp.Or(f.Compliance.Reasons[i].Text.String(), f.Compliance.Reasons[i].Code.String()))
	}
	if note := f.Fields["aws/securityhub/annotation"].String(); out.Evidence == "" {
		out.Evidence = connectors.Redact(note)
	}
	return out
}

func trimmed(texts []string) []string {
	const most = 40
	var out []string
	for _, t := range texts {
		if t = connectors.Ident(t); t != "" && len(out) < most {
			out = append(out, t)
		}
	}
	return out
}

// bySize reads the normalized severity of old findings, by the hub's own steps.
func bySize(n wire.Number) string {
	switch {
	case !n.OK:
		return ""
	case n.Value >= 90:
		return "CRITICAL"
	case n.Value >= 70:
		return "HIGH"
	case n.Value >= 40:
		return "MEDIUM"
	case n.Value >= 1:
		return "LOW"
	}
	return "INFORMATIONAL"
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// asset describes a resource, with what its details say.
func (f *wireFinding) asset(r *wireResource) *asset.Description {
	account, region := f.Account.String(), cmp.Or(r.Region.String(), f.Region.String())
	id, system := r.ID.String(), ""
	if r.Type == "Container" { // the image stays when its system is updated
		id, system = imageOf(id)
	}
	d := cloud.Describe(cloud.Resource{ID: id, Provider: "aws", Account: account, Region: region, Type: r.Type.String()})
	if system != "" {
		d.Kind, d.OS = asset.ContainerImage, system
	}
	cloud.Tags(d, r.Tags)
	if name := d.Tags["Name"]; name != "" {
		d.Name = connectors.Ident(name)
	}
	cloud.Owner(d, f.AccountName.String(), "cloud account")
	cloud.Owner(d, r.App.String(), "application")
	if i := r.Details.Instance; i != nil {
		d.Kind, d.OS = asset.Host, f.platform()
		d.Zone = i.VPC.String()
		d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers(d.Zone, nil, slices.Concat(i.IPv4, i.IPv6), nil)...)
		if ami := connectors.Ident(i.ImageID.String()); ami != "" && region != "" {
			d.Edges = append(d.Edges, asset.Edge{Kind: asset.EdgeInstanceOf, ToKind: asset.CloudResource, ToName: ami,
				To: connectors.AWSImage(region, ami)})
		}
	}
	if i := r.Details.Image; i != nil {
		d.Kind, d.OS = asset.ContainerImage, f.platform()
		digest := asset.Identifier{Kind: asset.ImageDigest, Value: i.Digest.String()}
		if digest.Value != "" && !slices.Contains(d.Identifiers, digest) {
			d.Identifiers = append(d.Identifiers, digest)
		}
		d.Name = cmp.Or(i.Repository.String(), d.Name)
		if len(i.Tags) > 0 {
			d.Name += ":" + i.Tags[0]
		}
	}
	return d
}

// platform is the operating system that Inspector saw, in a field that is numbered by
// resource.
func (f *wireFinding) platform() string {
	keys := make([]string, 0, 1)
	for key := range f.Fields {
		if strings.HasPrefix(key, "aws/inspector/resources/") && strings.HasSuffix(key, "/platform") {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return ""
	}
	return f.Fields[slices.Min(keys)].String()
}
