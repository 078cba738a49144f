package vex

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// The objects of OpenVEX 0.0.1 to 0.2.0. Version 0.0.1 writes names where later ones
// write objects.

type openVEX struct {
	id, version, author, role string
	at                        wire.Time
	statements                *jsonpull.Hold
	known                     bool
}

type openStatement struct {
	ID            wire.Text              `json:"@id"`
	Vulnerability openVulnerability      `json:"vulnerability"`
	Products      wire.List[openProduct] `json:"products"`
	Subcomponents wire.List[openProduct] `json:"subcomponents"` // in 0.0.1
	Status        wire.Text              `json:"status"`
	Notes         wire.Text              `json:"status_notes"`
	Justification wire.Text              `json:"justification"`
	Impact        wire.Text              `json:"impact_statement"`
	Action        wire.Text              `json:"action_statement"`
	Supplier      wire.Text              `json:"supplier"`
	Timestamp     wire.Time              `json:"timestamp"`
	Updated       wire.Time              `json:"last_updated"`
}

type openVulnerability struct {
	ID      wire.Text  `json:"@id"`
	Name    wire.Text  `json:"name"`
	Aliases wire.Texts `json:"aliases"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *openVulnerability) UnmarshalJSON(b []byte) error {
	type object openVulnerability
	_ = v.Name.UnmarshalJSON(b) // never fails
	wire.Unmarshal(b, (*object)(v))
	return nil
}

type openProduct struct {
	ID          wire.Text              `json:"@id"`
	Identifiers map[string]wire.Text   `json:"identifiers"`
	Hashes      map[string]wire.Text   `json:"hashes"`
	Parts       wire.List[openProduct] `json:"subcomponents"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *openProduct) UnmarshalJSON(b []byte) error {
	type object openProduct
	_ = p.ID.UnmarshalJSON(b) // never fails
	wire.Unmarshal(b, (*object)(p))
	return nil
}

// read reads a document, or the predicate of an in-toto statement that holds one.
func (d *openVEX) read(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "@context":
			d.known = strings.Contains(string(r.Text(shortText)), "openvex")
		case "@id":
			d.id = string(r.Text(shortText))
		case "author":
			d.author = string(r.Text(shortText))
		case "role":
			d.role = string(r.Text(shortText))
		case "version":
			d.version = string(r.Text(shortText))
		case "timestamp", "last_updated":
			if at := wire.Moment(string(r.Text(shortText))); at.After(d.at.Time) {
				d.at.Time = at
			}
		case "predicate":
			return d.read(e, r)
		case "statements":
			return each(e, r, func() {
				raw := r.Raw(largestItem)
				switch {
				case !r.OK():
				case raw == nil:
					e.Skip("statement_too_large_or_null")
				case !d.statements.Add(raw):
					r.Fail("more statements than fit")
				}
			})
		}
		return nil
	})
}

// tell emits a statement for each product.
func (d *openVEX) tell(e *report.Emitter, from *jsonpull.Reader) error {
	n := 0
	return d.statements.Each(from, func(r *jsonpull.Reader) error {
		n++
		var s openStatement
		_, ok := r.Into(largestItem, &s)
		switch {
		case !r.OK():
			return nil
		case !ok || cmp.Or(s.Vulnerability.Name, s.Vulnerability.ID) == "":
			e.Skip("statement_without_vulnerability")
			return nil
		case !slices.Contains(statementOrder, exposure.StatementStatus(s.Status.String())):
			e.Skip("statement_of_unknown_status")
			return nil
		}
		if len(s.Products) == 0 { // of whatever the document travels with
			s.Products = append(s.Products, openProduct{})
		}
		for i := range s.Products {
			if err := e.Statement(d.statement(&s, &s.Products[i], n)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *openVEX) statement(s *openStatement, p *openProduct, n int) exposure.Statement {
	st := exposure.Statement{
		Vulnerability: connectors.Ident(cmp.Or(s.Vulnerability.Name, s.Vulnerability.ID).String()), Status: exposure.StatementStatus(s.Status.String()),
		Justification: s.Justification.String(), Impact: cmp.Or(s.Impact.String(), s.Notes.String()), Action: s.Action.String(),
		Author: cmp.Or(d.author, s.Supplier.String()), Document: d.id, DocumentVersion: d.version, Product: connectors.Ident(p.ID.String()),
		PURLs: p.purls(), Identifiers: p.images(), At: d.at.Time,
	}
	for _, alias := range s.Vulnerability.Aliases {
		if alias = connectors.Ident(alias); alias != "" && alias != st.Vulnerability {
			st.Aliases = append(st.Aliases, alias)
		}
	}
	for _, part := range slices.Concat(p.Parts, s.Subcomponents) {
		found := part.purls()
		st.Components = append(st.Components, found...)
		for _, purl := range found {
			if !slices.Contains(st.PURLs, purl) {
				st.PURLs = append(st.PURLs, purl)
			}
		}
	}
	for _, at := range []wire.Time{s.Timestamp, s.Updated} {
		if !at.IsZero() {
			st.At = at.Time
		}
	}
	st.ID = connectors.UID("openvex", d.id, cmp.Or(s.ID.String(), strconv.Itoa(n)), st.Vulnerability, st.Product)
	return st
}

func (p *openProduct) purls() []string { return purls(p.ID.String(), p.Identifiers["purl"].String()) }

// images are the digests of an image: in its purl, or as a hash of the product.
func (p *openProduct) images() []asset.Identifier {
	known := p.purls()
	out := make([]asset.Identifier, 0, len(known))
	for _, purl := range known {
		out = append(out, imageIdentifiers(&component{PURL: wire.Text(purl)})...)
	}
	return out
}
