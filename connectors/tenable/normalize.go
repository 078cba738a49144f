package tenable

import (
	"bytes"
	"cmp"
	"context"
	"slices"
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

// statuses are the states of the API and those of the user interface, which the CSV has.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open":       exposure.StatusOpen,
	"reopened":   exposure.StatusOpen,
	"new":        exposure.StatusOpen,
	"active":     exposure.StatusOpen,
	"resurfaced": exposure.StatusOpen,
	"fixed":      exposure.StatusFixed,
}

// severities are Tenable's severity numbers 0 to 4.
var severities = []exposure.Severity{exposure.SeverityInfo, exposure.SeverityLow, exposure.SeverityMedium, exposure.SeverityHigh, exposure.SeverityCritical} //nolint:gochecknoglobals // a constant table

const (
	largestElement = 8 << 20 // bytes of JSON: outputs can be long
	accepted       = "ACCEPTED"
	recast         = "RECASTED"
	compliance     = "Policy Compliance"
	tenableOT      = "Tenable.ot"
	nowhere        = "00000000-0000-0000-0000-000000000000" // the network in which everything is that was put in none
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	why         string
	first, last time.Time
	host        []byte // of the last finding, as the body has it
	asset       *asset.Description
}

// value reads a chunk: an array, or an object in which somebody put arrays of elements.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	known, others := 0, 0
	each := func() error {
		var kind element
		raw, ok := r.Into(largestElement, &kind)
		switch {
		case !r.OK():
			return nil
		case raw == nil:
			e.Skip("element_too_large")
			return nil
		case !ok || !kind.finding() && !kind.asset():
			others++
			return nil
		}
		known++
		if kind.finding() {
			return d.finding(e, raw, kind.Asset)
		}
		return d.inventory(e, raw)
	}
	array := r.Kind() == jsonpull.Array
	var err error
	if array {
		err = r.Each(ctx, each)
	} else {
		err = r.Fields(func(string) error { return r.Each(ctx, each) })
	}
	if err == nil && known == 0 && (others > 0 || !array) {
		r.Fail("there is neither a finding nor an asset of Tenable's in it")
	}
	return err
}

func (d *decoding) finding(e *report.Emitter, raw, host []byte) error {
	var w wireFinding
	if !wire.Unmarshal(raw, &w) || w.Plugin.ID.String() == "" {
		e.Skip("finding_without_plugin")
		return nil
	}
	if d.asset == nil || !bytes.Equal(d.host, host) {
		d.host, d.asset = bytes.Clone(host), d.describe(&w)
	}
	if len(d.asset.Identifiers) == 0 {
		e.Skip("finding_without_asset")
		return nil
	}
	f := d.translate(&w)
	f.Vendor = wire.Rest(raw, mappedFinding...)
	d.saw(f.LastSeen)
	return e.Observe(d.asset, f)
}

func (d *decoding) saw(at time.Time) {
	if at.IsZero() {
		return
	}
	if d.first.IsZero() || at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

func (d *decoding) translate(w *wireFinding) *exposure.Finding {
	p := &w.Plugin
	id := connectors.Ident(p.ID.String())
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: check(id, p.Family.String()),
		Title:       cmp.Or(p.Name.String(), "Tenable plugin "+id),
		Description: paragraphs(p.Synopsis.String(), p.Description.String()),
		Remediation: solution(p.Solution.String()),
		RawSeverity: w.Severity.String(), Severity: severity(w.SeverityID, w.Severity.String()),
		CVEs: connectors.CVEs(p.CVE), CWEs: p.CWE,
		References: p.SeeAlso, Evidence: connectors.Redact(w.Output.String()),
		FirstSeen: w.FirstFound.Time, LastSeen: cmpTime(w.LastFound.Time, w.Scan.CompletedAt.Time, w.Indexed.Time),
	}
	if p.Family.String() == compliance {
		f.Class = exposure.ClassCompliance
	}
	if p.Family.String() != "" {
		f.Tags = []string{p.Family.String()}
	}
	for _, bid := range p.BID {
		f.Advisories = append(f.Advisories, "BID:"+bid)
	}
	if p.Exploit {
		f.Exploit = "poc"
	}
	if p.Malware {
		f.Exploit = "active"
	}
	for _, x := range p.XRefs {
		crossReference(f, x.Type.String(), x.ID.String())
	}
	f.CWEs = connectors.CWEs(f.CWEs)
	f.CVSS = scores(p)
	port, protocol := w.Port.Port.Int(), word(w.Port.Protocol.String())
	f.Location = location(port, protocol)
	f.Target = target(cmp.Or(firstOf(w.Asset.IPv4), w.Asset.Hostname.String()), port)
	f.UID = id + "/" + strconv.Itoa(port) + "/" + connectors.Ident(protocol)
	f.Status, f.StatusNote = status(w.State.String(), w.Modification.String(), w.Reason.String())
	if f.Status == exposure.StatusFixed {
		if fixed := cmpTime(w.LastFixed.Time, w.Indexed.Time); fixed.After(f.LastSeen) {
			f.LastSeen = fixed
		}
	}
	return f
}

