// Package checkov reads the JSON reports of Prisma Cloud's checkov.
package checkov

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
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

// Name is the connector's name.
const Name = "checkov"

const (
	format    = "checkov JSON"
	largest   = 4 << 20 // bytes of one check
	shortText = 4 << 10
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Checkov",
		Summary:   "Misconfigured infrastructure code, vulnerable packages and secrets, from reports of checkov.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "several.json", Findings: 5, Assets: 1},
			{File: "one.json", Findings: 1, Assets: 1},
			{File: "nothing.json", Assets: 1},
		},
	}
}

// recognize looks for the fields of a framework, or for the summary that stands alone.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "check_type", "results"), report.Has(head, "checkov_version"):
		return 95
	case report.Has(head, "check_id", "check_result"):
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

// Instance is one configured checkov source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	asset   *asset.Description
	read    int // frameworks
	checked int // by their summaries
	claimed int
	found   int // of the framework being read
	version string
	digest  hash.Hash
	why     string
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, asset: in.describe(), digest: sha256.New()}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if d.read > 0 {
		r.Fail("something follows the report")
		return nil
	}
	if r.Kind() != jsonpull.Array {
		if err := d.framework(e, r); err != nil {
			return err
		}
	} else {
		for a := r.Array(); r.Elem(a); {
			if err := d.framework(e, r); err != nil {
				return err
			}
		}
		if r.OK() && d.read == 0 {
			r.Fail("there is no framework in it")
		}
	}
	if !r.OK() {
		return nil
	}
	return e.Cover(exposure.Coverage{Asset: *d.asset, Outcome: exposure.TargetOK})
}

// framework reads what one framework's checks came to, or the summary that stands alone
// where there was nothing to check.
func (d *decoding) framework(e *report.Emitter, r *jsonpull.Reader) error {
	if err := e.Live(); err != nil {
		return err
	}
	d.found = 0
	var kind string
	var sum summary
	known := false
	err := r.Fields(func(key string) error {
		switch key {
		case "check_type":
			kind = string(r.Text(shortText))
		case "results":
			known = r.Kind() == jsonpull.Object
			return d.results(e, r, kind)
		case "summary":
			r.Into(largest, &sum)
		case "checkov_version":
			sum.Version, known = wire.Text(r.Text(shortText)), true
		}
		return nil
	})
	if err == nil && r.OK() && !known {
		r.Fail("there are neither results nor a version: this is not of checkov")
	}
	if err != nil || !r.OK() {
		return err
	}
	d.read++
	if v := sum.Version.String(); v != "" {
		d.version = v
	}
	d.checked += sum.Passed.Int() + sum.Skipped.Int()
	if sum.Failed != nil {
		claimed := sum.Failed.Int() + sum.Skipped.Int()
		d.claimed += claimed
		d.checked += sum.Failed.Int()
		if claimed != d.found {
			d.why = fmt.Sprintf("a summary claims %d failed and skipped checks, and there are %d", claimed, d.found)
		}
	}
	if sum.Errors.Value > 0 {
		d.why = unparsed
	}
	return nil
}

const unparsed = "some files could not be parsed"

func (d *decoding) results(e *report.Emitter, r *jsonpull.Reader, kind string) error {
	return r.Fields(func(key string) error {
		switch key {
		case "failed_checks", "skipped_checks":
			return d.checks(e, r, kind, strings.TrimSuffix(key, "_checks"))
		case "passed_checks":
			for a := r.Array(); r.Elem(a); {
				r.Skip()
				e.Skip("check_passed")
			}
		case "parsing_errors":
			for a := r.Array(); r.Elem(a); {
				d.why = unparsed
			}
		}
		return e.Live()
	})
}

func (d *decoding) checks(e *report.Emitter, r *jsonpull.Reader, kind, list string) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		var c check
		raw, ok := r.Into(largest, &c)
		if !r.OK() {
			return nil
		}
		_, _ = d.digest.Write(raw) // a hash takes everything
		f, skip := (*exposure.Finding)(nil), "check_unreadable"
		if ok {
			f, skip = d.finding(&c, kind, list, raw)
		}
		if skip != "" {
			e.Skip(skip)
			d.why = "some checks could not be read"
			continue
		}
		d.found++
		if err := e.Observe(d.asset, f); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, time.Time{}, time.Time{}, strconv.Itoa(d.checked), hex.EncodeToString(d.digest.Sum(nil)[:8])),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Checks:    []string{Name + ":*"},
		Targets:   1,
		Counts:    map[string]int{"claimed": d.claimed, "received": e.Findings, "checked": d.checked},
		Tool:      strings.TrimSpace(Name + " " + d.version),
	}
	switch {
	case !d.config.FullScan:
		run.Why = "whether a scan was of everything doesn't show in its report; see full_scan in the source's configuration"
	case d.why != "":
		run.Why = d.why
	case d.checked == 0:
		run.Why = "nothing was checked"
	default:
		run.Complete = true
	}
	return run
}
