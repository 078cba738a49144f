package resourcegraph

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/internal/asset"
)

// resource reports whether a row is a resource of a subscription, and not what some
// service says of one.
func (v *wireRow) resource() bool {
	id, typ := strings.ToLower(v.ID.String()), strings.ToLower(v.Type.String())
	return strings.HasPrefix(id, "/subscriptions/") && strings.Contains(typ, "/") && !strings.HasPrefix(typ, "microsoft.security/")
}

func (v *wireRow) describe() *asset.Description {
	d := cloud.Describe(cloud.Resource{ID: v.ID.String(), Provider: "azure", Name: v.Name.String(), Type: v.Type.String()})
	switch strings.ToLower(v.Type.String()) {
	case "microsoft.compute/virtualmachines", "microsoft.hybridcompute/machines":
		v.machine(d)
	case "microsoft.network/networkinterfaces":
		d = v.netcard(d)
	case "microsoft.network/publicipaddresses":
		v.address(d)
	case "microsoft.web/sites", "microsoft.web/sites/slots":
		d.Kind = asset.WebApplication
		v.named(d, v.Properties.HostNames...)
		if !strings.EqualFold(v.Properties.PublicAccess.String(), "Disabled") {
			d.Internet = asset.InternetYes
		}
	case "microsoft.network/dnszones":
		d.Kind = asset.Domain
		v.named(d, v.Name.String())
	case "microsoft.managedidentity/userassignedidentities":
		d.Kind = asset.Identity
	default:
		v.named(d, v.Properties.FQDN.String(), v.Properties.Login.String())
	}
	if strings.EqualFold(v.Properties.PublicAccess.String(), "Disabled") {
		d.Internet = asset.InternetNo
	}
	cloud.Tags(d, v.Tags)
	group := &asset.Description{}
	cloud.Tags(group, v.GroupTags)
	for _, h := range group.OwnerHints {
		cloud.Owner(d, h.Value, "resource group "+h.From)
	}
	if subscription := cmp.Or(connectors.Ident(v.Subscription.String()), subscriptionOf(v.ID.String())); subscription != "" {
		edge(d, asset.EdgePartOf, "/subscriptions/"+subscription)
	}
	return d
}

func subscriptionOf(id string) string {
	parts := strings.Split(id, "/")
	if len(parts) < 3 {
		return ""
	}
	return connectors.Ident(parts[2])
}

// edge ties a resource to another one by the other's ID.
func edge(d *asset.Description, kind asset.EdgeKind, id string) {
	other := cloud.Describe(cloud.Resource{ID: id, Provider: "azure"})
	if len(other.Identifiers) > 0 && id != "" {
		d.Edges = append(d.Edges, asset.Edge{Kind: kind, To: other.Identifiers[0], ToKind: other.Kind, ToName: other.Name})
	}
}

// named adds the names that a resource answers to.
func (v *wireRow) named(d *asset.Description, names ...string) {
	d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers("", names, nil, nil)...)
}

func (v *wireRow) machine(d *asset.Description) {
	p := &v.Properties
	d.Kind = asset.Host
	d.Identifiers = append(d.Identifiers, connectors.AzureVM("", connectors.Ident(p.VMID.String()))...)
	v.named(d, p.OS.Computer.String())
	d.OS = strings.TrimSpace(cmp.Or(p.Storage.Image.Offer.String(), p.Storage.Disk.Type.String()) + " " + p.Storage.Image.SKU.String())
	if p.ScaleSet.ID != "" {
		d.Ephemeral = asset.EphemeralAutoscaled
		edge(d, asset.EdgePartOf, p.ScaleSet.ID.String())
	}
	if image := p.Storage.Image.ID.String(); strings.HasPrefix(strings.ToLower(image), "/subscriptions/") {
		edge(d, asset.EdgeInstanceOf, image)
	}
}

// netcard describes the machine that a network interface is in, or else the interface.
func (v *wireRow) netcard(d *asset.Description) *asset.Description {
	p := &v.Properties
	if machine := p.Machine.ID.String(); machine != "" {
		d = cloud.Describe(cloud.Resource{ID: machine, Provider: "azure"})
	}
	ips := make([]string, 0, len(p.Configs))
	for i := range p.Configs {
		c := &p.Configs[i].Properties
		ips = append(ips, c.Private.String())
		if network, _, ok := strings.Cut(strings.ToLower(c.Subnet.ID.String()), "/subnets/"); ok && d.Zone == "" {
			d.Zone = connectors.Ident(network)
		}
		if c.Public.ID != "" {
			d.Internet = asset.InternetYes
		}
	}
	d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers(d.Zone, nil, ips, []string{strings.ReplaceAll(p.MAC.String(), "-", ":")})...)
	return d
}

// address describes a public address, with what it is bound to: the resource before the
// configuration's own name.
func (v *wireRow) address(d *asset.Description) {
	p := &v.Properties
	d.Identifiers = append(d.Identifiers, connectors.HostIdentifiers("", []string{p.DNS.FQDN.String()}, []string{p.Address.String()}, nil)...)
	bound := p.Config.ID.String()
	for _, part := range []string{"/ipConfigurations/", "/frontendIPConfigurations/", "/gatewayIPConfigurations/"} {
		if i := strings.LastIndex(strings.ToLower(bound), strings.ToLower(part)); i > 0 {
			d.Internet = asset.InternetYes
			edge(d, asset.EdgeExposes, bound[:i])
			return
		}
	}
}
