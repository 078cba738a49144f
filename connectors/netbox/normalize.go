package netbox

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// The kinds of object, by their endpoints.
const (
	kindDevice      = "dcim/devices"
	kindVM          = "virtualization/virtual-machines"
	kindInterface   = "dcim/interfaces"
	kindVMInterface = "virtualization/interfaces"
	kindAddress     = "ipam/ip-addresses"
	kindService     = "ipam/services"
	kindContact     = "tenancy/contacts"
	kindAssignment  = "tenancy/contact-assignments"
	kindTenant      = "tenancy/tenants"
)

// models are the kinds by the names that webhooks and object types have for them.
var models = map[string]string{ //nolint:gochecknoglobals // a constant table
	"device": kindDevice, "virtualmachine": kindVM, "interface": kindInterface, "vminterface": kindVMInterface, "ipaddress": kindAddress,
	"service": kindService, "contact": kindContact, "contactassignment": kindAssignment, "tenant": kindTenant,
}

// kindOf says what an object is by its address, or else by the fields that only its kind has.
func kindOf(o *object) string {
	if _, path, ok := strings.Cut(o.URL.String(), "/api/"); ok {
		if part := strings.Split(path, "/"); len(part) >= 2 {
			return part[0] + "/" + part[1]
		}
	}
	switch {
	case o.DeviceType != nil:
		return kindDevice
	case o.Contact != nil:
		return kindAssignment
	case o.Address != "":
		return kindAddress
	case len(o.Ports) > 0:
		return kindService
	case o.Device != nil || o.VM != nil:
		return kindInterface
	case o.Cluster != nil || o.VCPUs != "":
		return kindVM
	case o.Email != "" || o.Phone != "":
		return kindContact
	}
	return ""
}

// describe gives what an object says of an asset, or why it says nothing.
func (d *decoding) describe(kind string, o *object) (a *asset.Description, why string) {
	switch kind {
	case kindDevice, kindVM:
		return d.host(kind, o), ""
	case kindInterface, kindVMInterface:
		macs := []string{o.MAC.String()}
		if o.PrimaryMAC != nil {
			macs = append(macs, o.PrimaryMAC.MAC.String())
		}
		for _, m := range o.MACs {
			macs = append(macs, m.MAC.String())
		}
		return d.addTo(o.Device, o.VM, nil, nil, macs, "interface_without_mac")
	case kindAddress:
		at := cmp.Or(o.Assigned, o.OldAssigned)
		if at == nil {
			return nil, "address_of_no_interface"
		}
		return d.addTo(at.Device, at.VM, []string{o.DNSName.String()}, []string{plain(o.Address)}, nil, "address_of_no_device")
	case kindService:
		return d.service(o)
	case kindContact:
		return contact(o), ""
	case kindAssignment:
		return d.assignment(o)
	case kindTenant:
		return nil, "tenant_is_no_asset"
	}
	return nil, "object_of_another_kind"
}

// host describes a device or virtual machine.
func (d *decoding) host(kind string, o *object) *asset.Description {
	ips := []string{}
	for _, ip := range []*nested{o.Primary4, o.Primary6, o.OOB} {
		if ip != nil {
			ips = append(ips, plain(cmp.Or(ip.Address, ip.Display)))
		}
	}
	a := d.of(kind, o.ID, cmp.Or(o.Name.String(), o.Display.String()), []string{o.Name.String()}, ips, nil)
	if serial := o.Serial.String(); serial != "" {
		maker := ""
		if o.DeviceType != nil {
			maker = strings.ToLower(strings.ReplaceAll(o.DeviceType.Maker.text(), "|", " "))
		}
		a.Identifiers = slices.Insert(a.Identifiers, 1, asset.Identifier{Kind: asset.SerialNumber, Scope: maker, Value: serial})
	}
	a.OS, a.SeenAt = o.Platform.text(), o.Updated.Time
	a.Tags = tags(o)
	if tenant := o.Tenant.text(); tenant != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: tenant, From: "tenant"})
	}
	for _, name := range d.config.OwnerFields {
		if value := custom(o.Custom[name]); value != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: "custom field " + name})
		}
	}
	switch {
	case o.Parent != nil && o.Parent.ID != "":
		a.Edges = append(a.Edges, edge(asset.EdgePartOf, o.Parent))
	case kind == kindVM && o.Device != nil && o.Device.ID != "":
		a.Edges = append(a.Edges, edge(asset.EdgeRunsOn, o.Device))
	}
	return a
}

func edge(kind asset.EdgeKind, to *nested) asset.Edge {
	return asset.Edge{Kind: kind, To: asset.Identifier{Kind: asset.SourceAssetID, Value: kindDevice + "/" + to.ID.String()}, ToKind: asset.Host, ToName: to.text()}
}

// of begins the description of a host: its ID counts within its kind only.
func (d *decoding) of(kind string, id wire.Text, name string, names, ips, macs []string) *asset.Description {
	return &asset.Description{
		Kind: asset.Host, Name: cmp.Or(name, strings.TrimSuffix(kind[strings.IndexByte(kind, '/')+1:], "s")+" "+id.String()), Zone: d.config.Zone,
		Identifiers: append([]asset.Identifier{{Kind: asset.SourceAssetID, Value: kind + "/" + id.String()}}, connectors.HostIdentifiers(d.config.Zone, names, ips, macs)...),
	}
}

