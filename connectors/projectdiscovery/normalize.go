package projectdiscovery

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	largestLine = 8 << 20
	mostEdges   = 64
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	known       int
	first, last time.Time
}

// line reads one line and emits its asset.
func (d *decoding) line(e *report.Emitter, r *jsonpull.Reader) error {
	var l line
	if _, ok := r.Into(largestLine, &l); !ok {
		r.Fail("a result is an object")
		return nil
	}
	name, addresses := l.names()
	switch {
	case l.Template != "":
		e.Skip("result_of_nuclei")
	case name == "" && len(addresses) == 0:
		if d.known == 0 {
			r.Fail("there is neither a host nor an address")
			return nil
		}
		e.Skip("line_without_host")
	case bool(l.Failed):
		d.known++
		e.Skip("probe_that_failed")
	case len(l.Resolver) > 0 && l.Status != "" && !strings.EqualFold(l.Status.String(), "NOERROR"):
		d.known++
		e.Skip("name_that_does_not_resolve")
	default:
		d.known++
		d.note(l.Timestamp.Time)
		return e.Asset(d.describe(&l, name, addresses))
	}
	return nil
}

// names are the host's name, if it has one, and the addresses that are its own. What a
// name resolves to is not: a content network gives its addresses to many.
func (l *line) names() (name string, own []string) {
	host := connectors.ParseAddress(cmp.Or(l.URL.String(), l.Host.String(), l.Input.String())).Host
	if l.URL == "" && l.Host != "" {
		host = connectors.ParseAddress(l.Host.String()).Host
	}
	host = strings.TrimPrefix(host, "*.")
	if _, err := netip.ParseAddr(host); err == nil {
		return "", []string{host}
	}
	if host == "" && l.IP != "" {
		return "", []string{l.IP.String()}
	}
	return host, nil
}

func (d *decoding) describe(l *line, name string, addresses []string) *asset.Description {
	desc := &asset.Description{
		Kind: asset.Host, Zone: d.config.Zone, SeenAt: l.Timestamp.Time,
		Identifiers: connectors.HostIdentifiers(d.config.Zone, []string{name}, addresses, nil), Tags: map[string]string{},
	}
	desc.Name = connectors.Ident(cmp.Or(name, strings.Join(addresses, ", ")))
	if s, ok := l.service(); ok {
		desc.Services = []asset.Service{s}
		if d.config.Internet {
			desc.Internet = asset.InternetYes
		}
	}
	for key, value := range map[string]string{"technologies": strings.Join(l.Tech, ", "), "title": l.Title.String(), "cdn": l.CDNName.String(), "found_by": cmp.Or(l.Source.String(), strings.Join(l.Sources, ", "))} {
		if value != "" {
			desc.Tags[key] = value
		}
	}
	d.edges(desc, l, name)
	if len(desc.Identifiers) == 0 {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// service is the open port of a line, if it tells of one.
func (l *line) service() (s asset.Service, ok bool) {
	at := connectors.ParseAddress(l.URL.String())
	number := int(l.Port)
	if number == 0 {
		number, _ = strconv.Atoi(at.Port) // what is none is zero
	}
	if number < 1 || number > 65535 {
		return s, false
	}
	s = asset.Service{Port: number, Protocol: "tcp", SeenAt: l.Timestamp.Time, Name: at.Scheme}
	if strings.EqualFold(l.Protocol.String(), "udp") {
		s.Protocol = "udp"
	}
	if bool(l.TLS) || at.Scheme == "https" || l.Version != "" {
		s.Tunnel = "ssl"
	}
	if s.Name == "https" {
		s.Name = "http"
	}
	product, version, _ := strings.Cut(l.WebServer.String(), "/")
	s.Product = strings.TrimSpace(product)
	s.Version, _, _ = strings.Cut(strings.TrimSpace(version), " ")
	return s, true
}

// edges are what a name resolves to, and the domain that it was found below.
func (d *decoding) edges(desc *asset.Description, l *line, name string) {
	if name == "" {
		return
	}
	add := func(kind asset.EdgeKind, to string, note string) {
		ids := connectors.HostIdentifiers(d.config.Zone, []string{to}, nil, nil)
		if len(ids) == 0 || len(desc.Edges) >= mostEdges || strings.EqualFold(to, name) {
			return
		}
		toKind := asset.Host
		if kind == asset.EdgePartOf {
			toKind = asset.Domain
		}
		for _, known := range desc.Edges {
			if known.To == ids[0] {
				return
			}
		}
		desc.Edges = append(desc.Edges, asset.Edge{Kind: kind, To: ids[0], ToKind: toKind, ToName: ids[0].Value, Note: note})
	}
	for _, to := range l.CNAME {
		add(asset.EdgeResolvesTo, to, "CNAME")
	}
	for _, to := range append(append([]string{l.IP.String(), l.HostIP.String()}, l.A...), l.AAAA...) {
		add(asset.EdgeResolvesTo, to, "")
	}
	if l.URL != "" { // httpx has the address where the others have the name
		add(asset.EdgeResolvesTo, l.Host.String(), "")
	}
	if (l.Source != "" || len(l.Sources) > 0) && strings.HasSuffix(name, "."+strings.ToLower(l.Input.String())) {
		add(asset.EdgePartOf, l.Input.String(), "")
	}
}

func (d *decoding) note(at time.Time) {
	if !at.IsZero() && (d.first.IsZero() || at.Before(d.first)) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, Why: "the tools list what they found, and may have missed the rest", Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.known)), Counts: map[string]int{"lines": d.known},
	}
}
