package crowdstrike

import (
	"bytes"
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

// statuses are Spotlight's. Expired is no fix: the host was not seen for so long that
// Falcon gave up on it.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"open":    exposure.StatusOpen,
	"reopen":  exposure.StatusOpen,
	"closed":  exposure.StatusFixed,
	"expired": exposure.StatusExpired,
}

const largestElement = 4 << 20

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	why         string
	first, last time.Time
	host        []byte // host_info of the last vulnerability, as the body has it
	aid         string
	asset       *asset.Description
}

// value reads an answer: an object with resources, or one in which somebody put arrays of
// them, or an array.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	known, others, page := 0, 0, false
	each := func() error {
		var kind element
		raw, ok := r.Into(largestElement, &kind)
		switch {
		case !r.OK():
			return nil
		case raw == nil:
			e.Skip("element_too_large")
			return nil
		case ok && kind.AID != "" && len(kind.CVE) > 0:
			known++
			return d.vulnerability(e, raw)
		case ok && kind.DeviceID != "":
			known++
			return d.device(e, raw)
		}
		others++
		return nil
	}
	var err error
	if r.Kind() == jsonpull.Array {
		err = r.Each(ctx, each)
	} else {
		err = r.Fields(func(key string) error {
			switch {
			case key == "errors":
				return r.Each(ctx, func() error {
					r.Skip()
					d.why = "the answer holds errors"
					return nil
				})
			case r.Kind() == jsonpull.Array:
				page = page || key == "resources"
				return r.Each(ctx, each)
			}
			return nil
		})
	}
	if err == nil && known == 0 && (others > 0 || !page) {
		r.Fail("there are neither vulnerabilities nor hosts of Falcon's in it")
	}
	return err
}

func (d *decoding) device(e *report.Emitter, raw []byte) error {
	var w wireHost
	wire.Unmarshal(raw, &w)
	id := connectors.Ident(w.DeviceID.String())
	if id == "" {
		e.Skip("host_without_id")
		return nil
	}
	desc := d.describe(id, &w)
	d.saw(desc.SeenAt)
	return e.Asset(desc)
}

func (d *decoding) vulnerability(e *report.Emitter, raw []byte) error {
	var w wireVulnerability
	wire.Unmarshal(raw, &w)
	aid, cve := connectors.Ident(w.AID.String()), strings.ToUpper(connectors.Ident(cmp.Or(w.CVE.ID.String(), w.VulnerabilityID.String())))
	if aid == "" || cve == "" {
		e.Skip("vulnerability_without_host_or_id")
		return nil
	}
	var host struct {
		Host rawValue `json:"host_info"`
	}
	wire.Unmarshal(raw, &host)
	if d.asset == nil || d.aid != aid || !bytes.Equal(d.host, host.Host) {
		d.aid, d.host, d.asset = aid, bytes.Clone(host.Host), d.describe(aid, &w.Host)
	}
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + cve,
		UID:   cmp.Or(connectors.Ident(w.ID.String()), aid+"_"+cve),
		Title: title(&w, cve), Description: w.CVE.Description.String(), Remediation: remedy(&w),
		RawSeverity: w.CVE.Severity.String(), Severity: connectors.Severity(w.CVE.Severity.String()),
		CVEs: connectors.CVEs([]string{cve}), CWEs: connectors.CWEs(w.CVE.CWEs), References: append(w.CVE.Advisory, w.CVE.References...),
		CVSS: connectors.CVSSOf(w.CVE.Vector.String(), w.CVE.Score.Value, Name), Package: affected(&w), Exploit: exploit(&w.CVE),
		FirstSeen: w.Created.Time, LastSeen: cmpTime(w.Updated.Time, w.Created.Time), Vendor: wire.Rest(raw, mappedVulnerability...),
	}
	if connectors.CVEs([]string{cve}) == nil {
		f.Advisories = []string{cve}
	}
	d.judge(f, &w)
	d.saw(f.LastSeen)
	return e.Observe(d.asset, f)
}

func (d *decoding) judge(f *exposure.Finding, w *wireVulnerability) {
	word := strings.ToLower(w.Status.String())
	if f.Status = statuses.Of(word); word != "open" {
		f.StatusNote = word
	}
	switch {
	case f.Status == exposure.StatusFixed:
		if w.Closed.After(f.LastSeen) {
			f.LastSeen = w.Closed.Time
		}
	case f.Status == exposure.StatusOpen && bool(w.Suppression.Suppressed):
		f.Status = exposure.StatusSuppressed
		f.StatusNote = strings.TrimSpace("suppressed in Falcon " + w.Suppression.Reason.String())
	}
}

// rawValue is a part of a value as it stands in it.
type rawValue []byte

// UnmarshalJSON implements json.Unmarshaler.
func (v *rawValue) UnmarshalJSON(b []byte) error {
	*v = bytes.Clone(b)
	return nil
}

func title(w *wireVulnerability, cve string) string {
	name := w.CVE.Name.String()
	if product := product(w); product != "" {
		return cve + ": " + cmp.Or(name, product)
	}
	return strings.TrimSuffix(cve+": "+name, ": ")
}

func product(w *wireVulnerability) string {
	for _, a := range w.Apps {
		if p := a.Product.String(); p != "" {
			return p
		}
	}
	return w.App.Product.String()
}

// affected takes "e2fsprogs 1.42.9-12.amzn2" apart. A product without a version is one.
func affected(w *wireVulnerability) *exposure.Package {
	p := product(w)
	if p == "" {
		return nil
	}
	name, version := p, ""
	if i := strings.LastIndexByte(p, ' '); i > 0 && strings.ContainsAny(p[i+1:], "0123456789") && strings.IndexByte("0123456789", p[i+1]) >= 0 {
		name, version = strings.TrimSpace(p[:i]), p[i+1:]
	}
	return &exposure.Package{Name: name, Version: version}
}

func remedy(w *wireVulnerability) string {
	const most = 10
	var lines []string
	for _, r := range w.Remediation.Entities {
		if text := cmp.Or(r.Action.String(), r.Title.String()); text != "" && len(lines) < most {
			lines = append(lines, strings.TrimSpace(text+" "+r.Link.String()))
		}
	}
	return strings.Join(lines, "\n")
}

// exploit reads the exploit status: 0 none known, 30 available, 60 easily so, 90 in use.
func exploit(c *wireCVE) string {
	const available, used = 30, 90
	switch {
	case bool(c.CISA.KEV), c.ExploitStatus.Value >= used:
		return "active"
	case c.ExploitStatus.Value >= available:
		return "poc"
	}
	return ""
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
		Source: d.source, Connector: Name, Kind: exposure.RunPartial, Why: cmp.Or(d.why, connectors.OnePage), Tool: "CrowdStrike Falcon",
		ID:      connectors.RunID(Name, d.first, d.last, strconv.Itoa(e.Findings), strconv.Itoa(e.Assets)),
		Started: d.first, Finished: d.last,
	}
}
