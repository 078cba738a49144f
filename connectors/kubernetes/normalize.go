package kubernetes

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// kinds are the kinds of object that are read.
var kinds = []string{"Namespace", "Node", "Pod", "Service", "Deployment", "StatefulSet", "DaemonSet", "Ingress"} //nolint:gochecknoglobals // a constant table

// ownerNames are what labels and annotations that name an owner are called, behind their
// prefix. managed-by is none: it names a tool.
var ownerNames = []string{"team", "owner", "owners", "owned-by", "squad", "tribe", "contact", "contacts", "maintainer", "maintainers", "responsible", "cost-center", "costcenter", "business-unit"} //nolint:gochecknoglobals // a constant table

// describe gives what an object is, and for an ingress the applications behind its host
// names.
func (d *decoding) describe(kind string, o *object) []*asset.Description {
	switch kind {
	case "Node":
		return []*asset.Description{d.node(o)}
	case "Pod":
		return []*asset.Description{d.pod(o)}
	case "Service":
		return []*asset.Description{d.service(o)}
	case "Ingress":
		return d.ingress(o)
	case "Namespace", "Deployment", "StatefulSet", "DaemonSet":
		return []*asset.Description{d.workload(kind, o)}
	}
	return nil
}

// ref names an object inside its cluster.
func (d *decoding) ref(kind, namespace, name string) asset.Identifier {
	return connectors.KubernetesObject(d.config.Cluster, kind, namespace, name)
}

// resource begins the description of an object that is part of its namespace.
func (d *decoding) resource(kind string, o *object) *asset.Description {
	m := &o.Metadata
	a := &asset.Description{
		Kind: asset.CloudResource, Name: strings.TrimPrefix(m.Namespace.String()+"/"+m.Name.String(), "/"), Zone: d.config.Zone, Tags: d.tags(kind, o), OwnerHints: d.hints(o),
		Identifiers: []asset.Identifier{d.ref(kind, m.Namespace.String(), m.Name.String())},
	}
	if m.Namespace != "" {
		a.Edges = []asset.Edge{d.edge(asset.EdgePartOf, "Namespace", "", m.Namespace.String())}
	}
	return a
}

func (d *decoding) edge(kind asset.EdgeKind, to, namespace, name string) asset.Edge {
	e := asset.Edge{Kind: kind, To: d.ref(to, namespace, name), ToKind: asset.CloudResource, ToName: strings.TrimPrefix(namespace+"/"+name, "/")}
	if to == "Node" {
		e.ToKind = asset.Host
	}
	return e
}

func (d *decoding) node(o *object) *asset.Description {
	a := d.resource("Node", o)
	a.Kind = asset.Host
	var names, ips []string
	for _, address := range o.Status.Addresses {
		if strings.HasSuffix(address.Type.String(), "IP") {
			ips = append(ips, address.Address.String())
		} else {
			names = append(names, address.Address.String())
		}
	}
	a.Identifiers = append(providerIDs(o.Spec.ProviderID.String()), a.Identifiers...)
	if info := o.Status.NodeInfo; info != nil {
		a.OS = info.OSImage.String()
		if uuid := info.SystemUUID.String(); uuid != "" {
			a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.BIOSUUID, Value: uuid})
		}
		for name, value := range map[string]string{"kernel": info.Kernel.String(), "container_runtime": info.Runtime.String(), "kubelet": info.Kubelet.String(), "architecture": info.Arch.String()} {
			if value != "" {
				a.Tags[name] = value
			}
		}
	}
	a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, append(names, o.Metadata.Name.String()), ips, nil)...)
	labels := o.Metadata.Labels
	if labels["karpenter.sh/nodepool"]+labels["karpenter.sh/provisioner-name"] != "" || labels["eks.amazonaws.com/capacityType"] == "SPOT" ||
		labels["cloud.google.com/gke-spot"] == "true" || labels["kubernetes.azure.com/scalesetpriority"] == "spot" {
		a.Ephemeral = asset.EphemeralAutoscaled
	}
	return a
}

// providerIDs takes a cloud's own names out of a node's provider ID.
func providerIDs(id string) []asset.Identifier {
	scheme, rest, _ := strings.Cut(id, "://")
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	last := parts[len(parts)-1]
	switch {
	case scheme == "aws" && strings.HasPrefix(last, "i-"):
		return connectors.AWSInstance("", "", last) // of an account that is not told
	case scheme == "azure" && strings.HasPrefix(strings.ToLower(rest), "/subscriptions/"):
		return []asset.Identifier{{Kind: asset.CloudResourceID, Value: strings.ToLower(rest)}}
	case scheme == "gce" && len(parts) == 3:
		return []asset.Identifier{{Kind: asset.CloudResourceID, Value: "//compute.googleapis.com/projects/" + parts[0] + "/zones/" + parts[1] + "/instances/" + parts[2]}}
	}
	return nil
}

