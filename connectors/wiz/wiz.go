// Package wiz connects Wiz: issues and vulnerability findings over its GraphQL API, as CSV
// exports, and as webhooks.
package wiz

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/signature"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "wiz"

const (
	format  = "wiz JSON"
	table   = "wiz CSV"
	largest = 1 << 20 // bytes of one node
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Wiz",
		Summary:   "Issues and vulnerabilities that Wiz finds in clouds, with projects and their owners.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Wiz GraphQL, issuesV2 and vulnerabilityFindings",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "issues.json", Findings: 5},
			{File: "vulnerabilities.json", Findings: 3},
			{File: "webhook.json", Findings: 1},
			{File: "issues.csv", Findings: 3},
			{File: "vulnerabilities.csv", Findings: 2},
		},
	}
}

func recognize(head []byte, _ string) int {
	const sure, likely = 90, 70
	switch {
	case !report.IsJSON(head):
		first, _, _ := bytes.Cut(report.Head(head), []byte("\n"))
		if bytes.Contains(first, []byte("Resource vertex ID")) || bytes.Contains(first, []byte("Wiz URL")) || bytes.Contains(first, []byte("WizURL")) {
			return sure
		}
	case report.Has(head, "sourceRule", "entitySnapshot"), report.Has(head, "sourceRule", "statusChangedAt"), report.Has(head, "vulnerableAsset", "detailedName"):
		return sure
	case report.Has(head, "trigger", "issue", "control", "resource"):
		return likely
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok || c.URL == "" {
		return nil
	}
	return []string{httpclient.HostOf(c.URL), httpclient.HostOf(c.AuthURL)}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	in := &Instance{source: env.Source, config: *c, now: env.Now, api: httpclient.API{Base: c.URL, Vendor: "Wiz"}}
	if c.URL != "" {
		in.api.HTTP = httpclient.OAuth2(env.HTTP, clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(), TokenURL: c.AuthURL,
			AuthStyle: oauth2.AuthStyleInParams, EndpointParams: url.Values{"audience": {"wiz-api"}}})
	}
	return in, nil
}

// Instance is one configured Wiz source.
type Instance struct {
	source string
	config Config
	api    httpclient.API
	now    func() time.Time
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// VerifyWebhook implements connectors.WebhookVerifier. Wiz signs nothing and numbers no
// deliveries.
func (in *Instance) VerifyWebhook(header http.Header, _ []byte, _ time.Time) (string, error) {
	return "", signature.Token(header, "Authorization", "Bearer ", in.config.Secret, in.config.PreviousSecret) //nolint:wrapcheck // it says what was checked
}

// decoding is the state of one Decode.
type decoding struct {
	source      string
	known       bool
	page, hook  bool
	first, last time.Time
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{source: in.source}
	head, rest := report.Peek(body)
	begin := report.Head(head)
	if !report.IsJSON(head) && bytes.Contains(begin[:min(len(begin), 2048)], []byte(",")) {
		f := report.Format{Name: table, Sink: sink, Run: d.run}
		needed, row := []string{"Name", "FindingStatus"}, d.vulnerabilityRow
		if bytes.Contains(head, []byte("Issue ID")) {
			needed, row = []string{"Issue ID", "Control ID", "Status"}, d.issueRow
		}
		return f.CSV(ctx, csvpull.NewReader(rest, table), needed, row)
	}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, rest, func(e *report.Emitter, r *jsonpull.Reader) error {
		err := d.value(ctx, e, r, 0)
		if err == nil && r.OK() && !d.known {
			r.Fail("there is neither an issue nor a finding in it: this is something else")
		}
		return err
	})
}

// value reads nodes out of an answer of the API, a list, or a node itself, which is known
// only once it was read.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader, depth int) error {
	const deepest, mostFields = 4, 200
	if r.Kind() == jsonpull.Array {
		empty := true
		err := r.Each(ctx, func() error {
			empty = false
			raw := r.Raw(largest)
			if raw == nil || !r.OK() {
				if r.OK() {
					e.Skip("node_too_large")
				}
				return nil
			}
			return d.node(e, raw)
		})
		d.known = d.known || empty
		return err
	}
	if r.Kind() != jsonpull.Object || depth > deepest {
		r.Skip()
		return nil
	}
	var loose bytes.Buffer
	fields, wrapped := 0, false
	err := r.Fields(func(key string) error {
		switch key {
		case "data", "issues", "issuesV2", "vulnerabilityFindings", "configurationFindings":
			d.page, wrapped = true, true
			return d.value(ctx, e, r, depth+1)
		case "nodes":
			if r.Kind() == jsonpull.Array {
				d.known, wrapped = true, true
				return d.value(ctx, e, r, depth+1)
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
	if err != nil || !r.OK() || fields == 0 || wrapped {
		return err
	}
	loose.WriteByte('}')
	return d.node(e, loose.Bytes())
}

func (d *decoding) node(e *report.Emitter, raw []byte) error {
	var hook wireHook
	if wire.Unmarshal(raw, &hook) && hook.Issue != nil && hook.Issue.ID != "" {
		d.known, d.hook = true, true
		return d.event(e, &hook, raw)
	}
	var v wireNode
	if !wire.Unmarshal(raw, &v) {
		return nil
	}
	switch {
	case v.ID == "":
		if d.known {
			e.Skip("node_without_id")
		}
		return nil
	case v.Asset != nil:
		d.known = true
		return d.vulnerability(e, &v, raw)
	case v.Target != nil && v.ConfigRule != nil:
		d.known = true
		return d.configuration(e, &v, raw)
	case v.Entity != nil && (v.Rule != nil || v.Control != nil):
		d.known = true
		return d.issue(e, &v, raw)
	}
	if d.known {
		e.Skip("node_of_another_kind")
	}
	return nil
}

func (d *decoding) note(at time.Time) {
	if d.first.IsZero() || !at.IsZero() && at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
}

func (d *decoding) run(e *report.Emitter) exposure.Run {
	run := exposure.Run{Source: d.source, Connector: Name, Kind: exposure.RunPartial, ID: connectors.RunID(Name, d.first, d.last, d.source), Started: d.first, Finished: d.last,
		Tool: "Wiz", Counts: map[string]int{"received": e.Findings}, Why: "an export is as it was filtered"}
	switch {
	case d.page:
		run.Why = connectors.OnePage
	case d.hook:
		run.Kind, run.Why = exposure.RunEvent, "an event tells of one issue"
	}
	return run
}
