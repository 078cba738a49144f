package insightvm

import (
	"cmp"
	"context"
	"fmt"
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

// statuses are those of a result. None of them says that a weakness is gone: that a check
// found nothing, or gave no result, is silence, which means something only on an asset
// that was covered.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"vulnerable":                                  exposure.StatusOpen,
	"vulnerable-version":                          exposure.StatusOpen,
	"vulnerable-potential":                        exposure.StatusOpen,
	"vulnerable-with-exception-applied":           exposure.StatusSuppressed,
	"vulnerable-version-with-exception-applied":   exposure.StatusSuppressed,
	"vulnerable-potential-with-exception-applied": exposure.StatusSuppressed,
}

// silent are the statuses of results that are no findings.
var silent = map[string]bool{"not-vulnerable": true, "invulnerable": true, "unknown": true, "no-results": true, "error": true, "skipped": true} //nolint:gochecknoglobals // a constant table

const (
	largestElement = 8 << 20 // an asset with its services and its history
	mostKnown      = 20_000
	checkPrefix    = "nexpose:"
)

// vulnerability is what is known of one, ready to be told.
type vulnerability struct {
	finding exposure.Finding
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	known       map[string]*vulnerability
	scans       map[string]string // status by ID
	first, last time.Time
}

// value reads our envelope, or one page of the API.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	found := false
	err := r.Fields(func(key string) error {
		switch key {
		case mark:
			found = true
		case "scans":
			return r.Fields(func(id string) error {
				var s wireScan
				if _, ok := r.Into(largestElement, &s); ok && len(d.scans) < mostKnown {
					d.scans[id] = strings.ToLower(s.Status.String())
				}
				return nil
			})
		case "vulnerabilities":
			return r.Fields(func(id string) error { d.learn(e, r, id); return nil })
		case "assets":
			return r.Each(ctx, func() error { return d.assessed(ctx, e, r) })
		case "resources":
			n, err := d.resources(ctx, e, r)
			found = found || n > 0
			return err
		}
		return nil
	})
	if err == nil && !found {
		r.Fail("there are neither assets nor findings of InsightVM's in it")
	}
	return err
}

// resources reads a page of the API: of assets, or of findings that name their asset.
func (d *decoding) resources(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) (known int, err error) {
	err = r.Each(ctx, func() error {
		var kind element
		raw, ok := r.Into(largestElement, &kind)
		switch {
		case !r.OK() || !ok && raw != nil:
			return nil
		case raw == nil:
			e.Skip("element_too_large")
			return nil
		case kind.asset():
			known++
			var a wireAsset
			wire.Unmarshal(raw, &a)
			desc := d.describe(&a, nil)
			d.saw(desc.SeenAt)
			return e.Asset(desc)
		case kind.finding():
			known++
			var f wireFinding
			wire.Unmarshal(raw, &f)
			id := connectors.Ident(f.assetOf())
			if id == "" {
				e.Skip("finding_without_asset")
				return nil
			}
			desc := &asset.Description{Kind: asset.Host, Name: "InsightVM asset " + id, Identifiers: []asset.Identifier{{Kind: asset.SourceAssetID, Value: id}}}
			return d.finding(e, desc, &f, time.Time{})
		}
		return nil
	})
	return known, err
}

// assessed reads an asset of the envelope with its findings behind it.
func (d *decoding) assessed(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	var k wireKnown
	var desc *asset.Description
	err := r.Fields(func(key string) error {
		switch key {
		case "asset":
			if _, ok := r.Into(largestElement, &k.asset); ok {
				last := k.asset.assessment()
				k.looked = last.Date.Time
				k.scan = "finished" // an agent's look has no scan
				if last.ScanID.OK {
					k.scan = cmp.Or(d.scans[strconv.Itoa(last.ScanID.Int())], "unknown")
				}
			}
		case "tags":
			r.Into(largestElement, &k.tags)
		case "whole":
			k.whole = r.Bool()
		case "vulnerabilities":
			if k.asset.ID == "" {
				return nil
			}
			desc = d.describe(&k.asset, k.tags)
			return r.Each(ctx, func() error {
				var f wireFinding
				if _, ok := r.Into(largestElement, &f); !ok || f.ID == "" {
					if r.Err() == nil {
						e.Skip("finding_without_id")
					}
					return nil
				}
				return d.finding(e, desc, &f, k.looked)
			})
		}
		return nil
	})
	if err != nil || r.Err() != nil {
		return err
	}
	if desc == nil {
		e.Skip("asset_without_id")
		return nil
	}
	cov := exposure.Coverage{Asset: *desc, Outcome: exposure.TargetPartial, CheckedAt: k.looked}
	if k.whole && !k.looked.IsZero() && k.scan == "finished" && (k.asset.Assessed == nil || *k.asset.Assessed) {
		cov.Outcome = exposure.TargetOK
	}
	d.saw(k.looked)
	return e.Cover(cov)
}

