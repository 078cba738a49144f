package zap

import (
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// Limits of what is taken over from a report.
const (
	largestInstance = 16 << 20 // with its request and response
	largestField    = 64 << 10
	mostInstances   = 20_000
	excerpt         = 4 << 10
)

// site is one of a report's sites.
type site struct {
	name, host, port string
	alerts           int
}

// alert is one kind of weakness on a site.
type alert struct {
	pluginID, ref, alert, name           wire.Text
	riskCode, riskDesc, confidence       wire.Text
	desc, solution, otherInfo, reference wire.Text
	cweID, wascID, sourceID, systemic    wire.Text
	count                                wire.Number
	tags                                 wire.List[tag]
	instances                            []instance
}

// field gives where the text of a name belongs; nil for what is none of these.
func (a *alert) field(name string) *wire.Text {
	switch name {
	case "pluginid":
		return &a.pluginID
	case "alertRef":
		return &a.ref
	case "alert":
		return &a.alert
	case "name":
		return &a.name
	case "riskcode":
		return &a.riskCode
	case "riskdesc":
		return &a.riskDesc
	case "confidence":
		return &a.confidence
	case "desc":
		return &a.desc
	case "solution":
		return &a.solution
	case "otherinfo":
		return &a.otherInfo
	case "reference":
		return &a.reference
	case "cweid":
		return &a.cweID
	case "wascid":
		return &a.wascID
	case "sourceid":
		return &a.sourceID
	case "systemic":
		return &a.systemic
	}
	return nil
}

// tag is a name that ZAP gives to alerts: OWASP_2021_A05, CWE-693.
type tag struct {
	Tag  wire.Text `json:"tag"`
	Link wire.Text `json:"link"`
}

// instance is one place where an alert was raised.
type instance struct {
	ID            wire.Text `json:"id"`
	URI           wire.Text `json:"uri"`
	NodeName      wire.Text `json:"nodeName"`
	Method        wire.Text `json:"method"`
	Param         wire.Text `json:"param"`
	Attack        wire.Text `json:"attack"`
	Evidence      wire.Text `json:"evidence"`
	OtherInfo     wire.Text `json:"otherinfo"`
	RequestHeader wire.Text `json:"request-header"`
}

// slim cuts what is long, so that many instances take little.
func (i *instance) slim() {
	for _, text := range []*wire.Text{&i.Attack, &i.Evidence, &i.OtherInfo, &i.RequestHeader} {
		if len(*text) > excerpt {
			*text = (*text)[:excerpt]
		}
	}
}

// json reads a report: {"@version", "@generated", "site": [{"@name", …, "alerts": […]}]}.
func (d *decoding) json(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a report is an object")
		return nil
	}
	known := false
	err := r.Fields(func(key string) error {
		switch key {
		case "@programName":
			d.program = string(r.Text(excerpt))
		case "@version":
			d.version = string(r.Text(excerpt))
		case "@generated":
			d.generated = string(r.Text(excerpt))
		case "created": // with a zone, since 2.13
			d.created = string(r.Text(excerpt))
		case "site":
			known = true
			if r.Kind() == jsonpull.Object { // one site, as older versions write it
				return d.jsonSite(e, r)
			}
			for sites := r.Array(); r.Elem(sites); {
				if err := d.jsonSite(e, r); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && r.OK() && !known {
		r.Fail("there is no site in it: this is something else")
	}
	return err
}

func (d *decoding) jsonSite(e *report.Emitter, r *jsonpull.Reader) error {
	var s site
	err := r.Fields(func(key string) error {
		switch key {
		case "@name":
			s.name = string(r.Text(excerpt))
		case "@host":
			s.host = string(r.Text(excerpt))
		case "@port":
			s.port = string(r.Text(excerpt))
		case "alerts":
			for alerts := r.Array(); r.Elem(alerts); {
				a, ok := jsonAlert(e, r)
				if !ok {
					continue
				}
				s.alerts++
				if err := d.alert(e, &s, a); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || !r.OK() {
		return err
	}
	return d.cover(e, &s)
}

// jsonAlert reads an alert field by field, so that its instances are cut one by one.
func jsonAlert(e *report.Emitter, r *jsonpull.Reader) (*alert, bool) {
	a := &alert{}
	if r.Kind() != jsonpull.Object {
		e.Skip("alert_is_no_object")
		return nil, false
	}
	for o := r.Object(); r.Field(o); {
		switch key := string(r.Key()); key {
		case "instances":
			a.instances = nil // of a key that comes twice, the last value counts
			for list := r.Array(); r.Elem(list); {
				var i instance
				if _, ok := r.Into(largestInstance, &i); ok {
					a.keep(e, i)
				} else if r.OK() {
					e.Skip("instance_too_large_or_no_object")
				}
			}
		case "tags":
			r.Into(largestField, &a.tags)
		case "count":
			r.Into(largestField, &a.count)
		default:
			if field := a.field(key); field != nil {
				*field = wire.Text(r.Text(largestField))
			}
		}
	}
	return a, r.OK()
}

func (a *alert) keep(e *report.Emitter, i instance) {
	if len(a.instances) >= mostInstances {
		e.Skip("more_instances_than_are_read")
		return
	}
	i.slim()
	a.instances = append(a.instances, i)
}

// xml reads a report: OWASPZAPReport/site/alerts/alertitem/instances/instance.
func (d *decoding) xml(e *report.Emitter, r *xmlpull.Reader) error {
	if string(r.Name()) != "OWASPZAPReport" {
		return report.Unknown(formatXML, "the root element is not OWASPZAPReport")
	}
	d.program, d.version, d.generated = string(r.Attr("programName")), string(r.Attr("version")), string(r.Attr("generated"))
	for root := r.Depth(); r.Child(root); {
		switch string(r.Name()) {
		case "created":
			n, _ := r.Tree(excerpt)
			d.created = n.Text
		case "site":
			if err := d.xmlSite(e, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *decoding) xmlSite(e *report.Emitter, r *xmlpull.Reader) error {
	s := site{name: string(r.Attr("name")), host: string(r.Attr("host")), port: string(r.Attr("port"))}
	for depth := r.Depth(); r.Child(depth); {
		if string(r.Name()) != "alerts" {
			continue
		}
		for alerts := r.Depth(); r.Child(alerts); {
			if string(r.Name()) != "alertitem" {
				continue
			}
			a := xmlAlert(e, r)
			if !r.OK() { // half an alert is none
				return nil
			}
			s.alerts++
			if err := d.alert(e, &s, a); err != nil {
				return err
			}
		}
	}
	if !r.OK() {
		return nil
	}
	return d.cover(e, &s)
}

func xmlAlert(e *report.Emitter, r *xmlpull.Reader) *alert {
	a := &alert{}
	for item := r.Depth(); r.Child(item); {
		name := string(r.Name())
		if name == "instances" {
			for list := r.Depth(); r.Child(list); {
				n, whole := r.Tree(largestInstance)
				if !whole && r.Err() == nil {
					e.Skip("part_of_an_instance")
				}
				a.keep(e, instance{
					ID: wire.Text(n.Get("id")), URI: wire.Text(n.Get("uri")), NodeName: wire.Text(n.Get("nodeName")), Method: wire.Text(n.Get("method")), Param: wire.Text(n.Get("param")),
					Attack: wire.Text(n.Get("attack")), Evidence: wire.Text(n.Get("evidence")), OtherInfo: wire.Text(n.Get("otherinfo")), RequestHeader: wire.Text(n.Get("requestheader")),
				})
			}
			continue
		}
		n, _ := r.Tree(largestField)
		switch {
		case a.field(name) != nil:
			*a.field(name) = wire.Text(n.Text)
		case name == "count":
			_ = a.count.UnmarshalJSON([]byte(n.Text)) // never fails
		case name == "tags":
			for _, t := range n.All("tag") {
				a.tags = append(a.tags, tag{wire.Text(t.Get("tag")), wire.Text(t.Get("link"))})
			}
		}
	}
	return a
}
