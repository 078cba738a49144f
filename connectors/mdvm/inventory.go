package mdvm

import (
	"cmp"
	"net/netip"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// describe makes the description of a machine.
func (d *decoding) describe(m *wireMachine) *asset.Description {
	id := connectors.Ident(m.ID.String())
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(m.Name.String(), m.LastIP.String(), "Defender machine "+id), Zone: d.config.Zone, SeenAt: m.LastSeen.Time,
		OS: strings.TrimSpace(m.OSPlatform.String() + " " + cmp.Or(m.Version.String(), m.OSVersion.String())),
	}
	if m.VM.Resource != "" || strings.EqualFold(m.VM.Provider.String(), "azure") {
		desc.Identifiers = connectors.AzureVM(m.VM.Resource.String(), m.VM.ID.String())
	}
	desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.AgentID, Value: id})
	ips, macs := addresses(m)
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{m.Name.String()}, ips, macs)...)
	if into := connectors.Ident(m.MergedInto.String()); into != "" && into != id {
		desc.SameAs = []asset.Identifier{{Kind: asset.AgentID, Value: into}}
	}
	tags := map[string]string{}
	for key, value := range map[string]string{"rbac_group": m.Group.String(), "device_value": m.Value.String(), "entra_device": m.EntraID.String(), "external_ip": m.ExternalIP.String(), "health": m.Health.String()} {
		if value != "" {
			tags[key] = value
		}
	}
	label(tags, m.Tags)
	desc.Tags, desc.OwnerHints = connectors.SplitTags(tags)
	return desc
}

// addresses are those that tell the machine from others: not loopback, and not the bridge
// of its containers, which Defender lists for every machine.
func addresses(m *wireMachine) (ips, macs []string) {
	add := func(ip string) {
		if addr, err := netip.ParseAddr(ip); err == nil && !addr.IsLoopback() {
			ips = append(ips, ip)
		}
	}
	add(m.LastIP.String())
	for _, a := range m.Addresses {
		hardware := strings.ToLower(a.MAC.String())
		if strings.HasPrefix(hardware, "0242") {
			continue
		}
		add(a.IP.String())
		if strings.Trim(hardware, "0") != "" {
			macs = append(macs, colons(hardware))
		}
	}
	return ips, macs
}

// colons writes a hardware address of twelve digits as others do.
func colons(text string) string {
	const digits = 12
	if len(text) != digits || strings.ContainsAny(text, ":-.") {
		return text
	}
	var out []string
	for i := 0; i < digits; i += 2 {
		out = append(out, text[i:i+2])
	}
	return strings.Join(out, ":")
}

func label(tags map[string]string, texts []string) {
	var plain []string
	for _, text := range texts {
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			name, value, ok = strings.Cut(text, "=")
		}
		if ok && strings.TrimSpace(name) != "" {
			tags[strings.TrimSpace(name)] = strings.TrimSpace(value)
		} else if text = strings.TrimSpace(text); text != "" {
			plain = append(plain, text)
		}
	}
	if len(plain) > 0 {
		tags["tags"] = strings.Join(plain, ", ")
	}
}

// rowAsset describes the machine of a row.
func (d *decoding) rowAsset(id string, w *wireRow) *asset.Description {
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(w.DeviceName.String(), "Defender machine "+id), Zone: d.config.Zone, SeenAt: w.LastSeen.Time,
		OS: strings.TrimSpace(w.OSPlatform.String() + " " + w.OSVersion.String()), Identifiers: []asset.Identifier{{Kind: asset.AgentID, Value: id}},
	}
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{w.DeviceName.String()}, nil, nil)...)
	if group := w.Group.String(); group != "" {
		desc.Tags = map[string]string{"rbac_group": group}
	}
	return desc
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}
