// Package testssl reads the tables that testssl.sh writes.
package testssl

import (
	"bytes"
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
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "testssl"

const (
	format    = "testssl.sh CSV"
	mostHosts = 2000 // whose tests are kept
	mostTests = 2000 // of one host
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "testssl.sh",
		Summary:   "Weak TLS configurations, from the tables of testssl.sh.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "scan.csv", Findings: 4, Assets: 2},
			{File: "unreachable.csv", Assets: 1},
		},
	}
}

// recognize looks for the header, which no other table has.
func recognize(head []byte, _ string) int {
	line, _, _ := bytes.Cut(report.Head(head), []byte("\n"))
	line = bytes.ReplaceAll(bytes.TrimSpace(line), []byte(`"`), nil)
	if bytes.HasPrefix(line, []byte("id,fqdn/ip,port,severity,finding")) {
		return 98
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

// Instance is one configured testssl.sh source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	hosts  map[string]*host
	rows   int
	digest hash.Hash
	why    string
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, hosts: map[string]*host{}, digest: sha256.New()}
	table := csvpull.NewReader(body, format)
	f := report.Format{Name: format, Sink: &covering{Sink: sink, d: d}, Run: d.run}
	return f.CSV(ctx, table, []string{"id", "fqdn/ip", "port", "severity", "finding"}, d.row)
}

// covering tells of the hosts before it tells of the run, which comes last.
type covering struct {
	connectors.Sink
	d *decoding
}

// Run implements connectors.Sink.
func (c *covering) Run(run exposure.Run) error {
	for _, key := range slices.Sorted(maps.Keys(c.d.hosts)) {
		h := c.d.hosts[key]
		cov := exposure.Coverage{Asset: *h.asset, Outcome: exposure.TargetOK}
		if h.port != "" {
			cov.Locations = []string{h.port + "/tcp"}
		}
		switch {
		case h.broken:
			cov.Outcome = exposure.TargetUnreachable
		case !h.ended:
			cov.Outcome = exposure.TargetPartial
		}
		if err := c.Cover(cov); err != nil {
			return err
		}
	}
	return c.Sink.Run(run)
}

func (d *decoding) row(e *report.Emitter, t *csvpull.Reader) error {
	r := row{id: t.Get("id"), host: t.Get("fqdn/ip"), port: t.Get("port"), severity: strings.ToUpper(t.Get("severity")), text: t.Get("finding"), cve: t.Get("cve"), cwe: t.Get("cwe")}
	if r.id == "" || r.host == "" {
		d.why = "a row names no test or no host"
		e.Skip("row_without_id_or_host")
		return nil
	}
	d.rows++
	_, _ = d.digest.Write([]byte(r.id + r.host + r.port + r.severity + r.text)) // a hash takes everything
	if strings.HasSuffix(r.host, "/") && verdicts[r.severity] == untested {
		e.Skip("warning_before_the_scan") // of the engine, when no address is known yet
		return nil
	}
	h := d.host(&r)
	id := connectors.Ident(r.id)
	switch verdicts[r.severity] {
	case finding:
		note(h.tested, id)
		return e.Observe(h.asset, r.finding(h))
	case passed:
		if note(h.tested, id); id == "scanTime" {
			h.ended = true
		}
		e.Skip("test_passed")
	case untested:
		note(h.untested, id)
		e.Skip("test_not_done")
	case broken:
		h.broken = true
		e.Skip("host_not_tested")
	case unknown:
		note(h.untested, id)
		e.Skip("row_of_unknown_severity")
	}
	return nil
}

func note(set map[string]bool, id string) {
	if len(set) < mostTests {
		set[id] = true
	}
}

func (d *decoding) host(r *row) *host {
	key := r.host + " " + r.port
	if h, ok := d.hosts[key]; ok {
		return h
	}
	h := &host{asset: d.describe(r.host), port: r.port, tested: map[string]bool{}, untested: map[string]bool{}}
	if len(d.hosts) == mostHosts {
		d.why = "more hosts than can be kept"
		return h
	}
	d.hosts[key] = h
	return h
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID:        connectors.RunID(Name, time.Time{}, time.Time{}, hex.EncodeToString(d.digest.Sum(nil)[:8])),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Checks:    checks(d.hosts),
		Targets:   len(d.hosts),
		Counts:    map[string]int{"rows": d.rows, "findings": e.Findings},
		Tool:      "testssl.sh",
	}
	for _, h := range d.hosts {
		switch {
		case h.broken:
			d.why = "a host could not be tested"
		case !h.ended && d.why == "":
			d.why = "a host's scan did not end, or the version of testssl.sh doesn't say so"
		}
	}
	switch {
	case len(d.hosts) == 0:
		run.Why = "no host was tested"
	case d.why != "":
		run.Why = d.why
	case !d.config.Fresh:
		run.Why = "the report does not say when the scan was; see fresh in the source's configuration"
	default:
		run.Complete = true
	}
	return run
}
