package nuclei

import (
	"bytes"

	"github.com/quellsec/quell/connectors/jsonpull"
)

// Limits of what is taken over. Ingest cuts texts to its own.
const (
	shortText   = 4 << 10
	longText    = 16 << 10
	largestInfo = 8 << 20 // a template's info
	mostItems   = 200
	mostResults = 20
)

// record is one result as nuclei writes it. Its texts are parts of one buffer, good until
// the next result is read.
type record struct {
	buf                         []byte
	template, kind, host, port  []byte
	scheme, url, ip, matched    []byte
	matcher, extractor, written []byte
	info                        []byte // JSON
	extracted                   []string
	failed, unmatched           bool
}

// read reads a result. Version 2 had other names for some fields.
func (f *record) read(r *jsonpull.Reader) {
	*f = record{buf: f.buf[:0], extracted: f.extracted[:0]}
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "template-id", "templateID":
			f.template = f.keep(r.Text(shortText))
		case "info":
			whole := r.Kind() == jsonpull.Object
			f.info = f.keep(r.Raw(largestInfo))
			if whole && f.info == nil {
				r.Fail("a template's info of more than %d bytes", largestInfo)
			}
		case "type":
			f.kind = f.keep(r.Text(shortText))
		case "host":
			f.host = f.keep(r.Text(shortText))
		case "port":
			f.port = f.keep(r.Text(shortText))
		case "scheme":
			f.scheme = f.keep(r.Text(shortText))
		case "url":
			f.url = f.keep(r.Text(shortText))
		case "ip":
			f.ip = f.keep(r.Text(shortText))
		case "matched-at", "matched":
			f.matched = f.keep(r.Text(shortText))
		case "matcher-name", "matcher_name":
			f.matcher = f.keep(r.Text(shortText))
		case "extractor-name", "extractor_name":
			f.extractor = f.keep(r.Text(shortText))
		case "timestamp":
			f.written = f.keep(r.Text(shortText))
		case "matcher-status":
			f.unmatched = r.Kind() == jsonpull.Bool && !r.Bool()
		case "error":
			f.failed = len(r.Text(shortText)) > 0
		case "extracted-results", "extracted_results":
			f.extracted = r.Texts(f.extracted[:0], shortText, mostResults)
		}
	}
}

// keep copies a text into the record's buffer. When that grows, what was given out before
// stays where it was.
func (f *record) keep(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	start := len(f.buf)
	f.buf = append(f.buf, text...)
	return f.buf[start:len(f.buf):len(f.buf)]
}

// notAFinding gives the reason why a result is none, or nothing.
func (f *record) notAFinding() string {
	switch {
	case f.failed:
		return "error_line"
	case f.unmatched:
		return "matcher_status_false"
	case len(bytes.TrimSpace(f.template)) == 0:
		return "result_without_template"
	}
	return ""
}