// finding emits the results of a finding, one for each location.
func (d *decoding) finding(e *report.Emitter, desc *asset.Description, w *wireFinding, looked time.Time) error {
	id := strings.ToLower(connectors.Ident(w.ID.String()))
	if id == "" {
		e.Skip("finding_without_id")
		return nil
	}
	results := w.Results
	if len(results) == 0 {
		results = wire.List[wireResult]{{Status: w.Status, Since: w.Since}}
	}
	at := make(map[string]*exposure.Finding, len(results)) // one element bounds it
	order := make([]*exposure.Finding, 0, len(results))
	for i := range results {
		res := &results[i]
		word := strings.ToLower(cmp.Or(res.Status.String(), w.Status.String()))
		if silent[word] {
			e.Skip("result_that_is_no_finding")
			continue
		}
		f := d.result(id, res, word, looked)
		if f.FirstSeen.IsZero() {
			f.FirstSeen = w.Since.Time
		}
		if have := at[f.UID]; have != nil {
			join(have, f)
			continue
		}
		at[f.UID] = f
		order = append(order, f)
	}
	for _, f := range order {
		d.saw(f.LastSeen)
		if err := e.Observe(desc, f); err != nil {
			return err
		}
	}
	return nil
}

// join adds another result at the same place: where one is open, so is the finding.
func join(have, more *exposure.Finding) {
	if more.Status == exposure.StatusOpen && have.Status != exposure.StatusOpen {
		have.Status, have.StatusNote = more.Status, more.StatusNote
	}
	if more.Evidence != "" && more.Evidence != have.Evidence && len(have.Evidence)+len(more.Evidence) < exposure.MaxEvidence {
		have.Evidence = strings.TrimPrefix(have.Evidence+"\n\n"+more.Evidence, "\n\n")
	}
	if !more.FirstSeen.IsZero() && more.FirstSeen.Before(have.FirstSeen) {
		have.FirstSeen = more.FirstSeen
	}
}

func (d *decoding) result(id string, res *wireResult, word string, looked time.Time) *exposure.Finding {
	f := exposure.Finding{Title: id, Severity: exposure.SeverityUnknown}
	if v := d.known[id]; v != nil {
		f = v.finding
	}
	f.Connector, f.Class, f.Check = Name, exposure.ClassVulnerability, checkPrefix+id
	f.Location = location(res.Port, res.Protocol.String())
	f.UID = strings.TrimSuffix(id+"|"+f.Location, "|")
	f.Evidence = connectors.Redact(connectors.Plain(res.Proof.String()))
	f.FirstSeen, f.LastSeen = res.Since.Time, looked
	if f.Status = statuses.Of(word); word != "vulnerable" {
		f.StatusNote = word
	}
	return &f
}

func location(port wire.Number, protocol string) string {
	const highest = 65535
	n := port.Int()
	if n <= 0 || n > highest {
		return ""
	}
	if protocol = strings.ToLower(protocol); protocol != "udp" && protocol != "sctp" {
		protocol = "tcp"
	}
	return strconv.Itoa(n) + "/" + protocol
}

// learn reads what is known of a vulnerability.
func (d *decoding) learn(e *report.Emitter, r *jsonpull.Reader, id string) {
	var w wireVulnerability
	raw, ok := r.Into(largestElement, &w)
	if !ok {
		return
	}
	if len(d.known) >= mostKnown {
		e.Skip("vulnerability_beyond_the_limit")
		return
	}
	f := exposure.Finding{
		Title:       cmp.Or(w.Title.String(), id),
		Description: cmp.Or(w.Description.Text.String(), connectors.Plain(w.Description.HTML.String())),
		RawSeverity: w.Severity.String(), Severity: severity(w.Score, w.Severity.String()),
		CVEs: connectors.CVEs(w.CVEs), Tags: w.Categories,
		Vendor: wire.Rest(raw, mappedVulnerability...),
	}
	if w.Score.OK && f.RawSeverity != "" {
		f.RawSeverity = fmt.Sprintf("%s (%d)", f.RawSeverity, w.Score.Int())
	}
	f.CVSS = slices.Concat(connectors.CVSSOf(w.CVSS.V3.Vector.String(), w.CVSS.V3.Score.Value, Name), connectors.CVSSOf(w.CVSS.V2.Vector.String(), w.CVSS.V2.Score.Value, Name))
	if w.Exploits.Value > 0 {
		f.Exploit = "poc"
	}
	if w.MalwareKits.Value > 0 {
		f.Exploit = "active"
	}
	d.known[strings.ToLower(id)] = &vulnerability{f}
}

// severity goes by the score from 1 to 10, in the bands of CVSS, since the console's three
// words (moderate, severe, critical) are coarser than our five.
func severity(score wire.Number, word string) exposure.Severity {
	const low, medium, high, critical = 0, 4, 7, 9
	switch {
	case !score.OK:
		switch strings.ToLower(word) {
		case "critical":
			return exposure.SeverityCritical
		case "severe":
			return exposure.SeverityHigh
		case "moderate":
			return exposure.SeverityMedium
		}
		return exposure.SeverityUnknown
	case score.Value >= critical:
		return exposure.SeverityCritical
	case score.Value >= high:
		return exposure.SeverityHigh
	case score.Value >= medium:
		return exposure.SeverityMedium
	case score.Value > low:
		return exposure.SeverityLow
	}
	return exposure.SeverityInfo
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

// run describes what a body is: a part of the console's view at best.
func (d *decoding) run(e *report.Emitter) exposure.Run {
	return exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: "InsightVM", Checks: []string{checkPrefix + "*"},
		ID:      connectors.RunID(Name, d.first, d.last, strconv.Itoa(e.Findings), strconv.Itoa(e.Assets)),
		Started: d.first, Finished: d.last,
	}
}
