package qualys

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
)

func rest(fields map[string]any) []byte { return wire.Fields(fields) }

// Qualys numbers hosts and assets apart, and one host has both numbers.
const (
	hostNumber  = "host/"
	assetNumber = "asset/"
	appNumber   = "webapp/"
)

// describe makes the description of a HOST of the API or of a report.
func (d *decoding) describe(h *xmlpull.Node) *asset.Description {
	names := append(h.Gets("DNS"), h.Gets("NETBIOS")...)
	names = append(names, h.Get("DNS_DATA/FQDN"), h.Get("DNS_DATA/HOSTNAME"))
	ips := slices.Concat(h.Gets("IP"), h.Gets("IPV6"))
	desc := &asset.Description{
		Kind: asset.Host, OS: first(h, "OS", "OPERATING_SYSTEM"), Zone: d.zone(h.Get("NETWORK_ID")),
		Name:   cmp.Or(h.Get("DNS_DATA/FQDN"), h.Get("DNS"), h.Get("NETBIOS"), h.Get("IP"), h.Get("IPV6"), h.Get("ID"), h.Get("QG_HOSTID")),
		SeenAt: cmpTime(moment(h.Get("LAST_SCAN_DATETIME")), moment(h.Get("LAST_VULN_SCAN_DATETIME")), moment(h.Get("LAST_VM_SCANNED_DATE")), moment(h.Get("LAST_ACTIVITY"))),
	}
	desc.Identifiers = append(cloudNames(h), numbers(h.Get("ID"), cmp.Or(h.Get("ASSET_ID"), h.Get("HOST_ID")), h.Get("QG_HOSTID"))...)
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(desc.Zone, names, ips, nil)...)
	tags := map[string]string{}
	label(tags, h.All("TAGS/TAG"), "NAME")
	for _, t := range h.All("CLOUD_PROVIDER_TAGS/CLOUD_TAG") {
		tags[t.Get("NAME")] = t.Get("VALUE")
	}
	if groups := h.Gets("ASSET_GROUPS/ASSET_GROUP_TITLE"); len(groups) > 0 {
		tags["asset_groups"] = strings.Join(groups, ", ")
	}
	delete(tags, "")
	desc.Tags, desc.OwnerHints = connectors.SplitTags(tags)
	if owner := first(h, "OWNER"); owner != "" {
		desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: owner, From: "owner"})
	}
	return desc
}

// label reads Qualys' own tags. Many people write them as "name: value" or "name=value".
func label(tags map[string]string, nodes []*xmlpull.Node, path string) {
	var plain []string
	for _, n := range nodes {
		text := n.Get(path)
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			name, value, ok = strings.Cut(text, "=")
		}
		switch {
		case text == "":
		case ok && strings.TrimSpace(name) != "":
			tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
		default:
			plain = append(plain, text)
		}
	}
	if len(plain) > 0 {
		tags["tags"] = strings.Join(plain, ", ")
	}
}

// numbers are the names that Qualys gave a host.
func numbers(host, number, agent string) []asset.Identifier {
	var out []asset.Identifier
	if agent = strings.Join(strings.Fields(agent), ""); agent != "" {
		out = append(out, asset.Identifier{Kind: asset.AgentID, Value: agent})
	}
	if host != "" {
		out = append(out, asset.Identifier{Kind: asset.SourceAssetID, Value: hostNumber + host})
	}
	if number != "" {
		out = append(out, asset.Identifier{Kind: asset.SourceAssetID, Value: assetNumber + number})
	}
	return out
}

// cloudNames reads the metadata that a cloud gave a host: attributes by the path at which
// its metadata service has them.
func cloudNames(h *xmlpull.Node) []asset.Identifier {
	attributes := map[string]string{}
	for _, cloud := range []string{"EC2", "AZURE", "GCP"} {
		for _, a := range h.All("METADATA/" + cloud + "/ATTRIBUTE") {
			name := a.Get("NAME")
			attributes[cloud+" "+name[strings.LastIndexByte(name, '/')+1:]] = a.Get("VALUE")
		}
	}
	instance := cmp.Or(h.Get("EC2_INSTANCE_ID"), attributes["EC2 instanceId"], attributes["EC2 instance-id"])
	if strings.EqualFold(h.Get("CLOUD_PROVIDER"), "aws") {
		instance = cmp.Or(instance, h.Get("CLOUD_RESOURCE_ID"))
	}
	region := cmp.Or(attributes["EC2 region"], connectors.AWSRegion(cmp.Or(attributes["EC2 availabilityZone"], attributes["EC2 availability-zone"])))
	out := connectors.AWSInstance(attributes["EC2 accountId"], region, instance)
	vm := attributes["AZURE vmId"]
	if strings.EqualFold(h.Get("CLOUD_PROVIDER"), "azure") {
		vm = cmp.Or(vm, h.Get("CLOUD_RESOURCE_ID"))
	}
	out = append(out, connectors.AzureVM("", vm)...)
	number := cmp.Or(attributes["GCP instanceId"], attributes["GCP id"])
	if strings.EqualFold(h.Get("CLOUD_PROVIDER"), "gcp") {
		number = cmp.Or(number, h.Get("CLOUD_RESOURCE_ID"))
	}
	return append(out, connectors.GCPInstance(cmp.Or(attributes["GCP projectId"], attributes["GCP project-id"]), number)...)
}

// zone keeps apart what Qualys keeps apart. Network 0 is the one in which everything is
// that was put in none.
func (d *decoding) zone(network string) string {
	if network == "" || network == "0" {
		return d.config.Zone
	}
	return strings.TrimPrefix(d.config.Zone+"/qualys-network-"+connectors.Ident(network), "/")
}

// identified makes sure that an asset is known by something, at the worst by a text that
// the document has for it.
func identified(desc *asset.Description, label string) bool {
	if len(desc.Identifiers) == 0 && connectors.Ident(label) != "" {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: connectors.Ident(label)}}
	}
	desc.Name = cmp.Or(desc.Name, label)
	return len(desc.Identifiers) > 0 && desc.Name != ""
}
