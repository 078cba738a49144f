package openvas

import (
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// Limits of what is taken over from a report.
const (
	largestResult = 4 << 20
	largestHost   = 4 << 20
	largestOther  = 64 << 10
	mostHosts     = 200_000
)

// host is a host that the report lists.
type host struct {
	ip, assetID   string
	names, macs   []string
	os            string
	ended         time.Time
	authenticated bool
	dead          bool
}

// result is one result of either format.
type result struct {
	host, hostname, assetID string
	port                    string
	oid, name, family       string
	threat, severity        string
	compliance              string
	description             string
	tags                    map[string]string // summary, insight, impact, affected, vuldetect, solution …
	cves, refs, advisories  []string
	cvss                    []score
	at                      time.Time
	vendor                  map[string]any
}

// score is a CVSS base score or vector.
type score struct {
	vector string
	value  float64
}

// xml reads a report, which may stand in another one, or in the answer to get_reports.
func (d *decoding) xml(e *report.Emitter, r *xmlpull.Reader) error {
	if name := string(r.Name()); name != "report" && name != "get_reports_response" {
		return report.Unknown(formatXML, "the root element is not report")
	}
	if err := d.report(e, r); err != nil || r.Err() != nil {
		return err
	}
	if !d.known {
		return report.Unknown(formatXML, "there are no results in it")
	}
	return d.cover(e)
}

func (d *decoding) report(e *report.Emitter, r *xmlpull.Reader) error {
	if id := string(r.Attr("id")); id != "" {
		d.id = id
	}
	for depth := r.Depth(); r.Child(depth); {
		var err error
		switch name := string(r.Name()); name {
		case "report":
			err = d.report(e, r)
		case "results":
			d.known = true
			err = d.results(e, r)
		case "host":
			d.host(e, r)
		case "scan_run_status", "scan_start", "scan_end", "result_count":
			n, _ := r.Tree(largestOther)
			d.about(name, n)
		case "errors":
			d.errors(r)
		case "task", "gmp", "omp":
			n, _ := r.Tree(largestOther)
			if name == "task" && n.Get("name") != "" {
				d.task = n.Get("name")
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// about notes what the report says of the scan.
func (d *decoding) about(name string, n *xmlpull.Node) {
	switch name {
	case "scan_run_status":
		d.status = n.Text
	case "scan_start":
		d.started = wire.Moment(n.Text)
	case "scan_end":
		d.ended = wire.Moment(n.Text)
	case "result_count":
		for field, into := range map[string]*int{"full": &d.full, "filtered": &d.filtered} {
			if v, err := strconv.Atoi(n.Get(field)); err == nil {
				*into = v
			}
		}
	}
}

func (d *decoding) results(e *report.Emitter, r *xmlpull.Reader) error {
	for depth := r.Depth(); r.Child(depth); {
		if string(r.Name()) != "result" {
			continue
		}
		n, whole := r.Tree(largestResult)
		if !r.OK() { // half a result is none
			return nil
		}
		if !whole {
			e.Skip("part_of_a_large_result")
		}
		if err := d.result(e, xmlResult(n)); err != nil {
			return err
		}
	}
	return nil
}

func xmlResult(n *xmlpull.Node) *result {
	nvt := n.At("nvt")
	x := &result{
		host: n.Get("host"), hostname: n.Get("host/hostname"), assetID: n.At("host/asset").Attr("asset_id"), port: n.Get("port"),
		oid: nvt.Attr("oid"), name: nvt.Get("name"), family: nvt.Get("family"), threat: n.Get("threat"), severity: n.Get("severity"),
		compliance: n.Get("compliance"), description: n.Get("description"), tags: tags(nvt.Get("tags")), at: wire.Moment(n.Get("creation_time")),
	}
	if x.name == "" {
		x.name = n.Get("name")
	}
	if s := nvt.Get("solution"); s != "" {
		x.tags["solution"], x.tags["solution_type"] = s, nvt.At("solution").Attr("type")
	}
	for _, ref := range nvt.All("refs/ref") {
		switch id := ref.Attr("id"); ref.Attr("type") {
		case "cve", "cve_id":
			x.cves = append(x.cves, id)
		case "url":
			x.refs = append(x.refs, id)
		case "dfn-cert", "cert-bund":
			x.advisories = append(x.advisories, id)
		}
	}
	// What GMP before 9 has in place of references.
	x.cves = append(x.cves, strings.Split(nvt.Get("cve"), ",")...)
	for part := range strings.SplitSeq(nvt.Get("xref"), ",") {
		if address, ok := strings.CutPrefix(strings.TrimSpace(part), "URL:"); ok {
			x.refs = append(x.refs, address)
		}
	}
	for _, s := range nvt.All("severities/severity") {
		x.cvss = append(x.cvss, score{vector: s.Get("value"), value: tenths(s.Get("score"))})
	}
	if len(x.cvss) == 0 {
		x.cvss = []score{{vector: x.tags["cvss_base_vector"], value: number(nvt.Get("cvss_base"))}}
	}
	x.vendor = map[string]any{
		"family": x.family, "qod": n.Get("qod/value"), "qod_type": n.Get("qod/type"), "original_threat": n.Get("original_threat"), "original_severity": n.Get("original_severity"),
		"overrides": list(n.All("overrides/override")), "notes": list(n.All("notes/note")), "nvt_version": n.Get("scan_nvt_version"), "result": n.Attr("id"),
		"detection": fields(n.At("detection")), "tickets": list(n.All("tickets/ticket")), "refs": otherRefs(nvt), "epss": fields(nvt.At("epss")),
	}
	return x
}

// otherRefs are references that have no field of ours.
func otherRefs(nvt *xmlpull.Node) []string {
	var out []string
	for _, ref := range nvt.All("refs/ref") {
		switch kind := ref.Attr("type"); kind {
		case "cve", "cve_id", "url", "dfn-cert", "cert-bund":
		default:
			out = append(out, kind+":"+ref.Attr("id"))
		}
	}
	return out
}

func list(nodes []*xmlpull.Node) []any {
	out := make([]any, 0, len(nodes))
	for _, n := range nodes {
		out = append(out, n.Fields("owner"))
	}
	return out
}

func fields(n *xmlpull.Node) map[string]any {
	if n == nil {
		return nil
	}
	return n.Fields()
}

// tags reads "summary=…|insight=…".
func tags(text string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(text, "|") {
		if key, value, ok := strings.Cut(part, "="); ok {
			out[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return out
}

func number(text string) float64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 0
	}
	return f
}

// tenths reads a score that GMP 20 and later write as 98 for 9.8, and as 9.8 since 21.
func tenths(text string) float64 {
	f := number(text)
	if f > 10 {
		f /= 10
	}
	return f
}

// host notes a host with what was found out of it.
func (d *decoding) host(e *report.Emitter, r *xmlpull.Reader) {
	n, _ := r.Tree(largestHost)
	if r.Err() != nil {
		return
	}
	h := host{ip: n.Get("ip"), assetID: n.At("asset").Attr("asset_id"), ended: wire.Moment(n.Get("end"))}
	if h.ip == "" {
		return
	}
	for _, detail := range n.All("detail") {
		value := detail.Get("value")
		switch name := detail.Get("name"); {
		case name == "hostname":
			h.names = append(h.names, value)
		case name == "MAC":
			h.macs = append(h.macs, value)
		case name == "best_os_txt", name == "OS" && h.os == "":
			h.os = value
		case name == "Host dead":
			h.dead = value == "1" || strings.EqualFold(value, "true")
		case strings.HasPrefix(name, "Auth-") && strings.HasSuffix(name, "-Success"):
			h.authenticated = true
		}
	}
	if len(d.hosts) >= mostHosts {
		e.Skip("more_hosts_than_are_covered")
		return
	}
	d.hosts = append(d.hosts, h)
}

// errors notes the hosts at which a test failed or ran into its time-out.
func (d *decoding) errors(r *xmlpull.Reader) {
	for depth := r.Depth(); r.Child(depth); {
		if string(r.Name()) != "error" {
			continue
		}
		n, _ := r.Tree(largestOther)
		d.failures++
		if ip := n.Get("host"); ip != "" && len(d.failed) < mostHosts {
			if d.failed == nil {
				d.failed = map[string]bool{}
			}
			d.failed[ip] = true
		}
	}
}

// row reads a row of the table.
func (d *decoding) row(e *report.Emitter, r *csvpull.Reader) error {
	x := &result{
		host: r.Get("IP"), hostname: r.Get("Hostname"), oid: r.Get("NVT OID"), name: r.Get("NVT Name"), threat: r.Get("Severity"), severity: r.Get("CVSS"),
		description: r.Get("Specific Result"), cves: strings.Split(r.Get("CVEs"), ","), advisories: strings.Split(r.Get("CERTs"), ","), refs: strings.Split(r.Get("Other References"), ","),
		at: wire.Moment(r.Get("Timestamp")),
		tags: map[string]string{"summary": r.Get("Summary"), "insight": r.Get("Vulnerability Insight"), "impact": r.Get("Impact"), "affected": r.Get("Affected Software/OS"), "solution": r.Get("Solution"),
			"vuldetect": r.Get("Vulnerability Detection Method")},
		vendor: map[string]any{"table": r.Rest("IP", "Hostname", "Port", "Port Protocol", "CVSS", "Severity", "NVT Name", "NVT OID", "Summary", "Specific Result", "CVEs", "CERTs", "Other References",
			"Timestamp", "Impact", "Solution", "Affected Software/OS", "Vulnerability Insight", "Vulnerability Detection Method")},
	}
	if port, protocol := r.Get("Port"), r.Get("Port Protocol"); port != "" && protocol != "" {
		x.port = port + "/" + protocol
	}
	x.cvss = []score{{value: number(x.severity)}}
	d.task = r.Get("Task Name")
	d.known = true
	if d.ended.Before(x.at) {
		d.ended = x.at
	}
	if d.started.IsZero() || x.at.Before(d.started) {
		d.started = x.at
	}
	return d.result(e, x)
}