// addTo says more of the device or virtual machine that an interface or address belongs to.
func (d *decoding) addTo(device, vm *nested, names, ips, macs []string, otherwise string) (*asset.Description, string) {
	kind, to := kindDevice, device
	if device == nil {
		kind, to = kindVM, vm
	}
	if to == nil || to.ID == "" {
		return nil, otherwise
	}
	a := d.of(kind, to.ID, to.text(), append(names, to.Name.String()), ips, macs)
	if len(ips) == 0 && !slices.ContainsFunc(a.Identifiers, func(id asset.Identifier) bool { return id.Kind == asset.MAC }) {
		return nil, otherwise
	}
	return a, ""
}

func (d *decoding) service(o *object) (*asset.Description, string) {
	kind, to := kindDevice, o.Device
	switch {
	case o.VM != nil:
		kind, to = kindVM, o.VM
	case o.ServiceOf != nil && o.ServiceKind == "virtualization.virtualmachine":
		kind, to = kindVM, o.ServiceOf
	case o.ServiceOf != nil && o.ServiceKind == "dcim.device":
		to = o.ServiceOf
	}
	if to == nil || to.ID == "" {
		return nil, "service_of_no_device"
	}
	a := d.of(kind, to.ID, to.text(), []string{to.Name.String()}, nil, nil)
	protocol := ""
	if o.Protocol != nil {
		protocol = strings.ToLower(o.Protocol.Value.String())
	}
	for _, port := range o.Ports {
		if n, err := strconv.Atoi(port); err == nil && n > 0 && n <= 65535 {
			a.Services = append(a.Services, asset.Service{Port: n, Protocol: cmp.Or(protocol, "tcp"), Name: o.Name.String(), SeenAt: o.Updated.Time})
		}
	}
	return a, ""
}

func contact(o *object) *asset.Description {
	a := &asset.Description{Kind: asset.Identity, Name: cmp.Or(o.Name.String(), o.Display.String(), "contact "+o.ID.String()), Tags: map[string]string{}, SeenAt: o.Updated.Time,
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: kindContact + "/" + o.ID.String()}}}
	for name, value := range map[string]wire.Text{"email": o.Email, "title": o.Title} {
		if value != "" {
			a.Tags[name] = value.String()
		}
	}
	return a
}

// assignment tells, of the object that a contact is assigned to, who that is.
func (d *decoding) assignment(o *object) (*asset.Description, string) {
	_, model, _ := strings.Cut(cmp.Or(o.ObjectType.String(), o.ContentType.String()), ".")
	kind := models[strings.ToLower(model)]
	id := o.ObjectID
	if id == "" && o.Object != nil {
		id = o.Object.ID
	}
	if kind != kindDevice && kind != kindVM || id == "" || o.Contact.text() == "" {
		return nil, "contact_of_no_device"
	}
	a := d.of(kind, id, o.Object.text(), nil, nil, nil)
	from := strings.TrimSpace("contact " + strings.ToLower(o.Role.text()))
	a.OwnerHints = []asset.OwnerHint{{Value: o.Contact.text(), From: from}}
	if mail := o.Contact.Email.String(); mail != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: mail, From: from + " email"})
	}
	return a, ""
}

func tags(o *object) map[string]string {
	role := cmp.Or(o.Role, o.OldRole)
	out := map[string]string{
		"role": role.text(), "site": o.Site.text(), "location": o.Location.text(), "rack": o.Rack.text(), "cluster": o.Cluster.text(),
		"virtual_chassis": o.Chassis.text(), "device_type": o.DeviceType.text(), "asset_tag": o.AssetTag.String(), "description": o.Description.String(), "tenant": o.Tenant.text(),
	}
	if o.Status != nil {
		out["status"] = cmp.Or(o.Status.Value.String(), o.Status.Label.String())
	}
	if o.DeviceType != nil {
		out["manufacturer"] = o.DeviceType.Maker.text()
	}
	for _, tag := range o.Tags {
		out["tag "+tag.text()] = "yes"
	}
	for name, raw := range o.Custom {
		out["custom "+name] = custom(raw)
	}
	maps.DeleteFunc(out, func(k, v string) bool { return v == "" || k == "tag " })
	return out
}

// custom gives a custom field's value as text: a choice's label, an object's name, a
// selection with commas.
func custom(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '{':
		var n nested
		if !wire.Unmarshal(raw, &n) {
			return ""
		}
		return n.text()
	case '[':
		var many wire.List[nested]
		var texts wire.Texts
		_, _ = many.UnmarshalJSON(raw), texts.UnmarshalJSON(raw) // neither ever fails
		for i := range many {
			if s := many[i].text(); s != "" {
				texts = append(texts, s)
			}
		}
		return strings.Join(texts, ",")
	}
	var text wire.Text
	_ = text.UnmarshalJSON(raw) // it never fails
	return text.String()
}

// plain takes the address out of "192.0.2.1/24".
func plain(text wire.Text) string {
	if prefix, err := netip.ParsePrefix(text.String()); err == nil {
		return prefix.Addr().String()
	}
	return text.String()
}
