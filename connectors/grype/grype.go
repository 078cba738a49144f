// Package grype reads the JSON reports of Anchore's grype.
package grype

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "grype"

const (
	format      = "grype JSON"
	largest     = 4 << 20   // bytes of one match, or of the configuration
	largestHeld = 256 << 20 // bytes of all matches, compressed
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Grype",
		Summary:   "Reads JSON reports of Anchore's grype: vulnerabilities in images, directories and SBOMs.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "image.json", Findings: 4, Assets: 1, Complete: true},
			{File: "directory.json", Findings: 1, Assets: 1},
		},
	}
}

// recognize looks for the fields of a match, or for what stands beside an empty list.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head) || report.Head(head)[0] != '{':
		return 0
	case report.Has(head, "matches", "vulnerability", "matchDetails"), report.Has(head, "matches", "source", "descriptor", "grype"):
		return 95
	case report.Has(head, "matches", "source", "userInput"):
		return 80
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

// Instance is one configured grype source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	matches, ignored *jsonpull.Hold // what they are of comes behind them
	hasMatches       bool
	origin           source
	distro           distro
	descriptor       descriptor
	asset            *asset.Description
	lost             int // matches that could not be read
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, matches: jsonpull.NewHold(largestHeld), ignored: jsonpull.NewHold(largestHeld)}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if d.hasMatches {
		r.Fail("something follows the report")
		return nil
	}
	err := r.Fields(func(key string) error {
		switch key {
		case "matches":
			d.hasMatches = r.Kind() == jsonpull.Array || r.Kind() == jsonpull.Null
			return d.hold(e, r, d.matches)
		case "ignoredMatches":
			return d.hold(e, r, d.ignored)
		case "source":
			r.Into(largest, &d.origin)
		case "distro":
			r.Into(largest, &d.distro)
		case "descriptor":
			r.Into(largest, &d.descriptor)
		}
		return nil
	})
	if err == nil && r.OK() && (!d.hasMatches || d.origin.Type == "" && d.descriptor.Name == "") {
		r.Fail("there are no matches, or nothing says what they are of: this is no report of grype's")
	}
	if err != nil || !r.OK() {
		return err
	}
	return d.tell(e, r)
}

func (d *decoding) hold(e *report.Emitter, r *jsonpull.Reader, into *jsonpull.Hold) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		raw := r.Raw(largest)
		switch {
		case !r.OK():
		case raw == nil:
			d.lost++
			e.Skip("match_too_large_or_null")
		case !into.Add(raw):
			r.Fail("more matches than fit")
		}
	}
	return nil
}

func (d *decoding) tell(e *report.Emitter, from *jsonpull.Reader) error {
	for _, list := range []*jsonpull.Hold{d.matches, d.ignored} {
		err := list.Each(from, func(r *jsonpull.Reader) error {
			var m match
			raw, ok := r.Into(largest, &m)
			if !r.OK() {
				return nil
			}
			if !ok {
				d.lost++
				e.Skip("match_is_no_object")
				return nil
			}
			f, skip := d.finding(&m, raw, list == d.ignored)
			if skip != "" {
				d.lost++
				e.Skip(skip)
				return nil
			}
			return e.Observe(d.describe(), f)
		})
		if err != nil || !from.OK() {
			return err
		}
	}
	return e.Cover(exposure.Coverage{Asset: *d.describe(), Outcome: exposure.TargetOK, CheckedAt: d.descriptor.Timestamp.Time})
}

// run says what is known of the run. A report that hides nothing shows it.
func (d *decoding) run(e *report.Emitter) exposure.Run {
	at := d.descriptor.Timestamp.Time
	total := d.matches.Len() + d.ignored.Len()
	run := exposure.Run{
		ID:        connectors.RunID(Name, at, at, d.describe().Name, strconv.Itoa(total)),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   at,
		Finished:  at,
		Checks:    []string{Name + ":*"},
		Targets:   1,
		Counts:    map[string]int{"matches": d.matches.Len(), "ignored": d.ignored.Len(), "findings": e.Findings},
		Tool:      strings.TrimSpace(Name + " " + d.descriptor.Version.String()),
	}
	c := d.descriptor.Configuration
	switch {
	case at.IsZero():
		run.Why = "the report does not say when the scan was"
	case c == nil:
		run.Why = "the report does not say how the scan was configured"
	case len(c.Exclude) > 0:
		run.Why = "the scan left out some paths"
	case cmp.Or(d.descriptor.DB.Error, d.descriptor.DB.Status.Error) != "":
		run.Why = "the vulnerability database had an error"
	case d.lost > 0:
		run.Why = "some matches could not be read"
	case total == 0 && d.distro.Name == "":
		run.Why = "there are no matches and no known system: what could not be taken apart looks the same"
	default:
		run.Complete = true
	}
	return run
}
