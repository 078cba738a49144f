package declarative

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
)

// describeRun says what is known of the run once the document is read, or has broken off.
func (d *decoding) describeRun(e *report.Emitter) exposure.Run {
	s, m := &d.scope, d.m
	s.vars[nameItem], s.vars[namePart], s.vars[nameDoc], s.vars[nameReceived] = nil, nil, d.walk.doc, d.items
	s.failed = func(key string) { e.Skip("mapping_failed_" + key) }
	run := exposure.Run{
		ID: connectors.Ident(s.text(m.at("run.id"))), Source: d.source, Connector: Name, Kind: exposure.RunKind(cmp.Or(m.Run.Kind, string(exposure.RunFull))),
		Started: s.moment(m.at("run.started")), Finished: s.moment(m.at("run.finished")), Tool: s.text(m.at("run.tool")),
		Checks: s.texts(m.at("run.checks")), Targets: e.Assets, Counts: map[string]int{"received": d.items},
	}
	if run.ID == "" {
		run.ID = connectors.RunID(m.Finding.Scheme, run.Started, run.Finished, strconv.FormatUint(d.uids.Sum64(), 16))
	}
	claimed, said := s.number(m.at("run.claimed"))
	if said {
		run.Counts["claimed"] = int(claimed)
	}
	switch {
	case m.has("run.complete") && !s.truth(m.at("run.complete")):
		run.Why = cmp.Or(m.Run.Why, "the report says that the run is not complete")
	case d.overflow:
		run.Why = fmt.Sprintf("there are more than %d assets in one report", mostAssets)
	case d.config.Pull.URL != "" && (!m.has("run.complete") || said && int(claimed) != d.items):
		run.Why = connectors.OnePage
	case said && int(claimed) != d.items:
		run.Why = fmt.Sprintf("%d items were announced and %d came", int(claimed), d.items)
	case !m.has("run.complete"):
		run.Why = cmp.Or(m.Run.Why, "the report doesn't say whether the run was complete")
	case run.Kind != exposure.RunFull:
		run.Why = "it is not meant to hold everything"
	case e.Assets == 0:
		run.Why = "the report names no target"
	default:
		run.Complete = true
	}
	return run
}
