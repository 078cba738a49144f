// Package govulncheck reads the messages of Go's govulncheck.
package govulncheck

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "govulncheck"

const (
	format   = "govulncheck JSON"
	largest  = 16 << 20 // bytes of one message
	mostHits = 20_000   // vulnerabilities, and advisories: Go's database has 4,000
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "govulncheck",
		Summary:   "Vulnerable Go modules, and whether their vulnerable code is called.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "messages.jsonl", Findings: 3, Assets: 1},
			{File: "old.json", Findings: 2, Assets: 1},
		},
	}
}

// recognize looks for the first message, or for the fields of the report before 1.0.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "config", "protocol_version", "scanner_name"), report.Has(head, "config", "scan_level"):
		return 96
	case report.Has(head, "Vulns", "Calls"), report.Has(head, "OSV", "ModPath"), report.Has(head, "Calls", "Imports", "Requires"):
		return 90
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c}, nil
}

// Instance is one configured govulncheck source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode. Findings come one for each way to a vulnerability,
// and become one of it at the end.
type decoding struct {
	*Instance
	settings config // the scan's
	known    bool
	root     string // the main module
	entries  map[string]entry
	hits     map[string]hit
	ways     int
	lost     int
	why      string
	digest   hash.Hash
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, entries: map[string]entry{}, hits: map[string]hit{}, digest: sha256.New()}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.messages)
}

// messages reads all messages, one after the other or in a list, and then tells of what
// they come to.
func (d *decoding) messages(e *report.Emitter, r *jsonpull.Reader) error {
	for {
		if err := e.Live(); err != nil {
			return err
		}
		if r.Kind() == jsonpull.Array {
			for a := r.Array(); r.Elem(a); {
				if err := e.Live(); err != nil {
					return err
				}
				d.message(e, r)
			}
		} else {
			d.message(e, r)
		}
		if !r.More() {
			break
		}
	}
	if r.OK() && !d.known {
		r.Fail("there is no config of govulncheck's, and no list of vulnerabilities")
	}
	if !r.OK() {
		return nil // what is gathered of half a report is not told
	}
	return d.tell(e)
}

// message gathers what one message says.
func (d *decoding) message(e *report.Emitter, r *jsonpull.Reader) {
	var m message
	raw, ok := r.Into(largest, &m)
	if !r.OK() {
		return
	}
	_, _ = d.digest.Write(raw) // a hash takes everything
	switch {
	case !ok:
		d.lost++
		e.Skip("message_unreadable")
	case m.Config != nil:
		d.known, d.settings = true, *m.Config
	case m.Progress != nil:
		if strings.Contains(m.Progress.Message.String(), " 0 packages ") {
			d.why = "the scan says that it looked at 0 packages"
		}
	case m.SBOM != nil:
		if len(m.SBOM.Roots) > 0 {
			d.root = connectors.Ident(m.SBOM.Roots[0])
		}
	case m.OSV != nil:
		if len(d.entries) < mostHits {
			d.entries[connectors.Ident(m.OSV.ID.String())] = *m.OSV
		}
	case m.Finding != nil:
		d.ways++
		if !d.take(m.Finding) {
			d.lost++
			e.Skip("finding_without_osv_or_trace")
		}
	case m.Calls != nil || len(m.Vulns) > 0:
		d.old(e, m.Vulns)
	}
}

// old gathers the vulnerabilities of a report from before version 1.0.
func (d *decoding) old(e *report.Emitter, vulns []oldVuln) {
	d.known = true
	d.settings.Level = "symbol"
	for i := range vulns {
		v := &vulns[i]
		h := hit{osv: connectors.Ident(v.OSV.ID.String()), module: connectors.Ident(v.Module.String())}
		switch {
		case v.Call.Value > 0:
			h.reach = called
		case v.Import.Value > 0:
			h.reach = imported
		}
		if h.way = v.Package.String(); v.Symbol != "" {
			h.way += "." + v.Symbol.String()
		}
		d.ways++
		if !d.keep(h) {
			d.lost++
			e.Skip("finding_without_osv_or_module")
			continue
		}
		if len(d.entries) < mostHits {
			d.entries[h.osv] = v.OSV
		}
	}
}

func (d *decoding) tell(e *report.Emitter) error {
	a := d.describe()
	for _, key := range slices.Sorted(maps.Keys(d.hits)) {
		h := d.hits[key]
		if err := e.Observe(a, d.finding(&h)); err != nil {
			return err
		}
	}
	return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetOK})
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, time.Time{}, time.Time{}, hex.EncodeToString(d.digest.Sum(nil)[:8])),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Checks:    []string{Name + ":*"},
		Targets:   1,
		Counts:    map[string]int{"ways": d.ways, "findings": e.Findings},
		Tool:      strings.TrimSpace(Name + " " + d.settings.Version.String()),
	}
	switch {
	case !d.config.FullScan:
		run.Why = "messages that were cut off between two look like all of them; see full_scan in the source's configuration"
	case d.why != "":
		run.Why = d.why
	case d.lost > 0:
		run.Why = "some messages could not be read"
	default:
		run.Complete = true
	}
	return run
}
