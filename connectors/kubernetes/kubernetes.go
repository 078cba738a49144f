// Package kubernetes reads what runs in a cluster: nodes, workloads, pods with their
// images, and what of it faces the internet.
package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "kubernetes"

const format = "Kubernetes JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Kubernetes",
		Summary:   "Reads nodes, workloads, pods with their images, services and ingresses of a cluster.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "core/v1, apps/v1, networking.k8s.io/v1",
		Every:     time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "list.json", Assets: 9}, {File: "pods.json", Assets: 2}},
	}
}

// kindIn finds the kinds that are read, alone or as a list, and kubectl's list of any.
var kindIn = regexp.MustCompile(`"kind"\s*:\s*"(?:Namespace|Node|Pod|Service|Deployment|StatefulSet|DaemonSet|Ingress)(?:List)?"`)

// recognize looks for the version and a kind that is read.
func recognize(head []byte, _ string) int {
	if report.IsJSON(head) && report.Has(head, "apiVersion", "metadata") && kindIn.Match(head) {
		return 85
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
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx   context.Context //nolint:containedctx // of this one call
	kind  string          // of the objects of a list that names it: PodList
	first string
}

// document reads a list, or one object.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("what the API says is an object")
		return nil
	}
	d.kind = ""
	all, known, list := 0, 0, false
	var own []byte // the fields of an object that stands alone
	one := func(o *object) error {
		all++
		kind := d.kindOf(o)
		if kind == "" || o.Metadata.Name == "" {
			e.Skip("object_of_a_kind_that_is_not_read")
			return nil
		}
		known++
		return d.emit(e, kind, o)
	}
	err := r.Fields(func(key string) error {
		switch key {
		case "kind":
			d.kind = strings.TrimSuffix(string(r.Text(shortText)), "List")
			return nil
		case "items":
			list = true
			return r.Each(d.ctx, func() error {
				var o object
				if _, ok := r.Into(largestObject, &o); !ok {
					if r.OK() {
						e.Skip("object_too_large_or_malformed")
					}
					return nil
				}
				return one(&o)
			})
		case "metadata", "spec", "status":
			if raw := r.Raw(largestObject); raw != nil {
				own = append(append(own, `,"`+key+`":`...), raw...)
			}
		}
		return nil
	})
	switch {
	case err != nil || !r.OK():
		return err
	case !list:
		var o object
		if len(own) == 0 || !wire.Unmarshal(append([]byte{'{'}, append(own[1:], '}')...), &o) || d.kindOf(&o) == "" {
			r.Fail("neither a list nor an object of a kind that is read")
			return nil
		}
		return one(&o)
	case all > 0 && known == 0:
		r.Fail("none of its items is of a kind that is read")
	}
	return nil
}

// kindOf says what an object is: by itself, by its list, or by its shape.
func (d *decoding) kindOf(o *object) string {
	kind := cmp.Or(o.Kind.String(), d.kind)
	if kind == "" {
		kind = o.shape()
	}
	if slices.Contains(kinds, kind) {
		return kind
	}
	return ""
}

func (d *decoding) emit(e *report.Emitter, kind string, o *object) error {
	if d.first == "" {
		d.first = kind + "/" + o.Metadata.UID.String()
	}
	for _, a := range d.describe(kind, o) {
		if err := e.Asset(a); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, time.Time{}, time.Time{}, d.source, d.first), Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Tool: Name}
}
