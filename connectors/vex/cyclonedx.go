package vex

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// readJSON reads a CycloneDX document in JSON.
func (b *bom) readJSON(e *report.Emitter, r *jsonpull.Reader) error {
	known := false
	err := r.Fields(func(key string) error {
		switch key {
		case "bomFormat":
			known = string(r.Text(shortText)) == "CycloneDX"
		case "serialNumber":
			b.serial = string(r.Text(shortText))
		case "version":
			b.version = string(r.Text(shortText))
		case "metadata":
			r.Into(largestItem, &b.meta)
		case "components":
			return each(e, r, func() {
				var c component
				if _, ok := r.Into(largestItem, &c); ok {
					b.add(&c)
				} else if r.OK() {
					e.Skip("component_unreadable")
				}
			})
		case "dependencies":
			return each(e, r, func() {
				var d struct {
					Ref wire.Text  `json:"ref"`
					On  wire.Texts `json:"dependsOn"`
				}
				r.Into(largestItem, &d)
				b.depend(d.Ref.String(), d.On)
			})
		case "vulnerabilities":
			b.listed = b.listed || r.Kind() == jsonpull.Array
			return each(e, r, func() { b.hold(e, r) })
		}
		return nil
	})
	if err == nil && r.OK() && !known {
		r.Fail("bomFormat is not CycloneDX")
	}
	if err != nil || !r.OK() {
		return err
	}
	return b.tell(e, r)
}

func each(e *report.Emitter, r *jsonpull.Reader, fn func()) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		fn()
	}
	return nil
}

func (b *bom) hold(e *report.Emitter, r *jsonpull.Reader) {
	raw := r.Raw(largestItem)
	switch {
	case !r.OK():
	case raw == nil:
		b.lost++
		e.Skip("vulnerability_too_large_or_null")
	case !b.vulnerabilities.Add(raw):
		r.Fail("more vulnerabilities than fit")
	}
}

// readXML reads a CycloneDX document in XML: with its own vulnerabilities since version
// 1.4, or with those of the extension before, which stand inside their components.
func (b *bom) readXML(e *report.Emitter, r *xmlpull.Reader) error {
	if string(r.Name()) != "bom" {
		return report.Unknown(format, "the root element is not bom: this is no CycloneDX")
	}
	b.serial, b.version = string(r.Attr("serialNumber")), string(r.Attr("version"))
	for root := r.Depth(); r.Child(root); {
		if err := e.Live(); err != nil {
			return err
		}
		switch string(r.Name()) {
		case "metadata":
			n, _ := r.Tree(largestItem)
			b.meta = xmlMetadata(n)
		case "components":
			if err := b.eachXML(e, r, "component", func(n *xmlpull.Node) { b.addXML(e, n) }); err != nil {
				return err
			}
		case "dependencies":
			if err := b.eachXML(e, r, "dependency", func(n *xmlpull.Node) {
				children := n.All("dependency")
				refs := make([]string, 0, len(children))
				for _, on := range children {
					refs = append(refs, on.Attr("ref"))
				}
				b.depend(n.Attr("ref"), refs)
			}); err != nil {
				return err
			}
		case "vulnerabilities":
			b.listed = true
			if err := b.eachXML(e, r, "vulnerability", func(n *xmlpull.Node) { b.holdXML(e, n, "") }); err != nil {
				return err
			}
		}
	}
	if r.Err() != nil {
		return nil //nolint:nilerr // what is wrong with the body is left in the reader
	}
	return b.tell(e, jsonpull.NewReader(strings.NewReader(""), format))
}

func (b *bom) eachXML(e *report.Emitter, r *xmlpull.Reader, name string, fn func(n *xmlpull.Node)) error {
	for list := r.Depth(); r.Child(list); {
		if err := e.Live(); err != nil {
			return err
		}
		if string(r.Name()) != name {
			continue
		}
		n, whole := r.Tree(largestItem)
		if r.Err() != nil {
			return nil //nolint:nilerr // likewise
		}
		if !whole {
			b.lost++
			e.Skip("element_too_large")
			continue
		}
		fn(n)
	}
	return nil
}

func (b *bom) addXML(e *report.Emitter, n *xmlpull.Node) {
	c := xmlComponent(n)
	found := n.All("vulnerabilities/vulnerability")
	if len(found) > 0 {
		b.listed = true
		if c.Ref == "" {
			c.Ref = wire.Text("component " + strconv.Itoa(b.seen))
		}
	}
	b.add(&c)
	for _, v := range found {
		b.holdXML(e, v, c.Ref.String())
	}
	for _, inner := range n.All("components/component") {
		b.addXML(e, inner)
	}
}

