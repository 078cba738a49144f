package nuclei

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/internal/exposure"
)

// templates remembers what templates say of themselves, since every result repeats it
// whole: by the very bytes, so that two versions of a template are never mixed up.
type templates struct {
	byInfo map[string]*exposure.Finding
	size   int
	reader jsonpull.Reader
}

const maxRemembered = 16 << 20 // bytes, roughly

// of gives a finding that holds what the info says, not to be changed.
func (t *templates) of(info []byte) (*exposure.Finding, error) {
	if f, ok := t.byInfo[string(info)]; ok {
		return f, nil
	}
	f, err := t.read(info)
	if err != nil {
		return nil, err
	}
	const parsed = 2 << 10 // what is parsed takes as much again, and the finding that holds it
	cost := 2*len(info) + parsed
	if t.size += cost; t.byInfo == nil || t.size > maxRemembered {
		t.byInfo, t.size = map[string]*exposure.Finding{}, cost
	}
	t.byInfo[string(info)] = f
	return f, nil
}

// read parses a template's info.
func (t *templates) read(info []byte) (*exposure.Finding, error) {
	f := &exposure.Finding{Connector: Name, Status: exposure.StatusOpen, Severity: exposure.SeverityUnknown}
	vendor := map[string]json.RawMessage{}
	r := &t.reader
	if len(info) == 0 {
		info = []byte("{}")
	}
	r.Reset(info, format)
	for o := r.Object(); r.Field(o); {
		switch key := string(r.Key()); key {
		case "name":
			f.Title = string(r.Text(shortText))
		case "description":
			f.Description = string(r.Text(longText))
		case "remediation":
			f.Remediation = string(r.Text(longText))
		case "severity":
			f.RawSeverity = string(r.Text(shortText))
			f.Severity = connectors.Severity(f.RawSeverity)
		case "tags":
			f.Tags = list(r, ",")
		case "reference":
			f.References = list(r, "\n")
		case "classification":
			classification(r, f, vendor)
		case "author", "metadata":
			vendor[key] = slices.Clone(r.Raw(longText))
		}
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	f.Class = classOf(f)
	f.Vendor = vendorOf(vendor)
	return f, nil
}

// list reads a list that old versions wrote as one text, one item a line with a dash
// before it, or separated by commas.
func list(r *jsonpull.Reader, separator string) []string {
	var out []string
	for _, text := range r.Texts(nil, longText, mostItems) {
		for part := range strings.SplitSeq(text, separator) {
			part = strings.TrimSpace(part)
			if part = strings.TrimSpace(strings.TrimPrefix(part, "- ")); part != "" && len(out) < mostItems {
				out = append(out, part)
			}
		}
	}
	return out
}

// classification reads the CVEs and scores that a template claims.
func classification(r *jsonpull.Reader, f *exposure.Finding, vendor map[string]json.RawMessage) {
	var score exposure.CVSS
	for o := r.Object(); r.Field(o); {
		switch key := string(r.Key()); key {
		case "cve-id":
			f.CVEs = connectors.CVEs(list(r, ","))
		case "cwe-id":
			f.CWEs = connectors.CWEs(list(r, ","))
		case "cvss-metrics":
			score.Vector = string(r.Text(shortText))
		case "cvss-score":
			score.Score, _ = r.Float()
		case "epss-score":
			if p, ok := r.Float(); ok && p >= 0 && p <= 1 {
				f.EPSS = p
			}
		case "cpe", "epss-percentile":
			vendor[key] = slices.Clone(r.Raw(shortText))
		}
	}
	f.CVSS = connectors.CVSSOf(score.Vector, score.Score, "nuclei-templates")
}

// classOf tells a setting that should be another from a weakness in what runs there.
func classOf(f *exposure.Finding) exposure.Class {
	if len(f.CVEs) > 0 {
		return exposure.ClassVulnerability
	}
	for _, tag := range f.Tags {
		switch tag {
		case "misconfig", "misconfiguration", "headers", "ssl", "tls":
			return exposure.ClassCompliance
		}
	}
	return exposure.ClassVulnerability
}

func vendorOf(fields map[string]json.RawMessage) json.RawMessage {
	for key, value := range fields {
		if len(value) == 0 {
			delete(fields, key)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	raw, err := json.Marshal(fields)
	if err != nil { // not JSON after all, in a corner that passing over doesn't look into
		return nil
	}
	return raw
}
