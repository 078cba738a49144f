package qualys

import (
	"cmp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/asset"
)

// webApp is a scanned web application. Findings share it and wait: a scan's report names
// it in its last part.
type webApp struct {
	id, name, url, owner, os string
	tags                     map[string]string
}

// webReport reads a report of web application scanning, of a scan or of applications.
func (d *decoding) webReport(e *report.Emitter, r *xmlpull.Reader) error {
	d.known = knowledge{}
	d.result.Why = "a report shows what its filters let through"
	app := &webApp{}
	var w webWaiting
	for at := r.Depth(); r.Child(at); {
		var err error
		switch string(r.Name()) {
		case "HEADER":
			n, _ := r.Tree(largestField)
			d.result.Finished = moment(n.Get("GENERATION_DATETIME"))
		case "RESULTS":
			err = d.webResults(e, r, app, &w)
		case "GLOSSARY":
			err = descend(r, []string{"QID_LIST"}, func() error { return d.known.read(e, r) })
		case "APPENDIX":
			for inner := r.Depth(); r.Child(inner); {
				if name := string(r.Name()); name == "WEBAPP" || name == "WEB_APPLICATION" {
					n, _ := r.Tree(largestField)
					app.read(n)
				}
			}
		}
		if err != nil {
			return err
		}
	}
	if !r.OK() {
		return nil
	}
	return d.emitWeb(e, &w)
}

type webWaiting struct {
	waiting
	apps []*webApp // of each that waits
	last map[string]*asset.Description
}

func (a *webApp) read(n *xmlpull.Node) {
	a.id, a.name = cmp.Or(first(n, "ID"), a.id), cmp.Or(first(n, "NAME"), a.name)
	a.url, a.owner = cmp.Or(first(n, "URL"), a.url), cmp.Or(first(n, "OWNER"), a.owner)
	a.os = cmp.Or(first(n, "OPERATING_SYSTEM"), a.os)
}

// webResults goes down through the lists to the findings.
func (d *decoding) webResults(e *report.Emitter, r *xmlpull.Reader, app *webApp, w *webWaiting) error {
	for at := r.Depth(); r.Child(at); {
		if err := e.Live(); err != nil {
			return err
		}
		switch name := string(r.Name()); name {
		case "WEB_APPLICATION":
			if err := d.webResults(e, r, &webApp{}, w); err != nil {
				return err
			}
		case "VULNERABILITY_LIST", "SENSITIVE_CONTENT_LIST", "INFORMATION_GATHERED_LIST", "RESULTS":
			if err := d.webResults(e, r, app, w); err != nil {
				return err
			}
		case "VULNERABILITY", "SENSITIVE_CONTENT", "INFORMATION_GATHERED":
			n, whole := r.Tree(largestFinding)
			if !r.OK() {
				return nil
			}
			if n.Get("QID") == "" {
				e.Skip("finding_without_qid")
				continue
			}
			if !whole {
				e.Skip("finding_too_large")
				continue
			}
			w.apps = append(w.apps, app)
			if !w.add(nil, webDraft(n)) {
				if err := d.emitWeb(e, w); err != nil {
					return err
				}
				e.Skip("details_too_far_behind")
			}
		default:
			n, _ := r.Tree(largestField)
			app.read(&xmlpull.Node{Children: []*xmlpull.Node{n}})
		}
	}
	return nil
}

// mappedWeb are the elements of a web finding that have a place of ours. Payloads hold
// whole requests and answers.
var mappedWeb = []string{ //nolint:gochecknoglobals // a constant table
	"UNIQUE_ID", "QID", "URL", "STATUS", "IGNORED", "PAYLOADS", "DATA", "DETECTION_DATE", "FIRST_TIME_DETECTED", "LAST_TIME_DETECTED", "LAST_TIME_TESTED", "SEVERITY", "RESULT_LIST",
}

func webDraft(n *xmlpull.Node) draft {
	address := connectors.ParseAddress(n.Get("URL"))
	detected := moment(n.Get("DETECTION_DATE"))
	w := draft{
		qid: n.Get("QID"), severity: n.Get("SEVERITY"), status: n.Get("STATUS"), uid: connectors.Ident(n.Get("UNIQUE_ID")), target: address.Without(n.Get("URL")),
		firstFound: cmpTime(moment(n.Get("FIRST_TIME_DETECTED")), detected), lastFound: cmpTime(moment(n.Get("LAST_TIME_DETECTED")), detected),
		lastTested: moment(n.Get("LAST_TIME_TESTED")), ignored: truth(n.Get("IGNORED"), "ignored") != "",
		vendor: n.Fields(mappedWeb...),
	}
	if n.Name == "INFORMATION_GATHERED" {
		w.kind = "info"
	}
	if n.Get("URL") != "" {
		w.location = address.Location()
	}
	w.results = webEvidence(n)
	return w
}

// webEvidence is the first request that showed it, without headers and bodies.
func webEvidence(n *xmlpull.Node) string {
	p := n.At("PAYLOADS/PAYLOAD")
	if p == nil {
		return ""
	}
	request := strings.TrimSpace(p.Get("REQUEST/METHOD") + " " + p.Get("REQUEST/URL"))
	if payload := p.Get("PAYLOAD"); !none(payload) && payload != p.Get("REQUEST/URL") {
		request += "\n" + payload
	}
	return strings.TrimSpace(request)
}

func (d *decoding) emitWeb(e *report.Emitter, w *webWaiting) error {
	if w.last == nil {
		w.last = map[string]*asset.Description{}
	}
	for i := range w.list {
		h, app := &w.list[i], w.apps[i]
		origin := connectors.ParseAddress(cmp.Or(h.draft.target, app.url))
		key := origin.Scheme + origin.HostPort() + "\x00" + app.id + "\x00" + app.name
		desc := w.last[key]
		if desc == nil {
			const most = 10_000
			if len(w.last) > most {
				clear(w.last)
			}
			desc = d.webAsset(app, cmp.Or(h.draft.target, app.url))
			w.last[key] = desc
		}
		if !identified(desc, app.name) {
			e.Skip("finding_without_asset")
			continue
		}
		if err := e.Observe(desc, d.finding(&h.draft, d.known[h.draft.qid])); err != nil {
			return err
		}
	}
	w.list, w.apps, w.size = nil, nil, 0
	return nil
}

// webAsset describes a web application by its number where the address is its own, and by
// its origin.
func (d *decoding) webAsset(app *webApp, address string) *asset.Description {
	at := connectors.ParseAddress(address)
	desc := &asset.Description{Kind: asset.WebApplication, Name: cmp.Or(app.name, at.Host), OS: app.os, Zone: d.config.Zone}
	own := connectors.ParseAddress(app.url)
	if app.id != "" && (own.Host == at.Host || at.Host == "") {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: appNumber + app.id})
	}
	if at.Scheme != "" && at.Host != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.URLOrigin, Value: at.Scheme + "://" + at.HostPort()})
	} else if at.Host != "" {
		desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{at.Host}, []string{at.Host}, nil)...)
	}
	if app.owner != "" {
		desc.OwnerHints = []asset.OwnerHint{{Value: app.owner, From: "owner"}}
	}
	var hints []asset.OwnerHint
	desc.Tags, hints = connectors.SplitTags(app.tags)
	desc.OwnerHints = append(desc.OwnerHints, hints...)
	return desc
}