// holdXML keeps a vulnerability as the JSON that would say the same.
func (b *bom) holdXML(e *report.Emitter, n *xmlpull.Node, of string) {
	v := xmlVulnerability(n)
	if of != "" {
		v.Affects = append(v.Affects, affect{Ref: wire.Text(of)})
	}
	raw, err := json.Marshal(v)
	if err != nil || !b.vulnerabilities.Add(raw) {
		b.lost++
		e.Skip("vulnerability_beyond_limit")
	}
}

func xmlMetadata(n *xmlpull.Node) metadata {
	m := metadata{Timestamp: wire.Time{Time: wire.Moment(n.Get("timestamp"))}, Maker: party{text(n.Get("manufacturer/name"))}, OldMaker: party{text(n.Get("manufacture/name"))}, Supplier: party{text(n.Get("supplier/name"))}}
	for _, a := range n.All("authors/author") {
		m.Authors = append(m.Authors, party{text(a.Get("name"))})
	}
	for _, t := range append(n.All("tools/tool"), n.All("tools/components/component")...) {
		m.Tools.list = append(m.Tools.list, component{Name: text(t.Get("name")), Version: text(t.Get("version"))})
	}
	if c := n.At("component"); c != nil {
		m.Component = xmlComponent(c)
	}
	return m
}

func text(s string) wire.Text { return wire.Text(s) }

// xmlComponent reads a component without those inside it.
func xmlComponent(n *xmlpull.Node) component {
	c := component{Ref: text(n.Attr("bom-ref")), Type: text(n.Attr("type")), Group: text(n.Get("group")), Name: text(n.Get("name")), Version: text(n.Get("version")), PURL: text(n.Get("purl"))}
	for _, p := range n.All("properties/property") {
		c.Properties = append(c.Properties, property{text(p.Attr("name")), text(p.Text)})
	}
	return c
}

func xmlVulnerability(n *xmlpull.Node) vulnerability {
	v := vulnerability{
		Ref: text(n.Attr("bom-ref")), ID: text(n.Get("id")), Source: xmlSource(n.At("source")), Description: text(n.Get("description")), Detail: text(n.Get("detail")),
		Recommendation: text(n.Get("recommendation")), Workaround: text(n.Get("workaround")), Updated: text(n.Get("updated")), CWEs: n.Gets("cwes/cwe"),
	}
	for _, ref := range n.All("references/reference") {
		v.References = append(v.References, reference{text(ref.Get("id")), xmlSource(ref.At("source"))})
	}
	for _, r := range n.All("ratings/rating") {
		score := r.Get("score")
		if base := r.Get("score/base"); base != "" { // of the extension
			score = base
		}
		v.Ratings = append(v.Ratings, rating{xmlSource(r.At("source")), text(score), text(r.Get("severity")), text(r.Get("method")), text(r.Get("vector"))})
	}
	for _, a := range n.All("advisories/advisory") {
		v.Advisories = append(v.Advisories, advisory{text(a.Get("title")), text(a.Get("url"))})
		if a.Text != "" {
			v.Advisories = append(v.Advisories, advisory{URL: text(a.Text)})
		}
	}
	for _, r := range n.Gets("recommendations/recommendation") { // of the extension
		v.Recommendation = text(strings.TrimSpace(v.Recommendation.String() + "\n" + r))
	}
	if a := n.At("analysis"); a != nil {
		v.Analysis = analysis{text(a.Get("state")), text(a.Get("justification")), a.Gets("responses/response"), text(a.Get("detail")), text(a.Get("firstIssued")), text(a.Get("lastUpdated"))}
	}
	for _, t := range n.All("affects/target") {
		a := affect{Ref: text(t.Get("ref"))}
		for _, ver := range t.All("versions/version") {
			a.Versions = append(a.Versions, version{text(ver.Get("version")), text(ver.Get("range")), text(ver.Get("status"))})
		}
		v.Affects = append(v.Affects, a)
	}
	return v
}

func xmlSource(n *xmlpull.Node) source {
	name := n.Get("name")
	if name == "" {
		name = n.Attr("name") // of the extension
	}
	return source{text(name), text(n.Get("url"))}
}
