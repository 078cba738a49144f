// Package resourcegraph connects the inventory of Azure: what Resource Graph knows of the
// subscriptions of a tenant.
package resourcegraph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "resourcegraph"

const (
	format  = "azure resource graph JSON"
	largest = 2 << 20 // bytes of one resource
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Azure Resource Graph",
		Summary:   "Resources of Azure subscriptions, with owners by the tags of resources and resource groups.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Reach:     reach,
		API:       "Resource Graph 2022-10-01",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "rows.json", Assets: 8},
			{File: "row.json", Assets: 1},
			{File: "machines.json", Assets: 1},
		},
	}
}

// recognize knows an answer of Resource Graph by its counts, and resources by their IDs,
// which others' findings have too.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	const sure, likely, maybe = 88, 80, 45
	lower := bytes.ToLower(head)
	switch {
	case report.Has(head, "resultTruncated", "data") && report.Has(head, "totalRecords"):
		return sure
	case report.Has(head, "rgTags", "subscriptionId"):
		return likely
	case bytes.Contains(lower, []byte(`"/subscriptions/`)) && bytes.Contains(lower, []byte("/providers/microsoft.")) && report.Has(head, "id", "type", "name", "location"):
		return maybe
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	login := c.login()
	return login.Reach()
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	login := c.login()
	return &Instance{source: env.Source, config: *c, api: login.API(env.HTTP)}, nil
}

// Instance is one configured Azure Resource Graph source.
type Instance struct {
	source string
	config Config
	api    httpclient.API
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	f := report.Format{Name: format, Sink: sink, Run: func(e *report.Emitter) exposure.Run {
		return exposure.Run{Source: in.source, Connector: Name, Kind: exposure.RunFull, ID: connectors.UID(Name, in.source), Tool: "Azure Resource Graph",
			Targets: e.Assets, Counts: map[string]int{"received": e.Assets}, Why: connectors.OnePage}
	}}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		known := false
		read := func() error {
			var v wireRow
			_, ok := r.Into(largest, &v)
			return emit(e, r, &v, ok, &known)
		}
		if r.Kind() == jsonpull.Array {
			if err := r.Each(ctx, read); err != nil || known || !r.OK() {
				return err
			}
		} else if err := in.object(ctx, e, r, read, &known); err != nil || known || !r.OK() {
			return err
		}
		r.Fail("there is no resource of Azure in it: this is something else")
		return nil
	})
}

// object reads an answer, or a single resource, which is known only once it was read.
func (in *Instance) object(ctx context.Context, e *report.Emitter, r *jsonpull.Reader, read func() error, known *bool) error {
	var loose bytes.Buffer
	fields := 0
	const mostFields = 100
	err := r.Fields(func(key string) error {
		switch key {
		case "data", "value":
			if r.Kind() == jsonpull.Array {
				empty := true
				err := r.Each(ctx, func() error {
					empty = false
					return read()
				})
				*known = *known || empty
				return err
			}
		}
		if raw := r.Raw(largest); raw != nil && fields < mostFields && loose.Len()+len(raw) < largest && !strings.ContainsAny(key, "\"\\\n") {
			loose.WriteByte("{,"[min(fields, 1)])
			loose.WriteString(`"` + key + `":`)
			loose.Write(raw)
			fields++
		}
		return nil
	})
	if err != nil || !r.OK() || *known || fields == 0 {
		return err
	}
	loose.WriteByte('}')
	var v wireRow
	return emit(e, r, &v, wire.Unmarshal(loose.Bytes(), &v), known)
}

func emit(e *report.Emitter, r *jsonpull.Reader, v *wireRow, ok bool, known *bool) error {
	switch {
	case !r.OK():
		return nil
	case !ok || !v.resource():
		if *known {
			e.Skip("row_that_is_no_resource")
		}
		return nil
	}
	*known = true
	return e.Asset(v.describe())
}

// query joins the tags of resource groups, whose owner is often the resource's. Pages are
// only stable in an order.
const query = `Resources%s | join kind=leftouter (ResourceContainers | where type =~ 'microsoft.resources/subscriptions/resourcegroups' | project subscriptionId, resourceGroup, rgTags = tags) on subscriptionId, resourceGroup | project id, name, type, location, subscriptionId, resourceGroup, tags, rgTags, properties | order by id asc`

const perPage = 1000

// Pull implements connectors.Puller: one page of the query.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.Tenant == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured, nor a tenant", in.source)
	}
	filter := ""
	if len(in.config.Types) > 0 {
		filter = " | where type in~ ('" + strings.Join(in.config.Types, "', '") + "')"
	}
	options := map[string]any{"$top": perPage, "resultFormat": "objectArray"}
	if req.Cursor != "" {
		options["$skipToken"] = req.Cursor
	}
	ask := map[string]any{"query": fmt.Sprintf(query, filter), "options": options}
	if len(in.config.Subscriptions) > 0 {
		ask["subscriptions"] = in.config.Subscriptions
	}
	var body bytes.Buffer // the next page's token is in it
	call := httpclient.Call{Path: "/providers/Microsoft.ResourceGraph/resources", Query: url.Values{"api-version": {"2022-10-01"}}, JSON: ask}
	if _, err := in.api.Copy(ctx, call, &body); err != nil {
		return connectors.Pulled{}, err //nolint:wrapcheck // it says what was called
	}
	var answer struct {
		Data      []json.RawMessage `json:"data"`
		Truncated wire.Flag         `json:"resultTruncated"`
		Next      string            `json:"$skipToken"`
	}
	if json.Unmarshal(body.Bytes(), &answer) != nil || len(answer.Next) > connectors.MaxCursor {
		return connectors.Pulled{}, fault.New(fault.Unavailable, "reading an answer of Azure: it is not the JSON that was asked for")
	}
	if len(answer.Data) > 0 {
		if _, err := page.Write(body.Bytes()); err != nil {
			return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "keeping a page")
		}
	}
	if answer.Next != "" && answer.Next != req.Cursor {
		return connectors.Pulled{Next: answer.Next}, nil
	}
	run := exposure.Run{Kind: exposure.RunFull, Complete: true}
	if answer.Truncated {
		run.Complete, run.Why = false, "the answer was cut off by Azure, without a way to go on"
	}
	return connectors.Pulled{Run: run}, nil
}
