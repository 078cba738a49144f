// Package nessus reads reports of Tenable Nessus (".nessus", XML version 2): hosts, their
// services, and everything that plugins found on them.
package nessus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "nessus"

const format = "nessus XML"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Tenable Nessus",
		Summary:   "Reads .nessus reports (XML version 2) of Nessus, Nessus Manager and Tenable's exports.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "two-hosts.nessus", Findings: 11, Complete: true},
			{File: "unfinished.nessus", Findings: 2},
			{File: "no-hosts.nessus"},
		},
	}
}

func recognize(head []byte, name string) int {
	switch {
	case bytes.Contains(head, []byte("<NessusClientData_v2")):
		return 100
	case strings.HasSuffix(strings.ToLower(name), ".nessus") && bytes.ContainsRune(head, '<'):
		return 60
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	location, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("opening source %s: %w", env.Source, err)
	}
	return &Instance{source: env.Source, config: *c, location: location}, nil
}

// Instance is one configured Nessus source.
type Instance struct {
	source   string
	config   Config
	location *time.Location
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	sink    connectors.Sink
	policy  policy
	plugins plugins
	item    reportItem

	digest        hash.Hash
	tool          string
	started, last time.Time
	hosts, items  int
	unfinished    int
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	r := xmlpull.NewReader(body, format)
	d := &decoding{Instance: in, sink: sink, digest: sha256.New(), tool: "Nessus"}
	if err := d.document(ctx, r); err != nil {
		return err
	}
	err := r.Err()
	if told := sink.Run(d.run(err)); told != nil {
		return told
	}
	return err
}

// document reads the whole document. A syntax error is left in r.
func (d *decoding) document(ctx context.Context, r *xmlpull.Reader) error {
	if !r.Child(0) {
		return nil
	}
	if root := string(r.Name()); root != "NessusClientData_v2" {
		return &connectors.SyntaxError{Position: r.Position(), Format: format, Err: fmt.Errorf("the root element is <%.40s>, not <NessusClientData_v2>", root)}
	}
	for r.Child(1) {
		switch string(r.Name()) {
		case "Policy":
			d.policy.read(r)
		case "Report":
			d.digest.Write(r.Attr("name"))
			for r.Child(2) {
				if string(r.Name()) != "ReportHost" {
					continue
				}
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("decoding %s: %w", format, err)
				}
				h := &host{d: d, tags: map[string]string{}, targets: map[serviceKey]string{}, byUID: map[string]int{}}
				if err := h.read(r); err != nil {
					return err
				}
			}
		}
	}
	if r.Err() == nil {
		r.Child(0) // nothing may follow the root element
	}
	return nil
}

// covered adds a host that was read to its end to the run.
func (d *decoding) covered(h *host) {
	d.hosts++
	if h.end.IsZero() {
		d.unfinished++
	}
	d.digest.Write(h.runKey())
	if !h.start.IsZero() && (d.started.IsZero() || h.start.Before(d.started)) {
		d.started = h.start
	}
	if h.end.After(d.last) {
		d.last = h.end
	}
}

// run tells of the run, which the format itself has no word for: it is complete if the
// document is, and every host in it was scanned to its end.
func (d *decoding) run(broken error) exposure.Run {
	run := exposure.Run{
		ID:        Name + ":" + hex.EncodeToString(d.digest.Sum(nil)[:16]),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.started,
		Finished:  d.last,
		Checks:    d.policy.checks(d.config.Plugins == pluginsAll),
		Targets:   d.hosts,
		Counts:    map[string]int{"items": d.items, "hosts": d.hosts, "unfinished_hosts": d.unfinished, "plugins": d.policy.plugins},
		Tool:      d.tool,
	}
	var syntax *connectors.SyntaxError
	switch {
	case errors.As(broken, &syntax):
		run.Why = "the report is malformed or ends early"
	case broken != nil:
		run.Why = "the report could not be read to its end"
	case d.hosts == 0:
		run.Why = "the report names no host: nothing answered, or nothing was scanned"
	case d.unfinished > 0:
		run.Why = fmt.Sprintf("%d of %d hosts were not scanned to their end (no HOST_END)", d.unfinished, d.hosts)
	default:
		run.Complete = true
	}
	return run
}
