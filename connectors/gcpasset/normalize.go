package gcpasset

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// describe describes the resource of a result.
func (v *wireResult) describe() *asset.Description {
	id := cmp.Or(v.Name.String(), v.Resource.String())
	if id == "" {
		return nil
	}
	d := cloud.Describe(cloud.Resource{ID: id, Provider: "gcp", Account: v.Project.String(), Type: v.AssetType.String(), Name: v.DisplayName.String()})
	if strings.HasPrefix(v.AssetType.String(), "iam.googleapis.com/ServiceAccount") && !strings.HasSuffix(v.AssetType.String(), "Key") {
		d.Kind = asset.Identity
	}
	d.OS, d.SeenAt = v.Additional.OS.String(), v.Updated.Time
	cloud.Tags(d, v.Labels)
	d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers("", nil, v.Additional.External, nil)...)
	d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers(connectors.Ident(v.Project.String()), nil, v.Additional.Internal, nil)...)
	d.Zone = connectors.Ident(v.Project.String())
	if len(v.Additional.External) > 0 {
		d.Internet = asset.InternetYes
	}
	if parent := connectors.Ident(v.ParentName.String()); strings.HasPrefix(parent, "//") {
		d.Edges = append(d.Edges, asset.Edge{Kind: asset.EdgePartOf, ToKind: asset.CloudResource, ToName: parent[strings.LastIndexByte(parent, '/')+1:],
			To: asset.Identifier{Kind: asset.CloudResourceID, Value: parent}})
	}
	for i := range v.Policy.Bindings {
		b := &v.Policy.Bindings[i]
		for _, member := range b.Members {
			switch kind, name, _ := strings.Cut(member, ":"); {
			case member == "allUsers" || member == "allAuthenticatedUsers":
				d.Internet = asset.InternetYes
			case b.Role == "roles/owner" && (kind == "user" || kind == "group"):
				cloud.Owner(d, name, "role owner")
			}
		}
	}
	return d
}

// members are the identities of a policy, each with its rights on the resource.
func (v *wireResult) members(resource *asset.Description) []*asset.Description {
	const most = 200
	if len(resource.Identifiers) == 0 {
		return nil
	}
	var out []*asset.Description
	for i := range v.Policy.Bindings {
		b := &v.Policy.Bindings[i]
		for _, member := range b.Members[:min(len(b.Members), most)] {
			kind, name, _ := strings.Cut(connectors.Ident(member), ":")
			if kind != "user" && kind != "group" && kind != "serviceAccount" || name == "" {
				continue
			}
			id := asset.Identifier{Kind: asset.SourceAssetID, Value: kind + ":" + strings.ToLower(name)}
			at := slices.IndexFunc(out, func(d *asset.Description) bool { return d.Identifiers[0] == id })
			if at < 0 {
				at = len(out)
				out = append(out, &asset.Description{Kind: asset.Identity, Name: name, Identifiers: []asset.Identifier{id}})
			}
			out[at].Edges = append(out[at].Edges, asset.Edge{Kind: asset.EdgeCanAccess, To: resource.Identifiers[0], ToKind: resource.Kind, ToName: resource.Name, Note: connectors.Ident(b.Role.String())})
		}
	}
	return out
}

func (v *wireFinding) address() string {
	return cmp.Or(v.Final.String(), v.Fuzzed.String(), v.Reproduce.String())
}

// finding makes a finding of what a scan found. The tracking ID is the same in later
// scans of the same thing; the name is not.
func (v *wireFinding) finding(at *connectors.Address, raw []byte) *exposure.Finding {
	kind := connectors.Ident(v.Type.String())
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":web:" + kind, Title: title(kind), Description: v.Description.String(),
		RawSeverity: v.Severity.String(), Severity: connectors.Severity(v.Severity.String()), Status: exposure.StatusOpen,
		Location: at.Location(), Target: at.Without(v.address()), References: slices.Clone(v.Library.More),
		Vendor: wire.Rest(raw, "findingType", "severity", "description", "finalUrl", "trackingId"),
	}
	f.UID = cmp.Or(connectors.Ident(v.Tracking.String()), connectors.UID(f.Check, f.Location))
	if name := v.Library.Name.String(); name != "" {
		f.Title += ": " + name
		f.Package = &exposure.Package{Name: name, Version: v.Library.Version.String(), PURL: connectors.PURL("npm", name, v.Library.Version.String())}
	}
	return f
}

func title(kind string) string {
	words := strings.ToLower(strings.ReplaceAll(kind, "_", " "))
	return strings.ToUpper(words[:1]) + words[1:]
}
