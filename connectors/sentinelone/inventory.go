package sentinelone

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// describe makes the description of an endpoint.
func (d *decoding) describe(w *wireAgent) *asset.Description {
	id := connectors.Ident(w.ID.String())
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(w.Computer.String(), "SentinelOne agent "+id), Zone: d.config.Zone, SeenAt: w.LastActive.Time,
		OS: strings.TrimSpace(w.OSName.String() + " " + w.OSRevision.String()),
	}
	for _, name := range slices.Sorted(maps.Keys(w.Cloud)) {
		c := w.Cloud[name]
		switch strings.ToUpper(name) {
		case "AWS":
			desc.Identifiers = append(desc.Identifiers, connectors.AWSInstance(c.Account.String(), connectors.AWSRegion(c.Location.String()), c.Instance.String())...)
		case "AZURE":
			desc.Identifiers = append(desc.Identifiers, connectors.AzureVM("", c.Instance.String())...)
		case "GCP":
			desc.Identifiers = append(desc.Identifiers, connectors.GCPInstance(c.Account.String(), c.Instance.String())...)
		}
	}
	desc.Identifiers = append(desc.Identifiers, own(id, w.UUID.String())...)
	if serial := w.Serial.String(); serial != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Value: serial})
	}
	ips, macs := []string{w.LastIP.String()}, make([]string, 0, len(w.Interfaces))
	for _, n := range w.Interfaces {
		ips = slices.Concat(ips, n.IPv4, n.IPv6)
		macs = append(macs, n.MAC.String())
	}
	ips = slices.DeleteFunc(ips, loopback)
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, names(w.Computer.String(), w.Domain.String()), ips, macs)...)
	tags := map[string]string{}
	for _, t := range w.Tags.Own {
		if key := t.Key.String(); key != "" {
			tags[key] = t.Value.String()
		}
	}
	for key, value := range map[string]string{"group": w.Group.String(), "site": w.Site.String(), "machine_type": w.MachineType.String(), "external_ip": w.ExternalIP.String()} {
		if value != "" {
			tags[key] = value
		}
	}
	if w.Decommission || w.Uninstalled { // the agent is gone, which says nothing of the machine
		tags["agent"] = "removed"
	}
	desc.Tags, desc.OwnerHints = connectors.SplitTags(tags)
	return desc
}

// loopback addresses are those of every endpoint.
func loopback(ip string) bool {
	addr, err := netip.ParseAddr(strings.TrimSpace(ip))
	return err == nil && addr.IsLoopback()
}

// names are the computer's, bare and in its domain.
func names(computer, domain string) []string {
	if computer != "" && strings.Contains(domain, ".") && !strings.Contains(computer, ".") {
		return []string{computer, computer + "." + domain}
	}
	return []string{computer}
}

// own are the two names that SentinelOne gave: the agent's, and the endpoint's.
func own(id, uuid string) []asset.Identifier {
	var out []asset.Identifier
	if id != "" {
		out = append(out, asset.Identifier{Kind: asset.AgentID, Value: id})
	}
	if uuid = connectors.Ident(uuid); uuid != "" {
		out = append(out, asset.Identifier{Kind: asset.SourceAssetID, Value: uuid})
	}
	return out
}

// riskAsset describes the endpoint of a risk.
func (d *decoding) riskAsset(w *wireRisk) *asset.Description {
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(w.EndpointName.String(), "SentinelOne endpoint "+cmp.Or(w.EndpointID.String(), w.EndpointUUID.String())),
		OS: w.OSType.String(), Zone: d.config.Zone, SeenAt: w.LastScan.Time,
		Identifiers: own(connectors.Ident(w.EndpointID.String()), w.EndpointUUID.String()),
	}
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, names(w.EndpointName.String(), w.Domain.String()), nil, nil)...)
	for key, value := range map[string]string{"group": w.Group.String(), "site": w.Site.String()} {
		if value != "" {
			if desc.Tags == nil {
				desc.Tags = map[string]string{}
			}
			desc.Tags[key] = value
		}
	}
	return desc
}
