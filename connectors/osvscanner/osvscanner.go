// Package osvscanner reads the JSON reports of Google's osv-scanner.
package osvscanner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "osvscanner"

const (
	format      = "osv-scanner JSON"
	largest     = 32 << 20  // bytes of one package with its advisories, which list every version
	largestHeld = 128 << 20 // bytes of the packages of one lock file, compressed
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "OSV-Scanner",
		Summary:   "Vulnerable and malicious dependencies, from reports of Google's osv-scanner.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "report.json", Findings: 4, Assets: 1},
			{File: "clean.json", Assets: 1},
		},
	}
}

// recognize looks for the fields of a result, or for those around an empty list.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head) || report.Head(head)[0] != '{':
		return 0
	case report.Has(head, "results", "source", "packages", "ecosystem"):
		return 94
	case report.Has(head, "results", "experimental_config"), report.Has(head, "results", "source", "packages"):
		return 85
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

// Instance is one configured osv-scanner source.
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
	listed  bool
	sources int
	lost    int
	digest  hash.Hash
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, asset: in.describe(), digest: sha256.New()}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if d.listed {
		r.Fail("something follows the report")
		return nil
	}
	err := r.Fields(func(key string) error {
		if key != "results" {
			return nil
		}
		d.listed = r.Kind() == jsonpull.Array || r.Kind() == jsonpull.Null
		for a := r.Array(); r.Elem(a); {
			if err := d.result(e, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && r.OK() && !d.listed {
		r.Fail("there is no list of results: this is not of osv-scanner")
	}
	if err != nil || !r.OK() {
		return err
	}
	return e.Cover(exposure.Coverage{Asset: *d.asset, Outcome: exposure.TargetOK})
}

// result reads the packages of one source. They are held until its path is known.
func (d *decoding) result(e *report.Emitter, r *jsonpull.Reader) error {
	var s source
	packages := jsonpull.NewHold(largestHeld)
	known := false
	err := r.Fields(func(key string) error {
		switch key {
		case "source":
			_, known = r.Into(largest, &s)
		case "packages":
			for a := r.Array(); r.Elem(a); {
				if err := e.Live(); err != nil {
					return err
				}
				raw := r.Raw(largest)
				switch {
				case !r.OK():
				case raw == nil:
					d.lost++
					e.Skip("package_too_large_or_null")
				case !packages.Add(raw):
					r.Fail("more packages than fit")
				default:
					_, _ = d.digest.Write(raw) // a hash takes everything
				}
			}
		}
		return nil
	})
	if err == nil && r.OK() && !known {
		r.Fail("a result without a source: this is not of osv-scanner")
	}
	if err != nil || !r.OK() {
		return err
	}
	d.sources++
	return packages.Each(r, func(held *jsonpull.Reader) error {
		var p found
		_, ok := held.Into(largest, &p)
		if !held.OK() {
			return nil
		}
		if !ok {
			d.lost++
			e.Skip("package_is_no_object")
			return nil
		}
		for _, g := range groups(&p) {
			f, skip := d.finding(&s, &p, &g)
			if skip != "" {
				d.lost++
				e.Skip(skip)
				continue
			}
			if err := e.Observe(d.asset, f); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, time.Time{}, time.Time{}, hex.EncodeToString(d.digest.Sum(nil)[:8])),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Checks:    []string{Name + ":*"},
		Targets:   1,
		Counts:    map[string]int{"sources": d.sources, "findings": e.Findings},
		Tool:      "osv-scanner",
	}
	switch {
	case !d.config.FullScan:
		run.Why = "whether a scan was of everything doesn't show in its report; see full_scan in the source's configuration"
	case d.lost > 0:
		run.Why = "some packages could not be read"
	default:
		run.Complete = true
	}
	return run
}
