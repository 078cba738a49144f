// Package trivyoperator reads the reports of Aqua Security's Trivy Operator, as its
// webhook sends them and as Kubernetes keeps them.
package trivyoperator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "trivyoperator"

const (
	format  = "trivy operator JSON"
	largest = 32 << 20 // bytes of one report; Kubernetes keeps none of more than 1.5 MiB
	mostIDs = 10_000   // checks and reports named in a run
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Trivy Operator",
		Summary:   "Vulnerabilities, secrets, settings and rights in a Kubernetes cluster, from Trivy Operator's webhook or custom resources.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "vulnerabilityreport.json", Findings: 3, Assets: 1, Complete: true},
			{File: "configauditreports.json", Findings: 3, Assets: 2, Complete: true},
			{File: "exposedsecretreport-deleted.json", Findings: 1},
			{File: "compliance.json", Findings: 1, Assets: 1, Complete: true},
		},
	}
}

// recognize looks for the API group, and a kind of report.
func recognize(head []byte, _ string) int {
	if report.IsJSON(head) && bytes.Contains(head, []byte("aquasecurity.github.io/")) && (bytes.Contains(head, []byte(`Report"`)) || bytes.Contains(head, []byte(`ReportList"`)) || report.Has(head, "operatorObject")) {
		return 96
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

// Instance is one configured cluster.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	reports           int
	kinds             []string
	checks            []string
	uids              []string
	claimed, received int
	ended             time.Time
	tool              string
	why               string
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.value)
}

// value reads one report, a message, a list of Kubernetes', or a plain list.
func (d *decoding) value(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() == jsonpull.Array {
		return d.list(e, r)
	}
	if r.Kind() != jsonpull.Object {
		r.Fail("this is no report")
		return nil
	}
	fields := map[string]json.RawMessage{}
	items := false
	size := 0
	err := r.Fields(func(key string) error {
		if key == "items" {
			items = true
			return d.list(e, r)
		}
		raw := bytes.Clone(r.Raw(largest))
		if size += len(raw); size > largest {
			r.Fail("a report of more than %d bytes", largest)
			return nil
		}
		fields[key] = raw
		return nil
	})
	if err != nil || !r.OK() || items {
		return err
	}
	raw, err := json.Marshal(fields)
	if err != nil { // a raw value is no JSON, which only structure was checked of
		r.Fail("a value that is no JSON")
		return nil //nolint:nilerr // the reader has it
	}
	return d.object(e, r, raw)
}

func (d *decoding) list(e *report.Emitter, r *jsonpull.Reader) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		raw := r.Raw(largest)
		if !r.OK() {
			return nil
		}
		if err := d.object(e, r, raw); err != nil {
			return err
		}
	}
	return nil
}

// object reads one report. One of another kind refuses the body, unless it stands in a
// list.
func (d *decoding) object(e *report.Emitter, r *jsonpull.Reader, raw []byte) error {
	var o envelope
	if !wire.Unmarshal(raw, &o) {
		if !json.Valid(raw) {
			r.Fail("a report that is no JSON")
			return nil
		}
		d.why = unread
		e.Skip("report_is_no_object")
		return nil
	}
	if len(o.Object) > 0 {
		verb := o.Verb
		o = envelope{}
		if !wire.Unmarshal(inner(raw), &o) {
			r.Fail("the message holds no report")
			return nil
		}
		o.Verb = verb
	}
	what := class(o.Kind.String())
	if what == "" {
		r.Fail("kind %.40q is none of Trivy Operator's reports", o.Kind.String())
		return nil
	}
	d.reports++
	d.tool = cmp.Or(d.tool, strings.TrimSpace(strings.ToLower(o.Report.Scanner.Name.String())+" "+o.Report.Scanner.Version.String()))
	note := func(list *[]string, text string) {
		if !slices.Contains(*list, text) && len(*list) < mostIDs {
			*list = append(*list, text)
		}
	}
	note(&d.kinds, what)
	if len(d.uids) < 10 {
		note(&d.uids, cmp.Or(o.Metadata.UID.String(), o.Metadata.Namespace.String()+"/"+o.Metadata.Name.String()))
	}
	if what == "compliance" {
		return d.compliance(e, &o, func(check string) { note(&d.checks, check) })
	}
	note(&d.checks, "trivy:"+what+":*")
	return d.report(e, &o, what)
}

