package mdvm

import (
	"cmp"
	"context"
	"encoding/json"
	"hash/maphash"
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

// statuses are those of the export of changes. The health of a machine, such as Inactive,
// says nothing of its weaknesses.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"new":     exposure.StatusOpen,
	"updated": exposure.StatusOpen,
	"fixed":   exposure.StatusFixed,
}

const (
	largestElement = 4 << 20
	largestField   = 64 << 10
	mostFields     = 128
	mostOpen       = 500_000 // rows of changes whose keys are remembered
	mostFixes      = 100_000 // fixes that are held back
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	at          time.Time // of the export
	partial     bool      // these changes are a part of all: what they call fixed may be new in another
	why         string
	first, last time.Time
	key         string // of the last row's machine
	asset       *asset.Description
	machine     *asset.Description // of an envelope
	looked      time.Time
	// A machine that changes its group, and software that changes its version, are fixed in
	// one row and new in another. Fixes wait until all rows are known.
	open  map[uint64]struct{}
	fixes []fix
	full  bool // no more is remembered, and no fix believed

	reader *jsonpull.Reader
}

type fix struct {
	asset   *asset.Description
	finding *exposure.Finding
	key     uint64
}

var seed = maphash.MakeSeed() //nolint:gochecknoglobals // a constant of the process

// value reads a page, an envelope of ours, a row of JSON Lines, or an array.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	d.reader = r
	c := &counts{}
	var err error
	if r.Kind() == jsonpull.Array {
		err = r.Each(ctx, func() error { return d.element(e, r, c) })
	} else {
		err = d.object(ctx, e, r, c)
	}
	if err == nil && r.Err() == nil && c.known == 0 && (c.others > 0 || !c.page) {
		r.Fail("there are neither machines nor vulnerabilities of Defender's in it")
	}
	return err
}

type counts struct {
	known, others int
	page          bool
}

func (d *decoding) object(ctx context.Context, e *report.Emitter, r *jsonpull.Reader, c *counts) error {
	fields := map[string]json.RawMessage{}
	err := r.Fields(func(key string) error {
		switch {
		case key == "value":
			c.page = true
			return r.Each(ctx, func() error { return d.element(e, r, c) })
		case key == mark:
			c.page = true
		case key == "at":
			d.at = wire.Moment(string(r.Text(largestField)))
		case key == "whole":
			d.partial = !r.Bool()
		case key == "machine":
			var m wireMachine
			if _, ok := r.Into(largestElement, &m); ok && m.ID != "" {
				c.known++
				return d.cover(e, &m)
			}
		case len(fields) < mostFields:
			if raw := r.Raw(largestField); raw != nil {
				fields[key] = append(json.RawMessage{}, raw...)
			}
		}
		return nil
	})
	if err != nil || r.Err() != nil || c.page {
		return err
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		c.others++
		return nil //nolint:nilerr // what can't be written again is no row
	}
	return d.judge(e, raw, c)
}

func (d *decoding) element(e *report.Emitter, r *jsonpull.Reader, c *counts) error {
	raw := r.Raw(largestElement)
	switch {
	case !r.OK():
		return nil
	case raw == nil:
		e.Skip("element_too_large")
		return nil
	case !json.Valid(raw):
		r.Fail("a value that is no JSON")
		return nil
	}
	return d.judge(e, raw, c)
}

func (d *decoding) judge(e *report.Emitter, raw []byte, c *counts) error {
	var kind element
	wire.Unmarshal(raw, &kind)
	switch {
	case kind.row():
		c.known++
		return d.row(e, raw)
	case kind.machine():
		c.known++
		var m wireMachine
		wire.Unmarshal(raw, &m)
		return d.cover(e, &m)
	case kind.vulnerability() && d.machine != nil:
		c.known++
		return d.vulnerability(e, raw)
	}
	c.others++
	return nil
}

// cover tells of a machine and how far Defender looks at it.
func (d *decoding) cover(e *report.Emitter, m *wireMachine) error {
	const old = 12 * time.Hour // an export is up to six hours old, and what it knows as much
	cov := exposure.Coverage{Asset: *d.describe(m), Outcome: exposure.TargetPartial}
	d.saw(m.LastSeen.Time)
	if !m.LastSeen.IsZero() {
		cov.CheckedAt = m.LastSeen.Add(-old)
	}
	onboarded := m.Onboarding == "" || strings.EqualFold(m.Onboarding.String(), "onboarded")
	if strings.EqualFold(m.Health.String(), "active") && onboarded && !bool(m.Excluded) && m.MergedInto == "" && !cov.CheckedAt.IsZero() {
		cov.Outcome = exposure.TargetOK
	}
	d.machine, d.looked = &cov.Asset, m.LastSeen.Time
	return e.Cover(cov)
}

