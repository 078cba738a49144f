package snipeit

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

func hardwareID(id string) asset.Identifier {
	return asset.Identifier{Kind: asset.SourceAssetID, Value: "hardware/" + id}
}

// hardware describes an asset, but for who has it.
func (d *decoding) hardware(r *row) *asset.Description {
	var ips, macs []string
	a := &asset.Description{
		Kind: asset.Host, Zone: d.config.Zone, SeenAt: r.Updated.in(d.zone), Identifiers: []asset.Identifier{hardwareID(r.ID.String())}, Tags: filled(map[string]wire.Text{
			"asset_tag": *r.Tag, "model": r.Model.Name, "model_number": r.ModelNumber, "category": r.Category.Name, "manufacturer": r.Manufacturer.Name, "company": r.Company.Name,
			"location": r.Location.Name, "status": r.Status.Name, "status_type": r.Status.Type, "status_meta": r.Status.Meta,
		}),
	}
	a.Name = cmp.Or(r.Name.String(), r.Tag.String(), r.Serial.String(), "asset "+r.ID.String())
	if serial := r.Serial.String(); serial != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Scope: strings.ToLower(strings.ReplaceAll(r.Manufacturer.Name.String(), "|", " ")), Value: serial})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Custom)) {
		value := r.Custom[name].Value.String()
		switch format := strings.ToUpper(r.Custom[name].Format.String()); {
		case value == "" || value == "********": // encrypted
		case format == "MAC":
			macs = append(macs, value)
		case format == "IP", format == "IPV4", format == "IPV6":
			ips = append(ips, value)
		case strings.Contains(strings.ToLower(name), "owner"):
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: "custom field " + name})
		default:
			a.Tags["custom "+name] = connectors.Redact(value)
		}
	}
	a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{r.Name.String()}, ips, macs)...)
	if company := r.Company.Name.String(); company != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: company, From: "company"})
	}
	a.Gone = r.deleted() || slices.ContainsFunc(d.config.GoneStatuses, func(s string) bool { return strings.EqualFold(s, r.Status.Name.String()) })
	return a
}

// held adds who has an asset, following it through assets that it is checked out to.
func (d *decoding) held(a *asset.Description, by *holder) {
	if by == nil {
		return
	}
	if by.Type == "asset" {
		a.Edges = append(a.Edges, asset.Edge{Kind: asset.EdgePartOf, To: hardwareID(by.ID.String()), ToKind: asset.Host, ToName: cmp.Or(strings.TrimSpace(by.Name.String()), "asset "+by.ID.String())})
	}
	from := "assigned_to"
	seen := map[string]bool{a.Identifiers[0].Value: true}
	for by.Type == "asset" {
		id := by.ID.String()
		next, known := d.holders[id]
		if !known || seen[hardwareID(id).Value] || len(seen) > deepest { // elsewhere, or a circle
			return
		}
		seen[hardwareID(id).Value] = true
		by, from = &next, "assigned_to of the asset that has it"
	}
	if by.Type != "user" {
		return
	}
	name := cmp.Or(by.Name.String(), by.Username.String())
	if name != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: name, From: from})
	}
	if by.Email != "" {
		a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: by.Email.String(), From: from + " email"})
	}
}

// user describes a person.
func (d *decoding) user(r *row) *asset.Description {
	a := &asset.Description{
		Kind: asset.Identity, Name: cmp.Or(r.Name.String(), r.Username.String(), "user "+r.ID.String()), Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: "user/" + r.ID.String()}},
		SeenAt: r.Updated.in(d.zone), Gone: r.deleted(),
		Tags: filled(map[string]wire.Text{"username": *r.Username, "email": r.Email, "title": r.Title, "department": r.Department.Name, "company": r.Company.Name, "location": r.Location.Name, "activated": r.Activated, "employee_number": r.Employee}),
	}
	for _, h := range []asset.OwnerHint{{Value: r.Manager.Name.String(), From: "manager"}, {Value: r.Department.Name.String(), From: "department"}} {
		if h.Value != "" {
			a.OwnerHints = append(a.OwnerHints, h)
		}
	}
	return a
}

func filled(fields map[string]wire.Text) map[string]string {
	out := map[string]string{}
	for name, value := range fields {
		if text := value.String(); text != "" {
			out[name] = text
		}
	}
	return out
}
