package sarif

import (
	"cmp"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// target is what the run scanned.
func (d *decoding) target(n *run) *asset.Description {
	if n.asset != nil {
		return n.asset
	}
	_, ended := n.times()
	a := &asset.Description{Kind: asset.Repository, SeenAt: ended}
	repository := d.config.Repository
	if repository == "" && d.config.Artifact == "" && len(n.sources) > 0 {
		repository = n.sources[0].URI.String()
	}
	images := imageIdentifiers(&n.props)
	switch {
	case d.config.Artifact != "":
		a.Name = d.config.Artifact
		a.Identifiers = append(slices.Clone(images), asset.Identifier{Kind: asset.Label, Scope: d.source, Value: a.Name})
	case repository != "":
		id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: repository})
		if !ok {
			id = asset.Identifier{Kind: asset.Label, Scope: d.source, Value: connectors.Ident(connectors.ParseAddress(repository).Without(repository))}
		}
		a.Name, a.Identifiers = id.Value, []asset.Identifier{id}
	case len(images) > 0:
		a.Name, a.Identifiers = n.props.ImageName.String(), images
	default:
		name := cmp.Or(n.props.ImageName.String(), d.source)
		a.Name, a.Identifiers = name, []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: connectors.Ident(name)}}
	}
	if len(images) > 0 || n.props.ImageName != "" {
		a.Kind = asset.ContainerImage
	}
	a.Name = cmp.Or(connectors.Ident(a.Name), d.source, Name)
	n.asset = a
	return a
}

// imageIdentifiers are an image's digests: that of its manifest, and that of its
// configuration, which Docker calls the image's ID.
func imageIdentifiers(p *runProperties) []asset.Identifier {
	var out []asset.Identifier
	add := func(scope, digest string) {
		if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.ImageDigest, Scope: scope, Value: digest}); ok {
			out = append(out, id)
		}
	}
	if len(p.RepoDigests) > 0 {
		add("", p.RepoDigests[0])
	}
	add("config", p.ImageID.String())
	return out
}

// place is where a result is: on what, and where on it.
func (d *decoding) place(n *run, res *result) (a *asset.Description, where, target string) {
	if len(res.Locations) == 0 {
		return d.target(n), "", ""
	}
	l := &res.Locations[0]
	uri, base := l.Physical.Artifact.URI.String(), l.Physical.Artifact.Base.String()
	if i, ok := index(l.Physical.Artifact.Index, len(n.artifacts)); ok && uri == "" {
		uri, base = n.artifacts[i].URI.String(), n.artifacts[i].Base.String()
	}
	if address := connectors.ParseAddress(uri); address.Scheme == "http" || address.Scheme == "https" {
		if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.URLOrigin, Value: address.Scheme + "://" + address.HostPort()}); ok && d.config.Artifact == "" {
			return d.web(id.Value, n), address.Location(), address.Without(uri)
		}
		return d.target(n), address.Location(), address.Without(uri)
	}
	if where = n.file(uri, base); where == "" {
		where = l.Physical.Address.Name.String()
		for _, logical := range l.Logical {
			where = cmp.Or(where, logical.Qualified.String(), logical.Name.String())
		}
	}
	return d.target(n), connectors.Ident(where), ""
}

var versioned = regexp.MustCompile(`^(?:pkg:)?([\w.-]+)/(.+)@(v?\d+(?:\.\d+)+[\w.+-]*)$`)

// packageAt reads a place that is a package with its version and no file, as some scanners
// of dependencies write it: "npm/lodash@4.17.20". Its place is the package.
func packageAt(where string) (p *exposure.Package, bare string) {
	m := versioned.FindStringSubmatch(where)
	if m == nil {
		return nil, where
	}
	bare = "pkg:" + m[1] + "/" + m[2]
	return &exposure.Package{Name: m[2], Version: m[3], PURL: bare + "@" + m[3]}, bare
}

// web is the web application at an origin, described once for results that follow each
// other.
func (d *decoding) web(origin string, n *run) *asset.Description {
	if d.origin == nil || d.origin.Name != origin {
		_, ended := n.times()
		d.origin = &asset.Description{Kind: asset.WebApplication, Name: origin, SeenAt: ended,
			Identifiers: []asset.Identifier{{Kind: asset.URLOrigin, Value: origin}}}
	}
	return d.origin
}

// file is a file's path from the root of what was scanned, wherever that lay on the
// machine: what is absolute loses the base or the working directory that it begins with.
func (n *run) file(uri, base string) string {
	for range mostMentions { // bases lead to bases
		b, ok := n.bases[base]
		if !ok || base == "" || strings.Contains(b.URI.String(), "://") {
			break
		}
		uri, base = strings.TrimSuffix(b.URI.String(), "/")+"/"+uri, b.Base.String()
		uri = strings.TrimPrefix(uri, "/")
	}
	if strings.HasPrefix(uri, "file:") {
		for _, root := range n.roots() {
			if rest, ok := strings.CutPrefix(uri, root); ok {
				uri = rest
				break
			}
		}
	}
	uri = strings.TrimPrefix(uri, "file://")
	if decoded, err := url.PathUnescape(uri); err == nil {
		uri = decoded
	}
	if uri = strings.TrimPrefix(strings.ReplaceAll(uri, `\`, "/"), "./"); uri == "" {
		return ""
	}
	if strings.Contains(uri, ":/") { // an address of another kind, which is no path
		return uri
	}
	return path.Clean(uri)
}

// roots are the directories that the tool worked in, as file URIs ending in a slash.
func (n *run) roots() []string {
	if n.rooted {
		return n.root
	}
	n.rooted = true
	add := func(uri string) {
		if strings.HasPrefix(uri, "file:") && len(n.root) < mostMentions {
			n.root = append(n.root, strings.TrimSuffix(uri, "/")+"/")
		}
	}
	for i := range n.invocations {
		add(n.invocations[i].Directory.URI.String())
	}
	for _, name := range sortedKeys(n.bases) {
		add(n.bases[name].URI.String())
	}
	return n.root
}
