// Package semgrep reads the JSON reports of Semgrep's command line and the webhooks of
// Semgrep AppSec Platform.
package semgrep

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "semgrep"

const (
	format    = "semgrep JSON"
	largest   = 4 << 20 // bytes of one result
	mostFiles = 100_000 // named as covered
	shortText = 4 << 10
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Semgrep",
		Summary:   "Weaknesses in code, dependencies and secrets, from Semgrep's command line and its platform's webhooks.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "scan.json", Findings: 4, Assets: 1},
			{File: "webhook.json", Findings: 2},
		},
	}
}

// recognize looks for the fields of a result, or for those around an empty list.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "semgrep_finding"), report.Has(head, "semgrep_scan"):
		return 97
	case report.Has(head, "results", "check_id", "extra", "start"), report.Has(head, "results", "errors", "paths", "scanned"), report.Has(head, "results", "errors", "skipped_rules"):
		return 92
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

// Instance is one configured semgrep source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	version         string
	listed          bool // there is a list of results, if an empty one
	hooks           int
	scans           []string
	started, ended  time.Time
	digest          hash.Hash
	lost            int
	failed, skipped map[string]bool // files
	scanned         []string
	hasScanned      bool
	tooMany         bool
	why             string
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, digest: sha256.New(), failed: map[string]bool{}, skipped: map[string]bool{}}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.value)
}

// value reads a report, or one or more of a webhook's messages.
func (d *decoding) value(e *report.Emitter, r *jsonpull.Reader) error {
	if d.listed {
		r.Fail("something follows the report")
		return nil
	}
	if r.Kind() == jsonpull.Array {
		for a := r.Array(); r.Elem(a); {
			if err := e.Live(); err != nil {
				return err
			}
			if err := d.message(e, r); err != nil {
				return err
			}
		}
		return nil
	}
	err := r.Fields(func(key string) error { return d.field(e, r, key) })
	if err == nil && r.OK() && !d.listed && d.hooks == 0 {
		r.Fail("there is no list of results and no message of a webhook's: this is not of semgrep")
	}
	if err != nil || !r.OK() || !d.listed {
		return err
	}
	return e.Cover(d.coverage())
}

func (d *decoding) field(e *report.Emitter, r *jsonpull.Reader, key string) error {
	switch key {
	case "version":
		d.version = string(r.Text(shortText))
	case "results":
		d.listed = r.Kind() == jsonpull.Array
		return d.results(e, r)
	case "errors":
		for a := r.Array(); r.Elem(a); {
			var failure scanError
			r.Into(largest, &failure)
			d.fail(&failure)
		}
	case "paths":
		return r.Fields(func(key string) error {
			switch key {
			case "scanned":
				d.hasScanned = r.Kind() == jsonpull.Array
				for a := r.Array(); r.Elem(a); {
					d.file(string(r.Text(shortText)))
				}
			case "skipped":
				for a := r.Array(); r.Elem(a); {
					var file struct{ Path wire.Text }
					if r.Into(largest, &file); len(d.skipped) < mostFiles {
						d.skipped[file.Path.String()] = true
					}
				}
			}
			return e.Live()
		})
	case "skipped_rules":
		for a := r.Array(); r.Elem(a); {
			d.why = "some rules were skipped"
		}
	case "semgrep_finding", "semgrep_scan":
		raw := r.Raw(largest)
		return d.hook(e, key, raw)
	}
	return nil
}

func (d *decoding) results(e *report.Emitter, r *jsonpull.Reader) error {
	a := d.repository()
	for list := r.Array(); r.Elem(list); {
		if err := e.Live(); err != nil {
			return err
		}
		var res result
		raw, ok := r.Into(largest, &res)
		if !r.OK() {
			return nil
		}
		_, _ = d.digest.Write(raw) // a hash takes everything
		f, skip := (*exposure.Finding)(nil), "result_unreadable"
		if ok {
			f, skip = d.finding(&res, raw)
		}
		if skip != "" {
			d.lost++
			e.Skip(skip)
			continue
		}
		if err := e.Observe(a, f); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) file(name string) {
	name = strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "./")
	if len(d.scanned) == mostFiles {
		d.tooMany = true
		return
	}
	d.scanned = append(d.scanned, name)
}

