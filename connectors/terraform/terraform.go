// Package terraform reads the states of Terraform and OpenTofu: what they manage, and the
// tags that say whose it is. States hold secrets in clear, so it reads a short list of
// attributes and nothing else.
package terraform

import (
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
const Name = "terraform"

const format = "Terraform state"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Terraform state",
		Summary:   "Reads what states of Terraform and OpenTofu manage, without the secrets in them.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "http backend; state versions 3 and 4",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "v4.tfstate", Assets: 5, Complete: true}, {File: "v3.tfstate", Assets: 2, Complete: true}},
	}
}

// recognize looks for the fields that every state begins with.
func recognize(head []byte, name string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "lineage", "serial", "version"):
		return 95
	case strings.HasSuffix(name, ".tfstate"):
		return 80
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	var out []string
	for _, address := range c.URLs {
		out = append(out, httpclient.HostOf(address))
	}
	return out
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
	ctx     context.Context //nolint:containedctx // of this one call
	version int
	lineage string
	serial  string
	tool    string
}

// document reads a state. Its fields come in any order, but the version before what
// depends on it in all that Terraform has ever written.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a state is an object")
		return nil
	}
	listed := false
	err := r.Fields(func(key string) error {
		switch key {
		case "version":
			d.version, _ = r.Int()
		case "lineage":
			d.lineage = string(r.Text(shortText))
		case "serial":
			d.serial = string(r.Text(shortText))
		case "terraform_version":
			d.tool = string(r.Text(shortText))
		case "resources":
			listed = true
			return r.Each(d.ctx, func() error { return d.resource(e, r) })
		case "modules":
			listed = true
			return r.Each(d.ctx, func() error { return d.module(e, r) })
		}
		return nil
	})
	switch {
	case err != nil || !r.OK():
	case d.version != 3 && d.version != 4:
		r.Fail("it is no state of version 3 or 4")
	case !listed && d.lineage == "":
		r.Fail("there are neither resources nor modules: this is something else")
	}
	return err
}

// resource reads a resource of version 4.
func (d *decoding) resource(e *report.Emitter, r *jsonpull.Reader) error {
	var x resource
	switch _, ok := r.Into(largestResource, &x); {
	case !r.OK():
		return nil
	case !ok || x.Type == "":
		e.Skip("resource_too_large_or_malformed")
		return nil
	case x.Mode == "data":
		e.Skip("data_source_is_not_managed")
		return nil
	}
	address := strings.TrimPrefix(x.Module.String()+"."+x.Type.String()+"."+x.Name.String(), ".")
	if len(x.Instances) == 0 {
		e.Skip("resource_without_instances")
	}
	for i := range x.Instances {
		in := &x.Instances[i]
		if in.Deposed != "" {
			e.Skip("instance_about_to_be_destroyed")
			continue
		}
		at := address
		if len(in.Index) > 0 && string(in.Index) != "null" {
			at += "[" + connectors.Ident(string(in.Index)) + "]"
		}
		a := &in.Attributes
		if in.Flat.ID != "" {
			flat := attributes(in.Flat)
			a = &flat
		}
		if err := d.emit(e, x.Type.String(), at, a, in.Sensitive); err != nil {
			return err
		}
	}
	return nil
}

// module reads a module of version 3.
func (d *decoding) module(e *report.Emitter, r *jsonpull.Reader) error {
	var path []string
	return r.Fields(func(key string) error {
		switch key {
		case "path":
			path = r.Texts(nil, shortText, mostTags)
		case "resources":
			return r.Fields(func(address string) error {
				if strings.HasPrefix(address, "data.") {
					e.Skip("data_source_is_not_managed")
					return nil
				}
				var x oldResource
				if _, ok := r.Into(largestResource, &x); !ok || x.Type == "" {
					if r.OK() {
						e.Skip("resource_too_large_or_malformed")
					}
					return nil
				}
				for i := len(path) - 1; i > 0; i-- { // the first is the root
					address = "module." + path[i] + "." + address
				}
				a := attributes(x.Primary.Attributes)
				if a.ID == "" {
					a.ID = x.Primary.ID
				}
				return d.emit(e, x.Type.String(), address, &a, nil)
			})
		}
		return nil
	})
}

func (d *decoding) emit(e *report.Emitter, kind, address string, a *attributes, secretly sensitive) error {
	out, why := d.describe(kind, address, a, secretly)
	if out == nil {
		e.Skip(why)
		return nil
	}
	return e.Asset(out)
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	run := exposure.Run{ID: connectors.UID(Name, d.source, d.lineage, d.serial), Source: d.source, Connector: Name, Kind: exposure.RunFull, Complete: true, Tool: strings.TrimSpace("terraform " + d.tool)}
	if d.lineage == "" {
		run.Complete, run.Why = false, "the state names no lineage"
	}
	return run
}
