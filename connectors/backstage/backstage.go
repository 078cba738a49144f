// Package backstage reads the software catalog of Backstage: what there is, and above all
// whose it is.
package backstage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "backstage"

const format = "Backstage catalog"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Backstage",
		Summary:   "Reads components, APIs, systems, groups and users of a Backstage catalog, and whose each is.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "Catalog API of Backstage 1.15 and later",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "entities.json", Assets: 7}, {File: "page.json", Assets: 2}},
	}
}

// recognize looks for the version that every entity names, in JSON or YAML.
func recognize(head []byte, name string) int {
	switch {
	case bytes.Contains(head, []byte("backstage.io/v1")) && bytes.Contains(head, []byte("apiVersion")):
		return 95
	case strings.HasSuffix(name, "catalog-info.yaml") && bytes.Contains(head, []byte("kind:")):
		return 60
	case report.IsJSON(head) && report.Has(head, "items", "totalItems", "pageInfo"):
		return 60
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

// InventoryOnly reports that the source tells of assets alone.
func (*Instance) InventoryOnly() bool { return true }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	head, body := report.Peek(body)
	if len(head) > 0 && !report.IsJSON(head) {
		body = fromYAML(body)
	}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx   context.Context //nolint:containedctx // of this one call
	first string          // an entity's reference, to tell one body from another
}

// document reads a page, a list of entities, or one.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	all, known := 0, 0
	one := func(raw []byte) error {
		all++
		ok, err := d.entity(e, raw)
		if ok {
			known++
		}
		return err
	}
	element := func() error {
		raw := r.Raw(largestEntity)
		if !r.OK() {
			return nil
		}
		return one(raw)
	}
	var err error
	switch r.Kind() {
	case jsonpull.Array:
		err = r.Each(d.ctx, element)
	case jsonpull.Object:
		err = d.object(r, element, one)
	default:
		r.Fail("neither an entity nor a list of them")
	}
	if err == nil && r.OK() && all > 0 && known == 0 {
		r.Fail("there is no entity in it: this is something else")
	}
	return err
}

// object reads an object that is a page with its items, or an entity itself.
func (d *decoding) object(r *jsonpull.Reader, element func() error, one func([]byte) error) error {
	var own bytes.Buffer
	page := false
	err := r.Fields(func(key string) error {
		if key == "items" && r.Kind() == jsonpull.Array {
			page = true
			return r.Each(d.ctx, element)
		}
		if raw := r.Raw(largestEntity); raw != nil && own.Len() < largestEntity {
			fmt.Fprintf(&own, ",%q:%s", key, raw)
		}
		return nil
	})
	if err != nil || !r.OK() || page {
		return err
	}
	text := append([]byte{'{'}, bytes.TrimPrefix(own.Bytes(), []byte{','})...)
	return one(append(text, '}'))
}

// entity emits what one entity says, and reports whether it is one.
func (d *decoding) entity(e *report.Emitter, raw []byte) (bool, error) {
	x, ok := parse(raw)
	if !ok {
		e.Skip("entity_without_kind_and_name")
		return false, nil
	}
	if d.first == "" {
		d.first = x.ref()
	}
	described := d.describe(x)
	if len(described) == 0 {
		e.Skip("entity_that_is_no_asset")
	}
	for _, a := range described {
		if err := e.Asset(a); err != nil {
			return true, err
		}
	}
	return true, nil
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, time.Time{}, time.Time{}, d.source, d.first), Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: Name}
}
