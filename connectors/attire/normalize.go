package attire

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	execution         execution
	target            *asset.Description
	waiting           []*procedure
	received          int
	started, finished time.Time
}

// begin notes what a log says of itself.
func (d *decoding) begin(x *execution) {
	d.execution = *x
	a := &asset.Description{Kind: asset.Host, Name: connectors.Ident(cmp.Or(x.Target.Host.String(), x.Target.IP.String())), Zone: d.config.Zone,
		Identifiers: connectors.HostIdentifiers(d.config.Zone, []string{x.Target.Host.String()}, []string{x.Target.IP.String()}, nil)}
	if len(a.Identifiers) == 0 && a.Name != "" {
		a.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: a.Name}}
	}
	if len(a.Identifiers) > 0 {
		d.target = a
	}
	if d.started.IsZero() {
		d.started = x.Generated.Time
	}
}

// outcome gives why a procedure is no gap; empty for one that was carried out.
func (p *procedure) outcome() string {
	if len(p.Steps) == 0 {
		return "procedure_without_steps"
	}
	for _, s := range p.Steps {
		switch {
		case bool(s.Timeout):
			return "procedure_timed_out"
		case s.ExitCode.String() == "":
			return "procedure_without_exit_code"
		case s.ExitCode.String() != "0":
			return "procedure_failed"
		}
	}
	return ""
}

// technique is the grammar of ATT&CK's IDs.
var technique = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)

func (d *decoding) procedure(e *report.Emitter, p *procedure) error {
	d.received++
	id := strings.ToUpper(p.Technique.String())
	switch why := p.outcome(); {
	case why != "":
		e.Skip(why)
		return nil
	case d.target == nil:
		e.Skip("procedure_without_host")
		return nil
	case !technique.MatchString(id):
		e.Skip("procedure_without_technique")
		return nil
	}
	check := "attack:" + id
	f := &exposure.Finding{
		UID:         connectors.UID(check, Name, connectors.Ident(cmp.Or(p.ID.ID.String(), p.Name.String()))),
		Connector:   Name,
		Class:       exposure.ClassDetection,
		Check:       check,
		Title:       cmp.Or(p.Name.String(), check),
		Description: p.Description.String(),
		Severity:    exposure.SeverityUnknown,
		Status:      exposure.StatusOpen,
		StatusNote:  "carried out, and not prevented",
		References:  []string{"https://attack.mitre.org/techniques/" + strings.ReplaceAll(id, ".", "/")},
	}
	var evidence strings.Builder
	for _, s := range p.Steps {
		for _, at := range []wire.Time{s.Start, s.Stop} {
			if at.After(f.LastSeen) {
				f.LastSeen = at.Time
			}
		}
		evidence.WriteString(cut(s.Command.String()) + "\n")
		for _, o := range s.Output {
			evidence.WriteString(cut(o.Content.String()) + "\n")
		}
		if evidence.Len() > exposure.MaxEvidence {
			break
		}
	}
	if f.LastSeen.After(d.finished) {
		d.finished = f.LastSeen
	}
	f.Evidence = connectors.Redact(strings.TrimSpace(evidence.String()))
	x := &d.execution
	f.Vendor = wire.Fields(map[string]any{"procedure": p.ID.ID, "procedure_type": p.ID.Type, "order": p.Order, "executor": p.Steps[0].Executor, "user": x.Target.User, "execution": x.ID,
		"source": x.Source, "category": x.Category.Name, "command": x.Command})
	return e.Observe(d.target, f)
}

func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), excerpt)], "") }

// describeRun says what is known of the run once the log is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	x := &d.execution
	run := exposure.Run{
		ID: connectors.Ident(x.ID.String()), Source: d.source, Connector: Name, Kind: exposure.RunPartial, Started: d.started, Finished: d.finished,
		Tool: cmp.Or(x.Source.String(), "ATTiRe"), Counts: map[string]int{"received": d.received, "executed": e.Findings}, Why: "a log holds a choice of techniques",
	}
	if run.ID == "" {
		run.ID = connectors.RunID(Name, run.Started, run.Finished, strconv.Itoa(d.received))
	}
	return run
}
