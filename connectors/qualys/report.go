package qualys

import (
	"strings"

	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
)

// waiting are findings whose details a report holds behind them. They wait up to a
// limit; beyond it all go without.
type waiting struct {
	list []held
	size int
}

type held struct {
	desc  *asset.Description
	draft draft
}

const mostWaiting = 64 << 20

// add holds a finding back and reports whether there is still room.
func (w *waiting) add(desc *asset.Description, d draft) bool {
	const each = 512 // of bookkeeping
	w.list = append(w.list, held{desc, d})
	w.size += each + len(d.results)
	return w.size < mostWaiting
}

// emit lets all go that wait.
func (d *decoding) emit(e *report.Emitter, w *waiting) error {
	for i := range w.list {
		h := &w.list[i]
		if err := e.Observe(h.desc, d.finding(&h.draft, d.known[h.draft.qid])); err != nil {
			return err
		}
	}
	w.list, w.size = nil, 0
	return nil
}

// report reads a host based report.
func (d *decoding) report(e *report.Emitter, r *xmlpull.Reader) error {
	d.known = knowledge{}
	d.result.Why = "a report shows what its template lets through"
	var w waiting
	for at := r.Depth(); r.Child(at); {
		var err error
		switch string(r.Name()) {
		case "HEADER":
			n, _ := r.Tree(largestField)
			d.result.Finished = moment(n.Get("GENERATION_DATETIME"))
		case "HOST_LIST":
			err = d.reported(e, r, &w)
		case "GLOSSARY":
			err = descend(r, []string{"VULN_DETAILS_LIST"}, func() error { return d.known.read(e, r) })
		}
		if err != nil {
			return err
		}
	}
	if !r.OK() { // half a report, whose details are missing
		return nil
	}
	return d.emit(e, &w)
}

func (d *decoding) reported(e *report.Emitter, r *xmlpull.Reader, w *waiting) error {
	for at := r.Depth(); r.Child(at); {
		if err := e.Live(); err != nil {
			return err
		}
		h := newFields(r)
		for host := r.Depth(); r.Child(host); {
			if string(r.Name()) != "VULN_INFO_LIST" {
				h.take(r)
				continue
			}
			desc := d.describe(h.Node)
			if !identified(desc, "") {
				e.Skip("host_without_name")
				continue
			}
			if err := d.reportedFindings(e, r, desc, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// mappedReported are the elements of a report's finding that have a place of ours.
var mappedReported = []string{ //nolint:gochecknoglobals // a constant table
	"QID", "PORT", "PROTOCOL", "SSL", "RESULT", "VULN_STATUS", "FIRST_FOUND", "LAST_FOUND", "LAST_FIXED",
}

func (d *decoding) reportedFindings(e *report.Emitter, r *xmlpull.Reader, desc *asset.Description, w *waiting) error {
	for at := r.Depth(); r.Child(at); {
		n, whole := r.Tree(largestFinding)
		if !r.OK() {
			return nil
		}
		if !whole || n.Get("QID") == "" {
			e.Skip("finding_without_qid")
			continue
		}
		status := n.Get("VULN_STATUS")
		dr := draft{
			qid: n.Get("QID"), kind: n.Get("TYPE"), port: n.Get("PORT"), protocol: n.Get("PROTOCOL"), ssl: n.Get("SSL"), fqdn: n.Get("FQDN"), instance: n.Get("INSTANCE"),
			status: status, results: n.Get("RESULT"), firstFound: moment(n.Get("FIRST_FOUND")), lastFound: moment(n.Get("LAST_FOUND")), lastFixed: moment(n.Get("LAST_FIXED")),
			ignored: n.At("TICKET_STATE") != nil && strings.EqualFold(n.Get("TICKET_STATE"), "IGNORED"), vendor: n.Fields(mappedReported...),
		}
		if !w.add(desc, dr) {
			if err := d.emit(e, w); err != nil {
				return err
			}
			e.Skip("details_too_far_behind")
		}
	}
	return nil
}
