package vex

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// The objects of CSAF 2.0 and 2.1.

type csafDocument struct {
	Version   wire.Text `json:"csaf_version"`
	Publisher party     `json:"publisher"`
	Tracking  struct {
		ID      wire.Text `json:"id"`
		Version wire.Text `json:"version"`
		Current wire.Time `json:"current_release_date"`
	} `json:"tracking"`
}

// csafProduct is a product, or a component in one.
type csafProduct struct {
	ID     wire.Text `json:"product_id"`
	Name   wire.Text `json:"name"`
	Helper struct {
		PURL  wire.Text  `json:"purl"`
		PURLs wire.Texts `json:"purls"` // since 2.1
	} `json:"product_identification_helper"`
}

type csafRelationship struct {
	Category wire.Text   `json:"category"`
	Part     wire.Text   `json:"product_reference"`
	Whole    wire.Text   `json:"relates_to_product_reference"`
	Full     csafProduct `json:"full_product_name"`
}

type csafVulnerability struct {
	CVE      wire.Text                           `json:"cve"`
	IDs      wire.List[struct{ Text wire.Text }] `json:"ids"`
	Title    wire.Text                           `json:"title"`
	Released wire.Time                           `json:"release_date"`
	Status   map[string]wire.Texts               `json:"product_status"`
	Flags    wire.List[csafNote]                 `json:"flags"`
	Threats  wire.List[csafNote]                 `json:"threats"`
	Remedies wire.List[csafNote]                 `json:"remediations"`
}

// csafNote is a flag, a threat or a remediation: something said of some products.
type csafNote struct {
	Label    wire.Text  `json:"label"`
	Category wire.Text  `json:"category"`
	Details  wire.Text  `json:"details"`
	Products wire.Texts `json:"product_ids"`
	Groups   wire.Texts `json:"group_ids"`
}

// csafStatuses are what the lists of a product_status say, in the order of their force:
// one product in two lists has the first.
var csafStatuses = []struct { //nolint:gochecknoglobals // a constant table
	list   string
	status exposure.StatementStatus
}{
	{"known_affected", exposure.StatementAffected}, {"first_affected", exposure.StatementAffected}, {"last_affected", exposure.StatementAffected},
	{"known_not_affected", exposure.StatementNotAffected}, {"fixed", exposure.StatementFixed}, {"first_fixed", exposure.StatementFixed},
	{"under_investigation", exposure.StatementUnderInvestigation},
}

// csaf is a CSAF document, as far as it is needed when its vulnerabilities are told.
type csaf struct {
	doc             csafDocument
	products        map[string]csafEntry
	groups          map[string][]string
	vulnerabilities *jsonpull.Hold
}

// csafEntry is what is kept of a product: its name and purls, and what it is a component
// of.
type csafEntry struct {
	name        string
	purls       []string
	part, whole string
}

func (d *csaf) read(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "document":
			r.Into(largestItem, &d.doc)
		case "product_tree":
			return d.tree(e, r)
		case "vulnerabilities":
			return each(e, r, func() {
				raw := r.Raw(largestItem)
				switch {
				case !r.OK():
				case raw == nil:
					e.Skip("vulnerability_too_large_or_null")
				case !d.vulnerabilities.Add(raw):
					r.Fail("more vulnerabilities than fit")
				}
			})
		}
		return nil
	})
}

// tree reads the product tree: branches within branches, whose leaves are products.
func (d *csaf) tree(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "branches":
			for a := r.Array(); r.Elem(a); {
				if err := d.tree(e, r); err != nil {
					return err
				}
			}
		case "product":
			var p csafProduct
			r.Into(largestItem, &p)
			d.add(&p, "", "")
		case "full_product_names":
			return each(e, r, func() {
				var p csafProduct
				r.Into(largestItem, &p)
				d.add(&p, "", "")
			})
		case "relationships":
			return each(e, r, func() {
				var rel csafRelationship
				r.Into(largestItem, &rel)
				d.add(&rel.Full, rel.Part.String(), rel.Whole.String())
			})
		case "product_groups":
			return each(e, r, func() {
				var g struct {
					ID       wire.Text  `json:"group_id"`
					Products wire.Texts `json:"product_ids"`
				}
				r.Into(largestItem, &g)
				if len(d.groups) < most {
					d.groups[g.ID.String()] = g.Products
				}
			})
		}
		return e.Live()
	})
}

