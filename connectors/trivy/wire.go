package trivy

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/internal/exposure"
)

// vulnerability is one of "Vulnerabilities".
type vulnerability struct {
	id, pkg, path, purl, installed, fixed string
	status, severity, severitySource      string
	title, description, url, fingerprint  string
	published                             string
	vendorIDs, cwes, references           []string
	cvss                                  []exposure.CVSS
	vendorSeverity                        []byte // JSON, of at most mostItems vendors
}

// vulnReader reads vulnerabilities one after the other. The texts of one are gathered in
// a buffer and become one string of which each is a part: there are a million of them in
// a large report, and most of the time would go into allocating them one by one.
type vulnReader struct {
	vulnerability
	buf        []byte
	slots      []slot
	references []slot
	vectors    map[string]string
}

// slot is where a part of the buffer belongs.
type slot struct {
	to         *string
	start, end int
}

func (v *vulnReader) keep(text []byte) slot {
	start := len(v.buf)
	v.buf = append(v.buf, text...)
	return slot{nil, start, len(v.buf)}
}

func (v *vulnReader) put(to *string, text []byte) {
	s := v.keep(text)
	s.to = to
	v.slots = append(v.slots, s)
}

// read reads one vulnerability. Its lists of vendor's numbers and weaknesses, and the
// vendors' severities, are good until the next one is read.
func (v *vulnReader) read(r *jsonpull.Reader) {
	v.vulnerability = vulnerability{vendorIDs: v.vendorIDs[:0], cwes: v.cwes[:0], vendorSeverity: v.vendorSeverity[:0]}
	v.buf, v.slots, v.references = v.buf[:0], v.slots[:0], v.references[:0]
	for o := r.Object(); r.Field(o); {
		v.field(r)
	}
	text := string(v.buf)
	for _, s := range v.slots {
		*s.to = text[s.start:s.end]
	}
	if len(v.references) > 0 {
		v.vulnerability.references = make([]string, len(v.references), len(v.references)+1)
		for i, s := range v.references {
			v.vulnerability.references[i] = text[s.start:s.end]
		}
	}
}

func (v *vulnReader) field(r *jsonpull.Reader) {
	switch string(r.Key()) {
	case "VulnerabilityID":
		v.put(&v.id, r.Text(shortText))
	case "VendorIDs":
		v.vendorIDs = r.Texts(v.vendorIDs[:0], shortText, mostItems)
	case "PkgName":
		v.put(&v.pkg, r.Text(shortText))
	case "PkgPath":
		v.put(&v.path, r.Text(shortText))
	case "PkgIdentifier":
		for o := r.Object(); r.Field(o); {
			if string(r.Key()) == "PURL" {
				v.put(&v.purl, r.Text(shortText))
			}
		}
	case "InstalledVersion":
		v.put(&v.installed, r.Text(shortText))
	case "FixedVersion":
		v.put(&v.fixed, r.Text(shortText))
	case "Status":
		v.put(&v.status, r.Text(shortText))
	case "Severity":
		v.severity = word(r.Text(shortText))
	case "SeveritySource":
		v.severitySource = word(r.Text(shortText))
	case "Title":
		v.put(&v.title, r.Text(shortText))
	case "Description":
		v.put(&v.description, r.Text(longText))
	case "PrimaryURL":
		v.put(&v.url, r.Text(shortText))
	case "Fingerprint":
		v.put(&v.fingerprint, r.Text(shortText))
	case "PublishedDate":
		v.put(&v.published, r.Text(shortText))
	case "CweIDs":
		v.cwes = r.Texts(v.cwes[:0], shortText, mostItems)
	case "References":
		v.references = v.references[:0]
		for a := r.Array(); r.Elem(a); {
			if len(v.references) < mostReferences {
				v.references = append(v.references, v.keep(r.Text(shortText)))
			}
		}
	case "VendorSeverity":
		v.vendorSeverity = severities(v.vendorSeverity[:0], r)
	case "CVSS":
		v.cvss = v.scores(r)
	}
}

// severities reads {"nvd": 3, "debian": 1} into out.
func severities(out []byte, r *jsonpull.Reader) []byte {
	n := 0
	for o := r.Object(); r.Field(o); {
		start := len(out)
		out = appendKey(append(out, "{,"[min(n, 1)]), r.Key())
		severity, ok := r.Int()
		if !ok || n == mostItems || out[len(out)-1] != ':' {
			out = out[:start]
			continue
		}
		out = strconv.AppendInt(out, int64(severity), 10)
		n++
	}
	if n > 0 {
		out = append(out, '}')
	}
	return out
}

const mostReferences = 20 // reports repeat every advisory that ever named the CVE

// word is text without an allocation for the words that come in every finding.
func word(text []byte) string {
	switch string(text) {
	case "CRITICAL":
		return "CRITICAL"
	case "HIGH":
		return "HIGH"
	case "MEDIUM":
		return "MEDIUM"
	case "LOW":
		return "LOW"
	case "UNKNOWN":
		return "UNKNOWN"
	case "nvd":
		return "nvd"
	case "ghsa":
		return "ghsa"
	case "redhat":
		return "redhat"
	case "debian":
		return "debian"
	case "ubuntu":
		return "ubuntu"
	}
	return string(text)
}