func (d *decoding) pod(o *object) *asset.Description {
	a := d.resource("Pod", o)
	a.Ephemeral = asset.EphemeralPod
	switch o.Status.Phase {
	case "Succeeded", "Failed": // its containers have ended, and will not be started again
		a.Gone = true
	}
	namespace := o.Metadata.Namespace.String()
	if node := o.Spec.NodeName.String(); node != "" {
		a.Edges = append(a.Edges, d.edge(asset.EdgeRunsOn, "Node", "", node))
	}
	for _, owner := range o.Metadata.Owners {
		kind, name := owner.Kind.String(), owner.Name.String()
		if hash := o.Metadata.Labels["pod-template-hash"].String(); kind == "ReplicaSet" && hash != "" && strings.HasSuffix(name, "-"+hash) {
			kind, name = "Deployment", strings.TrimSuffix(name, "-"+hash)
		}
		if name != "" && slices.Contains(kinds, kind) {
			to := namespace
			if kind == "Node" { // a static pod of the control plane
				continue
			}
			a.Edges = append(a.Edges, d.edge(asset.EdgePartOf, kind, to, name))
		}
	}
	a.Edges = append(a.Edges, images(slices.Concat(o.Status.Containers, o.Status.InitContainers))...)
	return a
}

// images are the edges to the images that containers run, by digest, each once.
func images(containers []container) []asset.Edge {
	var out []asset.Edge
	for _, c := range containers {
		_, digest, ok := strings.Cut(c.ImageID.String(), "@")
		if !ok || !strings.HasPrefix(digest, "sha256:") { // "docker://sha256:…" is a layer's configuration, and no digest
			continue
		}
		e := asset.Edge{Kind: asset.EdgeInstanceOf, To: asset.Identifier{Kind: asset.ImageDigest, Value: digest}, ToKind: asset.ContainerImage, ToName: cmp.Or(c.Image.String(), digest)}
		if !slices.ContainsFunc(out, func(o asset.Edge) bool { return o.To == e.To }) {
			out = append(out, e)
		}
	}
	return out
}

func (d *decoding) workload(kind string, o *object) *asset.Description {
	a := d.resource(kind, o)
	if o.Spec.Template == nil {
		return a
	}
	for _, c := range o.Spec.Template.Spec.Containers {
		image := c.Image.String()
		if _, digest, ok := strings.Cut(image, "@"); ok && strings.HasPrefix(digest, "sha256:") {
			a.Edges = append(a.Edges, images([]container{{Image: c.Image, ImageID: c.Image}})...)
		} else if image != "" {
			a.Tags["image "+image] = "yes"
		}
	}
	return a
}

func (d *decoding) service(o *object) *asset.Description {
	a := d.resource("Service", o)
	a.Tags["service_type"] = o.Spec.Type.String()
	if o.Spec.Type == "LoadBalancer" {
		a.Internet = o.internet()
		d.addresses(a, o)
		for _, p := range o.Spec.Ports {
			if port := p.Port.Int(); port > 0 && port <= 65535 {
				a.Services = append(a.Services, asset.Service{Port: port, Protocol: strings.ToLower(cmp.Or(p.Protocol.String(), "tcp")), Name: p.Name.String()})
			}
		}
	}
	return a
}

// addresses tags what a load balancer answers at: its names belong to the balancer, which
// the cloud's own inventory knows better.
func (d *decoding) addresses(a *asset.Description, o *object) {
	var at []string
	for _, i := range o.Status.LoadBalancer.Ingress {
		if text := cmp.Or(i.Hostname.String(), i.IP.String()); text != "" {
			at = append(at, text)
		}
	}
	if len(at) > 0 {
		a.Tags["load_balancer"] = strings.Join(at, ",")
	}
}

