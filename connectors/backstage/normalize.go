package backstage

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// kinds are the kinds of asset by those of entities; components depend on their type.
var kinds = map[string]asset.Kind{ //nolint:gochecknoglobals // a constant table
	"component": asset.Repository, "api": asset.API, "resource": asset.CloudResource, "system": asset.WebApplication, "group": asset.Identity, "user": asset.Identity,
}

// edgeKinds are the edges by the types of relations, read from the entity itself.
var edgeKinds = map[string]asset.EdgeKind{ //nolint:gochecknoglobals // a constant table
	"partof": asset.EdgePartOf, "dependson": asset.EdgeDependsOn, "consumesapi": asset.EdgeDependsOn, "providesapi": asset.EdgeExposes, "memberof": asset.EdgeMemberOf, "childof": asset.EdgeMemberOf,
}

// ref is an entity's reference in its whole form, in lower case: kind:namespace/name.
func ref(kind, namespace, name string) string {
	return strings.ToLower(kind + ":" + cmp.Or(namespace, "default") + "/" + name)
}

// whole makes a reference whole: what it leaves out is that of its place.
func whole(text, kind, namespace string) string {
	name := strings.TrimSpace(text)
	if name == "" {
		return ""
	}
	if k, rest, ok := strings.Cut(name, ":"); ok {
		kind, name = k, rest
	}
	if n, rest, ok := strings.Cut(name, "/"); ok {
		namespace, name = n, rest
	}
	return ref(kind, namespace, name)
}

func (e *entity) ref() string {
	return ref(e.Kind.String(), e.Metadata.Namespace.String(), e.Metadata.Name.String())
}

// assetKind says what an entity is; empty for what is no asset.
func (e *entity) assetKind() asset.Kind {
	kind := kinds[strings.ToLower(e.Kind.String())]
	if strings.EqualFold(e.Kind.String(), "component") {
		switch strings.ToLower(e.Spec.Type.String()) {
		case "website", "service":
			return asset.WebApplication
		}
	}
	return kind
}

// describe describes an entity, and the repository that it is built from, if it names one.
func (d *decoding) describe(e *entity) []*asset.Description {
	kind := e.assetKind()
	if kind == "" {
		return nil
	}
	a := &asset.Description{
		Kind: kind, Name: cmp.Or(e.Metadata.Title.String(), e.Spec.Profile.DisplayName.String(), e.Metadata.Name.String()),
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: e.ref()}}, OwnerHints: e.owners(), Edges: e.edges(), Tags: e.tags(),
	}
	out := append(make([]*asset.Description, 0, 2), a)
	repository := e.repository(d.config.GitHost)
	if repository == "" || kind == asset.Identity {
		return out
	}
	id := asset.Identifier{Kind: asset.RepositoryName, Value: repository}
	a.Edges = append(a.Edges, asset.Edge{Kind: asset.EdgeBuiltFrom, To: id, ToKind: asset.Repository, ToName: repository})
	// Several entities may come from one repository, so it is known by none of them.
	code := &asset.Description{Kind: asset.Repository, Name: repository, Identifiers: []asset.Identifier{id}}
	for _, h := range a.OwnerHints {
		code.OwnerHints = append(code.OwnerHints, asset.OwnerHint{Value: h.Value, From: h.From + " of " + e.ref()})
	}
	return append(out, code)
}

// owners are the clues to the owner: the relations that the catalog worked out, or else
// what the file says.
func (e *entity) owners() []asset.OwnerHint {
	var out []asset.OwnerHint
	for i := range e.Relations {
		if r := &e.Relations[i]; strings.EqualFold(r.Type.String(), "ownedBy") && r.ref() != "" {
			from := "ownedBy"
			if len(out) > 0 { // one clue of one origin has one value
				from += " " + strconv.Itoa(len(out)+1)
			}
			out = append(out, asset.OwnerHint{Value: r.ref(), From: from})
		}
	}
	if owner := whole(e.Spec.Owner.String(), "group", e.Metadata.Namespace.String()); owner != "" && len(out) == 0 {
		out = append(out, asset.OwnerHint{Value: owner, From: "spec.owner"})
	}
	return out
}