// inner is the object inside a message.
func inner(raw []byte) json.RawMessage {
	var m struct {
		Object json.RawMessage `json:"operatorObject"`
	}
	wire.Unmarshal(raw, &m)
	return m.Object
}

const unread = "some of it could not be read"

// report tells of one report, and that what it is of was looked at.
func (d *decoding) report(e *report.Emitter, o *envelope, what string) error {
	a := d.describe(o)
	if what == "sbom" {
		d.why = "an SBOM holds no findings"
		return e.Asset(a)
	}
	at := o.Report.Updated.Time
	if at.After(d.ended) {
		d.ended = at
	}
	items, read := o.Report.Checks, d.check
	switch what {
	case "vuln":
		items, read = o.Report.Vulnerabilities, d.vulnerability
	case "secret":
		items, read = o.Report.Secrets, d.secret
	}
	found := 0
	for _, raw := range items {
		f, skip := read(o, raw)
		if skip != "" {
			if skip != passed {
				d.why = unread
			}
			e.Skip(skip)
			continue
		}
		found++
		if err := e.Observe(a, f); err != nil {
			return err
		}
	}
	d.judge(o, what, found)
	if statuses.Of(o.Verb.String()) != exposure.StatusOpen {
		d.why = "a report was deleted, which says nothing of what it is of"
		return nil
	}
	return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetOK, CheckedAt: at})
}

// judge keeps what speaks against a report as proof.
func (d *decoding) judge(o *envelope, what string, found int) {
	s := &o.Report.Summary
	d.received += found
	if s.Critical != nil {
		claimed := s.Critical.Int() + s.High.Int() + s.Medium.Int() + s.Low.Int() + s.Unknown.Int()
		d.claimed += claimed
		if claimed != found {
			d.why = fmt.Sprintf("a report claims %d findings and holds %d", claimed, found)
		}
	}
	switch {
	case o.Report.Updated.IsZero():
		d.why = "a report does not say when the scan was"
	case what == "vuln" && found == 0 && o.Report.OS.Family == "":
		d.why = "there are no findings and no known system: an image that could not be taken apart looks the same"
	}
}

func (d *decoding) compliance(e *report.Emitter, o *envelope, note func(string)) error {
	a := d.cluster(o)
	found, assessed := d.controls(o)
	for _, check := range assessed {
		note(check)
	}
	d.received += len(found)
	if o.Status.Updated.After(d.ended) {
		d.ended = o.Status.Updated.Time
	}
	for _, f := range found {
		if err := e.Observe(a, f); err != nil {
			return err
		}
	}
	switch {
	case statuses.Of(o.Verb.String()) != exposure.StatusOpen:
		d.why = "a report was deleted, which says nothing of what it is of"
		return nil
	case len(assessed) == 0:
		d.why = "the report has not assessed anything yet"
		return e.Asset(a)
	case o.Status.Updated.IsZero():
		d.why = "a report does not say when the scan was"
	}
	return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetOK, CheckedAt: o.Status.Updated.Time})
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, d.ended, d.ended, append(slices.Clone(d.uids), strconv.Itoa(d.reports), strconv.Itoa(d.received))...),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.ended,
		Finished:  d.ended,
		Checks:    d.checks,
		Targets:   e.Assets,
		Counts:    map[string]int{"reports": d.reports, "claimed": d.claimed, "received": d.received},
		Tool:      d.tool,
	}
	switch {
	case d.reports == 0:
		run.Why = "there are no reports in it"
	case d.config.Filtered:
		run.Why = "the operator leaves findings out; see filtered in the source's configuration"
	case d.why != "":
		run.Why = d.why
	case len(d.kinds) > 1:
		run.Why = "reports of several kinds don't say which of them is missing for what"
	case len(d.checks) >= mostIDs:
		run.Why = "more checks than can be named"
	default:
		run.Complete = true
	}
	return run
}
