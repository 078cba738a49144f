package terraform

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/cloud"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// kinds are the types of resource that are more than a cloud's resource.
var kinds = map[string]asset.Kind{ //nolint:gochecknoglobals // a constant table
	"aws_instance": asset.Host, "aws_spot_instance_request": asset.Host, "aws_lightsail_instance": asset.Host,
	"azurerm_virtual_machine": asset.Host, "azurerm_linux_virtual_machine": asset.Host, "azurerm_windows_virtual_machine": asset.Host,
	"google_compute_instance": asset.Host, "digitalocean_droplet": asset.Host, "hcloud_server": asset.Host, "linode_instance": asset.Host, "vultr_instance": asset.Host,
	"openstack_compute_instance_v2": asset.Host, "vsphere_virtual_machine": asset.Host, "scaleway_instance_server": asset.Host, "oci_core_instance": asset.Host,
	"github_repository": asset.Repository, "gitlab_project": asset.Repository,
	"aws_route53_record": asset.Domain, "aws_route53_zone": asset.Domain, "cloudflare_record": asset.Domain, "azurerm_dns_zone": asset.Domain, "google_dns_managed_zone": asset.Domain,
	"aws_iam_user": asset.Identity, "aws_iam_role": asset.Identity, "azuread_user": asset.Identity, "azuread_service_principal": asset.Identity, "google_service_account": asset.Identity,
	"azurerm_user_assigned_identity": asset.Identity,
}

// hidden are the beginnings of types whose very name may be the secret.
var hidden = []string{"random_", "tls_", "vault_", "local_", "null_", "time_", "template_", "external", "http", "terraform_data", "aws_iam_access_key", "google_service_account_key", "kubernetes_secret"} //nolint:gochecknoglobals // a constant table

// describe describes an instance of a resource; nil, with the reason, for one that has no
// name of its own in its cloud.
func (d *decoding) describe(kind, address string, a *attributes, secretly sensitive) (*asset.Description, string) {
	if secretive(kind) {
		return nil, "resource_of_no_cloud"
	}
	a.without(secretly)
	out := &asset.Description{Kind: cmp.Or(kinds[kind], asset.CloudResource), Zone: d.config.Zone, Identifiers: cloudIDs(a)}
	var names, ips []string
	switch out.Kind { //nolint:exhaustive // the others have no names beside their cloud's
	case asset.Host:
		out.Identifiers = append(out.Identifiers, instanceIDs(kind, a)...)
		names, ips = []string{a.FQDN.String(), a.Hostname.String(), a.PublicDNS.String(), a.PrivateDNS.String()}, []string{a.PublicIP.String(), a.PrivateIP.String(), a.IPv4.String()}
	case asset.Repository:
		if id := repository(kind, a); id != "" {
			out.Identifiers = append(out.Identifiers, asset.Identifier{Kind: asset.RepositoryName, Value: id})
		}
	case asset.Domain:
		names = []string{cmp.Or(a.FQDN.String(), a.Hostname.String(), a.Name.String())}
		if strings.HasPrefix(names[0], "_") || strings.Contains(names[0], "*") {
			names = nil
		}
	}
	out.Identifiers = append(out.Identifiers, connectors.HostIdentifiers(d.config.Zone, names, ips, nil)...)
	if len(out.Identifiers) == 0 {
		return nil, "resource_without_name_in_its_cloud"
	}
	out.Tags = d.tags(kind, address, a)
	out.Name = cmp.Or(out.Tags["Name"], a.Name.String(), a.FQDN.String(), a.FullName.String(), a.ID.String(), address)
	for _, key := range slices.Sorted(maps.Keys(out.Tags)) {
		if out.Tags[key] != "" && slices.ContainsFunc(d.config.OwnerTags, func(t string) bool { return strings.EqualFold(t, key) }) {
			out.OwnerHints = append(out.OwnerHints, asset.OwnerHint{Value: out.Tags[key], From: "tag " + key})
		}
	}
	if repo := d.config.Repository; repo != "" {
		out.Edges = []asset.Edge{{Kind: asset.EdgeBuiltFrom, To: asset.Identifier{Kind: asset.RepositoryName, Value: repo}, ToKind: asset.Repository, ToName: repo}}
	}
	if strings.HasPrefix(kind, "aws_lb") || kind == "aws_elb" || kind == "aws_alb" {
		out.Internet = map[string]string{"false": asset.InternetYes, "true": asset.InternetNo}[a.Internal.String()]
	}
	return out, ""
}

