package openvas

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are the threats that are an opinion, and the verdicts of audits.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"false positive": exposure.StatusSuppressed, "yes": exposure.StatusFixed, "no": exposure.StatusOpen, "incomplete": exposure.StatusOpen,
	"high": exposure.StatusOpen, "medium": exposure.StatusOpen, "low": exposure.StatusOpen, "log": exposure.StatusOpen, "critical": exposure.StatusOpen, "alarm": exposure.StatusOpen,
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	table          bool // CSV
	known          bool // there were results
	id, task       string
	status         string
	started, ended time.Time
	full, filtered int // results as the report counts them; -1: it doesn't
	received       int
	failures       int
	failed         map[string]bool
	hosts          []host
	last           *asset.Description
	lastKey        string
}

// describe makes a description of a host, shared by its consecutive results.
func (d *decoding) describe(ip, assetID string, names, macs []string, os string) *asset.Description {
	key := ip + "|" + assetID + "|" + strings.Join(names, ",") + "|" + strings.Join(macs, ",") + "|" + os
	if d.last != nil && d.lastKey == key {
		return d.last
	}
	a := &asset.Description{Kind: asset.Host, Zone: d.config.Zone, OS: os}
	if assetID != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: connectors.Ident(assetID)})
	}
	a.Identifiers = append(a.Identifiers, connectors.HostIdentifiers(d.config.Zone, names, []string{ip}, macs)...)
	for _, name := range append(names, ip) {
		if a.Name = connectors.Ident(name); a.Name != "" {
			break
		}
	}
	if len(a.Identifiers) == 0 && a.Name != "" { // an address that is none must not cost the finding
		a.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: a.Name}}
	}
	if len(a.Identifiers) == 0 {
		return nil
	}
	d.last, d.lastKey = a, key
	return a
}

func (d *decoding) result(e *report.Emitter, x *result) error {
	d.received++
	var names []string
	if x.hostname != "" {
		names = []string{x.hostname}
	}
	a := d.describe(x.host, x.assetID, names, nil, "")
	oid := connectors.Ident(x.oid)
	switch {
	case a == nil:
		e.Skip("result_without_host")
		return nil
	case oid == "" || oid == "0":
		e.Skip("result_without_test") // an error message of the scanner
		return nil
	}
	return e.Observe(a, d.finding(x, Name+":"+oid))
}

// location is the port of a result; none of "general/tcp" and the like.
func location(port string) string {
	number, protocol, ok := strings.Cut(strings.ToLower(strings.TrimSpace(port)), "/")
	if i := strings.LastIndexByte(number, '('); i >= 0 { // "http (80/tcp)" of old versions
		number, protocol = number[i+1:], strings.TrimSuffix(protocol, ")")
	}
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n <= 0 || n > 65535 || protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
		return ""
	}
	return strconv.Itoa(n) + "/" + protocol
}

func (d *decoding) finding(x *result, check string) *exposure.Finding {
	at := location(x.port)
	f := &exposure.Finding{
		UID:         connectors.UID(check, at),
		Connector:   Name,
		Class:       exposure.ClassVulnerability,
		Check:       check,
		Title:       cmp.Or(connectors.Ident(x.name), check),
		Description: text(x.tags["summary"], x.tags["insight"], x.tags["impact"], x.tags["affected"]),
		Remediation: x.tags["solution"],
		Severity:    severity(x),
		RawSeverity: strings.TrimSpace(x.threat + " " + x.severity),
		CVEs:        connectors.CVEs(append(x.cves, x.oid)),
		Advisories:  clean(x.advisories),
		Location:    at,
		References:  clean(x.refs),
		Evidence:    connectors.Redact(x.description),
		Status:      statuses.Of(x.threat),
		LastSeen:    d.at(x),
	}
	if x.severity != "" && number(x.severity) == -1 { // how an override writes it where there is no threat
		f.Status = exposure.StatusSuppressed
	}
	if f.Status != exposure.StatusOpen {
		f.StatusNote = "false positive"
	}
	if x.compliance != "" && x.compliance != "undefined" {
		f.Class, f.Status, f.StatusNote = exposure.ClassCompliance, statuses.Of(x.compliance), "compliance: "+x.compliance
	}
	for _, s := range x.cvss {
		f.CVSS = append(f.CVSS, connectors.CVSSOf(strings.TrimSpace(s.vector), s.value, "greenbone")...)
	}
	for _, key := range []string{"vuldetect", "solution_type", "cvss_base_vector"} {
		x.vendor[key] = x.tags[key]
	}
	if port := strings.TrimSpace(x.port); at == "" && port != "" {
		x.vendor["port"] = port
	}
	f.Vendor = wire.Fields(x.vendor)
	return f
}

