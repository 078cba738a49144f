package trivy

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/internal/asset"
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	r    *jsonpull.Reader
	ctx  func() error // the context's error
	sink connectors.Sink

	report  report
	asset   *asset.Description // made once the first result needs it
	current result             // the result being read
	vuln    vulnReader
	sub     jsonpull.Reader // of lists that came before what they need

	results, findings int
	classes           map[string]bool
	legacy            bool
}

// report is what a report says before its results.
type report struct {
	schema               int
	id, name, kind       string
	created              time.Time
	tool                 string
	os, imageID, repoURL string
	repoDigests          []string
}

// result is what one of the results says before its lists.
type result struct {
	target, class, kind string
	held                []list // lists that came before the target
}

// list is one list of a result.
type list struct {
	name string
	raw  []byte
}

const (
	shortText   = 4 << 10
	longText    = 16 << 10
	mostItems   = 100
	largestHeld = 8 << 20
)

// document reads a report. A syntax error is left in the reader.
func (d *decoding) document() error {
	r := d.r
	switch r.Kind() {
	case jsonpull.Array:
		d.legacy = true
		if err := d.readResults(); err != nil {
			return err
		}
	case jsonpull.Object:
		if err := d.readReport(); err != nil {
			return err
		}
	case jsonpull.None, jsonpull.String, jsonpull.Number, jsonpull.Bool, jsonpull.Null:
		r.Fail("a report is an object, or a list of results")
	}
	if r.More() {
		r.Fail("something follows the report")
	}
	return nil
}

func (d *decoding) readReport() error {
	r := d.r
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "SchemaVersion":
			const known = 2
			if d.report.schema, _ = r.Int(); d.report.schema != known {
				r.Fail("schema version %d is not known", d.report.schema)
			}
		case "ReportID":
			d.report.id = string(r.Text(shortText))
		case "CreatedAt":
			d.report.created = connectors.Time(string(r.Text(shortText)))
		case "ArtifactName":
			d.report.name = string(r.Text(shortText))
		case "ArtifactType":
			d.report.kind = string(r.Text(shortText))
		case "Metadata":
			d.metadata()
		case "Trivy":
			d.report.tool = version(r)
		case "Results":
			if d.report.name == "" && d.report.kind == "" && r.Kind() == jsonpull.Array {
				r.Fail("the results come before ArtifactName: sort the fields as trivy does")
			}
			if err := d.readResults(); err != nil {
				return err
			}
		}
	}
	if d.report.schema == 0 {
		r.Fail("there is no SchemaVersion: this is not a report of trivy's")
	}
	return nil
}

func (d *decoding) metadata() {
	r := d.r
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "OS":
			var family, name string
			for o := r.Object(); r.Field(o); {
				switch string(r.Key()) {
				case "Family":
					family = string(r.Text(shortText))
				case "Name":
					name = string(r.Text(shortText))
				}
			}
			d.report.os = strings.TrimSpace(family + " " + name)
		case "ImageID":
			d.report.imageID = string(r.Text(shortText))
		case "RepoURL":
			d.report.repoURL = string(r.Text(shortText))
		case "RepoDigests":
			d.report.repoDigests = r.Texts(nil, shortText, mostItems)
		}
	}
}

func version(r *jsonpull.Reader) (v string) {
	for o := r.Object(); r.Field(o); {
		if string(r.Key()) == "Version" {
			v = string(r.Text(shortText))
		}
	}
	return v
}

func (d *decoding) readResults() error {
	for a := d.r.Array(); d.r.Elem(a); {
		if err := d.readResult(); err != nil {
			return err
		}
	}
	return nil
}

// readResult reads one result. Its lists are read as they come, but what trivy writes
// before them is needed for their findings: a list that comes first, in a report whose
// fields somebody has sorted, is held until the result has ended.
func (d *decoding) readResult() error {
	r := d.r
	d.current = result{held: d.current.held[:0]}
	for o := r.Object(); r.Field(o); {
		switch key := string(r.Key()); key {
		case "Target":
			d.current.target = string(r.Text(shortText))
		case "Class":
			d.current.class = string(r.Text(shortText))
		case "Type":
			d.current.kind = string(r.Text(shortText))
		case "Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "ExperimentalModifiedFindings":
			if d.current.target == "" {
				d.hold(key)
				continue
			}
			if err := d.items(r, key); err != nil {
				return err
			}
		}
	}
	if d.legacy && d.current.target == "" {
		r.Fail("a result without Target: this is not a report of trivy's")
	}
	if !r.OK() {
		return nil // half a list is told already, and what was held comes from a broken report
	}
	for _, held := range d.current.held {
		d.sub.Reset(held.raw, format)
		if err := d.items(&d.sub, held.name); err != nil {
			return err
		}
		if d.sub.Err() != nil {
			r.Fail("%s of a result: %w", held.name, d.sub.Err())
		}
	}
	d.results++
	if d.classes == nil {
		d.classes = map[string]bool{}
	}
	d.classes[d.current.class] = true
	return nil
}

func (d *decoding) hold(name string) {
	filled := d.r.Kind() == jsonpull.Array
	raw := d.r.Raw(largestHeld)
	if filled && raw == nil {
		d.r.Fail("%s of more than %d bytes come before the target: sort the fields as trivy does", name, largestHeld)
	}
	if raw != nil {
		d.current.held = append(d.current.held, list{name, bytes.Clone(raw)})
	}
}

// items reads one of a result's lists.
func (d *decoding) items(r *jsonpull.Reader, name string) error {
	for a := r.Array(); r.Elem(a); {
		if err := d.ctx(); err != nil {
			return fmt.Errorf("decoding %s: %w", format, err)
		}
		obs, skip := d.item(r, name)
		if !r.OK() { // half a finding is none
			return nil
		}
		if skip != "" {
			d.sink.Skip(skip, d.r.Position())
			continue
		}
		d.findings++
		if err := d.sink.Observe(obs); err != nil {
			return err
		}
	}
	return nil
}