func (d *csaf) add(p *csafProduct, part, whole string) {
	if id := p.ID.String(); id != "" && len(d.products) < most {
		d.products[id] = csafEntry{name: p.Name.String(), purls: purls(append([]string{p.Helper.PURL.String()}, p.Helper.PURLs...)...), part: part, whole: whole}
	}
}

// tell emits a statement for each product of each vulnerability.
func (d *csaf) tell(e *report.Emitter, from *jsonpull.Reader) error {
	return d.vulnerabilities.Each(from, func(r *jsonpull.Reader) error {
		var v csafVulnerability
		_, ok := r.Into(largestItem, &v)
		if !r.OK() {
			return nil
		}
		names := []string{v.CVE.String()}
		for _, id := range v.IDs {
			names = append(names, connectors.Ident(id.Text.String()))
		}
		names = slices.DeleteFunc(names, func(s string) bool { return s == "" })
		if !ok || len(names) == 0 {
			e.Skip("vulnerability_without_id")
			return nil
		}
		done := map[string]bool{}
		for _, list := range csafStatuses {
			for _, id := range v.Status[list.list] {
				if done[id] {
					continue
				}
				done[id] = true
				if err := e.Statement(d.statement(&v, names, id, list.status)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (d *csaf) statement(v *csafVulnerability, names []string, id string, status exposure.StatementStatus) exposure.Statement {
	st := exposure.Statement{
		Vulnerability: names[0], Aliases: names[1:], Status: status, Author: d.doc.Publisher.Name.String(), At: d.doc.Tracking.Current.Time,
		Document: d.doc.Tracking.ID.String(), DocumentVersion: d.doc.Tracking.Version.String(), Justification: d.said(v.Flags, id, func(n *csafNote) string { return n.Label.String() }),
		Impact: d.said(v.Threats, id, func(n *csafNote) string {
			if n.Category != "impact" {
				return ""
			}
			return n.Details.String()
		}),
		Action: d.said(v.Remedies, id, func(n *csafNote) string {
			return strings.Trim(n.Category.String()+": "+n.Details.String(), ": ")
		}),
	}
	if st.At.IsZero() {
		st.At = v.Released.Time
	}
	p, ok := d.products[id]
	st.Product, st.PURLs = cmp.Or(p.name, id), p.purls
	if ok && p.part != "" {
		part, whole := d.products[p.part], d.products[p.whole]
		st.Components = part.purls
		st.PURLs = purls(slices.Concat(p.purls, whole.purls, part.purls)...)
	}
	for _, purl := range st.PURLs {
		st.Identifiers = append(st.Identifiers, imageIdentifiers(&component{PURL: wire.Text(purl)})...)
	}
	st.ID = connectors.UID("csaf", st.Document, st.Vulnerability, connectors.Ident(id))
	return st
}

// said is what notes say of a product, by its own ID or that of a group which it is in.
// A note that names no product is of all.
func (d *csaf) said(notes []csafNote, id string, text func(n *csafNote) string) string {
	var out []string
	for i := range notes {
		n := &notes[i]
		about := len(n.Products) == 0 && len(n.Groups) == 0 || slices.Contains(n.Products, id) ||
			slices.ContainsFunc(n.Groups, func(group string) bool { return slices.Contains(d.groups[group], id) })
		if t := text(n); about && t != "" && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return strings.Join(out, "; ")
}
