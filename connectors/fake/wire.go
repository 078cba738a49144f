package fake

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
)

// Limits of what is taken over from a report. Ingest cuts texts to its own.
const (
	shortText = 1 << 10
	longText  = 16 << 10
	mostItems = 1000
)

// wireRun is the "run" of a report.
type wireRun struct {
	given             bool
	id                string
	complete          bool
	started, finished time.Time
	checks            []string
}

// wireTarget is one of a report's "targets".
type wireTarget struct {
	host, ip      string
	outcome       string
	authenticated bool
}

// wireFinding is one of a report's "findings".
type wireFinding struct {
	host, ip           string
	check, title, text string
	severity, status   string
	port               int
	cves               []string
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	r       *jsonpull.Reader
	sink    connectors.Sink
	run     wireRun
	targets int
	hosts   hosts
}

func newDecoding(in *Instance, body io.Reader, sink connectors.Sink) *decoding {
	return &decoding{Instance: in, r: jsonpull.NewReader(body, format), sink: sink, hosts: hosts{zone: in.config.Zone}}
}

// document reads a report: {"fake_report": 1, "run": {…}, "targets": […], "findings": […]}.
func (d *decoding) document(ctx context.Context) error {
	r := d.r
	if r.Kind() != jsonpull.Object {
		r.Fail("a report is an object")
	}
	known := false
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "fake_report":
			known = true
			if version, _ := r.Int(); version != 1 {
				r.Fail("version %d of the format is not known", version)
			}
		case "run":
			d.readRun()
		case "targets":
			for a := r.Array(); r.Elem(a); {
				if err := d.target(); err != nil {
					return err
				}
			}
		case "findings":
			for a := r.Array(); r.Elem(a); {
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("decoding %s: %w", format, err)
				}
				if err := d.finding(); err != nil {
					return err
				}
			}
		}
	}
	if !known {
		r.Fail("there is no fake_report: this is something else")
	}
	if r.More() {
		r.Fail("something follows the report")
	}
	return r.Err()
}

func (d *decoding) readRun() {
	r := d.r
	d.run = wireRun{given: true} // of a key that comes twice, the last value counts
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "id":
			d.run.id = string(r.Text(shortText))
		case "complete":
			d.run.complete = r.Bool()
		case "started":
			d.run.started = connectors.Time(string(r.Text(shortText)))
		case "finished":
			d.run.finished = connectors.Time(string(r.Text(shortText)))
		case "checks":
			d.run.checks = r.Texts(nil, shortText, mostItems)
		}
	}
}

func (d *decoding) target() error {
	r := d.r
	var t wireTarget
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "host":
			t.host = string(r.Text(shortText))
		case "ip":
			t.ip = string(r.Text(shortText))
		case "outcome":
			t.outcome = string(r.Text(shortText))
		case "authenticated":
			t.authenticated = r.Bool()
		}
	}
	if r.Err() != nil {
		return r.Err()
	}
	d.targets++
	return d.sink.Cover(d.coverage(t))
}

func (d *decoding) finding() error {
	r := d.r
	var f wireFinding
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "host":
			f.host = string(r.Text(shortText))
		case "ip":
			f.ip = string(r.Text(shortText))
		case "check":
			f.check = string(r.Text(shortText))
		case "title":
			f.title = string(r.Text(shortText))
		case "text":
			f.text = string(r.Text(longText))
		case "severity":
			f.severity = string(r.Text(shortText))
		case "status":
			f.status = string(r.Text(shortText))
		case "port":
			f.port, _ = r.Int()
		case "cves":
			f.cves = r.Texts(nil, shortText, mostItems)
		}
	}
	if r.Err() != nil { // half a finding is none
		return r.Err()
	}
	if f.check == "" {
		d.sink.Skip("finding_without_check", r.Position())
		return nil
	}
	return d.sink.Observe(d.observation(&f))
}
