package tenable

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// inventory emits an asset of the asset export.
func (d *decoding) inventory(e *report.Emitter, raw []byte) error {
	var w wireAsset
	if !wire.Unmarshal(raw, &w) || w.ID.String() == "" {
		e.Skip("asset_without_id")
		return nil
	}
	w.flatten()
	n := &w.wireNetwork
	desc := &asset.Description{
		Kind: asset.Host, OS: firstOf(w.OS), SeenAt: cmpTime(w.LastSeen.Time, w.Timestamps.LastSeen.Time),
		Name: cmp.Or(firstOf(n.FQDNs), firstOf(n.Hostnames), firstOf(w.AgentNames), firstOf(n.NetBIOS), firstOf(n.IPv4s), w.ID.String()),
		Gone: !cmpTime(w.Terminated.Time, w.Timestamps.Terminated.Time).IsZero() || word(w.AWSState.String()) == "terminated",
	}
	if w.webApplication() {
		desc.Kind = asset.WebApplication
	}
	if w.Public {
		desc.Internet = asset.InternetYes
	}
	desc.Zone = d.zone(n.NetworkID.String())
	region := cmp.Or(w.AWSRegion.String(), connectors.AWSRegion(w.AWSZone.String()))
	desc.Identifiers = slices.Concat(
		connectors.AWSInstance(w.AWSOwner.String(), region, w.AWSInstance.String()),
		connectors.AzureVM(w.AzureResource.String(), w.AzureVM.String()),
		connectors.GCPInstance(w.GCPProject.String(), w.GCPInstance.String()),
		own(w.AgentUUID.String(), w.ID.String(), w.BIOSUUID.String(), w.Serial.String()),
		connectors.HostIdentifiers(desc.Zone, slices.Concat(n.FQDNs, n.Hostnames, w.AgentNames, n.NetBIOS), slices.Concat(n.IPv4s, n.IPv6s), n.MACs),
	)
	tags := map[string]string{}
	for _, t := range w.Tags {
		key, value := t.Key.String(), t.Value.String()
		if have := tags[key]; have != "" && value != "" { // a category may have several values
			value = have + ", " + value
		}
		if key != "" {
			tags[key] = value
		}
	}
	desc.Tags, desc.OwnerHints = connectors.SplitTags(tags)
	d.saw(desc.SeenAt)
	return e.Asset(desc)
}

// flatten moves what version 2 of the export nests to where version 1 has it.
func (w *wireAsset) flatten() {
	take := func(to *wire.Text, from wire.Text) {
		if *to == "" {
			*to = from
		}
	}
	takeAll := func(to *wire.Texts, from wire.Texts) { *to = append(*to, from...) }
	n := &w.wireNetwork
	take(&n.NetworkID, w.Network.NetworkID)
	takeAll(&n.IPv4s, w.Network.IPv4s)
	takeAll(&n.IPv6s, w.Network.IPv6s)
	takeAll(&n.FQDNs, w.Network.FQDNs)
	takeAll(&n.Hostnames, w.Network.Hostnames)
	takeAll(&n.NetBIOS, w.Network.NetBIOS)
	takeAll(&n.MACs, w.Network.MACs)
	c := &w.Cloud
	take(&w.AWSInstance, c.AWS.Instance)
	take(&w.AWSOwner, c.AWS.Owner)
	take(&w.AWSRegion, c.AWS.Region)
	take(&w.AWSZone, c.AWS.Zone)
	take(&w.AWSState, c.AWS.State)
	take(&w.AzureVM, c.Azure.VM)
	take(&w.AzureResource, c.Azure.Resource)
	take(&w.GCPProject, c.GCP.Project)
	take(&w.GCPInstance, c.GCP.Instance)
}

// webApplication knows an asset that only web application scans speak of.
func (w *wireAsset) webApplication() bool {
	if len(w.Types) > 0 {
		return !slices.ContainsFunc(w.Types, func(t string) bool { return t != "webapp" })
	}
	return len(w.Sources) > 0 && !slices.ContainsFunc(w.Sources, func(s wireName) bool { return s.Name != "WAS" })
}

// describe makes the asset of a finding.
func (d *decoding) describe(w *wireFinding) *asset.Description {
	h := &w.Asset
	fqdns := h.FQDN
	desc := &asset.Description{
		Kind: asset.Host, OS: firstOf(h.OS), Zone: d.zone(h.Network.String()),
		Name:   cmp.Or(firstOf(fqdns), h.Hostname.String(), firstOf(h.NetBIOS), firstOf(h.IPv4), h.UUID.String()),
		SeenAt: w.LastFound.Time,
	}
	desc.Identifiers = slices.Concat(
		own(h.AgentUUID.String(), h.UUID.String(), h.BIOSUUID.String(), h.Serial.String()),
		connectors.HostIdentifiers(desc.Zone, slices.Concat(fqdns, wire.Texts{h.Hostname.String()}, h.NetBIOS), slices.Concat(h.IPv4, h.IPv6), h.MAC),
	)
	if kind := h.DeviceType.String(); kind != "" {
		desc.Tags = map[string]string{"device_type": kind}
	}
	return desc
}

// own are the names that Tenable, the agent and the machine's maker gave.
func own(agent, id, bios, serial string) []asset.Identifier {
	var out []asset.Identifier
	for _, i := range []asset.Identifier{
		{Kind: asset.AgentID, Value: agent}, {Kind: asset.SourceAssetID, Value: id}, {Kind: asset.BIOSUUID, Value: bios}, {Kind: asset.SerialNumber, Value: serial},
	} {
		if i.Value != "" {
			out = append(out, i)
		}
	}
	return out
}

// zone keeps apart what Tenable keeps apart: the same address in two of its networks is
// two hosts.
func (d *decoding) zone(network string) string {
	if network == "" || network == nowhere {
		return d.config.Zone
	}
	return strings.TrimPrefix(d.config.Zone+"/"+network, "/")
}
