package insightvm

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// mostServices is how many open ports of an asset are told.
const mostServices = 4096

// describe makes the description of an asset.
func (d *decoding) describe(a *wireAsset, tags []wireTag) *asset.Description {
	names := append(make([]string, 0, 1+len(a.HostNames)), a.HostName.String())
	ips := append(make([]string, 0, 1+len(a.Addresses)), a.IP.String())
	macs := append(make([]string, 0, 1+len(a.Addresses)), a.MAC.String())
	for _, n := range a.HostNames {
		names = append(names, n.Name.String())
	}
	for _, addr := range a.Addresses {
		ips, macs = append(ips, addr.IP.String()), append(macs, addr.MAC.String())
	}
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(a.HostName.String(), a.IP.String(), "InsightVM asset "+a.ID.String()),
		OS: a.OS.String(), Zone: d.config.Zone, SeenAt: a.assessment().Date.Time,
	}
	desc.Identifiers = append(own(a), connectors.HostIdentifiers(d.config.Zone, names, ips, macs)...)
	for _, s := range a.Services {
		protocol := strings.ToLower(s.Protocol.String())
		if location(s.Port, protocol) == "" || len(desc.Services) == mostServices {
			continue
		}
		desc.Services = append(desc.Services, asset.Service{
			Port: s.Port.Int(), Protocol: protocol, Name: strings.ToLower(s.Name.String()), Product: s.Product.String(), Version: s.Version.String(), SeenAt: desc.SeenAt,
		})
	}
	d.label(desc, tags)
	return desc
}

// own are the names that the console, the agent, the cloud and the firmware have for the
// asset.
func own(a *wireAsset) []asset.Identifier {
	var cloud, out []asset.Identifier
	for _, i := range a.IDs {
		value, source := i.ID.String(), strings.ToLower(i.Source.String())
		switch {
		case value == "":
		case strings.Contains(source, "agent"):
			out = append(out, asset.Identifier{Kind: asset.AgentID, Value: value})
		case strings.HasPrefix(value, "i-"):
			cloud = append(cloud, connectors.AWSInstance("", "", value)...)
		case strings.Contains(source, "dmidecode"), strings.Contains(source, "csproduct"), strings.Contains(source, "wql"), strings.Contains(source, "bios"):
			out = append(out, asset.Identifier{Kind: asset.BIOSUUID, Value: value})
		}
	}
	return append(cloud, append([]asset.Identifier{{Kind: asset.SourceAssetID, Value: a.ID.String()}}, out...)...)
}

// label sorts tags by their type. A custom tag may be written as "name: value".
func (d *decoding) label(desc *asset.Description, tags []wireTag) {
	named := map[string]string{}
	for _, t := range tags {
		name, kind := t.Name.String(), strings.ToLower(t.Type.String())
		switch {
		case name == "":
		case kind == "owner":
			desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: name, From: "owner tag"})
		case kind == "criticality" || kind == "location":
			named[kind] = join2(named[kind], name)
		default:
			if key, value, ok := strings.Cut(name, ":"); ok && strings.TrimSpace(key) != "" {
				named[strings.TrimSpace(key)] = strings.TrimSpace(value)
			} else {
				named["tags"] = join2(named["tags"], name)
			}
		}
	}
	rest, hints := connectors.SplitTags(named)
	desc.Tags, desc.OwnerHints = rest, append(desc.OwnerHints, hints...)
}

func join2(have, more string) string {
	if have == "" {
		return more
	}
	return have + ", " + more
}
