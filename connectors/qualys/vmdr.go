package qualys

import (
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
)

// envelope reads a page of a sync: the knowledge base, then the detections.
func (d *decoding) envelope(e *report.Emitter, r *xmlpull.Reader) error {
	for at := r.Depth(); r.Child(at); {
		var err error
		switch string(r.Name()) {
		case knowledgeBase:
			err = d.learn(e, r)
		case detectionList, hostList:
			err = d.hosts(e, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) learn(e *report.Emitter, r *xmlpull.Reader) error {
	if d.known == nil {
		d.known = knowledge{}
	}
	return descend(r, []string{"RESPONSE", "VULN_LIST"}, func() error { return d.known.read(e, r) })
}

// hosts reads a list of hosts, with their detections or without. The list may be missing:
// then no host has any.
func (d *decoding) hosts(e *report.Emitter, r *xmlpull.Reader) error {
	return descend(r, []string{"RESPONSE", "HOST_LIST"}, func() error {
		for at := r.Depth(); r.Child(at); {
			if err := d.host(e, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// descend calls fn at the elements under a path of names.
func descend(r *xmlpull.Reader, path []string, fn func() error) error {
	if len(path) == 0 {
		return fn()
	}
	name, rest := path[0], path[1:]
	for at := r.Depth(); r.Child(at); {
		if string(r.Name()) == name {
			if err := descend(r, rest, fn); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *decoding) host(e *report.Emitter, r *xmlpull.Reader) error {
	h := newFields(r)
	var desc *asset.Description
	for at := r.Depth(); r.Child(at); {
		if string(r.Name()) != "DETECTION_LIST" {
			h.take(r)
			continue
		}
		if desc = d.describe(h.Node); !identified(desc, "") {
			e.Skip("host_without_name")
			continue
		}
		for list := r.Depth(); r.Child(list); {
			if err := d.detection(e, r, desc); err != nil {
				return err
			}
		}
	}
	if !r.OK() || desc != nil {
		return nil
	}
	if desc = d.describe(h.Node); !identified(desc, "") {
		e.Skip("host_without_name")
		return nil
	}
	d.saw(desc.SeenAt)
	return e.Asset(desc)
}

// mappedDetection are the elements of a detection that have a place of ours.
var mappedDetection = []string{ //nolint:gochecknoglobals // a constant table
	"QID", "SEVERITY", "PORT", "PROTOCOL", "SSL", "RESULTS", "STATUS", "FIRST_FOUND_DATETIME", "LAST_FOUND_DATETIME", "LAST_TEST_DATETIME", "LAST_FIXED_DATETIME", "IS_IGNORED", "IS_DISABLED",
}

func (d *decoding) detection(e *report.Emitter, r *xmlpull.Reader, desc *asset.Description) error {
	n, whole := r.Tree(largestFinding)
	if !r.OK() {
		return nil
	}
	if !whole || n.Get("QID") == "" {
		e.Skip("detection_without_qid")
		return nil
	}
	w := &draft{
		qid: n.Get("QID"), kind: n.Get("TYPE"), severity: n.Get("SEVERITY"), port: n.Get("PORT"), protocol: n.Get("PROTOCOL"), ssl: n.Get("SSL"),
		fqdn: n.Get("FQDN"), instance: n.Get("INSTANCE"), status: n.Get("STATUS"), results: n.Get("RESULTS"),
		firstFound: moment(n.Get("FIRST_FOUND_DATETIME")), lastFound: moment(n.Get("LAST_FOUND_DATETIME")),
		lastTested: moment(n.Get("LAST_TEST_DATETIME")), lastFixed: moment(n.Get("LAST_FIXED_DATETIME")),
		ignored: n.Get("IS_IGNORED") == "1", disabled: n.Get("IS_DISABLED") == "1",
		vendor: n.Fields(mappedDetection...),
	}
	return e.Observe(desc, d.finding(w, d.known[w.qid]))
}
