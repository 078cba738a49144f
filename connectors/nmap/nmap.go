// Package nmap reads the XML reports of the Nmap network scanner: hosts, their open ports
// and services, and what its scripts found.
package nmap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "nmap"

const format = "nmap XML"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Nmap",
		Summary:   "Reads XML reports (-oX) of the Nmap network scanner: services, open ports and script results.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "office.xml", Findings: 7, Complete: true},
			{File: "interrupted.xml", Findings: 1},
			{File: "nothing-up.xml"},
		},
	}
}

func recognize(head []byte, _ string) int {
	if bytes.Contains(head, []byte("<nmaprun")) || bytes.Contains(head, []byte("<!DOCTYPE nmaprun")) {
		return 100
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

// Instance is one configured nmap source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	sink   connectors.Sink
	digest hash.Hash

	args, tool        string
	started, finished time.Time
	exit, problem     string
	upClaimed         int
	skipped           string // a target that could not be scanned, and why

	portScan       bool
	scanned        portSets // what the scan was to look at
	listed, looked portSets // of the host: ports named one by one or in lists; those that answered
	last           portSets // the last host's looked, and its locations
	lastLocations  []string

	hosts, up, ports int
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	r := xmlpull.NewReader(body, format)
	d := &decoding{Instance: in, sink: sink, digest: sha256.New(), upClaimed: -1}
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
	if root := string(r.Name()); root != "nmaprun" {
		return &connectors.SyntaxError{Position: r.Position(), Format: format, Err: fmt.Errorf("the root element is <%.40s>, not <nmaprun>", root)}
	}
	d.args = string(r.Attr("args"))
	d.tool = strings.TrimSpace(string(r.Attr("scanner")) + " " + string(r.Attr("version")))
	d.started = epoch(r.Attr("start"))
	fmt.Fprintf(d.digest, "%s\x00%s\x00%d\x00", d.tool, d.args, d.started.Unix())
	for r.Child(1) {
		switch string(r.Name()) {
		case "scaninfo":
			if set := d.scanned.of(r.Attr("protocol")); set != nil {
				set.parse(r.Attr("services"))
				d.portScan = true
			}
		case "target":
			d.skipped = fmt.Sprintf("%.200q was %.40s (%.40s)", r.Attr("specification"), r.Attr("status"), r.Attr("reason"))
		case "host":
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("decoding %s: %w", format, err)
			}
			if err := (&host{d: d}).read(r); err != nil {
				return err
			}
		case "runstats":
			d.readStats(r)
		}
	}
	if r.Err() == nil {
		r.Child(0) // nothing may follow the root element
	}
	return nil
}

func (d *decoding) readStats(r *xmlpull.Reader) {
	for depth := r.Depth(); r.Child(depth); {
		switch string(r.Name()) {
		case "finished":
			d.finished, d.exit, d.problem = epoch(r.Attr("time")), string(r.Attr("exit")), string(r.Attr("errormsg"))
		case "hosts":
			if up, err := strconv.Atoi(string(r.Attr("up"))); err == nil {
				d.upClaimed = up
			}
		}
	}
}

// settle works out the ports that a host's report counts but doesn't list, as old
// versions do: if there is one such group, it is whatever else was to be scanned.
func (d *decoding) settle(h *host) {
	if h.unlisted != 1 || !answered(h.unlistedState) {
		return
	}
	var rest portSets
	for i := range rest {
		for w := range rest[i] {
			rest[i][w] = d.scanned[i][w] &^ d.listed[i][w]
		}
	}
	if rest.count() != h.unlistedCount {
		return
	}
	for i := range rest {
		for w := range rest[i] {
			d.looked[i][w] |= rest[i][w]
		}
	}
}

// locations gives the looked-at ports, which are often the same for host after host.
func (d *decoding) locations() []string {
	if d.lastLocations == nil || d.looked != d.last {
		d.last = d.looked
		d.lastLocations = d.looked.locations()
		if len(scripts(d.args)) > 0 {
			d.lastLocations = append(d.lastLocations, "") // host scripts look at the host itself
		}
	}
	return d.lastLocations
}

func (d *decoding) covered(h *host) {
	d.hosts++
	if h.state == "up" {
		d.up++
	}
	fmt.Fprintf(d.digest, "%s\x00%s\x00%d\x00", h.target(), h.state, h.end.Unix())
}

// run tells of the run: complete if nmap says so, and everything that it says was up is
// there.
func (d *decoding) run(broken error) exposure.Run {
	run := exposure.Run{
		ID:        Name + ":" + hex.EncodeToString(d.digest.Sum(nil)[:16]),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   d.started,
		Finished:  d.finished,
		Targets:   d.hosts,
		Counts:    map[string]int{"hosts": d.hosts, "up": d.up, "ports": d.ports},
		Tool:      d.tool,
	}
	if d.portScan {
		run.Checks = append([]string{checkOpenPort}, scripts(d.args)...)
		slices.Sort(run.Checks)
	}
	openOnly := slices.Contains(strings.Fields(d.args), "--open")
	var syntax *connectors.SyntaxError
	switch {
	case errors.As(broken, &syntax):
		run.Why = "the report is malformed or ends early: the scan was interrupted, or the upload was"
	case broken != nil:
		run.Why = "the report could not be read to its end"
	case d.exit != "success":
		run.Why = strings.TrimSuffix("nmap doesn't say that it finished with success: "+d.problem, ": ")
	case d.hosts == 0 && d.skipped != "":
		run.Why = "no host was scanned: " + d.skipped
	case d.up == 0:
		run.Why = "no host was up"
	case d.upClaimed > d.up && !openOnly:
		run.Why = fmt.Sprintf("%d hosts were up, %d are in the report", d.upClaimed, d.up)
	default:
		run.Complete = true
	}
	return run
}
