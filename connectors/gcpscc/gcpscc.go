// Package gcpscc connects Google's Security Command Center: findings as files, over its
// API, and as notifications that Pub/Sub pushes.
package gcpscc

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/gcpapi"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "gcpscc"

const (
	format  = "security command center JSON"
	largest = 1 << 20 // bytes of a finding
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Google Security Command Center",
		Summary:   "Misconfigurations, vulnerabilities and threats in Google Cloud.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Security Command Center v2",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "findings.json", Findings: 7},
			{File: "push.json", Findings: 1},
			{File: "notification.json", Findings: 1},
		},
	}
}

// recognize knows a finding by its fields, and a push, whose message is encoded, by how
// such a message begins.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	const sure, push = 90, 55
	begin := base64.StdEncoding.EncodeToString([]byte(`{"notificationConfigName`))[:30]
	spaced := base64.StdEncoding.EncodeToString([]byte("{\n  \"notificationConfigName"))[:30]
	switch {
	case report.Has(head, "listFindingsResults"), report.Has(head, "finding", "sourceProperties"), report.Has(head, "finding", "securityMarks"),
		report.Has(head, "notificationConfigName", "finding"), report.Has(head, "finding", "findingClass", "canonicalName"):
		return sure
	case report.Has(head, "message", "data") && (bytes.Contains(head, []byte(begin)) || bytes.Contains(head, []byte(spaced))):
		return sure
	case report.Has(head, "message", "subscription", "messageId", "data"):
		return push
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	var out []string
	if c.Parent != "" {
		out = append(out, host, gcpapi.TokenHost)
	}
	if c.Audience != "" {
		out = append(out, gcpapi.CertHost)
	}
	return out
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, api: gcpapi.API(env.HTTP, c.Credentials, host), pushes: gcpapi.NewPushes(env.HTTP, c.Audience, c.Account)}, nil
}

// VerifyWebhook implements connectors.WebhookVerifier.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return in.pushes.Verify(header, body, now) //nolint:wrapcheck // it says what was checked
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx         context.Context //nolint:containedctx // of one call of Decode, which nested messages need too
	known       bool
	page, list  bool
	message     string
	first, last time.Time
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		err := d.value(e, r, 0)
		if err == nil && r.OK() && !d.known {
			r.Fail("there is no finding in it: this is something else")
		}
		return err
	})
}

// value reads an answer of the API, a list of results, a notification, or a push of one.
func (d *decoding) value(e *report.Emitter, r *jsonpull.Reader, depth int) error {
	if r.Kind() == jsonpull.Array {
		d.list = true
		empty := true
		err := r.Each(d.ctx, func() error {
			empty = false
			return d.value(e, r, depth)
		})
		d.known = d.known || empty
		return err
	}
	var finding, resource []byte
	err := r.Fields(func(key string) error {
		switch key {
		case "listFindingsResults":
			d.known, d.page = true, true
			return r.Each(d.ctx, func() error { return d.value(e, r, depth) })
		case "nextPageToken", "totalSize", "readTime": // an answer without findings has nothing else
			d.known, d.page = true, d.page || depth == 0
		case "finding":
			finding = bytes.Clone(r.Raw(largest))
		case "resource":
			resource = bytes.Clone(r.Raw(largest))
		case "message":
			return d.push(e, r, depth)
		}
		return nil
	})
	if err != nil || !r.OK() || finding == nil {
		return err
	}
	return d.finding(e, finding, resource)
}

// push reads the notification in a message of Pub/Sub.
func (d *decoding) push(e *report.Emitter, r *jsonpull.Reader, depth int) error {
	var m struct {
		Data wire.Text `json:"data"`
		ID   wire.Text `json:"messageId"`
	}
	if _, ok := r.Into(4*largest, &m); !ok || depth > 0 {
		return nil
	}
	d.message = connectors.Ident(m.ID.String())
	text, _ := base64.StdEncoding.DecodeString(m.Data.String()) // what can't be decoded is no notification
	if !report.IsJSON(text) {
		return nil
	}
	var inner jsonpull.Reader
	inner.Reset(text, format)
	if err := d.value(e, &inner, depth+1); err != nil {
		return err
	}
	if inner.Err() != nil {
		e.Skip("message_that_is_no_json")
	}
	return nil
}

func (d *decoding) finding(e *report.Emitter, raw, resource []byte) error {
	var f wireFinding
	if !wire.Unmarshal(raw, &f) {
		return nil
	}
	if resource != nil && !wire.Unmarshal(resource, &f.Resource) {
		f.Resource = wireResource{}
	}
	if f.Category == "" || f.Name == "" && f.Canonical == "" {
		e.Skip("finding_without_name")
		return nil
	}
	d.known = true
	out := f.finding(raw, resource)
	if d.first.IsZero() || !out.LastSeen.IsZero() && out.LastSeen.Before(d.first) {
		d.first = out.LastSeen
	}
	if out.LastSeen.After(d.last) {
		d.last = out.LastSeen
	}
	about := f.asset()
	if len(about.Identifiers) == 0 {
		e.Skip("finding_without_resource")
		return nil
	}
	return e.Observe(about, out)
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunEvent, ID: connectors.RunID(Name, d.first, d.last, d.source, d.message),
		Started: d.first, Finished: d.last, Tool: "Security Command Center", Counts: map[string]int{"received": e.Findings},
		Why: "findings don't say what else was looked at",
	}
	switch {
	case d.page:
		run.Kind, run.Why = exposure.RunPartial, connectors.OnePage
	case d.list:
		run.Kind = exposure.RunPartial
	}
	return run
}

// raw joins what was read apart, for what has no place of ours.
func raw(finding, resource []byte) []byte {
	if resource == nil {
		return finding
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(finding, &fields) != nil {
		return finding
	}
	fields["resource"] = resource
	joined, err := json.Marshal(fields)
	if err != nil {
		return finding
	}
	return joined
}
