// Package sarif reads reports in the Static Analysis Results Interchange Format, version
// 2.1.0, whichever scanner wrote them.
package sarif

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "sarif"

const format = "SARIF"

const lost = "some results could not be read"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "SARIF",
		Summary:   "Reads SARIF 2.1.0, the format that nearly every code scanner can write.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "code.sarif", Findings: 7, Assets: 1},
			{File: "trivy-image.sarif", Findings: 3, Assets: 1},
			{File: "no-runs.sarif"},
		},
	}
}

// recognize looks for the version with the schema or the runs that stand beside it.
func recognize(head []byte, name string) int {
	begin := report.Head(head)
	if !bytes.HasPrefix(begin, []byte("{")) {
		return 0
	}
	schema := bytes.Contains(head, []byte("sarif-2.1")) || bytes.Contains(head, []byte("sarif-schema-2.1")) || bytes.Contains(head, []byte("/sarif"))
	switch {
	case schema && report.Has(head, "$schema"):
		return 97
	case report.Has(head, "runs", "version") && bytes.Contains(head, []byte(`"2.1.0"`)), report.Has(head, "runs", "tool", "driver"):
		return 90
	case report.Has(head, "runs") && strings.HasSuffix(strings.ToLower(name), ".sarif"):
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

// Instance is one configured SARIF source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	version string
	runs    int
	hasRuns bool
	origin  *asset.Description

	checks         []string
	targets        []string
	tools          []string
	ids            []string
	results        int
	started, ended time.Time
	why            string // what keeps the report from proving anything
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, d.document)
}

func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if d.hasRuns || d.version != "" {
		r.Fail("something follows the report")
		return nil
	}
	err := r.Fields(func(key string) error {
		switch key {
		case "version":
			if d.version = string(r.Text(shortText)); !strings.HasPrefix(d.version, "2.1.") {
				r.Fail("version %.20q is not 2.1.0", d.version)
			}
		case "runs":
			d.hasRuns = d.hasRuns || r.Kind() == jsonpull.Array
			for a := r.Array(); r.Elem(a); {
				n, err := d.readRun(e, r)
				if err != nil {
					return err
				}
				if !r.OK() {
					return nil // what is held of half a run is not told
				}
				if err := d.tell(e, r, n); err != nil {
					return err
				}
			}
		case "inlineExternalProperties":
			var more []struct{ Results []any }
			r.Into(largestItem, &more)
			for i := range more {
				if len(more[i].Results) > 0 {
					d.why = "some of its results lie in external properties, which are not read"
				}
			}
		}
		return nil
	})
	if err == nil && r.OK() && (d.version == "" || !d.hasRuns) {
		r.Fail("there is no version or no list of runs: this is no SARIF")
	}
	return err
}

// tell emits a run's findings, and that its target was looked at.
func (d *decoding) tell(e *report.Emitter, from *jsonpull.Reader, n *run) error {
	d.note(n)
	if err := d.guessSystem(n, from); err != nil {
		return err
	}
	err := n.results.Each(from, func(r *jsonpull.Reader) error {
		var res result
		raw, ok := r.Into(largestItem, &res)
		if !r.OK() {
			return nil
		}
		if !ok {
			d.why = lost
			e.Skip("result_is_no_object")
			return nil
		}
		obs, skip := d.finding(n, &res, raw)
		if skip == "result_without_rule" {
			d.why = lost
		}
		if skip != "" {
			e.Skip(skip)
			return nil
		}
		return e.Observe(obs.Asset, obs.Finding)
	})
	if err != nil || !from.OK() || !n.hasResults {
		return err
	}
	outcome := exposure.TargetOK
	if well, _ := n.ended(); !well {
		outcome = exposure.TargetPartial
	}
	_, ended := n.times()
	return e.Cover(exposure.Coverage{Asset: *d.target(n), Outcome: outcome, CheckedAt: ended})
}

// note keeps what a run means for the report as a whole.
func (d *decoding) note(n *run) {
	d.runs++
	d.results += n.results.Len()
	add := func(list *[]string, text string) {
		if !slices.Contains(*list, text) && len(*list) < mostBases {
			*list = append(*list, text)
		}
	}
	for _, check := range n.checks() {
		add(&d.checks, check)
	}
	add(&d.tools, strings.TrimSpace(cmp.Or(n.driver.name, n.driver.fullName)+" "+n.driver.version))
	add(&d.targets, d.target(n).Name)
	add(&d.ids, n.name())
	started, ended := n.times()
	if d.started.IsZero() || !started.IsZero() && started.Before(d.started) {
		d.started = started
	}
	if ended.After(d.ended) {
		d.ended = ended
	}
	well, why := n.ended()
	switch {
	case !well:
		d.why = why
	case !n.hasResults:
		d.why = "a run has no list of results: the tool did not get as far as that"
	case n.lost > 0:
		d.why = lost
	case n.external:
		d.why = "some of its results lie in other files"
	}
}

// run says what is known of the report as one run.
func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, d.started, d.ended, connectors.Ident(strings.Join(d.targets, ",")), connectors.Ident(strings.Join(d.ids, ",")), connectors.Ident(strings.Join(d.tools, ","))),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.started,
		Finished:  d.ended,
		Targets:   len(d.targets),
		Counts:    map[string]int{"runs": d.runs, "results": d.results, "findings": e.Findings},
		Tool:      strings.Join(d.tools, ", "),
	}
	if d.config.FullScan {
		run.Checks = d.checks
	}
	switch {
	case d.runs == 0:
		run.Why = "the report has no runs: nothing was looked at"
	case !d.config.FullScan:
		run.Why = "whether a scan was filtered doesn't show in its report; see full_scan in the source's configuration"
	case d.why != "":
		run.Why = d.why
	case len(d.targets) > 1:
		run.Why = "the report has runs of several targets, and doesn't say which rules ran where"
	default:
		run.Complete = true
	}
	return run
}
