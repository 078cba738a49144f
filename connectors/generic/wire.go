package generic

import (
	"fmt"
	"io"
	"net"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

const (
	shortText  = 4 << 10
	longText   = 16 << 10
	mostItems  = 1000
	mostAssets = 100_000
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx    func() error // the context's error
	sink   connectors.Sink
	run    wireRun
	assets map[string]*assetEntry // by id
	item   item
	last   *asset.Description // shared by consecutive findings
	lastID string             // what it was made of

	covered, findings int
}

// wireRun is the "run" of a report.
type wireRun struct {
	id, tool, why     string
	complete          bool
	started, finished time.Time
	checks            []string
}

// assetEntry is one of the "assets".
type assetEntry struct {
	id     string
	desc   asset.Description
	shared *asset.Description // of desc, once a finding needs it
	cov    exposure.Coverage
}

// json reads a report, a list of findings, or lines of findings. It gives the syntax
// error and, apart from it, the error of the sink or the context.
func (d *decoding) json(body io.Reader) (syntax, err error) {
	r := jsonpull.NewReader(body, jsonFormat)
	for r.More() && err == nil {
		switch r.Kind() {
		case jsonpull.Array:
			err = d.readFindings(r)
		case jsonpull.Object:
			err = d.readObject(r)
		case jsonpull.None, jsonpull.String, jsonpull.Number, jsonpull.Bool, jsonpull.Null:
			r.Fail("a report is an object, or a list of findings")
		}
	}
	return r.Err(), err
}

// readObject reads a report, or a line that is a finding, a run or an asset.
func (d *decoding) readObject(r *jsonpull.Reader) error {
	d.item.clear()
	isFinding, isReport := false, false
	for o := r.Object(); r.Field(o); {
		switch key := string(r.Key()); {
		case key == "run" && r.Kind() == jsonpull.Object:
			isReport = true
			d.readRun(r)
		case key == "assets" && r.Kind() == jsonpull.Array:
			isReport = true
			for a := r.Array(); r.Elem(a); {
				if err := d.readAssetEntry(r); err != nil {
					return err
				}
			}
		case key == "findings":
			isReport = true
			if err := d.readFindings(r); err != nil {
				return err
			}
		default:
			isFinding = d.readField(r, key) || isFinding
		}
	}
	switch {
	case !r.OK():
		return nil // half a finding is none
	case d.item.object != nil && !isFinding:
		return d.cover(r, d.item.object) // the line is an asset
	case isFinding && !isReport:
		return d.finding(r.Position())
	case !isReport:
		d.sink.Skip("finding_without_title", r.Position())
	}
	return nil
}

func (d *decoding) readRun(r *jsonpull.Reader) {
	d.run = wireRun{}
	for o := r.Object(); r.Field(o); {
		switch string(r.Key()) {
		case "id":
			d.run.id = string(r.Text(shortText))
		case "tool":
			d.run.tool = string(r.Text(shortText))
		case "complete":
			d.run.complete = r.Bool()
		case "why":
			d.run.why = string(r.Text(shortText))
		case "started":
			d.run.started = connectors.Time(string(r.Text(shortText)))
		case "finished":
			d.run.finished = connectors.Time(string(r.Text(shortText)))
		case "checks":
			d.run.checks = r.Texts(nil, shortText, mostItems)
		}
	}
}

func (d *decoding) readFindings(r *jsonpull.Reader) error {
	for a := r.Array(); r.Elem(a); {
		if err := d.ctx(); err != nil {
			return fmt.Errorf("decoding %s: %w", jsonFormat, err)
		}
		if r.Kind() != jsonpull.Object {
			r.Fail("a finding is an object")
			return nil
		}
		d.item.clear()
		for o := r.Object(); r.Field(o); {
			d.readField(r, string(r.Key()))
		}
		if !r.OK() { // half a finding is none
			return nil
		}
		if err := d.finding(r.Position()); err != nil {
			return err
		}
	}
	return nil
}

// readField reads a field of a finding, and reports whether it can only be one of a
// finding. What we don't know is left unread.
func (d *decoding) readField(r *jsonpull.Reader, name string) bool {
	f := canonical(name)
	switch {
	case f == "" || f == fieldIgnored:
		return false
	case f == fieldAsset && r.Kind() == jsonpull.Object:
		d.item.object = d.readAsset(r)
		return false
	case f == fieldEndpoints:
		d.item.list[f] = endpoints(r)
	case f.isList():
		d.item.list[f] = r.Texts(nil, shortText, mostItems)
	default:
		d.item.text[f] = string(r.Text(longText))
	}
	return true
}

// endpoints reads DefectDojo's: URLs, host names, or objects with their parts.
func endpoints(r *jsonpull.Reader) []string {
	if r.Kind() != jsonpull.Array {
		return r.Texts(nil, shortText, 1)
	}
	var out []string
	for a := r.Array(); r.Elem(a); {
		if len(out) == mostItems {
			continue // Elem passes over it
		}
		if r.Kind() != jsonpull.Object {
			out = append(out, string(r.Text(shortText)))
			continue
		}
		var scheme, host, port, path string
		for o := r.Object(); r.Field(o); {
			switch string(r.Key()) {
			case "protocol":
				scheme = string(r.Text(shortText))
			case "host":
				host = string(r.Text(shortText))
			case "port":
				port = string(r.Text(shortText))
			case "path":
				path = string(r.Text(shortText))
			}
		}
		if port != "" {
			host = net.JoinHostPort(host, port)
		}
		if scheme != "" {
			host = scheme + "://" + host
		}
		if path != "" && path[0] != '/' {
			path = "/" + path
		}
		out = append(out, host+path)
	}
	return out
}

// readAssetEntry reads one of the report's assets: one that was looked at.
func (d *decoding) readAssetEntry(r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("an asset is an object")
		return nil
	}
	e := d.readAsset(r)
	if !r.OK() {
		return nil
	}
	return d.cover(r, e)
}

