package nmap

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// host is the <host> being read.
type host struct {
	d          *decoding
	start, end time.Time
	state      string // up, down, unknown (list scans), skipped
	reason     string
	partial    bool // timed out, or a script of the host failed

	typed, reverse []string // names as scanned, and by reverse DNS
	ips, macs      []string
	vendor         string
	os             string
	accuracy       int

	asset    *asset.Description
	services []asset.Service
	offered  int // how many of the services asset already has
	pending  []exposure.Finding

	unlisted      int    // groups of ports that are counted but not listed
	unlistedState string // of the last of them
	unlistedCount int
}

// Limits of what is held of one host.
const (
	maxPending  = 1000
	maxServices = 4096
	maxNames    = 64
)

// read reads one <host>.
func (h *host) read(r *xmlpull.Reader) error {
	h.start, h.end = epoch(r.Attr("starttime")), epoch(r.Attr("endtime"))
	h.partial = string(r.Attr("timedout")) == "true"
	h.d.listed, h.d.looked = portSets{}, portSets{}
	for depth := r.Depth(); r.Child(depth); {
		switch string(r.Name()) {
		case "status":
			h.state, h.reason = string(r.Attr("state")), string(r.Attr("reason"))
		case "address":
			h.readAddress(r)
		case "hostnames":
			h.readNames(r)
		case "os":
			h.readOS(r)
		case "ports":
			if err := h.readPorts(r); err != nil {
				return err
			}
		case "hostscript":
			if err := h.readScripts(r); err != nil {
				return err
			}
		}
	}
	// also where the body broke off: what came before is passed on
	if err := h.flush(); err != nil || r.Err() != nil {
		return err
	}
	return h.cover()
}

func (h *host) readAddress(r *xmlpull.Reader) {
	if len(h.ips)+len(h.macs) >= maxNames {
		return
	}
	address := string(r.Attr("addr"))
	if string(r.Attr("addrtype")) == "mac" {
		h.macs = append(h.macs, address)
		h.vendor = string(r.Attr("vendor"))
		return
	}
	h.ips = append(h.ips, address)
}

func (h *host) readNames(r *xmlpull.Reader) {
	for depth := r.Depth(); r.Child(depth); {
		name := string(r.Attr("name"))
		switch {
		case len(h.typed)+len(h.reverse) >= maxNames:
		case string(r.Attr("type")) == "user":
			h.typed = append(h.typed, name)
		case string(r.Attr("type")) == "PTR":
			h.reverse = append(h.reverse, name)
		}
	}
}

func (h *host) readOS(r *xmlpull.Reader) {
	for depth := r.Depth(); r.Child(depth); {
		if string(r.Name()) != "osmatch" {
			continue
		}
		if accuracy, err := strconv.Atoi(string(r.Attr("accuracy"))); err == nil && accuracy > h.accuracy {
			h.accuracy, h.os = accuracy, string(r.Attr("name"))
		}
	}
}

