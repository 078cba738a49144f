package nexpose

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are those of tests that found something. That a test found nothing is no
// status of a finding: it is the absence of one.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"vulnerable":                     exposure.StatusOpen,
	"vulnerable-exploited":           exposure.StatusOpen,
	"vulnerable-version":             exposure.StatusOpen,
	"vulnerable-potential":           exposure.StatusOpen,
	"exception-vulnerable-exploited": exposure.StatusSuppressed,
	"exception-vulnerable-version":   exposure.StatusSuppressed,
	"exception-vulnerable-potential": exposure.StatusSuppressed,
}

// found reports whether a test of this status found something.
func found(status string) bool {
	return strings.HasPrefix(status, "vulnerable") || strings.HasPrefix(status, "exception-vulnerable")
}

// unclear are statuses by which a test says that it can't tell.
func unclear(status string) bool {
	return strings.HasPrefix(status, "error") || strings.HasPrefix(status, "unknown") || strings.HasPrefix(status, "no-credentials")
}

const (
	largestText   = 64 << 10
	largestField  = 1 << 20
	mostKnown     = 50_000
	mostOfNode    = 100_000
	mostWaiting   = 64 << 20
	mostScans     = 10_000
	perFinding    = 512 // bytes of bookkeeping
	finishedScans = "finished"
)

// node is a host with its findings, which wait for the definitions behind them.
type node struct {
	desc     *asset.Description
	cov      exposure.Coverage
	findings []*exposure.Finding
	at       map[string]*exposure.Finding
	scan     string // the latest that a test names
	unclear  bool
	size     int
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	version string
	scans   []scan
	known   map[string]*definition
	waiting []*node
	size    int
	nodes   int
}

func (d *decoding) root(e *report.Emitter, r *xmlpull.Reader) error {
	if name := string(r.Name()); name != "NexposeReport" {
		return report.Unknown(format, fmt.Sprintf("<%.40s> is no report of Nexpose's", name))
	}
	d.version = string(r.Attr("version"))
	for at := r.Depth(); r.Child(at); {
		var err error
		switch string(r.Name()) {
		case "scans":
			for scans := r.Depth(); r.Child(scans); {
				if len(d.scans) < mostScans {
					d.scans = append(d.scans, scan{string(r.Attr("id")), string(r.Attr("name")), strings.ToLower(string(r.Attr("status"))), moment(string(r.Attr("startTime"))), moment(string(r.Attr("endTime")))})
				}
			}
		case "nodes":
			for nodes := r.Depth(); r.Child(nodes) && err == nil; {
				err = d.node(e, r)
			}
		case "VulnerabilityDefinitions":
			for list := r.Depth(); r.Child(list); {
				if err := e.Live(); err != nil {
					return err
				}
				d.learn(r)
			}
		}
		if err != nil {
			return err
		}
	}
	if !r.OK() { // half a report, whose texts are missing
		return nil
	}
	return d.emit(e)
}

// emit lets all go that wait.
func (d *decoding) emit(e *report.Emitter) error {
	for _, n := range d.waiting {
		for _, f := range n.findings {
			d.known[strings.TrimPrefix(f.Check, checkPrefix)].tell(f)
			if err := e.Observe(n.desc, f); err != nil {
				return err
			}
		}
		if err := e.Cover(n.cov); err != nil {
			return err
		}
	}
	d.waiting, d.size = nil, 0
	return nil
}

// node reads one host.
func (d *decoding) node(e *report.Emitter, r *xmlpull.Reader) error {
	if err := e.Live(); err != nil {
		return err
	}
	h := newHost(r)
	n := &node{at: map[string]*exposure.Finding{}}
	for at := r.Depth(); r.Child(at); {
		switch string(r.Name()) {
		case "names":
			for names := r.Depth(); r.Child(names); {
				h.addName(strings.TrimSpace(string(r.Text(largestText))))
			}
		case "fingerprints":
			h.fingerprint(r)
		case "tests":
			d.tests(e, r, n, h, "")
		case "endpoints":
			d.endpoints(e, r, n, h)
		}
	}
	if !r.OK() {
		return nil
	}
	d.nodes++
	n.desc = h.describe(d.config.Zone)
	if len(n.desc.Identifiers) == 0 {
		e.Skip("node_without_name")
		return nil
	}
	n.cov = d.coverage(n, h)
	n.desc.SeenAt = n.cov.CheckedAt
	n.cov.Asset = *n.desc
	for _, f := range n.findings {
		f.LastSeen = n.cov.CheckedAt
	}
	n.at = nil
	d.waiting = append(d.waiting, n)
	if d.size += n.size + perFinding; d.size > mostWaiting {
		e.Skip("texts_too_far_behind")
		return d.emit(e)
	}
	return nil
}

// coverage tells how the look at a node went.
func (d *decoding) coverage(n *node, h *host) exposure.Coverage {
	cov := exposure.Coverage{Outcome: exposure.TargetPartial}
	s := d.scanOf(n.scan)
	if s != nil {
		cov.CheckedAt = cmpTime(s.ended, s.started)
	}
	switch {
	case h.status != "alive" && h.status != "":
		cov.Outcome = exposure.TargetUnreachable
	case s != nil && s.status == finishedScans && !n.unclear:
		cov.Outcome = exposure.TargetOK
	}
	return cov
}