// fail notes an error on the way: of one file, or of the scan as a whole.
func (d *decoding) fail(failure *scanError) {
	file := strings.TrimPrefix(failure.Path.String(), "./")
	switch {
	case file != "" && len(d.failed) < mostFiles:
		d.failed[file] = true
	case failure.Level == "error" || file != "":
		d.why = "the scan tells of errors"
	}
}

// message reads one of a webhook's messages.
func (d *decoding) message(e *report.Emitter, r *jsonpull.Reader) error {
	var h hook
	if _, ok := r.Into(largest, &h); !ok || len(h.Finding) == 0 && len(h.Scan) == 0 {
		r.Fail("a message without a finding or a scan: this is not of semgrep")
		return nil
	}
	if len(h.Finding) > 0 {
		return d.hook(e, "semgrep_finding", h.Finding)
	}
	return d.hook(e, "semgrep_scan", h.Scan)
}

func (d *decoding) hook(e *report.Emitter, kind string, raw json.RawMessage) error {
	d.hooks++
	_, _ = d.digest.Write(raw) // a hash takes everything
	if kind == "semgrep_scan" {
		var s hookScan
		wire.Unmarshal(raw, &s)
		if id := connectors.Ident(s.ID.String()); id != "" && len(d.scans) < 10 {
			d.scans = append(d.scans, id)
		}
		d.started, d.ended = s.Started.Time, s.Completed.Time
		e.Skip("scan_without_its_findings")
		return nil
	}
	var h hookFinding
	f, skip := (*exposure.Finding)(nil), "result_unreadable"
	if wire.Unmarshal(raw, &h) {
		f, skip = d.hookFinding(&h, raw)
	}
	if skip != "" {
		e.Skip(skip)
		return nil
	}
	return e.Observe(d.hookRepository(&h), f)
}

// coverage is the whole repository; or, where some files failed or were passed over,
// those that were scanned well.
func (d *decoding) coverage() exposure.Coverage {
	cov := exposure.Coverage{Asset: *d.repository(), Outcome: exposure.TargetOK}
	if d.hasScanned && len(d.failed)+len(d.skipped) > 0 {
		cov.Locations = slices.DeleteFunc(d.scanned, func(file string) bool { return d.failed[file] || d.skipped[file] })
		if len(cov.Locations) == 0 {
			cov.Outcome = exposure.TargetPartial
		}
	}
	return cov
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, d.started, d.ended, append(d.scans, hex.EncodeToString(d.digest.Sum(nil)[:8]))...),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.started,
		Finished:  d.ended,
		Counts:    map[string]int{"findings": e.Findings, "files": len(d.scanned), "files_failed": len(d.failed)},
		Tool:      strings.TrimSpace(Name + " " + d.version),
	}
	if d.hooks > 0 {
		run.Kind, run.Why = exposure.RunEvent, "a webhook tells of new findings only"
		return run
	}
	run.Targets, run.Checks = 1, []string{Name + ":*"}
	switch {
	case !d.config.FullScan:
		run.Why = "whether a scan was of everything doesn't show in its report; see full_scan in the source's configuration"
	case d.why != "":
		run.Why = d.why
	case d.lost > 0:
		run.Why = "some results could not be read"
	case !d.hasScanned:
		run.Why = "the report does not say which files were scanned"
	case d.tooMany && len(d.failed)+len(d.skipped) > 0:
		run.Why = "more files were scanned than can be named"
	case len(d.scanned) == 0 && !d.tooMany:
		run.Why = "no files were scanned"
	default:
		run.Complete = true
	}
	return run
}
