package kubescape

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what a control's status on a resource means; "w/exceptions" is the
// sub-status of one that passed only because an exception says so.
var statuses = connectors.Statuses{"failed": exposure.StatusOpen, "w/exceptions": exposure.StatusSuppressed} //nolint:gochecknoglobals // a constant table

// verdict says what to make of a control on a resource: a finding, nothing since it
// passed, or nothing since it was not evaluated.
func verdict(s *status) (found, evaluated bool, as exposure.Status) {
	switch strings.ToLower(s.Status.String()) {
	case "failed":
		return true, true, statuses.Of("failed")
	case "passed":
		if strings.EqualFold(s.Sub.String(), "w/exceptions") {
			return true, true, statuses.Of("w/exceptions")
		}
		return false, true, ""
	}
	return false, false, "" // skipped, or a word that we don't know
}

func (d *decoding) finding(r *place, c *resourceResult, as exposure.Status) *exposure.Finding {
	id := connectors.Ident(c.ID.String())
	about := d.controls[id]
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + id, Title: cmp.Or(c.Name.String(), about.Name.String(), id), Location: r.location,
		Status: as, LastSeen: d.at, References: []string{"https://hub.armosec.io/docs/" + strings.ToLower(id)}, Evidence: paths(c.Rules),
		Vendor: wire.Fields(map[string]any{"category": about.Category.Name.String(), "score_factor": about.Factor.Value, "sub_status": c.Status.Sub.String(), "info": c.Status.Info.String()}),
	}
	if about.Category.Name != "" {
		f.Tags = []string{about.Category.Name.String()}
	}
	f.Severity, f.RawSeverity = severity(c, &about)
	if as == exposure.StatusSuppressed {
		f.StatusNote = exceptions(c.Rules)
	}
	f.UID = connectors.UID(f.Check, f.Location)
	return f
}

// severity is the control's, by the bounds that kubescape shows its score factors with.
func severity(c *resourceResult, about *control) (exposure.Severity, string) {
	if word := c.Severity.String(); connectors.Severity(word) != exposure.SeverityUnknown {
		return connectors.Severity(word), word
	}
	const critical, high, medium, low = 9, 7, 4, 1
	switch factor := about.Factor.Value; {
	case factor >= critical:
		return exposure.SeverityCritical, "Critical"
	case factor >= high:
		return exposure.SeverityHigh, "High"
	case factor >= medium:
		return exposure.SeverityMedium, "Medium"
	case factor >= low:
		return exposure.SeverityLow, "Low"
	}
	return exposure.SeverityUnknown, ""
}

// paths are where the resource fails, and what would mend it. Values that are there are
// not in the report; those that would mend it are.
func paths(rules []rule) string {
	const most = 20
	var out []string
	for _, r := range rules {
		for _, p := range r.Paths {
			line := cmp.Or(p.Failed.String(), p.Review.String(), p.Delete.String())
			if fix := p.Fix.Path.String(); fix != "" {
				line = fix + "=" + p.Fix.Value.String()
			}
			if line != "" && len(out) < most && !slices.Contains(out, line) {
				out = append(out, line)
			}
		}
	}
	return connectors.Redact(strings.Join(out, "\n"))
}

func exceptions(rules []rule) string {
	var out []string
	for _, r := range rules {
		for _, e := range r.Exception {
			note := strings.Trim(e.Name.String()+": "+e.Reason.String(), ": ")
			if note != "" && !slices.Contains(out, note) {
				out = append(out, note)
			}
		}
	}
	return cmp.Or(strings.Join(out, "; "), "passed by an exception")
}

// place is where a resource is: an asset of its own in a cluster, a place in a file else.
type place struct {
	name, location          string
	kind, namespace, object string
	labels                  map[string]string
}

// place keeps what is needed of a resource.
func (d *decoding) place(r *resource) *place {
	o := &r.Object
	name := cmp.Or(o.Metadata.Name.String(), o.Name.String(), r.ID.String())
	namespace := cmp.Or(o.Metadata.Namespace.String(), o.Namespace.String())
	p := &place{kind: o.Kind.String(), name: connectors.Ident(strings.Trim(namespace+"/"+o.Kind.String()+"/"+name, "/"))}
	p.namespace, p.object = namespace, name
	if file := r.Source.Relative.String(); file != "" || strings.HasPrefix(r.ID.String(), "path=") {
		p.location = connectors.Ident(strings.ReplaceAll(file, `\`, "/") + "#" + p.name)
		return p
	}
	p.labels = map[string]string{}
	for key, value := range o.Metadata.Labels {
		p.labels[key] = value.String()
	}
	return p
}

// describe describes a resource in a cluster, or the repository of a file.
func (d *decoding) describe(p *place) *asset.Description {
	if p.location != "" {
		return d.repository()
	}
	a := &asset.Description{Kind: asset.CloudResource, Name: p.name, SeenAt: d.at, Identifiers: []asset.Identifier{connectors.KubernetesObject(d.clusterName(), p.kind, p.namespace, p.object)}}
	if p.kind == "Node" {
		a.Kind = asset.Host
	}
	a.Tags, a.OwnerHints = connectors.SplitTags(p.labels)
	return a
}

func (d *decoding) clusterName() string {
	name := cmp.Or(d.config.Cluster, d.cluster, d.meta.Target.Cluster.Context.String())
	return strings.ReplaceAll(connectors.Ident(name), "|", "")
}

func (d *decoding) repository() *asset.Description {
	if d.repo != nil {
		return d.repo
	}
	repository := d.config.Repository
	for _, c := range []*repoContext{&d.meta.Target.Repo, &d.meta.Target.GitRepo} {
		repository = cmp.Or(repository, c.Remote.String())
		if c.Provider == "github" || c.Provider == "gitlab" {
			repository = cmp.Or(repository, c.Provider.String()+".com/"+c.Owner.String()+"/"+c.Repo.String())
		}
	}
	d.repo = &asset.Description{Kind: asset.Repository, SeenAt: d.at}
	if id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.RepositoryName, Value: repository}); ok && repository != "" {
		d.repo.Name, d.repo.Identifiers = id.Value, []asset.Identifier{id}
		return d.repo
	}
	d.repo.Name = connectors.Ident(cmp.Or(d.source, Name))
	d.repo.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: d.repo.Name}}
	return d.repo
}