func (r *relation) ref() string {
	if r.Ref != "" {
		return strings.ToLower(r.Ref.String())
	}
	if r.Target.Name == "" {
		return ""
	}
	return ref(r.Target.Kind.String(), r.Target.Namespace.String(), r.Target.Name.String())
}

// edges are the relations, or else those that the file speaks of.
func (e *entity) edges() []asset.Edge {
	var out []asset.Edge
	add := func(kind asset.EdgeKind, to string) {
		if to == "" || kind == "" {
			return
		}
		targetKind, name, _ := strings.Cut(to, ":")
		if toKind, known := kinds[targetKind]; known {
			out = append(out, asset.Edge{Kind: kind, To: asset.Identifier{Kind: asset.SourceAssetID, Value: to}, ToKind: toKind, ToName: name[strings.IndexByte(name, '/')+1:]})
		}
	}
	for i := range e.Relations {
		add(edgeKinds[strings.ToLower(e.Relations[i].Type.String())], e.Relations[i].ref())
	}
	if len(e.Relations) > 0 {
		return out
	}
	namespace := e.Metadata.Namespace.String()
	add(asset.EdgePartOf, whole(e.Spec.System.String(), "system", namespace))
	add(asset.EdgePartOf, whole(e.Spec.SubcomponentOf.String(), "component", namespace))
	add(asset.EdgeMemberOf, whole(e.Spec.Parent.String(), "group", namespace))
	for _, l := range []struct {
		kind  asset.EdgeKind
		refs  []string
		plain string
	}{{asset.EdgeDependsOn, e.Spec.DependsOn, "component"}, {asset.EdgeDependsOn, e.Spec.Consumes, "api"}, {asset.EdgeExposes, e.Spec.Provides, "api"}, {asset.EdgeMemberOf, e.Spec.MemberOf, "group"}} {
		for _, text := range l.refs {
			add(l.kind, whole(text, l.plain, namespace))
		}
	}
	return out
}

func (e *entity) tags() map[string]string {
	out := map[string]string{"kind": strings.ToLower(e.Kind.String())}
	for name, value := range map[string]string{
		"type": e.Spec.Type.String(), "lifecycle": e.Spec.Lifecycle.String(), "description": strings.TrimSpace(e.Metadata.Description.String()), "email": e.Spec.Profile.Email.String(),
		"system": e.Spec.System.String(), "namespace": e.Metadata.Namespace.String(), "orphan": e.Metadata.Annotations["backstage.io/orphan"].String(),
		"kubernetes-id": e.Metadata.Annotations["backstage.io/kubernetes-id"].String(), "location": strings.TrimPrefix(e.Metadata.Annotations["backstage.io/managed-by-location"].String(), "url:"),
	} {
		if value != "" {
			out[name] = value
		}
	}
	for name, value := range e.Metadata.Labels {
		out["label "+name] = value.String()
	}
	for _, tag := range e.Metadata.Tags {
		out["tag "+tag] = "yes"
	}
	return out
}

// repository names the repository that an entity comes from, as host/owner/name.
func (e *entity) repository(gitHost string) string {
	notes := e.Metadata.Annotations
	if slug := notes["github.com/project-slug"].String(); strings.Count(slug, "/") == 1 {
		return strings.ToLower(gitHost + "/" + slug)
	}
	if slug := notes["gitlab.com/project-slug"].String(); strings.Contains(slug, "/") {
		return strings.ToLower(cmp.Or(notes["gitlab.com/instance"].String(), "gitlab.com") + "/" + slug)
	}
	location := cmp.Or(notes["backstage.io/source-location"].String(), notes["backstage.io/managed-by-location"].String())
	u, err := url.Parse(strings.TrimPrefix(location, "url:"))
	if err != nil || u.Scheme != "https" {
		return ""
	}
	path, _, isGitLab := strings.Cut(strings.Trim(u.Path, "/"), "/-/")
	parts := strings.Split(path, "/")
	switch {
	case isGitLab && len(parts) >= 2:
		return strings.ToLower(u.Host + "/" + path)
	case len(parts) > 2 && (parts[2] == "tree" || parts[2] == "blob"), len(parts) == 2 && u.Host == gitHost:
		return strings.ToLower(u.Host + "/" + parts[0] + "/" + strings.TrimSuffix(parts[1], ".git"))
	}
	return ""
}
