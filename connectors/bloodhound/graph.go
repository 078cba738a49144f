package bloodhound

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// graph reads an OpenGraph: {"nodes": […], "edges": […]}.
func (d *decoding) graph(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "nodes":
			for a := r.Array(); r.Elem(a); {
				var n node
				_, ok := r.Into(largestOther, &n)
				if !r.OK() { // half a node is none
					return nil
				}
				if d.received++; !ok || n.ID == "" {
					e.Skip("node_without_id")
					continue
				}
				if err := e.Asset(d.node(&n)); err != nil {
					return err
				}
			}
		case "edges":
			for a := r.Array(); r.Elem(a); {
				var x relation
				_, ok := r.Into(largestOther, &x)
				if !r.OK() {
					return nil
				}
				if !ok || !x.Start.byID() || !x.End.byID() {
					e.Skip("relation_not_by_id")
					continue
				}
				if err := e.Asset(d.relation(&x)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// byID reports whether an end is named by an identity; without a word it is.
func (p *endpoint) byID() bool {
	return p.Value != "" && (p.MatchBy == "" || strings.EqualFold(p.MatchBy.String(), "id"))
}

// own is the identifier of a node: that of the directory where it is one, else unique
// within the source.
func own(id string) asset.Identifier {
	upper := strings.ToUpper(id)
	if strings.HasPrefix(upper, "S-1-5-21-") || strings.Contains(upper, "-S-1-5-") || strings.HasPrefix(strings.ToLower(id), "/subscriptions/") {
		return identifier(id)
	}
	return asset.Identifier{Kind: asset.SourceAssetID, Value: connectors.Ident(id)}
}

func (d *decoding) node(n *node) *asset.Description {
	first := ""
	for _, k := range n.Kinds {
		if first = k; first != "Base" && first != "AZBase" {
			break
		}
	}
	text := func(key string) string {
		var t wire.Text
		_ = t.UnmarshalJSON(n.Properties[key]) // never fails
		return t.String()
	}
	a := &asset.Description{Kind: kind(first), Name: cmp.Or(connectors.Ident(text("name")), connectors.Ident(text("displayname")), connectors.Ident(n.ID.String())), Zone: d.config.Zone,
		OS: text("operatingsystem"), Identifiers: []asset.Identifier{own(n.ID.String())}, Tags: map[string]string{}}
	if first != "" {
		a.Tags["bloodhound_kinds"] = strings.Join(n.Kinds, ",")
	}
	for _, key := range tagged {
		if v := text(key); v != "" {
			a.Tags[key] = v
		}
	}
	if first == "Computer" {
		a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{text("name")}, nil, nil)...)
	}
	for _, key := range []string{"owner", "owners", "managedby", "team"} {
		if v := text(key); v != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: v, From: "property " + key})
		}
	}
	return a
}

// relation describes a relation at its beginning.
func (d *decoding) relation(x *relation) *asset.Description {
	from := &asset.Description{Kind: kind(x.Start.Kind.String()), Name: known(connectors.Ident(x.Start.Value.String())), Zone: d.config.Zone, Identifiers: []asset.Identifier{own(x.Start.Value.String())}}
	edge := asset.Edge{Kind: asset.EdgeCanAccess, To: own(x.End.Value.String()), ToKind: kind(x.End.Kind.String()), ToName: known(connectors.Ident(x.End.Value.String())), Note: x.Kind.String()}
	if strings.HasSuffix(x.Kind.String(), "MemberOf") {
		edge.Kind, edge.Note = asset.EdgeMemberOf, ""
	}
	from.Edges = []asset.Edge{edge}
	return from
}

// azure tells of an object of AzureHound.
func (d *decoding) azure(e *report.Emitter, of string, data json.RawMessage) error {
	var o struct {
		ID          wire.Text         `json:"id"`
		DisplayName wire.Text         `json:"displayName"`
		Name        wire.Text         `json:"name"`
		UPN         wire.Text         `json:"userPrincipalName"`
		Tenant      wire.Text         `json:"tenantId"`
		OnPrem      wire.Text         `json:"onPremisesSecurityIdentifier"`
		Enabled     wire.Text         `json:"accountEnabled"`
		Tags        map[string]string `json:"tags"`
	}
	if !wire.Unmarshal(data, &o) || o.ID == "" || o.DisplayName == "" && o.Name == "" && o.UPN == "" {
		e.Skip("azure_relation")
		return nil
	}
	a := &asset.Description{Kind: kind(of), Name: cmp.Or(connectors.Ident(o.UPN.String()), connectors.Ident(o.DisplayName.String()), connectors.Ident(o.Name.String())), Zone: d.config.Zone,
		Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Scope: "entra", Value: strings.ToLower(connectors.Ident(o.ID.String()))}}, Tags: map[string]string{}}
	if strings.HasPrefix(strings.ToLower(o.ID.String()), "/subscriptions/") {
		a.Identifiers = []asset.Identifier{{Kind: asset.CloudResourceID, Value: strings.ToLower(o.ID.String())}}
	}
	if o.OnPrem != "" { // the same account in the directory on premises
		a.Identifiers = append(a.Identifiers, identifier(o.OnPrem.String()))
	}
	rest, hints := connectors.SplitTags(o.Tags)
	for k, v := range rest {
		a.Tags[k] = v
	}
	a.OwnerHints = hints
	for key, v := range map[string]wire.Text{"tenant": o.Tenant, "enabled": o.Enabled, "bloodhound_kinds": wire.Text(of)} {
		if v != "" {
			a.Tags[key] = v.String()
		}
	}
	return e.Asset(a)
}