func (d *decoding) cover(r *jsonpull.Reader, e *assetEntry) error {
	if e.id != "" {
		if len(d.assets) == mostAssets {
			r.Fail("more than %d assets", mostAssets)
			return nil
		}
		d.assets[e.id] = e
	}
	d.covered++
	return d.sink.Cover(e.cov)
}

// identifierFields are the fields of an asset that identify it outright.
var identifierFields = map[string]asset.IdentifierKind{
	"cloud_resource": asset.CloudResourceID, "cloud_instance": asset.CloudInstanceID, "agent": asset.AgentID, "source_asset": asset.SourceAssetID,
	"bios_uuid": asset.BIOSUUID, "serial": asset.SerialNumber, "image_digest": asset.ImageDigest, "repository": asset.RepositoryName, "url_origin": asset.URLOrigin,
}

func (d *decoding) readAsset(r *jsonpull.Reader) *assetEntry {
	e := &assetEntry{cov: exposure.Coverage{Outcome: exposure.TargetOK}}
	var names, ips, macs []string
	a := &e.desc
	for o := r.Object(); r.Field(o); {
		switch key := string(r.Key()); key {
		case "id":
			e.id = string(r.Text(shortText))
		case "kind":
			a.Kind = kindOf(string(r.Text(shortText)))
		case "name":
			a.Name = string(r.Text(shortText))
		case "fqdn", "hostname", "host":
			names = r.Texts(names, shortText, mostItems)
		case "ip":
			ips = r.Texts(ips, shortText, mostItems)
		case "mac":
			macs = r.Texts(macs, shortText, mostItems)
		case "os":
			a.OS = string(r.Text(shortText))
		case "zone":
			a.Zone = string(r.Text(shortText))
		case "internet":
			a.Internet = internet(string(r.Text(shortText)))
		case "owner":
			a.OwnerHints = ownerHint(string(r.Text(shortText)))
		case "tags":
			a.Tags = tags(r)
		case "outcome":
			e.cov.Outcome = outcome(string(r.Text(shortText)))
		case "authenticated":
			e.cov.Authenticated = r.Bool()
		case "locations":
			e.cov.Locations = r.Texts(nil, shortText, mostItems)
		case "checked_at":
			e.cov.CheckedAt = connectors.Time(string(r.Text(shortText)))
		default:
			if kind, ok := identifierFields[key]; ok {
				if value := connectors.Ident(string(r.Text(shortText))); value != "" {
					a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: kind, Value: value})
				}
			}
		}
	}
	d.complete(e, names, ips, macs)
	return e
}

func tags(r *jsonpull.Reader) map[string]string {
	var out map[string]string
	for o := r.Object(); r.Field(o); {
		key := string(r.Key())
		if out == nil {
			out = map[string]string{}
		}
		if len(out) < mostItems {
			out[key] = string(r.Text(shortText))
		}
	}
	return out
}
