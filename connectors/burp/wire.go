package burp

import (
	"encoding/base64"
	"strings"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// Limits of what is taken over from a report.
const (
	largestIssue   = 16 << 20
	largestMessage = 1 << 20 // of a request or response
	shortText      = 1 << 10
	longText       = 256 << 10
)

// pageMark is the field by which our own pages begin.
const pageMark = "quell_burp"

// issue is an issue of any of the formats.
type issue struct {
	kind, name           string
	serial               string
	origin, ip           string // https://host:port
	path, insertion      string
	severity, confidence string
	background, detail   string // HTML
	items                []string
	remediation          []string
	references           string
	classifications      string
	request              string
	vendor               map[string]any
}

// jsonIssue is an issue of the GraphQL API, and of the REST API.
type jsonIssue struct {
	IssueType struct {
		TypeIndex       wire.Text `json:"type_index"`
		Name            wire.Text `json:"name"`
		Description     wire.Text `json:"description_html"`
		Remediation     wire.Text `json:"remediation_html"`
		Classifications wire.Text `json:"vulnerability_classifications_html"`
		References      wire.Text `json:"references_html"`
	} `json:"issue_type"`
	Description       wire.Text `json:"description_html"`
	Remediation       wire.Text `json:"remediation_html"`
	SerialNumber      wire.Text `json:"serial_number"`
	Severity          wire.Text `json:"severity"`
	Confidence        wire.Text `json:"confidence"`
	DisplayConfidence wire.Text `json:"display_confidence"`
	Path              wire.Text `json:"path"`
	Origin            wire.Text `json:"origin"`
	Novelty           wire.Text `json:"novelty"`
	// What the REST API has in place of these.
	Name                  wire.Text `json:"name"`
	TypeIndex             wire.Text `json:"type_index"`
	RestDescription       wire.Text `json:"description"`
	RestRemediation       wire.Text `json:"remediation"`
	IssueBackground       wire.Text `json:"issue_background"`
	RemediationBackground wire.Text `json:"remediation_background"`
	RestClassifications   wire.Text `json:"vulnerability_classifications"`
	RestReferences        wire.Text `json:"references"`
	Caption               wire.Text `json:"caption"`
	Evidence              wire.List[struct {
		RequestSegments wire.List[segment] `json:"request_segments"`
		RequestResponse struct {
			URL     wire.Text          `json:"url"`
			Request wire.List[segment] `json:"request"`
		} `json:"request_response"`
	}] `json:"evidence"`
}

// segment is a part of a message: HTML of the GraphQL API, or base64 of the REST API.
type segment struct {
	DataHTML      wire.Text `json:"data_html"`
	HighlightHTML wire.Text `json:"highlight_html"`
	Data          wire.Text `json:"data"`
}

// json reads a scan of either API, or one of our pages: issues stand in "issues", "Issues"
// or, each as an event's, "issue_events", maybe inside "data" and "scan".
func (d *decoding) json(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a report is an object")
		return nil
	}
	err := d.object(e, r)
	if err == nil && r.OK() && !d.known {
		r.Fail("there are no issues in it: this is something else")
	}
	if err != nil || !r.OK() {
		return err
	}
	return d.cover(e)
}

