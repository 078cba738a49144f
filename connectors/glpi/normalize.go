package glpi

import (
	"cmp"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// describe gives the machine of an inventory, the machines that run on it, and the
// equipment that it was asked about.
func (d *decoding) describe(inv *inventory) []*asset.Description {
	var out []*asset.Description
	if host := d.host(inv); host != nil {
		out = append(out, host)
		out = append(out, d.guests(inv, host)...)
	}
	for i := range inv.equipment {
		if a := d.device(inv, &inv.equipment[i]); a != nil {
			out = append(out, a)
		}
	}
	return out
}

// host describes the machine itself; nil for an inventory of others.
func (d *decoding) host(inv *inventory) *asset.Description {
	h, b, o := &inv.hardware, &inv.bios, &inv.os
	if len(inv.equipment) > 0 || h.Name == "" && h.UUID == "" && b.Serial == "" {
		return nil
	}
	names := []string{o.FQDN.String(), h.Name.String()}
	if domain := cmp.Or(o.Domain.String(), h.Workgroup.String()); strings.Contains(domain, ".") && h.Name != "" && !strings.Contains(h.Name.String(), ".") {
		names = append(names, h.Name.String()+"."+domain)
	}
	var ips, macs []string
	for i := range inv.ports {
		p := &inv.ports[i]
		if bool(p.Virtual) || strings.EqualFold(p.Type.String(), "loopback") { // bridges, tunnels and lo are on many machines the same
			continue
		}
		macs = append(macs, cmp.Or(p.MAC.String(), p.OldMAC.String()))
		ips = append(ips, p.IP.String(), p.IP6.String())
	}
	a := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(h.Name.String(), o.FQDN.String(), b.Serial.String(), h.UUID.String()), Zone: d.config.Zone, SeenAt: inv.seen(),
		OS:          cmp.Or(o.FullName.String(), strings.TrimSpace(o.Name.String()+" "+o.Version.String()), h.OldOS.String()),
		Identifiers: connectors.MachineUUIDs(h.UUID.String(), b.Serial.String()),
		Tags: filled(map[string]wire.Text{"chassis": h.Chassis, "virtualization": h.VMSystem, "workgroup": h.Workgroup, "manufacturer": b.Manufacturer, "model": b.Model, "asset_tag": b.AssetTag,
			"kernel": o.Kernel, "agent": wire.Text(inv.agent), "tag": wire.Text(inv.tag), "bios": b.Version}),
	}
	if b.Serial != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Scope: maker(b.Manufacturer), Value: b.Serial.String()})
	}
	if d.deviceID != "" { // made anew when an agent is installed anew, so one machine may have had several
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.Label, Value: d.deviceID})
	}
	a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, names, ips, macs)...)
	a.OwnerHints = hints(inv)
	return a
}

func maker(name wire.Text) string {
	return strings.ToLower(strings.ReplaceAll(name.String(), "|", " "))
}

// hints are who the machine is registered to, tagged for, and used by; accounts that every
// machine has are nobody.
func hints(inv *inventory) []asset.OwnerHint {
	var out []asset.OwnerHint
	add := func(from, value string) {
		switch value = strings.TrimSpace(value); strings.ToLower(value[strings.LastIndexByte(value, '\\')+1:]) {
		case "", "root", "administrator", "admin", "system", "user", "windows user", "owner":
		default:
			out = append(out, asset.OwnerHint{Value: value, From: from})
		}
	}
	add("tag", inv.tag)
	add("registered owner", inv.hardware.Owner.String())
	add("registered company", inv.hardware.Company.String())
	add("last logged user", inv.hardware.LastUser.String())
	for _, user := range inv.users {
		if !strings.EqualFold(user, inv.hardware.LastUser.String()) {
			add("logged user", user)
		}
	}
	return out
}

// guests describes the virtual machines that have a UUID, which containers have not.
func (d *decoding) guests(inv *inventory, host *asset.Description) []*asset.Description {
	if len(host.Identifiers) == 0 {
		return nil
	}
	var out []*asset.Description
	for i := range inv.machines {
		m := &inv.machines[i]
		if m.UUID == "" {
			continue
		}
		out = append(out, &asset.Description{
			Kind: asset.Host, Name: cmp.Or(m.Name.String(), m.UUID.String()), Zone: d.config.Zone, SeenAt: host.SeenAt, Tags: filled(map[string]wire.Text{"status": m.Status, "virtualization": m.Kind}),
			Identifiers: []asset.Identifier{{Kind: asset.BIOSUUID, Value: m.UUID.String()}},
			Edges:       []asset.Edge{{Kind: asset.EdgeRunsOn, To: host.Identifiers[0], ToKind: asset.Host, ToName: host.Name}},
		})
	}
	return out
}

// device describes equipment that was asked over SNMP.
func (d *decoding) device(inv *inventory, e *equipment) *asset.Description {
	a := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(e.Name.String(), e.Serial.String(), e.MAC.String(), first(e.IPs)), Zone: d.config.Zone, OS: e.Firmware.String(), SeenAt: inv.seen(),
		Tags: filled(map[string]wire.Text{"manufacturer": e.Manufacturer, "model": e.Model, "location": e.Location, "type": e.Type}),
	}
	if e.Serial != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Scope: maker(e.Manufacturer), Value: e.Serial.String()})
	}
	var ips []string
	for _, ip := range e.IPs {
		if !strings.HasPrefix(ip, "127.") { // equipment calls itself that too
			ips = append(ips, ip)
		}
	}
	a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{e.Name.String()}, ips, []string{e.MAC.String()})...)
	if contact := e.Contact.String(); contact != "" {
		a.OwnerHints = []asset.OwnerHint{{Value: contact, From: "contact"}}
	}
	if len(a.Identifiers) == 0 {
		return nil
	}
	return a
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// seen is when the inventory was made: the machine's local time, and its offset where it
// tells one.
func (inv *inventory) seen() time.Time {
	if offset := inv.os.Zone.Offset.String(); offset != "" {
		if t := wire.Moment(inv.logDate + " " + offset); !t.IsZero() {
			return t
		}
	}
	return wire.Moment(inv.logDate)
}

func filled(fields map[string]wire.Text) map[string]string {
	out := map[string]string{}
	for name, value := range fields {
		if text := value.String(); text != "" {
			out[name] = connectors.Redact(text)
		}
	}
	return out
}
