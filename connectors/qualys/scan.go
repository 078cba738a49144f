package qualys

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// scanHeader is what the XML of a scan says of the scan.
type scanHeader struct {
	status   string
	alive    int
	logsIn   bool // credentials were to be used
	finished time.Time
}

// QIDs that tell how logging in to a host went.
var (
	loginFailed = map[string]bool{"105015": true, "105053": true}              //nolint:gochecknoglobals // a constant table
	loggedIn    = map[string]bool{"70028": true, "70053": true, "38307": true} //nolint:gochecknoglobals // a constant table
)

// scan reads the XML of one scan.
func (d *decoding) scan(e *report.Emitter, r *xmlpull.Reader) error {
	d.result = exposure.Run{Kind: exposure.RunFull, ID: connectors.Ident(string(r.Attr("value"))), Why: "the scan does not say how it ended", Checks: []string{Name + ":*"}}
	var h scanHeader
	for at := r.Depth(); r.Child(at); {
		switch string(r.Name()) {
		case "HEADER":
			d.scanHeader(r, &h)
		case "IP":
			if err := d.scanned(e, r, &h); err != nil {
				return err
			}
		case "ERROR":
			d.result.Complete, d.result.Why = false, "the scan ended with an error"
			h.status = "error"
		}
	}
	d.result.Targets = e.Assets
	d.result.Counts = map[string]int{"hosts_alive": h.alive, "hosts": e.Assets}
	switch {
	case h.status != "finished":
		if h.status != "" {
			d.result.Why = fmt.Sprintf("the scan's status is %.40q", h.status)
		}
	case e.Assets == 0:
		d.result.Why = "the scan names no host"
	case e.Assets < h.alive:
		d.result.Why = "the scan says that more hosts were alive than it holds"
	default:
		d.result.Complete, d.result.Why = true, ""
	}
	return nil
}

func (d *decoding) scanHeader(r *xmlpull.Reader, h *scanHeader) {
	var took time.Duration
	for at := r.Depth(); r.Child(at); {
		if string(r.Name()) != "KEY" {
			continue
		}
		key := string(r.Attr("value"))
		text := strings.TrimSpace(string(r.Text(largestField)))
		switch key {
		case "DATE":
			d.result.Started = moment(text)
		case "DURATION":
			took = duration(text)
		case "STATUS":
			h.status = strings.ToLower(text)
		case "NBHOST_ALIVE":
			h.alive, _ = strconv.Atoi(text) // none is zero
		case "OPTIONS":
			h.logsIn = strings.Contains(text, "Authentication ON")
		}
	}
	if !d.result.Started.IsZero() {
		h.finished = d.result.Started.Add(took)
		d.result.Finished = h.finished
	}
}

// duration reads "04:29:11", with days before it where it took some.
func duration(text string) time.Duration {
	var out time.Duration
	days, clock, ok := strings.Cut(text, " day")
	if ok {
		if n, err := strconv.Atoi(strings.TrimSpace(days)); err == nil && n >= 0 && n < 1000 {
			out = time.Duration(n) * 24 * time.Hour
		}
		clock = strings.TrimLeft(clock, "s, ")
	} else {
		clock = text
	}
	parts := strings.Split(strings.TrimSpace(clock), ":")
	if len(parts) != 3 {
		return out
	}
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 0 || n > 10_000 {
			return out
		}
		out += time.Duration(n) * unit
	}
	return out
}

// scannedHost is one <IP> of a scan on its way.
type scannedHost struct {
	fields
	desc           *asset.Description
	failed, logged bool
}

func (d *decoding) scanned(e *report.Emitter, r *xmlpull.Reader, h *scanHeader) error {
	host := &scannedHost{fields: newFields(r)}
	for at := r.Depth(); r.Child(at); {
		switch string(r.Name()) {
		case "INFOS", "SERVICES", "VULNS", "PRACTICES":
			if host.desc == nil {
				host.desc = d.scannedAsset(host)
			}
			if err := d.category(e, r, host, h); err != nil {
				return err
			}
		default:
			host.take(r)
		}
	}
	if !r.OK() {
		return nil
	}
	if host.desc == nil {
		host.desc = d.scannedAsset(host)
	}
	if !identified(host.desc, host.Attr("value")) {
		e.Skip("host_without_name")
		return nil
	}
	cov := exposure.Coverage{Asset: *host.desc, Outcome: exposure.TargetOK, Authenticated: host.logged && !host.failed, CheckedAt: h.finished}
	if status := host.Attr("status"); status != "" && !strings.EqualFold(status, "up") {
		cov.Outcome = exposure.TargetUnreachable
	}
	if host.failed || h.logsIn && !host.logged {
		cov.Outcome = exposure.TargetPartial
	}
	return e.Cover(cov)
}

func (d *decoding) scannedAsset(h *scannedHost) *asset.Description {
	name := h.Attr("name")
	if none(name) || strings.EqualFold(name, "No registered hostname") {
		name = ""
	}
	desc := &asset.Description{Kind: asset.Host, Name: name, OS: first(h.Node, "OS"), Zone: d.config.Zone, SeenAt: d.result.Finished}
	desc.Identifiers = connectors.HostIdentifiers(d.config.Zone, []string{name, h.Get("NETBIOS_HOSTNAME")}, []string{h.Attr("value")}, nil)
	return desc
}

// category reads the findings of one sort, by <CAT>, which has the port.
func (d *decoding) category(e *report.Emitter, r *xmlpull.Reader, host *scannedHost, h *scanHeader) error {
	for at := r.Depth(); r.Child(at); {
		w := draft{port: string(r.Attr("port")), protocol: string(r.Attr("protocol"))}
		category := string(r.Attr("value"))
		for cat := r.Depth(); r.Child(cat); {
			n, whole := r.Tree(largestFinding)
			if !r.OK() {
				return nil
			}
			w.qid, w.severity, w.results = n.Attr("number"), n.Attr("severity"), n.Get("RESULT")
			if !whole || w.qid == "" || !identified(host.desc, host.Attr("value")) {
				e.Skip("finding_without_qid")
				continue
			}
			host.failed = host.failed || loginFailed[w.qid]
			host.logged = host.logged || loggedIn[w.qid]
			w.kind = map[string]string{"INFO": "info", "SERVICE": "info", "PRACTICE": "potential", "VULN": "confirmed"}[n.Name]
			w.lastFound = h.finished
			w.target = host.Attr("value")
			if location(w.port, w.protocol) != "" {
				w.target = net.JoinHostPort(w.target, w.port)
			}
			k := detailOf(n)
			k.category = category
			if err := e.Observe(host.desc, d.finding(&w, k)); err != nil {
				return err
			}
		}
	}
	return nil
}