func (d *decoding) row(e *report.Emitter, raw []byte) error {
	var w wireRow
	wire.Unmarshal(raw, &w)
	id := connectors.Ident(cmp.Or(w.DeviceID.String(), w.MachineID.String()))
	cve := strings.ToUpper(connectors.Ident(w.CVE.String()))
	if id == "" || cve == "" {
		e.Skip("row_without_machine_or_cve")
		return nil
	}
	if key := id + "\x00" + w.DeviceName.String() + "\x00" + w.Group.String(); d.asset == nil || d.key != key {
		d.key, d.asset = key, d.rowAsset(id, &w)
	}
	f := rowFinding(cve, &w)
	f.Vendor = rest(raw, mappedRow)
	if w.Status == "" && !d.at.IsZero() {
		f.LastSeen = d.at
	}
	d.saw(f.LastSeen)
	if w.Status == "" { // a full export
		return e.Observe(d.asset, f)
	}
	key := maphash.String(seed, id+"\x00"+f.UID)
	if f.Status != exposure.StatusFixed {
		if len(d.open) < mostOpen {
			d.open[key] = struct{}{}
		} else {
			d.full = true
		}
		return e.Observe(d.asset, f)
	}
	if len(d.fixes) >= mostFixes {
		d.full = true
		return nil
	}
	d.fixes = append(d.fixes, fix{d.asset, f, key})
	return nil
}

func rowFinding(cve string, w *wireRow) *exposure.Finding {
	vendor, software, version := cmp.Or(w.Vendor.String(), w.ProductVendor.String()), cmp.Or(w.Software.String(), w.ProductName.String()), cmp.Or(w.Version.String(), w.ProductVersion.String())
	severity := cmp.Or(w.Severity.String(), w.PlainSeverity.String())
	name := strings.TrimSpace(vendor + " " + software)
	f := finding(cve)
	f.UID = connectors.UID(cve, connectors.Ident(strings.ToLower(vendor)), connectors.Ident(strings.ToLower(software)))
	f.Title = strings.TrimSuffix(cve+": "+strings.TrimSpace(name+" "+version), ": ")
	f.RawSeverity, f.Severity = severity, connectors.Severity(severity)
	f.CVSS = connectors.CVSSOf("", w.Score.Value, Name)
	f.FirstSeen, f.LastSeen = w.FirstSeen.Time, w.LastSeen.Time
	if software != "" {
		f.Package = &exposure.Package{Name: strings.TrimSpace(vendor + ":" + software), Version: version, Path: first(w.DiskPaths)}
		f.Package.Name = strings.TrimPrefix(f.Package.Name, ":")
	}
	update := strings.TrimSpace(w.Update.String() + " " + cmp.Or(w.UpdateID.String(), w.FixingKB.String()))
	if update != "" {
		f.Remediation = "Install " + update
	}
	if url := w.UpdateURL.String(); strings.HasPrefix(url, "http") {
		f.References = []string{url}
	}
	f.Evidence = connectors.Redact(strings.Join(append(append([]string{}, w.DiskPaths...), w.RegistryPaths...), "\n"))
	switch level := strings.ToLower(w.Exploitability.String()); level {
	case "exploitisinkit", "exploitisverified", "exploitispublic":
		f.Exploit = "poc"
	}
	if word := strings.ToLower(w.Status.String()); word != "" {
		f.Status, f.StatusNote = statuses.Of(word), word
		if w.Event.After(f.LastSeen) {
			f.LastSeen = w.Event.Time
		}
	}
	return f
}

// finding begins a finding of a CVE, or of what Defender calls its own.
func finding(cve string) *exposure.Finding {
	f := &exposure.Finding{Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + cve, Title: cve, Status: exposure.StatusOpen, CVEs: connectors.CVEs([]string{cve})}
	if f.CVEs == nil {
		f.Advisories = []string{cve} // TVM-2020-0002
	}
	return f
}

// vulnerability reads one of the machine that an envelope speaks of.
func (d *decoding) vulnerability(e *report.Emitter, raw []byte) error {
	var w wireVulnerability
	wire.Unmarshal(raw, &w)
	cve := strings.ToUpper(connectors.Ident(w.ID.String()))
	if cve == "" {
		e.Skip("vulnerability_without_id")
		return nil
	}
	f := finding(cve)
	f.UID, f.Title = cve, cmp.Or(w.Name.String(), cve)
	f.Description = w.Description.String()
	f.RawSeverity, f.Severity = w.Severity.String(), connectors.Severity(w.Severity.String())
	vector, _, _ := strings.Cut(w.Vector.String(), "/E:") // the rest is temporal
	f.CVSS = connectors.CVSSOf(vector, w.Score.Value, Name)
	f.References = w.ExploitURIs
	if w.PublicExploit || w.Verified || w.InKit {
		f.Exploit = "poc"
	}
	if w.EPSS.OK && w.EPSS.Value > 0 && w.EPSS.Value <= 1 {
		f.EPSS = w.EPSS.Value
	}
	// firstDetected is when the CVE was first detected anywhere, not on this machine
	f.LastSeen = d.looked
	f.Vendor = rest(raw, mappedVulnerability)
	return e.Observe(d.machine, f)
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

func (d *decoding) run(e *report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, Why: cmp.Or(d.why, connectors.OnePage), Tool: "Microsoft Defender", Checks: []string{Name + ":*"},
		ID:      connectors.RunID(Name, d.first, d.last, strconv.Itoa(e.Findings), strconv.Itoa(e.Assets)),
		Started: d.first, Finished: d.last,
	}
}
