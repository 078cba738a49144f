package qualys

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are those of detections, of reports, and of web applications' findings.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"new":       exposure.StatusOpen,
	"active":    exposure.StatusOpen,
	"re-opened": exposure.StatusOpen,
	"reopened":  exposure.StatusOpen,
	"fixed":     exposure.StatusFixed,
	"protected": exposure.StatusSuppressed, // a virtual patch stands before it
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	known       knowledge
	result      exposure.Run
	first, last time.Time
	count       int
}

// draft is a detection in any of the documents, as texts.
type draft struct {
	qid, kind, severity         string
	port, protocol, ssl         string
	fqdn, instance              string
	status, results             string
	firstFound, lastFound       time.Time
	lastTested, lastFixed       time.Time
	ignored, disabled           bool
	uid, location, target, note string
	vendor                      map[string]any
}

// finding makes a finding of a draft and its detail.
func (d *decoding) finding(w *draft, k *detail) *exposure.Finding {
	kind := strings.ToLower(w.kind)
	information := strings.HasPrefix(kind, "info") || kind == "ig" || k != nil && k.information && kind == ""
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + connectors.Ident(w.qid),
		RawSeverity: w.severity, Severity: severity(w.severity, information),
		Location: w.location, Target: connectors.Redact(w.target), Evidence: connectors.Redact(strings.TrimSpace(w.results)),
		FirstSeen: w.firstFound, LastSeen: cmpTime(w.lastFound, w.lastTested),
	}
	k.tell(f, w.qid, information)
	vendor := map[string]any{}
	if k != nil {
		for name, value := range k.vendor {
			vendor[name] = value
		}
	}
	for name, value := range w.vendor {
		vendor[name] = value
	}
	f.Vendor = rest(vendor)
	if f.Location == "" {
		f.Location = location(w.port, w.protocol)
	}
	f.UID = w.uid
	if f.UID == "" {
		f.UID = strings.TrimRight(connectors.UID(connectors.Ident(w.qid), f.Location, truth(w.ssl, "ssl"), connectors.Ident(w.fqdn), connectors.Ident(w.instance)), "|")
	}
	w.judge(f)
	d.saw(f.LastSeen)
	d.count++
	return f
}

// judge says what Qualys says of the finding. What a person set aside is not fixed by it,
// and what was fixed is not open for it.
func (w *draft) judge(f *exposure.Finding) {
	f.Status = statuses.Of(w.status)
	var notes []string
	if status := strings.ToLower(w.status); status != "" && status != "active" {
		notes = append(notes, status)
	}
	if w.ignored {
		notes = append(notes, "ignored")
	}
	if w.disabled {
		notes = append(notes, "disabled")
	}
	if w.note != "" {
		notes = append(notes, w.note)
	}
	f.StatusNote = strings.Join(notes, ", ")
	switch {
	case f.Status == exposure.StatusFixed:
		if fixed := cmpTime(w.lastFixed, w.lastTested); fixed.After(f.LastSeen) { // some reports have them the other way round
			f.LastSeen = fixed
		}
	case f.Status == exposure.StatusOpen && (w.ignored || w.disabled):
		f.Status = exposure.StatusSuppressed
	}
}

// severity reads Qualys' levels: 1 minimal, 2 medium, 3 serious, 4 critical, 5 urgent.
func severity(level string, information bool) exposure.Severity {
	if information {
		return exposure.SeverityInfo
	}
	switch strings.TrimSpace(level) {
	case "1":
		return exposure.SeverityInfo
	case "2":
		return exposure.SeverityLow
	case "3":
		return exposure.SeverityMedium
	case "4":
		return exposure.SeverityHigh
	case "5":
		return exposure.SeverityCritical
	}
	return exposure.SeverityUnknown
}

func location(port, protocol string) string {
	n, err := strconv.ParseUint(strings.TrimSpace(port), 10, 16)
	if err != nil || n == 0 {
		return ""
	}
	if protocol = strings.ToLower(protocol); protocol != "udp" && protocol != "sctp" {
		protocol = "tcp"
	}
	return strconv.FormatUint(n, 10) + "/" + protocol
}

// truth gives a word for what is true, and nothing for what isn't.
func truth(text, word string) string {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "1", "true", "yes":
		return word
	}
	return ""
}

func cmpTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func (d *decoding) saw(at time.Time) {
	if at.IsZero() {
		return
	}
	if d.first.IsZero() || at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

// run describes the run, of which a document that is none of a scan's own knows a page.
func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := d.result
	run.Source, run.Connector, run.Tool = d.source, Name, cmp.Or(run.Tool, "Qualys")
	if run.Kind == "" {
		run.Kind, run.Why = exposure.RunPartial, cmp.Or(run.Why, connectors.OnePage)
	}
	if run.Started.IsZero() {
		run.Started = d.first
	}
	if run.Finished.IsZero() {
		run.Finished = d.last
	}
	if run.ID == "" {
		run.ID = connectors.RunID(Name, d.first, d.last, strconv.Itoa(d.count), strconv.Itoa(e.Assets))
	}
	return run
}
