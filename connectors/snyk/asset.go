package snyk

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// forges are the hosts of the origins that are one place for everybody.
var forges = map[string]string{"github": "github.com", "gitlab": "gitlab.com", "bitbucket-cloud": "bitbucket.org", "azure-repos": "dev.azure.com"} //nolint:gochecknoglobals // a constant table

// images are the types of projects that are container images.
var images = map[string]bool{"deb": true, "apk": true, "rpm": true, "linux": true, "dockerfile": true} //nolint:gochecknoglobals // a constant table

// describe makes the description of a project: a manifest in a repository, or an image. It
// is no repository itself, as many projects are in one.
func (p *project) describe() *asset.Description {
	desc := &asset.Description{Kind: asset.Repository, Name: cmp.Or(connectors.Ident(p.Name.String()), "Snyk project "+connectors.Ident(p.id.String())), Tags: map[string]string{}}
	desc.Identifiers = []asset.Identifier{{Kind: asset.SourceAssetID, Value: connectors.Ident(p.id.String())}}
	if images[strings.ToLower(p.Type.String())] {
		desc.Kind = asset.ContainerImage
	}
	repo, file, _ := strings.Cut(p.Name.String(), ":")
	if i := strings.IndexByte(repo, '('); i > 0 { // owner/name(branch)
		repo = repo[:i]
	}
	if host := forges[strings.ToLower(p.Origin.String())]; host != "" && strings.Count(repo, "/") >= 1 && desc.Kind == asset.Repository {
		name := connectors.Ident(host + "/" + repo)
		desc.Edges = []asset.Edge{{Kind: asset.EdgePartOf, To: asset.Identifier{Kind: asset.RepositoryName, Value: name}, ToKind: asset.Repository, ToName: repo, Note: connectors.Ident(file)}}
	}
	for key, value := range map[string]string{
		"type": p.Type.String(), "origin": p.Origin.String(), "branch": p.Reference.String(), "status": p.Status.String(), "criticality": strings.Join(p.Criticality, ", "),
		"environment": strings.Join(p.Environment, ", "), "lifecycle": strings.Join(p.Lifecycle, ", "),
	} {
		if value != "" {
			desc.Tags[key] = value
		}
	}
	for _, t := range p.Tags {
		key, value := t.Key.String(), t.Value.String()
		switch {
		case key == "" || value == "":
		case connectors.OwnerTag(key):
			desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: value, From: "tag " + key})
		default:
			desc.Tags[key] = value
		}
	}
	if p.owner != "" {
		desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: p.owner.String(), From: "project owner"})
	}
	return desc
}

// project is a webhook's project in the words of the REST API.
func (p *hookProject) project() *project {
	return &project{
		Name: p.Name, Type: p.Type, Origin: p.Origin, Reference: p.Branch, Criticality: p.Attributes.Criticality, Environment: p.Attributes.Environment,
		Lifecycle: p.Attributes.Lifecycle, Tags: p.Tags, id: p.ID, owner: text(cmp.Or(p.Owner.Email.String(), p.Owner.Username.String())),
	}
}

// describe makes the description of what the command line tested. It knows neither ID nor
// address, only names.
func (res *result) describe() *asset.Description {
	name := cmp.Or(connectors.Ident(res.name), connectors.Ident(res.path), "unnamed project")
	desc := &asset.Description{Kind: asset.Repository, Name: name}
	if res.docker {
		desc.Kind = asset.ContainerImage
		if _, digest, ok := strings.Cut(res.path, "@sha256:"); ok {
			desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.ImageDigest, Value: "sha256:" + digest})
		}
	}
	desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.Label, Value: name})
	return desc
}
