// Package okta reads the applications of an Okta organization, which are the SaaS that it
// uses, and who can access them.
package okta

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "okta"

const format = "Okta JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Okta",
		Summary:   "Reads applications, users and groups of Okta, and who can access what.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "Management API v1",
		Every:     12 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "apps.json", Assets: 2}, {File: "users.json", Assets: 2}, {File: "groups.json", Assets: 1}, {File: "app_users.json", Assets: 2}},
	}
}

// recognize looks for the links that Okta adds to its objects, and the fields of each kind.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "quell_okta"):
		return 100
	case !report.Has(head, "_links", "id"):
		return 0
	case report.Has(head, "signOnMode"), report.Has(head, "objectClass", "lastMembershipUpdated"), report.Has(head, "profile", "login", "statusChanged"), report.Has(head, "lastUpdated", "app", "profile"):
		return 90
	}
	return 0
}

func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx    context.Context //nolint:containedctx // of this one call
	list   string          // of the page being read; empty where it doesn't say
	of     parent
	all    int // elements of the page
	known  int // those of a known kind
	first  string
	newest time.Time
}

// document reads a list, bare or in its envelope.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	d.list, d.of, d.all, d.known = "", parent{}, 0, 0
	found := false
	elements := func() error {
		found = true
		return r.Each(d.ctx, func() error { return d.element(e, r) })
	}
	var err error
	switch r.Kind() { //nolint:exhaustive // everything else is neither
	case jsonpull.Array:
		err = elements()
	case jsonpull.Object:
		err = r.Fields(func(key string) error {
			switch key {
			case "list":
				d.list = string(r.Text(shortText))
			case "of":
				_, _ = r.Into(shortText, &d.of) // without it, the links say whose they are
			case "page":
				if r.Kind() == jsonpull.Array {
					return elements()
				}
			}
			return nil
		})
	}
	switch {
	case err != nil || !r.OK():
	case !found:
		r.Fail("there is no list: this is something else")
	case d.all > 0 && d.known == 0:
		r.Fail("none of its elements is an application, user, group or assignment")
	}
	return err
}

func (d *decoding) element(e *report.Emitter, r *jsonpull.Reader) error {
	var o object
	d.all++
	switch _, ok := r.Into(largestObject, &o); {
	case !r.OK():
		return nil
	case !ok:
		e.Skip("object_too_large_or_malformed")
		return nil
	case o.ID == "":
		e.Skip("object_without_id")
		return nil
	}
	list := d.list
	if list == "" {
		list = o.kind()
	}
	a := describe(list, d.of, &o)
	if a == nil {
		e.Skip("object_of_another_kind")
		return nil
	}
	d.known++
	if d.first == "" {
		d.first = list + "/" + o.ID.String()
	}
	if a.SeenAt.After(d.newest) {
		d.newest = a.SeenAt
	}
	return e.Asset(a)
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, d.newest, d.newest, d.source, d.first), Source: d.source, Connector: Name,
		Kind: exposure.RunFull, Why: connectors.OnePage, Finished: d.newest, Tool: Name}
}
