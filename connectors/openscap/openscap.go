// Package openscap reads XCCDF results, as OpenSCAP and other SCAP scanners write them.
package openscap

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "openscap"

const (
	format      = "XCCDF"
	largest     = 1 << 20 // bytes of one rule or result
	mostRules   = 20_000
	mostTargets = 1000
	shortText   = 4 << 10
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "OpenSCAP",
		Summary:   "Settings and patches that a host lacks, from XCCDF results of OpenSCAP and other SCAP scanners.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "results.xml", Findings: 4, Assets: 1, Complete: true},
			{File: "arf.xml", Findings: 1, Assets: 1},
		},
	}
}

// recognize looks for the namespace of XCCDF, or for a collection of reports that holds it.
func recognize(head []byte, _ string) int {
	begin := report.Head(head)
	switch {
	case !bytes.HasPrefix(begin, []byte("<")):
		return 0
	case bytes.Contains(head, []byte("checklists.nist.gov/xccdf")):
		return 92
	case bytes.Contains(head, []byte("asset-reporting-format")):
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

// Instance is one configured OpenSCAP source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	known   bool // an element of XCCDF's was there
	rules   map[string]rule
	targets []*target
	results int
	why     string
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, rules: map[string]rule{}}
	return report.Format{Name: format, Sink: sink, Run: d.run}.XML(ctx, body, func(e *report.Emitter, r *xmlpull.Reader) error {
		err := d.element(e, r)
		if err == nil && r.Err() == nil && !d.known {
			return report.Unknown(format, "there is neither a benchmark nor a test result in it: this is no XCCDF")
		}
		return err
	})
}

// element reads what matters of an element, wherever it stands: rules in groups within a
// benchmark or a data stream, test results in a benchmark or a collection of reports.
func (d *decoding) element(e *report.Emitter, r *xmlpull.Reader) error {
	if err := e.Live(); err != nil {
		return err
	}
	switch string(r.Name()) {
	case "Rule":
		id := string(r.Attr("id"))
		n, _ := r.Tree(largest)
		if id = connectors.Ident(id); id != "" && r.Err() == nil && len(d.rules) < mostRules {
			d.rules[id] = readRule(n)
		}
		return nil
	case "TestResult":
		d.known = true
		return d.testResult(e, r)
	case "Benchmark", "Group":
		d.known = true
	case "oval_results", "oval_definitions", "Profile", "Value": // large, and of no use here
		return nil
	}
	for depth := r.Depth(); r.Child(depth); {
		if err := d.element(e, r); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) testResult(e *report.Emitter, r *xmlpull.Reader) error {
	t := &target{id: connectors.Ident(string(r.Attr("id"))), started: wire.Moment(string(r.Attr("start-time"))), ended: wire.Moment(string(r.Attr("end-time"))), judged: map[string]bool{}, failed: map[string]bool{}}
	if system := string(r.Attr("test-system")); system != "" {
		t.tool = system
	}
	for depth := r.Depth(); r.Child(depth); {
		if err := e.Live(); err != nil {
			return err
		}
		if string(r.Name()) != "rule-result" {
			t.learn(r)
			continue
		}
		n, whole := r.Tree(largest)
		if r.Err() != nil {
			return nil //nolint:nilerr // what is wrong with the body is left in the reader
		}
		if !whole {
			d.why = "some results could not be read"
			e.Skip("result_too_large")
			continue
		}
		if err := d.result(e, t, n); err != nil {
			return err
		}
	}
	if r.Err() != nil {
		return nil //nolint:nilerr // likewise
	}
	if t.ended.IsZero() {
		d.why = "a result does not say when the scan ended"
	}
	if len(d.targets) == mostTargets {
		d.why = "more targets than can be kept"
		return nil
	}
	d.targets = append(d.targets, t)
	cov := exposure.Coverage{Asset: *d.describe(t), Outcome: exposure.TargetOK, Authenticated: t.authenticated, CheckedAt: t.ended}
	if t.results == 0 {
		cov.Outcome = exposure.TargetPartial
		d.why = "a result has no rule that was judged"
	}
	return e.Cover(cov)
}

// learn takes what an element says of the target and of how it was looked at.
func (t *target) learn(r *xmlpull.Reader) {
	switch string(r.Name()) {
	case "benchmark":
		t.benchmark = string(r.Attr("href"))
	case "profile":
		t.profile = string(r.Attr("idref"))
	case "identity":
		t.authenticated = string(r.Attr("authenticated")) == "true"
	case "target":
		if name := strings.TrimSpace(string(r.Text(shortText))); t.name == "" {
			t.name = name
		} else {
			t.names = append(t.names, name)
		}
	case "target-address":
		if len(t.addresses) < mostTargets {
			t.addresses = append(t.addresses, strings.TrimSpace(string(r.Text(shortText))))
		}
	case "target-facts":
		n, _ := r.Tree(largest)
		for _, fact := range n.All("fact") {
			t.fact(fact.Attr("name"), fact.Text)
		}
	}
}

// result tells of one rule on one target.
func (d *decoding) result(e *report.Emitter, t *target, n *xmlpull.Node) error {
	id, word := connectors.Ident(n.Attr("idref")), strings.ToLower(n.Get("result"))
	if id == "" {
		d.why = "some results could not be read"
		e.Skip("result_without_rule")
		return nil
	}
	d.results++
	note := ""
	if before, why := overridden(n); before == "fail" && word != "fail" {
		word, note = "overridden", why // a person's word, and no check
	} else if before != "" {
		note = why
	}
	worth, known := outcomes[word]
	switch {
	case word == "overridden":
		worth = bad
	case !known:
		worth = doubted
	}
	switch worth {
	case doubted:
		t.failed[id] = true
		e.Skip("rule_not_judged")
		return nil
	case none:
		e.Skip("rule_not_evaluated")
		return nil
	case good, bad:
		t.results++
		t.judged[id] = true
	}
	if worth == good {
		e.Skip("rule_passed")
		return nil
	}
	return e.Observe(d.describe(t), d.finding(t, id, word, note, n))
}

// checks are the rules that were judged on every target, and are in doubt on none.
func (d *decoding) checks() []string {
	if len(d.targets) == 0 {
		return nil
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(d.targets[0].judged)) {
		if !slices.ContainsFunc(d.targets, func(t *target) bool { return !t.judged[id] || t.failed[id] }) {
			out = append(out, Name+":"+id)
		}
	}
	return out
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	var started, ended time.Time
	var names []string
	tool := ""
	for _, t := range d.targets {
		if started.IsZero() || !t.started.IsZero() && t.started.Before(started) {
			started = t.started
		}
		if t.ended.After(ended) {
			ended = t.ended
		}
		if len(names) < 10 {
			names = append(names, t.id, connectors.Ident(t.name))
		}
		tool = strings.TrimSpace(t.tool)
	}
	run := exposure.Run{
		ID:        connectors.RunID(Name, started, ended, append(names, strconv.Itoa(d.results))...),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   started,
		Finished:  ended,
		Checks:    d.checks(),
		Targets:   len(d.targets),
		Counts:    map[string]int{"results": d.results, "findings": e.Findings},
		Tool:      tool,
	}
	switch {
	case len(d.targets) == 0:
		run.Why = "there is no test result in it"
	case d.why != "":
		run.Why = d.why
	case len(run.Checks) == 0:
		run.Why = "no rule was judged on every target"
	default:
		run.Complete = true
	}
	return run
}