// secretive reports whether nothing is read of a type.
func secretive(kind string) bool {
	return slices.ContainsFunc(hidden, func(prefix string) bool { return strings.HasPrefix(kind, prefix) })
}

// without forgets the attributes that the provider calls secret.
func (a *attributes) without(secretly sensitive) {
	for name, field := range map[string]interface{ forget() }{
		"id": text{&a.ID}, "name": text{&a.Name}, "fqdn": text{&a.FQDN}, "hostname": text{&a.Hostname}, "tags": &a.Tags, "tags_all": &a.TagsAll, "labels": &a.Labels,
	} {
		if secretly[name] {
			field.forget()
		}
	}
}

func (t *tagList) forget() { *t = nil }

// cloudIDs are the names of a resource that are the same for everybody.
func cloudIDs(a *attributes) []asset.Identifier {
	id := func(value string) []asset.Identifier {
		return []asset.Identifier{{Kind: asset.CloudResourceID, Value: value}}
	}
	const googleapis = "https://www.googleapis.com/compute/v1/"
	switch link := a.SelfLink.String(); {
	case strings.HasPrefix(a.ARN.String(), "arn:"):
		return id(strings.TrimSuffix(a.ARN.String(), ":*")) // as log groups have it
	case strings.HasPrefix(strings.ToLower(a.ID.String()), "/subscriptions/"):
		return id(strings.ToLower(a.ID.String()))
	case strings.HasPrefix(link, googleapis):
		return id("//compute.googleapis.com/" + strings.TrimPrefix(link, googleapis))
	case strings.HasPrefix(link, "https://www.googleapis.com/storage/v1/b/"):
		return id("//storage.googleapis.com/" + strings.TrimPrefix(link, "https://www.googleapis.com/storage/v1/b/"))
	case a.URN != "" && strings.Contains(a.URN.String(), ":"):
		return id(a.URN.String())
	}
	return nil
}

// instanceIDs are the names that a cloud gives a machine beside its resource.
func instanceIDs(kind string, a *attributes) []asset.Identifier {
	switch id := a.ID.String(); {
	case strings.HasPrefix(kind, "aws_") && strings.HasPrefix(id, "i-"):
		arn, _ := cloud.ParseARN(a.ARN.String())
		ids := connectors.AWSInstance(arn.Account, arn.Region, id)
		return ids[len(ids)-1:] // the resource is known by its ARN
	case strings.HasPrefix(kind, "azurerm_") && a.MachineID != "":
		return connectors.AzureVM("", a.MachineID.String())
	case strings.HasPrefix(kind, "google_") && a.InstanceID != "":
		return connectors.GCPInstance(a.Project.String(), a.InstanceID.String())
	}
	return nil
}

// repository is host/owner/name.
func repository(kind string, a *attributes) string {
	if _, rest, ok := strings.Cut(a.CloneURL.String(), "://"); ok {
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = rest[at+1:]
		}
		return strings.ToLower(strings.TrimSuffix(rest, ".git"))
	}
	if kind == "github_repository" && strings.Count(a.FullName.String(), "/") == 1 {
		return strings.ToLower("github.com/" + a.FullName.String())
	}
	return ""
}

func (d *decoding) tags(kind, address string, a *attributes) map[string]string {
	out := map[string]string{}
	for _, tags := range []tagList{a.Labels, a.Tags, a.TagsAll} {
		for key, value := range tags {
			out[key] = connectors.Redact(value)
		}
	}
	for name, value := range map[string]string{
		"terraform type": kind, "terraform address": address, "terraform lineage": d.lineage, "region": cmp.Or(a.Region.String(), a.Location.String()), "project": a.Project.String(),
		"instance_type": a.InstanceType.String(), "image": a.AMI.String(),
	} {
		if value != "" {
			out[name] = value
		}
	}
	return out
}

// text is a text that can be forgotten.
type text struct{ value *wire.Text }

func (t text) forget() { *t.value = "" }