// at is when the result was found: its own time in a table and while a scan runs.
func (d *decoding) at(x *result) time.Time {
	if d.table && !x.at.IsZero() {
		return x.at
	}
	if !d.ended.IsZero() {
		return d.ended
	}
	if x.at.After(d.started) {
		return x.at
	}
	return d.started
}

// severity is that of the result, by its number where there is one: since 2024 there is
// a threat critical, and reports of before say high for it.
func severity(x *result) exposure.Severity {
	word := strings.ToLower(x.threat)
	score := number(x.severity)
	switch {
	case word == "log" || word == "debug":
		return exposure.SeverityInfo
	case score >= 9:
		return exposure.SeverityCritical
	case score >= 7:
		return exposure.SeverityHigh
	case score >= 4:
		return exposure.SeverityMedium
	case score > 0:
		return exposure.SeverityLow
	case x.severity != "" && score == 0 && word == "":
		return exposure.SeverityInfo
	}
	return connectors.Severity(word)
}

func text(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n\n")
}

func clean(texts []string) []string {
	var out []string
	for _, s := range texts {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// cover tells of each host how the look at it went, once its errors are known too.
func (d *decoding) cover(e *report.Emitter) error {
	for i := range d.hosts {
		h := &d.hosts[i]
		a := d.describe(h.ip, h.assetID, h.names, h.macs, h.os)
		if a == nil {
			continue
		}
		outcome := exposure.TargetOK
		switch {
		case h.dead:
			outcome = exposure.TargetUnreachable
		case h.ended.IsZero() || d.failed[h.ip]:
			outcome = exposure.TargetPartial
		}
		if err := e.Cover(exposure.Coverage{Asset: *a, Outcome: outcome, Authenticated: h.authenticated, CheckedAt: h.ended}); err != nil {
			return err
		}
	}
	return nil
}

// describeRun says what is known of the run once the report is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID: connectors.Ident(d.id), Source: d.source, Connector: Name, Kind: exposure.RunFull, Started: d.started, Finished: d.ended, Targets: e.Assets,
		Tool: "OpenVAS", Checks: d.config.Checks, Counts: map[string]int{"received": d.received},
	}
	if run.ID == "" {
		run.ID = connectors.RunID(Name, run.Started, run.Finished, d.task)
	}
	if d.full >= 0 {
		run.Counts["claimed"] = d.full
	}
	switch {
	case d.table:
		run.Why = "a table says neither which hosts were scanned nor how the scan ended"
	case !strings.EqualFold(d.status, "done"):
		run.Why = "the scan is not done: its status is " + cmp.Or(connectors.Ident(d.status), "not told")
	case d.ended.IsZero():
		run.Why = "the report has no end of the scan"
	case d.full < 0 || d.filtered < 0:
		run.Why = "the report doesn't say how many results there are"
	case d.full != d.filtered:
		run.Why = fmt.Sprintf("the report is filtered: %d of %d results", d.filtered, d.full)
	case d.full != d.received:
		run.Why = fmt.Sprintf("%d results were announced and %d came", d.full, d.received)
	case e.Assets == 0:
		run.Why = "the report lists no host"
	default:
		run.Complete = true
	}
	return run
}
