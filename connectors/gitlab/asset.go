package gitlab

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// asset is what a vulnerability of a report is in: the image, the host, or the project.
func (d *decoding) asset(l *location) *asset.Description {
	switch {
	case l.Image != "":
		return image(l)
	case l.Hostname != "":
		at := connectors.ParseAddress(l.Hostname.String())
		desc := &asset.Description{Kind: asset.Host, Name: cmp.Or(connectors.Ident(at.Host), "unnamed host"), Zone: d.config.Zone}
		desc.Identifiers = connectors.HostIdentifiers(d.config.Zone, []string{at.Host}, nil, nil)
		return labelled(desc)
	}
	desc := &asset.Description{Kind: asset.Repository, Name: cmp.Or(d.config.Project, "unnamed project")}
	if d.config.Project != "" {
		desc.Identifiers = []asset.Identifier{{Kind: asset.RepositoryName, Value: d.config.Project}}
	}
	return labelled(desc)
}

// labelled gives an asset that nothing else is known of a name within the source.
func labelled(desc *asset.Description) *asset.Description {
	if len(desc.Identifiers) == 0 {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// image is known by its digest, where its name holds one; else by its name.
func image(l *location) *asset.Description {
	name := connectors.Ident(l.Image.String())
	desc := &asset.Description{Kind: asset.ContainerImage, Name: name, OS: l.System.String()}
	if _, digest, ok := strings.Cut(name, "@sha256:"); ok {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.ImageDigest, Value: "sha256:" + digest})
	}
	if k := l.Kubernetes; k.Name != "" {
		desc.Tags = map[string]string{"kubernetes": k.Namespace.String() + "/" + k.Kind.String() + "/" + k.Name.String()}
	}
	return labelled(desc)
}

// project is that of the webhook: known by its number, which stays when it is moved, and
// by its address.
func project(h *hook) *asset.Description {
	address, _, _ := strings.Cut(h.URL.String(), "/-/")
	at := connectors.ParseAddress(address)
	name := connectors.Ident(strings.Trim(at.Path, "/"))
	desc := &asset.Description{Kind: asset.Repository, Name: cmp.Or(name, connectors.Ident(h.ProjectID.String()), "unnamed project")}
	if id := connectors.Ident(h.ProjectID.String()); id != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: id})
	}
	if at.Host != "" && strings.Contains(name, "/") {
		host := at.Host
		if at.Port != "443" && at.Port != "80" {
			host = at.HostPort()
		}
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.RepositoryName, Value: host + "/" + name})
	}
	return labelled(desc)
}

// qualityFinding makes a finding of a Code Quality issue. Only those about security are
// any; trivy's begin with what they are about: "CVE-2019-1549: openssl: …".
func qualityFinding(q *quality, raw []byte) (f *exposure.Finding, skip string) {
	security := strings.Contains(q.CheckName.String(), "scanning")
	for _, c := range q.Categories {
		security = security || strings.EqualFold(c, "security")
	}
	if !security {
		return nil, "issue_not_about_security"
	}
	id, _, _ := strings.Cut(strings.TrimSpace(strings.NewReplacer("[", "", "]", "").Replace(q.Description.String())), ":")
	id, _, _ = strings.Cut(id, " ")
	f = &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Status: exposure.StatusOpen,
		CVEs: connectors.CVEs([]string{id}), Title: cmp.Or(q.Description.String(), q.CheckName.String(), "issue without a description"),
		Description: q.Content.String(), RawSeverity: q.Severity.String(), Severity: qualitySeverity(q.Severity.String()),
		Location: connectors.Ident(q.Location.Path.String()),
	}
	f.Check = Name + ":code_quality:" + connectors.Ident(cmp.Or(q.CheckName.String(), "unknown"))
	if len(f.CVEs) == 1 {
		f.Check += ":" + f.CVEs[0]
	}
	f.UID = cmp.Or(connectors.Ident(q.Fingerprint.String()), connectors.UID(f.Check, f.Location, connectors.Ident(f.Title)))
	f.Vendor = wire.Rest(raw, "type", "check_name", "description", "content", "fingerprint", "severity", "location.path")
	return f, ""
}

// qualitySeverity reads Code Quality's words: info, minor, major, critical, blocker.
func qualitySeverity(word string) exposure.Severity {
	switch strings.ToLower(word) {
	case "minor":
		return exposure.SeverityLow
	case "major":
		return exposure.SeverityMedium
	case "critical":
		return exposure.SeverityHigh
	case "blocker":
		return exposure.SeverityCritical
	}
	return connectors.Severity(word)
}

func (d *decoding) qualityAsset(*quality) *asset.Description { return d.asset(&location{}) }