// scanOf is the scan of an ID; of a node that names none it is the report's only one.
func (d *decoding) scanOf(id string) *scan {
	if id == "" && len(d.scans) == 1 {
		return &d.scans[0]
	}
	for i := range d.scans {
		if id != "" && d.scans[i].id == id {
			return &d.scans[i]
		}
	}
	return nil
}

func (d *decoding) endpoints(e *report.Emitter, r *xmlpull.Reader, n *node, h *host) {
	for at := r.Depth(); r.Child(at); {
		port, protocol := string(r.Attr("port")), strings.ToLower(string(r.Attr("protocol")))
		open := strings.EqualFold(string(r.Attr("status")), "open")
		where := location(port, protocol)
		for inner := r.Depth(); r.Child(inner); {
			if string(r.Name()) != "services" {
				continue
			}
			for services := r.Depth(); r.Child(services); {
				s := asset.Service{Protocol: protocol, Name: strings.ToLower(string(r.Attr("name")))}
				s.Port, _ = strconv.Atoi(port) // checked by its location
				for service := r.Depth(); r.Child(service); {
					switch string(r.Name()) {
					case "tests":
						d.tests(e, r, n, h, where)
					case "fingerprints":
						tree, _ := r.Tree(largestField)
						if f := tree.At("fingerprint"); f != nil {
							s.Product, s.Version = f.Attr("product"), f.Attr("version")
						}
					}
				}
				if where != "" && open {
					h.addService(s)
				}
			}
		}
	}
}

// tests reads the tests of a node or of a service.
func (d *decoding) tests(e *report.Emitter, r *xmlpull.Reader, n *node, h *host, where string) {
	for at := r.Depth(); r.Child(at); {
		id := strings.ToLower(connectors.Ident(string(r.Attr("id"))))
		status := strings.ToLower(strings.TrimSpace(string(r.Attr("status"))))
		if scan := string(r.Attr("scan-id")); later(scan, n.scan) {
			n.scan = scan
		}
		n.unclear = n.unclear || unclear(status)
		if id == "" || !found(status) {
			e.Skip("test_that_found_nothing")
			continue
		}
		if len(n.findings) >= mostOfNode {
			e.Skip("finding_beyond_the_limit")
			continue
		}
		since, key := moment(string(r.Attr("vulnerable-since"))), string(r.Attr("key"))
		proof := flatten(r, largestText)
		if r.Err() != nil {
			return
		}
		d.result(e, n, &exposure.Finding{
			Connector: Name, Class: exposure.ClassVulnerability, Check: checkPrefix + id, UID: strings.TrimSuffix(id+"|"+where, "|"), Title: id, Severity: exposure.SeverityUnknown,
			Location: where, Target: h.target(where), Evidence: connectors.Redact(strings.TrimSpace(key + "\n" + proof)), FirstSeen: since,
			Status: statuses.Of(status), StatusNote: status,
		})
	}
}

// result adds a finding, or its proof to that of the same weakness at the same place.
func (d *decoding) result(e *report.Emitter, n *node, f *exposure.Finding) {
	n.size += perFinding + len(f.Evidence)
	have := n.at[f.UID]
	if have == nil {
		n.at[f.UID] = f
		n.findings = append(n.findings, f)
		return
	}
	e.Skip("another_proof_of_the_same_finding")
	if f.Status == exposure.StatusOpen && have.Status != exposure.StatusOpen {
		have.Status, have.StatusNote = f.Status, f.StatusNote
	}
	if f.Evidence != "" && len(have.Evidence)+len(f.Evidence) < exposure.MaxEvidence {
		have.Evidence = strings.TrimSpace(have.Evidence + "\n" + f.Evidence)
	}
	if !f.FirstSeen.IsZero() && f.FirstSeen.Before(have.FirstSeen) {
		have.FirstSeen = f.FirstSeen
	}
}

// later compares the numbers of two scans.
func later(a, b string) bool {
	return a != "" && (len(a) > len(b) || len(a) == len(b) && a > b)
}

func cmpTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// run describes the run: full and complete if every scan finished.
func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Complete: true, Checks: []string{checkPrefix + "*"}, Targets: e.Assets,
		Tool: strings.TrimSpace("Nexpose report " + connectors.Ident(d.version)), Counts: map[string]int{"nodes": d.nodes},
	}
	ids := make([]string, 0, len(d.scans))
	for _, s := range d.scans {
		if run.Started.IsZero() || s.started.Before(run.Started) {
			run.Started = s.started
		}
		if end := cmpTime(s.ended, s.started); end.After(run.Finished) {
			run.Finished = end
		}
		if s.status != finishedScans && run.Complete {
			run.Complete, run.Why = false, fmt.Sprintf("the status of scan %.40q is %.40q", cmp.Or(s.name, s.id), s.status)
		}
		ids = append(ids, s.id)
	}
	switch {
	case len(d.scans) == 0:
		run.Complete, run.Why = false, "the report names no scan"
	case e.Assets == 0 && run.Complete:
		run.Complete, run.Why = false, "the report names no node"
	}
	run.ID = connectors.RunID(Name, run.Started, run.Finished, ids...)
	return run
}