// scores reads {"nvd": {"V2Vector": …, "V2Score": …, "V3Vector": …}, "redhat": …}.
func (v *vulnReader) scores(r *jsonpull.Reader) []exposure.CVSS {
	const usual = 4
	out := make([]exposure.CVSS, 0, usual)
	for o := r.Object(); r.Field(o); {
		by := word(r.Key())
		var said [3]struct {
			vector string
			score  float64
		}
		for o := r.Object(); r.Field(o); {
			key := r.Key()
			i := strings.IndexByte("234", at(key, 1))
			if i < 0 || at(key, 0) != 'V' {
				continue
			}
			switch {
			case bytes.HasSuffix(key, []byte("Vector")):
				said[i].vector = v.intern(r.Text(shortText))
			case bytes.HasSuffix(key, []byte("Score")):
				said[i].score, _ = r.Float()
			}
		}
		for i := range said {
			if c, ok := connectors.Score(said[i].vector, said[i].score, by); ok && len(out) < mostItems {
				out = append(out, c)
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// intern gives one string for each vector: there are few, and they come again and again.
func (v *vulnReader) intern(text []byte) string {
	if s, ok := v.vectors[string(text)]; ok {
		return s
	}
	const most = 4096
	if v.vectors == nil || len(v.vectors) == most {
		v.vectors = map[string]string{}
	}
	s := string(text)
	v.vectors[s] = s
	return s
}

func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// misconfiguration is one of "Misconfigurations".
type misconfiguration struct {
	id, avdID, title, description, message string
	resolution, severity, status, url      string
	resource, kind                         string
	references                             []string
}

func (m *misconfiguration) read(r *jsonpull.Reader) {
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "ID":
			m.id = string(r.Text(shortText))
		case "AVDID":
			m.avdID = string(r.Text(shortText))
		case "Type":
			m.kind = string(r.Text(shortText))
		case "Title":
			m.title = string(r.Text(shortText))
		case "Description":
			m.description = string(r.Text(longText))
		case "Message":
			m.message = string(r.Text(longText))
		case "Resolution":
			m.resolution = string(r.Text(longText))
		case "Severity":
			m.severity = string(r.Text(shortText))
		case "Status":
			m.status = string(r.Text(shortText))
		case "PrimaryURL":
			m.url = string(r.Text(shortText))
		case "References":
			m.references = r.Texts(nil, shortText, mostReferences)
		case "CauseMetadata":
			for o := r.Object(); r.Field(o); {
				if string(r.Key()) == "Resource" {
					m.resource = string(r.Text(shortText))
				}
			}
		}
	}
}

// leak is one of "Secrets". What lies around the secret ("Code") is never read.
type leak struct {
	rule, category, severity, title, match string
	line                                   int
}

func (l *leak) read(r *jsonpull.Reader) {
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "RuleID":
			l.rule = string(r.Text(shortText))
		case "Category":
			l.category = string(r.Text(shortText))
		case "Severity":
			l.severity = string(r.Text(shortText))
		case "Title":
			l.title = string(r.Text(shortText))
		case "Match":
			l.match = string(r.Text(shortText))
		case "StartLine":
			l.line, _ = r.Int()
		}
	}
}

// license is one of "Licenses".
type license struct{ name, category, severity, pkg, path, link string }

func (l *license) read(r *jsonpull.Reader) {
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "Name":
			l.name = string(r.Text(shortText))
		case "Category":
			l.category = string(r.Text(shortText))
		case "Severity":
			l.severity = string(r.Text(shortText))
		case "PkgName":
			l.pkg = string(r.Text(shortText))
		case "FilePath":
			l.path = string(r.Text(shortText))
		case "Link":
			l.link = string(r.Text(shortText))
		}
	}
}

// modified is one of "ExperimentalModifiedFindings": a finding that an ignore file or a
// VEX document has taken out of its list.
type modified struct {
	kind, status, statement, source string
	finding                         []byte // JSON
}

func (m *modified) read(r *jsonpull.Reader) {
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "Type":
			m.kind = string(r.Text(shortText))
		case "Status":
			m.status = string(r.Text(shortText))
		case "Statement":
			m.statement = string(r.Text(shortText))
		case "Source":
			m.source = string(r.Text(shortText))
		case "Finding":
			m.finding = bytes.Clone(r.Raw(largestHeld))
		}
	}
}

// list is the list that the finding was taken out of.
func (m *modified) list() string {
	switch strings.ToLower(m.kind) {
	case "vulnerability":
		return "Vulnerabilities"
	case "misconfiguration":
		return "Misconfigurations"
	case "secret":
		return "Secrets"
	case "license":
		return "Licenses"
	}
	return ""
}