func (d *decoding) object(e *report.Emitter, r *jsonpull.Reader) error {
	return r.Fields(func(key string) error {
		switch key {
		case "data", "scan":
			return d.object(e, r)
		case "id", "task_id":
			d.scan.id = string(r.Text(shortText))
		case "status", "scan_status":
			d.scan.status = string(r.Text(shortText))
		case "start_time":
			d.scan.started = wire.Moment(string(r.Text(shortText)))
		case "end_time":
			d.scan.ended = wire.Moment(string(r.Text(shortText)))
		case "scanner_version":
			d.scan.version = string(r.Text(shortText))
		case pageMark:
			d.page = true
		case "start_urls":
			d.scan.targets = r.Texts(nil, shortText, mostTargets)
		case "issues", "Issues":
			d.known = true
			for a := r.Array(); r.Elem(a); {
				if err := d.one(e, r); err != nil {
					return err
				}
			}
		case "issue_events":
			d.known = true
			for a := r.Array(); r.Elem(a); {
				if err := r.Fields(func(key string) error {
					if key != "issue" {
						return nil
					}
					return d.one(e, r)
				}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// one reads one issue.
func (d *decoding) one(e *report.Emitter, r *jsonpull.Reader) error {
	var w jsonIssue
	raw, ok := r.Into(largestIssue, &w)
	if !r.OK() { // half an issue is none
		return nil
	}
	if !ok {
		e.Skip("issue_too_large_or_no_object")
		return nil
	}
	t := w.IssueType
	i := issue{
		kind: first(t.TypeIndex, w.TypeIndex), name: first(t.Name, w.Name), serial: w.SerialNumber.String(), origin: w.Origin.String(), path: w.Path.String(),
		insertion: insertion(w.Caption.String()), severity: w.Severity.String(), confidence: first(w.Confidence, w.DisplayConfidence),
		background: first(t.Description, w.IssueBackground), detail: first(w.Description, w.RestDescription),
		remediation: []string{first(t.Remediation, w.RemediationBackground), first(w.Remediation, w.RestRemediation)},
		references:  first(t.References, w.RestReferences), classifications: first(t.Classifications, w.RestClassifications),
	}
	for _, ev := range w.Evidence {
		if i.request = join(ev.RequestSegments); i.request == "" {
			i.request = join(ev.RequestResponse.Request)
		}
		if i.request != "" {
			break
		}
	}
	i.vendor = map[string]any{"rest": wire.Rest(raw, "issue_type", "description_html", "remediation_html", "severity", "confidence", "path", "origin", "evidence", "name", "type_index",
		"description", "remediation", "issue_background", "remediation_background", "vulnerability_classifications", "references", "internal_data")}
	return d.issue(e, &i)
}

func first(texts ...wire.Text) string {
	for _, t := range texts {
		if s := t.String(); s != "" {
			return s
		}
	}
	return ""
}

// join puts a message together again.
func join(segments []segment) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString(string(s.DataHTML) + string(s.HighlightHTML))
		if raw, err := base64.StdEncoding.DecodeString(string(s.Data)); err == nil {
			b.Write(raw)
		}
		if b.Len() > largestMessage {
			break
		}
	}
	return b.String()
}

// insertion is what stands in brackets at the end of a location: "q parameter".
func insertion(location string) string {
	location = strings.TrimSpace(location)
	open := strings.LastIndex(location, " [")
	if open < 0 || !strings.HasSuffix(location, "]") {
		return ""
	}
	return location[open+2 : len(location)-1]
}

// xml reads issues/issue.
func (d *decoding) xml(e *report.Emitter, r *xmlpull.Reader) error {
	if string(r.Name()) != "issues" {
		return report.Unknown(formatXML, "the root element is not issues")
	}
	d.scan.version = string(r.Attr("burpVersion"))
	d.scan.ended = wire.Moment(string(r.Attr("exportTime")))
	for root := r.Depth(); r.Child(root); {
		if string(r.Name()) != "issue" {
			continue
		}
		i := xmlIssue(r)
		if !r.OK() { // half an issue is none
			return nil
		}
		if err := d.issue(e, i); err != nil {
			return err
		}
	}
	if !r.OK() {
		return nil
	}
	return d.cover(e)
}

func xmlIssue(r *xmlpull.Reader) *issue {
	i := &issue{vendor: map[string]any{}}
	for depth := r.Depth(); r.Child(depth); {
		name := string(r.Name())
		limit := longText
		if name == "requestresponse" {
			limit = 4 * largestMessage
			if i.request != "" {
				continue
			}
		}
		ip := string(r.Attr("ip"))
		n, _ := r.Tree(limit)
		switch name {
		case "serialNumber":
			i.serial = n.Text
		case "type":
			i.kind = n.Text
		case "name":
			i.name = n.Text
		case "host":
			i.origin, i.ip = n.Text, ip
		case "path":
			i.path = n.Text
		case "location":
			i.insertion = insertion(n.Text)
		case "severity":
			i.severity = n.Text
		case "confidence":
			i.confidence = n.Text
		case "issueBackground":
			i.background = n.Text
		case "issueDetail":
			i.detail = n.Text
		case "issueDetailItems":
			i.items = n.Gets("issueDetailItem")
		case "remediationBackground", "remediationDetail":
			i.remediation = append(i.remediation, n.Text)
		case "references":
			i.references = n.Text
		case "vulnerabilityClassifications":
			i.classifications = n.Text
		case "requestresponse":
			i.request = n.Get("request")
			if n.At("request").Attr("base64") == "true" {
				raw, _ := base64.StdEncoding.DecodeString(i.request[:len(i.request)/4*4]) // what was decoded is what counts
				i.request = string(raw)
			}
		default:
			i.vendor[name] = n.Fields()
		}
	}
	return i
}
