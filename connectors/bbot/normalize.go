package bbot

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	largestEvent = 8 << 20
	mostEdges    = 64
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	scan        string
	events      int
	first, last time.Time
}

// event reads one event and emits what it means.
func (d *decoding) event(e *report.Emitter, r *jsonpull.Reader) error {
	var ev event
	raw, ok := r.Into(largestEvent, &ev)
	if !ok || ev.Type == "" || ev.Scan == "" && ev.Module == "" {
		if !ok || d.events == 0 {
			r.Fail("this is no event of BBOT")
			return nil
		}
		e.Skip("line_that_is_no_event")
		return nil
	}
	ev.raw = raw
	d.note(&ev)
	if ev.Distance.Value > float64(d.config.Distance) {
		e.Skip("event_out_of_scope")
		return nil
	}
	switch ev.Type {
	case "FINDING", "VULNERABILITY":
		f := ev.finding()
		if f == nil {
			e.Skip("finding_without_description")
			return nil
		}
		return e.Observe(d.describe(&ev), f)
	case "DNS_NAME", "IP_ADDRESS", "OPEN_TCP_PORT", "OPEN_UDP_PORT", "URL", "TECHNOLOGY", "PROTOCOL", "STORAGE_BUCKET", "CODE_REPOSITORY":
		return e.Asset(d.describe(&ev))
	default:
		e.Skip("event_that_is_no_asset")
		return nil
	}
}

func (d *decoding) note(ev *event) {
	d.events++
	d.scan = cmp.Or(d.scan, connectors.Ident(ev.Scan.String()))
	at := ev.Timestamp.Time
	if !at.IsZero() && (d.first.IsZero() || at.Before(d.first)) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

// digits differ between two sights of one thing: versions, counts, times.
var digits = regexp.MustCompile(`[0-9]+`)

// finding makes a finding of a FINDING or VULNERABILITY; nil where it says nothing.
func (ev *event) finding() *exposure.Finding {
	v := ev.fields()
	description := cmp.Or(v.Description.String(), strings.TrimSpace(v.Text))
	name := connectors.Ident(v.Name.String())
	if description == "" && name == "" {
		return nil
	}
	if name == "" {
		sum := sha256.Sum256([]byte(digits.ReplaceAllString(description, "0")))
		name = hex.EncodeToString(sum[:8])
	}
	at := ev.address()
	check := Name + ":" + connectors.Ident(cmp.Or(ev.Module.String(), "unknown")) + ":" + name
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: check, Location: at.Location(), Status: exposure.StatusOpen,
		Title: connectors.Redact(cmp.Or(v.Name.String(), firstLine(description))), Description: connectors.Redact(description), Tags: ev.Tags, CVEs: connectors.CVEs(cves.FindAllString(description, 20)),
		RawSeverity: v.Severity.String(), Severity: connectors.Severity(cmp.Or(v.Severity.String(), "info")), LastSeen: ev.Timestamp.Time,
		Vendor: wire.Rest(ev.raw, "type", "id", "uuid", "data", "data_json", "host", "resolved_hosts", "dns_children", "scan", "timestamp", "tags", "parent_chain"),
	}
	if v.Severity == "" && ev.Type == "VULNERABILITY" {
		f.Severity = exposure.SeverityUnknown
	}
	f.Target = at.Without(cmp.Or(v.URL.String(), ev.Netloc.String()))
	f.UID = connectors.UID(f.Check, f.Location)
	return f
}

