package device42

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// resolvers are addresses that people type in where some address is asked for: they are
// known to everybody and belong to none of the devices.
var resolvers = []string{"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "4.2.2.2", "208.67.222.222", "208.67.220.220"} //nolint:gochecknoglobals // a constant table

// device describes a device. Its ID counts among devices only.
func (d *decoding) device(w *wireDevice) *asset.Description {
	id := cmp.Or(w.ID.String(), w.OldID.String())
	names := append([]string{w.Name.String(), w.Alias.String()}, w.Aliases...)
	ips, macs := make([]string, 0, len(w.IPs)), make([]string, 0, len(w.IPs)+len(w.MACs))
	for _, ip := range w.IPs {
		if !slices.Contains(resolvers, ip.IP.String()) {
			ips = append(ips, ip.IP.String())
		}
		macs = append(macs, mac(ip.MAC))
	}
	for _, m := range w.MACs {
		macs = append(macs, mac(m.MAC))
	}
	a := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(w.Name.String(), "device "+id), Zone: d.config.Zone,
		OS:     strings.TrimSpace(w.OS.String() + " " + cmp.Or(w.OSVersion.String(), w.OSNumber.String())),
		SeenAt: w.Updated.Time, Tags: tags(w),
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: "device/" + id}},
	}
	if uuid := w.UUID.String(); uuid != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.BIOSUUID, Value: uuid})
	}
	if serial := w.Serial.String(); serial != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Scope: strings.ToLower(strings.ReplaceAll(w.Manufacturer.String(), "|", " ")), Value: serial})
	}
	a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, names, ips, macs)...)
	a.OwnerHints = d.hints(w.Customer.String(), w.Custom)
	for _, p := range w.Purchases {
		if p.CostCenter != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: p.CostCenter.String(), From: "cost center"})
			break
		}
	}
	if host := w.VirtualHost.String(); host != "" {
		if ids := connectors.HostIdentifiers(d.config.Zone, []string{host}, nil, nil); len(ids) > 0 {
			a.Edges = append(a.Edges, asset.Edge{Kind: asset.EdgeRunsOn, To: ids[0], ToKind: asset.Host, ToName: host})
		}
	}
	if chassis := w.BladeHost.String(); chassis != "" {
		a.Edges = append(a.Edges, asset.Edge{Kind: asset.EdgePartOf, To: asset.Identifier{Kind: asset.SourceAssetID, Value: "device/" + chassis}, ToKind: asset.Host,
			ToName: cmp.Or(w.BladeName.String(), "device "+chassis)})
	}
	return a
}

// hints are the clues to the owner: the customer, and custom fields that name one.
func (d *decoding) hints(customer string, fields []wireCustom) []asset.OwnerHint {
	var out []asset.OwnerHint
	if customer != "" {
		out = append(out, asset.OwnerHint{Value: customer, From: "customer"})
	}
	for _, f := range fields {
		if d.namesOwner(f.Key.String()) && f.Value.String() != "" {
			out = append(out, asset.OwnerHint{Value: f.Value.String(), From: "custom field " + f.Key.String()})
		}
	}
	return out
}

func (d *decoding) namesOwner(key string) bool {
	return strings.Contains(strings.ToLower(key), "owner") ||
		slices.ContainsFunc(d.config.OwnerFields, func(f string) bool { return strings.EqualFold(f, key) })
}

func tags(w *wireDevice) map[string]string {
	out := map[string]string{
		"type": w.Type.String(), "sub_type": w.SubType.String(), "virtual_subtype": w.Virtual.String(), "in_service": w.InService.String(), "service_level": w.ServiceLevel.String(),
		"category": w.Category.String(), "customer": w.Customer.String(), "building": w.Building.String(), "room": w.Room.String(), "rack": w.Rack.String(), "datacenter": w.Datacenter.String(),
		"manufacturer": w.Manufacturer.String(), "hw_model": w.Model.String(), "asset_no": w.AssetNo.String(),
	}
	for _, tag := range w.Tags {
		for part := range strings.SplitSeq(tag, ",") { // older versions write one text with commas
			out["tag "+strings.TrimSpace(part)] = "yes"
		}
	}
	for _, f := range w.Custom {
		if f.Value.String() != "" {
			out["custom "+f.Key.String()] = connectors.Redact(f.Value.String())
		}
	}
	maps.DeleteFunc(out, func(k, v string) bool { return v == "" || k == "tag " || k == "custom " })
	return out
}

// user describes an end user.
func user(w *wireUser) *asset.Description {
	a := &asset.Description{Kind: asset.Identity, Name: cmp.Or(w.Name.String(), w.Account.String(), "end user "+w.ID.String()), Tags: map[string]string{},
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: "enduser/" + w.ID.String()}}}
	for name, value := range map[string]wire.Text{"email": w.Email, "adusername": w.Account, "domain": w.Domain, "location": w.Location} {
		if value.String() != "" {
			a.Tags[name] = value.String()
		}
	}
	return a
}

// mac gives a MAC with colons, which older versions leave out.
func mac(text wire.Text) string {
	m := text.String()
	const digits = 12
	if len(m) != digits || strings.ContainsAny(m, ":-.") {
		return m
	}
	var b strings.Builder
	for i := 0; i < digits; i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(m[i : i+2])
	}
	return b.String()
}
