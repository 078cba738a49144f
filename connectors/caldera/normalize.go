package caldera

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

// outcomes are the states of a step other than success, by Caldera's numbers, as reasons
// to leave it out. None of them shows that a control held.
var outcomes = map[string]string{ //nolint:gochecknoglobals // a constant table
	"1": "step_failed", "124": "step_timed_out", "-1": "step_paused", "-2": "step_discarded", "-3": "step_not_collected", "-4": "step_untrusted", "-5": "step_too_visible",
}

const excerpt = 1 << 10

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	name, adversary   string
	started, finished time.Time
	agents            map[string]agent
	received          int
	last              *asset.Description
}

// event notes what an event says of its operation.
func (d *decoding) event(x *event) {
	d.name, d.adversary = x.Operation.Name.String(), x.Operation.Adversary.String()
	if s := x.Operation.Start.Time; d.started.IsZero() || !s.IsZero() && s.Before(d.started) {
		d.started = s
	}
	if x.Finished.After(d.finished) {
		d.finished = x.Finished.Time
	}
}

// host describes the host of an agent. Its paw is only a name where there is no other, as
// it changes with each deployment.
func (d *decoding) host(a agent, platform string) *asset.Description {
	h := &asset.Description{Kind: asset.Host, Name: cmp.Or(connectors.Ident(a.Host.String()), connectors.Ident(a.Paw.String())), Zone: d.config.Zone, OS: cmp.Or(a.Platform.String(), platform)}
	h.Identifiers = connectors.HostIdentifiers(d.config.Zone, []string{a.Host.String()}, a.Addresses, nil)
	if len(h.Identifiers) == 0 && a.Paw != "" {
		h.Identifiers = []asset.Identifier{{Kind: asset.Label, Scope: d.source, Value: connectors.Ident("paw " + a.Paw.String())}}
	}
	if len(h.Identifiers) == 0 {
		return nil
	}
	if d.last != nil && d.last.Name == h.Name && d.last.Identifiers[0] == h.Identifiers[0] {
		return d.last
	}
	d.last = h
	return h
}

// technique is the grammar of ATT&CK's IDs.
var technique = regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)

func (d *decoding) step(e *report.Emitter, a agent, s *step) error {
	d.received++
	if status := s.Status.String(); status != "0" {
		e.Skip(cmp.Or(outcomes[status], "step_of_unknown_outcome"))
		return nil
	}
	id := strings.ToUpper(s.Attack.Technique.String())
	check := "attack:" + id
	if !technique.MatchString(id) {
		id = ""
		check = Name + ":" + connectors.Ident(s.AbilityID.String())
	}
	h := d.host(a, s.Platform.String())
	if h == nil || s.AbilityID == "" && id == "" {
		e.Skip("step_without_host_or_technique")
		return nil
	}
	f := &exposure.Finding{
		UID:         connectors.UID(check, Name, connectors.Ident(s.AbilityID.String())),
		Connector:   Name,
		Class:       exposure.ClassDetection,
		Check:       check,
		Title:       strings.Trim(s.Attack.Name.String()+": "+s.Name.String(), ": "),
		Description: s.Description.String(),
		Severity:    exposure.SeverityUnknown,
		Status:      exposure.StatusOpen,
		StatusNote:  "carried out, and not prevented",
		Evidence:    connectors.Redact(cut(s.command()) + "\n" + cut(s.output())),
		LastSeen:    s.Run.Time,
	}
	f.Title = cmp.Or(f.Title, check)
	if id != "" {
		f.References = []string{"https://attack.mitre.org/techniques/" + strings.ReplaceAll(id, ".", "/")}
	}
	if tactic := s.Attack.Tactic.String(); tactic != "" {
		f.Tags = []string{tactic}
	}
	f.Vendor = wire.Fields(map[string]any{"ability": s.AbilityID, "link": s.LinkID, "executor": s.Executor, "platform": s.Platform, "pid": s.PID, "user": a.User, "privilege": a.Privilege,
		"paw": a.Paw, "group": a.Group, "operation": d.name, "adversary": d.adversary})
	return e.Observe(h, f)
}

func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), excerpt)], "") }

// describeRun says what is known of the run once the document is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		ID: connectors.RunID(Name, d.started, d.finished, connectors.Ident(d.name), strconv.Itoa(d.received)), Source: d.source, Connector: Name, Kind: exposure.RunPartial,
		Started: d.started, Finished: d.finished, Tool: "Caldera", Counts: map[string]int{"received": d.received, "executed": e.Findings},
		Why: "an operation tries a choice of techniques",
	}
	if d.finished.IsZero() {
		run.Why = "the operation has not finished"
	}
	return run
}
