// Package dependencytrack reads what OWASP Dependency-Track knows of its projects: files
// in the Finding Packaging Format, and the notifications of its webhooks.
package dependencytrack

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "dependencytrack"

const (
	format      = "dependency-track JSON"
	largest     = 4 << 20   // bytes of one finding or notification
	largestHeld = 128 << 20 // bytes of all findings, compressed
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "OWASP Dependency-Track",
		Summary:   "Weak components of projects, from Dependency-Track's finding exports and webhooks.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "findings.json", Findings: 3, Assets: 1},
			{File: "new-vulnerability.json", Findings: 2},
			{File: "audit-change.json", Findings: 1},
			{File: "bom-processed.json"},
		},
	}
}

// recognize looks for the marks of the file format, or for the envelope of a notification.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head) || report.Head(head)[0] != '{':
		return 0
	case report.Has(head, "meta", "Dependency-Track"), report.Has(head, "notification", "scope", "group", "level"):
		return 92
	case report.Has(head, "findings", "component", "vulnerability", "attribution"):
		return 85
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

// Instance is one configured Dependency-Track.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	meta     meta
	project  project
	findings *jsonpull.Hold // what they are of comes behind them
	listed   bool
	lost     int
	asset    *asset.Description
	event    *notification
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, findings: jsonpull.NewHold(largestHeld)}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if d.listed || d.event != nil {
		r.Fail("something follows the document")
		return nil
	}
	err := r.Fields(func(key string) error {
		switch key {
		case "meta":
			r.Into(largest, &d.meta)
		case "project":
			r.Into(largest, &d.project)
		case "findings":
			d.listed = r.Kind() == jsonpull.Array
			return d.hold(e, r)
		case "notification":
			var n notification
			if _, ok := r.Into(largest, &n); ok {
				d.event = &n
			}
		}
		return nil
	})
	switch {
	case err != nil || !r.OK():
		return err
	case d.event != nil:
		return d.notification(e)
	case !d.listed && d.meta.Application != "Dependency-Track", d.project.UUID == "" && d.project.Name == "":
		r.Fail("there is no project with findings and no notification: this is not of Dependency-Track")
		return nil
	}
	return d.tell(e, r)
}

func (d *decoding) hold(e *report.Emitter, r *jsonpull.Reader) error {
	for a := r.Array(); r.Elem(a); {
		if err := e.Live(); err != nil {
			return err
		}
		raw := r.Raw(largest)
		switch {
		case !r.OK():
		case raw == nil:
			d.lost++
			e.Skip("finding_too_large_or_null")
		case !d.findings.Add(raw):
			r.Fail("more findings than fit")
		}
	}
	return nil
}

func (d *decoding) tell(e *report.Emitter, from *jsonpull.Reader) error {
	at := d.meta.Timestamp.Time
	d.asset = d.describe(&d.project, at)
	err := d.findings.Each(from, func(r *jsonpull.Reader) error {
		var f finding
		raw, ok := r.Into(largest, &f)
		if !r.OK() {
			return nil
		}
		out, skip := (*exposure.Finding)(nil), "finding_is_no_object"
		if ok {
			out, skip = d.finding(&f.Component, &f.Vulnerability, &f.Analysis, at, raw)
		}
		if skip != "" {
			d.lost++
			e.Skip(skip)
			return nil
		}
		out.FirstSeen = f.Attribution.On.Time
		return e.Observe(d.asset, out)
	})
	if err != nil || !from.OK() {
		return err
	}
	return e.Cover(exposure.Coverage{Asset: *d.asset, Outcome: exposure.TargetOK, CheckedAt: at})
}

// notification tells what a webhook's message says of each project that it names.
func (d *decoding) notification(e *report.Emitter) error {
	n := d.event
	s := &n.Subject
	at := wire.Moment(n.Timestamp.String())
	analysis, vulnerabilities := s.Analysis, s.Vulnerabilities
	switch strings.TrimPrefix(n.Group.String(), "GROUP_") {
	case "NEW_VULNERABILITY", "PROJECT_AUDIT_CHANGE", "GLOBAL_AUDIT_CHANGE":
		vulnerabilities = wire.List[vulnerability]{s.Vulnerability}
	case "NEW_VULNERABLE_DEPENDENCY":
	case "VULNERABILITY_RETRACTED":
		vulnerabilities = wire.List[vulnerability]{s.Vulnerability}
		analysis.State = "retracted"
	default:
		e.Skip("notification_of_another_group")
		return nil
	}
	projects := s.Projects
	if len(projects) == 0 {
		projects = append(projects, s.Project)
	}
	for i := range projects {
		if projects[i].UUID == "" && projects[i].Name == "" {
			e.Skip("notification_without_project")
			continue
		}
		a := d.describe(&projects[i], at)
		for j := range vulnerabilities {
			f, skip := d.finding(&s.Component, &vulnerabilities[j], &analysis, at, nil)
			if skip != "" {
				e.Skip(skip)
				continue
			}
			if err := e.Observe(a, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	if n := d.event; n != nil {
		at := wire.Moment(n.Timestamp.String())
		return d.base(e, exposure.RunEvent, at, connectors.Ident(n.Group.String()), connectors.Ident(n.Subject.Component.UUID.String()), connectors.Ident(n.Subject.Vulnerability.ID.String()), connectors.Ident(n.Title.String()))
	}
	run := d.base(e, exposure.RunFull, d.meta.Timestamp.Time, connectors.Ident(cmp.Or(d.project.UUID, d.project.Name).String()), strconv.Itoa(d.findings.Len()))
	run.Targets, run.Checks = 1, []string{Name + ":*"}
	switch {
	case !d.config.FullScan:
		run.Why = "the export leaves out what somebody suppressed; see full_scan in the source's configuration"
	case d.meta.Timestamp.IsZero():
		run.Why = "the file does not say when it was made"
	case d.lost > 0:
		run.Why = "some findings could not be read"
	case d.findings.Len() == 0:
		run.Why = "there are no findings: a project that was not analysed yet looks the same"
	default:
		run.Complete = true
	}
	return run
}

func (d *decoding) base(e *report.Emitter, kind exposure.RunKind, at time.Time, parts ...string) exposure.Run {
	run := exposure.Run{ID: connectors.RunID(Name, at, at, parts...), Source: d.source, Connector: Name, Kind: kind, Started: at, Finished: at, Counts: map[string]int{"received": e.Findings},
		Tool: strings.TrimSpace("dependency-track " + d.meta.Version.String())}
	if kind == exposure.RunEvent {
		run.Why = "a notification tells of single findings"
	}
	return run
}