func (d *decoding) ingress(o *object) []*asset.Description {
	a := d.resource("Ingress", o)
	a.Internet = o.internet()
	a.Tags["ingress_class"] = cmp.Or(o.Spec.Class.String(), o.Metadata.Annotations["kubernetes.io/ingress.class"].String())
	d.addresses(a, o)
	namespace := o.Metadata.Namespace.String()
	services := map[string]bool{}
	lead := func(b *backend) {
		if name := b.Service.Name.String(); name != "" && !services[name] {
			services[name] = true
			a.Edges = append(a.Edges, d.edge(asset.EdgeExposes, "Service", namespace, name))
		}
	}
	if o.Spec.Default != nil {
		lead(o.Spec.Default)
	}
	out := []*asset.Description{a}
	told := map[string]bool{}
	for i := range o.Spec.Rules {
		rule := &o.Spec.Rules[i]
		for k := range rule.HTTP.Paths {
			lead(&rule.HTTP.Paths[k].Backend)
		}
		host := strings.ToLower(rule.Host.String())
		if host == "" || strings.Contains(host, "*") || told[host] { // a wildcard is no application
			continue
		}
		told[host] = true
		scheme := "http://"
		for _, t := range o.Spec.TLS {
			if slices.ContainsFunc(t.Hosts, func(h string) bool {
				return strings.EqualFold(h, host) || strings.HasPrefix(h, "*.") && strings.HasSuffix(host, h[1:])
			}) {
				scheme = "https://"
			}
		}
		out = append(out, &asset.Description{
			Kind: asset.WebApplication, Name: host, Zone: d.config.Zone, Internet: a.Internet, OwnerHints: a.OwnerHints, Tags: map[string]string{"namespace": namespace},
			Identifiers: []asset.Identifier{{Kind: asset.URLOrigin, Value: scheme + host}},
			Edges:       []asset.Edge{d.edge(asset.EdgeDependsOn, "Ingress", namespace, o.Metadata.Name.String())},
		})
	}
	return out
}

// internals are the annotations by which clouds are asked for a load balancer inside the
// network, with the values that do so; empty: all but false.
var internals = map[string]string{ //nolint:gochecknoglobals // a constant table
	"service.beta.kubernetes.io/aws-load-balancer-internal": "", "service.beta.kubernetes.io/azure-load-balancer-internal": "", "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
	"alb.ingress.kubernetes.io/scheme": "internal", "networking.gke.io/load-balancer-type": "internal", "cloud.google.com/load-balancer-type": "internal", "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": "private",
	"service.beta.kubernetes.io/oci-load-balancer-internal": "", "service.beta.kubernetes.io/openstack-internal-load-balancer": "",
}

// internet says whether an ingress or load balancer faces the internet: yes, unless it
// was asked for inside the network, or all its addresses are private ones.
func (o *object) internet() string {
	for name, want := range internals {
		value := strings.ToLower(o.Metadata.Annotations[name].String())
		if want != "" && value == want || want == "" && value != "" && value != "false" {
			return asset.InternetNo
		}
	}
	inside := 0
	for _, i := range o.Status.LoadBalancer.Ingress {
		if ip, err := netip.ParseAddr(i.IP.String()); err == nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsLoopback()) {
			inside++
		}
	}
	if inside > 0 && inside == len(o.Status.LoadBalancer.Ingress) {
		return asset.InternetUnknown // something before it may forward
	}
	return asset.InternetYes
}

// tags are the labels, and what else tells objects apart. Annotations hold too much to be
// taken over: whole configurations, with what containers are told.
func (d *decoding) tags(kind string, o *object) map[string]string {
	out := map[string]string{"kind": kind, "uid": o.Metadata.UID.String(), "namespace": o.Metadata.Namespace.String(), "phase": o.Status.Phase.String(),
		"provider_id": o.Spec.ProviderID.String(), "component": o.Metadata.Annotations["backstage.io/kubernetes-id"].String()}
	for name, value := range o.Metadata.Labels {
		if name != "pod-template-hash" && name != "controller-revision-hash" {
			out["label "+name] = value.String()
		}
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

func (d *decoding) hints(o *object) []asset.OwnerHint {
	var out []asset.OwnerHint
	owner := func(key string) bool {
		name := strings.ToLower(key[strings.LastIndexByte(key, '/')+1:])
		return slices.Contains(d.config.OwnerLabels, key) || slices.Contains(ownerNames, strings.ReplaceAll(name, "_", "-"))
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata.Labels)) {
		if value := o.Metadata.Labels[key].String(); value != "" && owner(key) {
			out = append(out, asset.OwnerHint{Value: value, From: "label " + key})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata.Annotations)) {
		const longest = 256
		if value := o.Metadata.Annotations[key].String(); value != "" && len(value) <= longest && owner(key) {
			out = append(out, asset.OwnerHint{Value: connectors.Redact(value), From: "annotation " + key})
		}
	}
	return out
}
