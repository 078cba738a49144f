package trivyoperator

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// The labels by which the operator says what a report is of. A name that is no valid
// label stands in an annotation of the same name.
const (
	labelKind      = "trivy-operator.resource.kind"
	labelName      = "trivy-operator.resource.name"
	labelNamespace = "trivy-operator.resource.namespace"
	labelContainer = "trivy-operator.container.name"
)

// A ReplicaSet is named after its Deployment and the hash of its pods, in letters that
// spell no words; a Job of a CronJob after the minute that it ran in.
var (
	podHash = regexp.MustCompile(`^(.+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}$`)
	minute  = regexp.MustCompile(`^(.+)-\d{8,11}$`)
)

// workload is what a report is of: the thing that lasts when its parts are replaced.
func workload(m *metadata) (namespace, kind, name, container string) {
	kind = cmp.Or(m.Labels[labelKind].String(), m.Annotations[labelKind].String())
	name = cmp.Or(m.Labels[labelName].String(), m.Annotations[labelName].String())
	if len(m.Owners) > 0 {
		kind = cmp.Or(kind, m.Owners[0].Kind.String())
		name = cmp.Or(name, m.Owners[0].Name.String())
	}
	if name == "" {
		name = m.Name.String()
	}
	namespace = cmp.Or(m.Labels[labelNamespace].String(), m.Namespace.String())
	switch kind {
	case "ReplicaSet":
		if parts := podHash.FindStringSubmatch(name); parts != nil {
			kind, name = "Deployment", parts[1]
		}
	case "Job":
		if parts := minute.FindStringSubmatch(name); parts != nil {
			kind, name = "CronJob", parts[1]
		}
	}
	return namespace, kind, name, m.Labels[labelContainer].String()
}

// describe describes what a report is of: a container, else a workload, role or node.
func (d *decoding) describe(o *envelope) *asset.Description {
	namespace, kind, name, container := workload(&o.Metadata)
	path := strings.Trim(strings.Join([]string{namespace, kind, name}, "/"), "/")
	id := connectors.KubernetesObject(d.config.Cluster, kind, namespace, name)
	a := &asset.Description{Kind: asset.CloudResource, Name: connectors.Ident(path), SeenAt: o.Report.Updated.Time,
		OS: strings.TrimSpace(o.Report.OS.Family.String() + " " + o.Report.OS.Name.String())}
	tags := map[string]string{}
	for key, value := range o.Metadata.Labels {
		if !strings.HasPrefix(key, "trivy-operator.") && !strings.HasSuffix(key, "-hash") && !strings.HasPrefix(key, "app.kubernetes.io/managed-by") {
			tags[key] = value.String()
		}
	}
	a.Tags, a.OwnerHints = connectors.SplitTags(tags)
	if kind == "Node" {
		a.Kind = asset.Host
		a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Cluster, []string{name}, nil, nil)...)
	}
	if container != "" {
		a.Name = connectors.Ident(path + "/" + container)
		whole := id
		id = connectors.KubernetesObject(d.config.Cluster, kind, namespace, name, container)
		a.Edges = append(a.Edges, asset.Edge{Kind: asset.EdgePartOf, To: whole, ToKind: asset.CloudResource, ToName: connectors.Ident(path)})
	}
	a.Identifiers = append([]asset.Identifier{id}, a.Identifiers...)
	if edge, ok := image(o); ok {
		a.Edges = append(a.Edges, edge)
	}
	return a
}

// image leads to the image that a container was made of, where its digest is known.
func image(o *envelope) (asset.Edge, bool) {
	id, ok, _ := asset.Clean(asset.Identifier{Kind: asset.ImageDigest, Value: o.Report.Artifact.Digest.String()})
	return asset.Edge{Kind: asset.EdgeInstanceOf, To: id, ToKind: asset.ContainerImage, ToName: imageName(o)}, ok
}

func imageName(o *envelope) string {
	a := &o.Report.Artifact
	name := strings.Trim(o.Report.Registry.Server.String()+"/"+a.Repository.String(), "/")
	if tag := a.Tag.String(); tag != "" && name != "" {
		name += ":" + tag
	}
	return connectors.Ident(name)
}

// cluster describes the cluster itself, which compliance reports are of.
func (d *decoding) cluster(o *envelope) *asset.Description {
	name := cmp.Or(d.config.Cluster, d.source, Name)
	return &asset.Description{Kind: asset.CloudResource, Name: connectors.Ident(name), Identifiers: []asset.Identifier{connectors.KubernetesObject(d.config.Cluster, "cluster", "", "")}, SeenAt: o.Status.Updated.Time}
}