var cves = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,19}\b`)

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// address is where the event is: of its URL, or its host and port.
func (ev *event) address() connectors.Address {
	v := ev.fields()
	target := cmp.Or(v.URL.String(), ev.Netloc.String(), v.Host.String(), ev.Host.String())
	switch {
	case v.Text != "" && (ev.Type == "URL" || strings.HasPrefix(string(ev.Type), "OPEN_")):
		target = v.Text
	case v.Text != "" && (ev.Type == "DNS_NAME" || ev.Type == "IP_ADDRESS"):
		target = cmp.Or(ev.Host.String(), v.Text)
	}
	at := connectors.ParseAddress(target)
	if at.Port == "" && ev.Port.OK && ev.Port.Int() > 0 {
		at.Port = strconv.Itoa(ev.Port.Int())
	}
	return at
}

func (d *decoding) describe(ev *event) *asset.Description {
	v := ev.fields()
	at := ev.address()
	desc := &asset.Description{Kind: asset.Host, Name: connectors.Ident(at.Host), Zone: d.config.Zone, SeenAt: ev.Timestamp.Time, Tags: map[string]string{}}
	switch ev.Type {
	case "STORAGE_BUCKET":
		desc.Kind, desc.Name = asset.CloudResource, connectors.Ident(cmp.Or(v.URL.String(), v.Name.String(), v.Text))
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: cmp.Or(desc.Name, "unnamed bucket")}}
	case "CODE_REPOSITORY":
		url := connectors.ParseAddress(cmp.Or(v.URL.String(), v.Text))
		desc.Kind, desc.Name = asset.Repository, connectors.Ident(strings.Trim(url.Path, "/"))
		if strings.Contains(desc.Name, "/") {
			desc.Identifiers = []asset.Identifier{{Kind: asset.RepositoryName, Value: connectors.Ident(url.Host + url.Path)}}
		}
	default:
		desc.Identifiers = connectors.HostIdentifiers(d.config.Zone, []string{at.Host}, nil, nil)
		d.relations(desc, ev, at.Host)
		d.service(desc, ev, at)
	}
	if v.Technology != "" {
		desc.Tags["technology"] = v.Technology.String()
	}
	if len(desc.Identifiers) == 0 {
		desc.Name = cmp.Or(desc.Name, connectors.Ident(v.Text), "unnamed "+connectors.Ident(string(ev.Type)))
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	desc.Name = cmp.Or(desc.Name, desc.Identifiers[0].Value)
	return desc
}

// service is the open port of an event, if it tells of one.
func (d *decoding) service(desc *asset.Description, ev *event, at connectors.Address) {
	number, err := strconv.Atoi(at.Port)
	if err != nil || number < 1 || number > 65535 || ev.Type == "DNS_NAME" || ev.Type == "IP_ADDRESS" || ev.Type == "FINDING" || ev.Type == "VULNERABILITY" {
		return
	}
	s := asset.Service{Port: number, Protocol: "tcp", SeenAt: ev.Timestamp.Time, Name: strings.ToLower(cmp.Or(ev.fields().Protocol.String(), at.Scheme))}
	if ev.Type == "OPEN_UDP_PORT" {
		s.Protocol = "udp"
	}
	if s.Name == "https" {
		s.Name, s.Tunnel = "http", "ssl"
	}
	desc.Services = []asset.Service{s}
	if d.config.Internet {
		desc.Internet = asset.InternetYes
	}
}

// relations are what a name resolves to; an address resolves to itself.
func (d *decoding) relations(desc *asset.Description, ev *event, name string) {
	for _, to := range append(append(wire.Texts(nil), ev.DNS.CNAME...), ev.Resolved...) {
		ids := connectors.HostIdentifiers(d.config.Zone, []string{to}, nil, nil)
		if len(ids) == 0 || len(desc.Edges) >= mostEdges || strings.EqualFold(to, name) {
			continue
		}
		known := false
		for _, edge := range desc.Edges {
			known = known || edge.To == ids[0]
		}
		if !known {
			desc.Edges = append(desc.Edges, asset.Edge{Kind: asset.EdgeResolvesTo, To: ids[0], ToKind: asset.Host, ToName: ids[0].Value})
		}
	}
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, Why: "a scan lists what it found, and may have missed the rest", Started: d.first, Finished: d.last, Tool: Name,
		ID: cmp.Or(d.scan, connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.events))), Counts: map[string]int{"events": d.events},
	}
}