func (h *host) readPorts(r *xmlpull.Reader) error {
	for depth := r.Depth(); r.Child(depth); {
		switch string(r.Name()) {
		case "extraports":
			h.readExtra(r)
		case "port":
			var p port
			if p.read(r); r.Err() != nil {
				continue // a port that isn't whole isn't reported
			}
			if err := h.add(&p, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// readExtra reads a group of ports in one state: "<extraports state='closed' count='992'>",
// with the ports by reason inside in newer versions.
func (h *host) readExtra(r *xmlpull.Reader) {
	state := string(r.Attr("state"))
	count, err := strconv.Atoi(string(r.Attr("count")))
	if err != nil {
		count = -1
	}
	listed := false
	for depth := r.Depth(); r.Child(depth); {
		ports := r.Attr("ports")
		set := h.d.listed.of(r.Attr("proto"))
		if string(r.Name()) != "extrareasons" || ports == nil || set == nil {
			continue
		}
		listed = true
		set.parse(ports)
		if answered(state) {
			h.d.looked.of(r.Attr("proto")).parse(ports)
		}
	}
	if !listed {
		h.unlisted++
		h.unlistedState, h.unlistedCount = state, count
	}
}

// answered tells whether a port's state is known because something answered. What nmap
// calls filtered, unfiltered or "open|filtered" isn't known to be open or closed.
func answered(state string) bool { return state == "open" || state == "closed" }

// add takes up one port.
func (h *host) add(p *port, r *xmlpull.Reader) error {
	listed := h.d.listed.of([]byte(p.protocol))
	if !p.numbered() || listed == nil {
		h.d.sink.Skip("not a TCP, UDP or SCTP port", r.Position())
		return nil
	}
	h.d.ports++
	listed.add(p.id)
	if answered(p.state) {
		h.d.looked.of([]byte(p.protocol)).add(p.id)
	}
	if p.state != "open" {
		h.d.sink.Skip("port not open", r.Position())
		return nil
	}
	h.serve(p)
	if h.d.config.OpenPorts == openFindings {
		if err := h.hold(openPort(p, h.target())); err != nil {
			return err
		}
	}
	for i := range p.scripts {
		if err := h.result(&p.scripts[i], p, r); err != nil {
			return err
		}
	}
	return nil
}

func (h *host) serve(p *port) {
	if len(h.services) >= maxServices {
		return
	}
	name := p.service.Name
	if name == "unknown" {
		name = ""
	}
	h.services = append(h.services, asset.Service{
		Port: p.id, Protocol: p.protocol, Name: name, Product: p.service.Product,
		Version: p.service.Version, Tunnel: p.service.Tunnel, SeenAt: h.end,
	})
}

// readScripts reads <hostscript>.
func (h *host) readScripts(r *xmlpull.Reader) error {
	for depth := r.Depth(); r.Child(depth); {
		if string(r.Name()) != "script" {
			continue
		}
		var s script
		if s.read(r); r.Err() != nil {
			continue // likewise
		}
		if err := h.result(&s, nil, r); err != nil {
			return err
		}
	}
	return nil
}

// result takes up what a script found at a port, or on the host where p is nil.
func (h *host) result(s *script, p *port, r *xmlpull.Reader) error {
	switch {
	case s.failed():
		// it didn't look, so its silence about a weakness would mean nothing
		h.d.sink.Skip("script failed", r.Position())
		if p != nil {
			set := h.d.looked.of([]byte(p.protocol))
			set[p.id>>6] &^= 1 << (p.id & 63)
		} else {
			h.partial = true
		}
		return nil
	case !s.reports() && p == nil:
		h.d.sink.Skip("host script without a weakness", r.Position())
		return nil
	case !s.reports():
		return nil // evidence of its port
	case !s.found():
		h.d.sink.Skip("script found nothing", r.Position())
		return nil
	}
	if p == nil {
		return h.hold(s.finding("", h.target()))
	}
	return h.hold(s.finding(p.number+"/"+p.protocol, net.JoinHostPort(h.target(), p.number)))
}

// target is the host as it was scanned.
func (h *host) target() string {
	if len(h.ips) > 0 {
		return h.ips[0]
	}
	return strings.Join(h.typed[:min(1, len(h.typed))], "")
}

// hold keeps a finding until the host's services are known, but not too many.
func (h *host) hold(f exposure.Finding) error {
	f.LastSeen = h.end
	if h.pending = append(h.pending, f); len(h.pending) < maxPending {
		return nil
	}
	return h.flush()
}

func (h *host) flush() error {
	desc := h.describe()
	for i := range h.pending {
		finding := h.pending[i] // emitted for good, so that pending can be used again
		if err := h.d.sink.Observe(exposure.Observation{Asset: desc, Finding: &finding}); err != nil {
			return err
		}
	}
	h.pending = h.pending[:0]
	return nil
}

// describe gives the asset with the services seen until now. What was emitted is never
// changed, so that a new service makes a new description.
func (h *host) describe() *asset.Description {
	if h.asset != nil && h.offered == len(h.services) {
		return h.asset
	}
	desc := asset.Description{
		Kind: asset.Host, Name: h.target(), OS: h.os, Zone: h.d.config.Zone, SeenAt: h.end,
		Identifiers: connectors.HostIdentifiers(h.d.config.Zone, h.typed, h.ips, h.macs),
	}
	for _, id := range connectors.HostIdentifiers(h.d.config.Zone, h.reverse, nil, nil) {
		// Whoever holds the address names it, and the next holder inherits the name.
		id.Kind, id.Scope = asset.Hostname, h.d.config.Zone
		if !slices.ContainsFunc(desc.Identifiers, func(other asset.Identifier) bool { return other.Value == id.Value }) {
			desc.Identifiers = append(desc.Identifiers, id)
		}
	}
	if names := slices.Concat(h.typed, h.reverse); len(names) > 0 {
		desc.Name = strings.TrimSuffix(strings.ToLower(names[0]), ".")
	}
	if len(desc.Identifiers) == 0 && desc.Name != "" {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: h.d.source, Value: desc.Name}}
	}
	if h.vendor != "" {
		desc.Tags = map[string]string{"mac-vendor": h.vendor}
	}
	h.offered = len(h.services)
	desc.Services = h.services[:h.offered:h.offered]
	h.asset = &desc
	return h.asset
}

// cover tells how the scan of the host went, and which ports answered.
func (h *host) cover() error {
	cov := exposure.Coverage{Asset: *h.describe(), CheckedAt: h.end, Outcome: exposure.TargetPartial}
	h.d.settle(h)
	ports := h.d.looked.count()
	switch {
	case h.state == "down":
		cov.Outcome = exposure.TargetUnreachable
	case h.state != "up", h.partial, !h.d.portScan:
	case ports == 0 && h.reason == "user-set":
		cov.Outcome = exposure.TargetUnreachable // -Pn took it for up, and nothing answered
	case ports > 0:
		cov.Outcome = exposure.TargetOK
	}
	if ports > 0 {
		cov.Locations = h.d.locations()
	}
	h.d.covered(h)
	return h.d.sink.Cover(cov)
}

// epoch reads seconds; zero where there are none.
func epoch(text []byte) time.Time {
	const latest = 253402300799 // the last second of the year 9999
	seconds, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || seconds <= 0 || seconds > latest {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
