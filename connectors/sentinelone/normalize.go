package sentinelone

import (
	"cmp"
	"context"
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

// statuses are the states of a risk, the results of the last scan, and what people mark.
// Only the scan's word says that a weakness is gone; a state of resolved can come of many
// things.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"active":         exposure.StatusOpen,
	"new":            exposure.StatusOpen,
	"detected":       exposure.StatusOpen,
	"vulnerable":     exposure.StatusOpen,
	"patched":        exposure.StatusFixed,
	"resolved":       exposure.StatusArchived,
	"mitigated":      exposure.StatusSuppressed,
	"ignored":        exposure.StatusSuppressed,
	"risk accepted":  exposure.StatusSuppressed,
	"accepted":       exposure.StatusSuppressed,
	"false positive": exposure.StatusSuppressed,
}

const (
	largestElement = 2 << 20
	deepest        = 3 // objects around the lists
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	why         string
	first, last time.Time
	key         string
	asset       *asset.Description
}

type counts struct {
	known, others int
	page          bool
}

// value reads an answer, or an object in which somebody put lists of elements.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	c := &counts{}
	err := d.walk(ctx, e, r, c, 0)
	if err == nil && c.known == 0 && (c.others > 0 || !c.page) {
		r.Fail("there are neither risks nor endpoints of SentinelOne's in it")
	}
	return err
}

func (d *decoding) walk(ctx context.Context, e *report.Emitter, r *jsonpull.Reader, c *counts, depth int) error {
	switch {
	case r.Kind() == jsonpull.Array:
		return r.Each(ctx, func() error { return d.element(e, r, c) })
	case r.Kind() != jsonpull.Object || depth == deepest:
		r.Skip()
		return nil
	}
	return r.Fields(func(key string) error {
		switch key {
		case "errors":
			return r.Each(ctx, func() error {
				r.Skip()
				d.why = "the answer holds errors"
				return nil
			})
		case "pagination":
			return nil
		case "data":
			c.page = c.page || r.Kind() == jsonpull.Array
		}
		if kind := r.Kind(); kind == jsonpull.Array || kind == jsonpull.Object {
			return d.walk(ctx, e, r, c, depth+1)
		}
		return nil
	})
}

func (d *decoding) element(e *report.Emitter, r *jsonpull.Reader, c *counts) error {
	var kind element
	raw, ok := r.Into(largestElement, &kind)
	switch {
	case !r.OK():
		return nil
	case raw == nil:
		e.Skip("element_too_large")
		return nil
	case ok && kind.CVE != "":
		c.known++
		return d.risk(e, raw)
	case ok && kind.ID != "" && (kind.UUID != "" || len(kind.Computer) > 0):
		c.known++
		var w wireAgent
		wire.Unmarshal(raw, &w)
		desc := d.describe(&w)
		d.saw(desc.SeenAt)
		return e.Asset(desc)
	}
	c.others++
	return nil
}

func (d *decoding) risk(e *report.Emitter, raw []byte) error {
	var w wireRisk
	wire.Unmarshal(raw, &w)
	cve := strings.ToUpper(connectors.Ident(w.CVE.String()))
	endpoint := connectors.Ident(cmp.Or(w.EndpointID.String(), w.EndpointUUID.String()))
	if cve == "" || endpoint == "" {
		e.Skip("risk_without_endpoint")
		return nil
	}
	if d.asset == nil || d.key != endpoint+"\x00"+w.EndpointName.String() {
		d.key, d.asset = endpoint+"\x00"+w.EndpointName.String(), d.riskAsset(&w)
	}
	app := cmp.Or(strings.TrimSpace(w.Name.String()+" "+w.Version.String()), w.Application.String())
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + cve,
		UID:   cmp.Or(connectors.Ident(w.ID.String()), connectors.UID(cve, strings.ToLower(connectors.Ident(w.Vendor.String())), strings.ToLower(connectors.Ident(w.Name.String())))),
		Title: strings.TrimSuffix(cve+": "+app, ": "), Description: w.Description.String(),
		RawSeverity: w.Severity.String(), Severity: connectors.Severity(w.Severity.String()), CVEs: connectors.CVEs([]string{cve}),
		CVSS: connectors.CVSSOf("", w.Score.Value, Name), FirstSeen: w.Detected.Time, LastSeen: cmpTime(w.LastScan.Time, w.Detected.Time),
		Vendor: wire.Rest(raw, mappedRisk...),
	}
	for i := range f.CVSS {
		f.CVSS[i].Version = w.CVSSVersion.String()
	}
	for _, url := range []string{w.NVDURL.String(), w.MitreURL.String()} {
		if strings.HasPrefix(url, "http") {
			f.References = append(f.References, url)
		}
	}
	if name := w.Name.String(); name != "" {
		f.Package = &exposure.Package{Name: strings.TrimPrefix(w.Vendor.String()+":"+name, ":"), Version: w.Version.String(), Path: w.Path.String()}
	}
	if w.EPSS.OK && w.EPSS.Value > 0 && w.EPSS.Value <= 1 {
		f.EPSS = w.EPSS.Value
	}
	switch strings.ToLower(w.ExploitCode.String()) {
	case "high", "functional", "proof-of-concept", "proof of concept":
		f.Exploit = "poc"
	}
	if w.ExploitedWild {
		f.Exploit = "active"
	}
	w.judge(f)
	d.saw(f.LastSeen)
	return e.Observe(d.asset, f)
}

// judge weighs the three words that there are for the state of a risk.
func (w *wireRisk) judge(f *exposure.Finding) {
	state, scan := word(w.Status), word(w.ScanResult)
	f.Status = statuses.Of(state)
	var notes []string
	for _, note := range []string{state, word(w.Mitigation), word(w.Mark.Description), w.MitigationWhy.String(), w.Reason.String()} {
		if note != "" && note != "active" {
			notes = append(notes, note)
		}
	}
	switch marked := statuses.Of(cmp.Or(word(w.Mark.Description), word(w.Mitigation))); {
	case f.Status == exposure.StatusFixed, f.Status == exposure.StatusArchived && statuses.Of(scan) == exposure.StatusFixed:
		f.Status = exposure.StatusFixed
	case f.Status == exposure.StatusOpen && marked == exposure.StatusSuppressed:
		f.Status = marked
	}
	if f.Status != exposure.StatusOpen && scan != "" {
		notes = append(notes, "last scan: "+scan)
	}
	f.StatusNote = strings.Join(notes, ", ")
}

// word gives a word as the table has it: consoles write "RISK_ACCEPTED" and "Risk accepted".
func word(text wire.Text) string {
	return strings.ToLower(strings.NewReplacer("_", " ", "-", " ").Replace(text.String()))
}

func cmpTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
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
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, Why: cmp.Or(d.why, connectors.OnePage), Tool: "SentinelOne",
		ID:      connectors.RunID(Name, d.first, d.last, strconv.Itoa(e.Findings), strconv.Itoa(e.Assets)),
		Started: d.first, Finished: d.last,
	}
}