// check names a plugin as the Nessus connector does, since the plugins are the same.
func check(id, family string) string {
	if family == tenableOT {
		return "nessus-ot:" + id
	}
	return "nessus:" + id
}

// status keeps what a person decided beside what was found.
func status(state, modification, reason string) (exposure.Status, string) {
	found := statuses.Of(state)
	note := ""
	switch strings.ToUpper(modification) {
	case accepted:
		note = "the risk was accepted"
		if found == exposure.StatusOpen {
			found = exposure.StatusSuppressed
		}
	case recast:
		note = "the severity was recast"
	}
	if note != "" && reason != "" {
		note += ": " + reason
	}
	if note == "" && word(state) != "open" {
		note = word(state)
	}
	return found, note
}

func severity(id wire.Number, name string) exposure.Severity {
	if s := connectors.Severity(name); s != exposure.SeverityUnknown {
		return s
	}
	if n := id.Int(); id.OK && n >= 0 && n < len(severities) {
		return severities[n]
	}
	return exposure.SeverityUnknown
}

// crossReference sorts a reference into its place.
func crossReference(f *exposure.Finding, scheme, id string) {
	switch {
	case id == "":
	case scheme == "CWE":
		f.CWEs = append(f.CWEs, id)
	case scheme == "CISA-KNOWN-EXPLOITED":
		f.Exploit = "active"
		f.Advisories = append(f.Advisories, scheme+":"+id)
	case scheme == "":
		f.Advisories = append(f.Advisories, id)
	default:
		f.Advisories = append(f.Advisories, scheme+":"+id)
	}
}

// scores are the base scores. Tenable leaves out the prefix by which vectors of version 3
// and later tell their version.
func scores(p *wirePlugin) []exposure.CVSS {
	out := connectors.CVSSOf(prefixed("CVSS:4.0/", p.Vector4.Raw.String()), p.CVSS4.Value, Name)
	out = append(out, connectors.CVSSOf(prefixed("CVSS:3.0/", p.Vector3.Raw.String()), p.CVSS3.Value, Name)...)
	out = append(out, connectors.CVSSOf(p.Vector2.Raw.String(), p.CVSS2.Value, Name)...)
	for i := range out {
		if out[i].Version == "" { // a number alone
			out[i].Version = map[float64]string{p.CVSS4.Value: "4.0", p.CVSS3.Value: "3.0", p.CVSS2.Value: "2.0"}[out[i].Score]
		}
	}
	return out
}

func prefixed(version, vector string) string {
	if vector == "" || strings.HasPrefix(vector, "CVSS:") {
		return vector
	}
	return version + vector
}

func location(port int, protocol string) string {
	const highest = 65535
	if port <= 0 || port > highest {
		return ""
	}
	switch protocol {
	case "udp", "sctp":
		return strconv.Itoa(port) + "/" + protocol
	}
	return strconv.Itoa(port) + "/tcp"
}

func target(host string, port int) string {
	if host == "" || port <= 0 {
		return host
	}
	return connectors.Address{Host: host, Port: strconv.Itoa(port)}.HostPort()
}

func solution(text string) string {
	if strings.EqualFold(text, "n/a") {
		return ""
	}
	return text
}

func paragraphs(texts ...string) string {
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
	return strings.Join(slices.Compact(texts), "\n\n")
}

func firstOf(texts []string) string {
	for _, s := range texts {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

// cmpTime gives the first time that is one.
func cmpTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// run describes what a body is: a part of an export at best.
func (d *decoding) run(e *report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, Why: cmp.Or(d.why, connectors.OnePage), Tool: "Tenable VM",
		ID:      connectors.RunID(Name, d.first, d.last, strconv.Itoa(e.Findings), strconv.Itoa(e.Assets)),
		Started: d.first, Finished: d.last,
	}
}
