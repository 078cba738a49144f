// Package projectdiscovery reads what ProjectDiscovery's tools find of an attack surface:
// names of subfinder and dnsx, ports of naabu, and services of httpx and tlsx.
package projectdiscovery

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/signature"
)

// Name is the connector's name.
const Name = "projectdiscovery"

const format = "ProjectDiscovery JSONL"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "ProjectDiscovery",
		Summary:   "Reads names, ports and services that subfinder, dnsx, naabu, tlsx and httpx find.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "subfinder.jsonl", Assets: 3},
			{File: "naabu.jsonl", Assets: 3},
			{File: "httpx.jsonl", Assets: 3},
			{File: "dnsx.jsonl", Assets: 1},
		},
	}
}

// recognize looks for the fields of one of the tools.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) || report.Has(head, "template-id") {
		return 0
	}
	has := func(fields ...string) bool { return report.Has(head, fields...) }
	switch {
	case has("url", "input", "status_code") && (has("webserver") || has("content_type") || has("words") || has("failed")):
		return 85
	case has("host", "input", "source"), has("host", "input", "sources"):
		return 60
	case has("ip", "port", "protocol", "tls") && !has("_shodan"):
		return 60
	case has("host", "resolver", "status_code"), has("subject_cn", "tls_version"):
		return 60
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c}, nil
}

// Instance is one configured ProjectDiscovery source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// VerifyWebhook implements connectors.WebhookVerifier. The caller is a job of the
// operator's, which shows a bearer token.
func (in *Instance) VerifyWebhook(header http.Header, _ []byte, _ time.Time) (string, error) {
	return "", signature.Token(header, "Authorization", "Bearer ", in.config.Secret, in.config.PreviousSecret)
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		if r.Kind() == jsonpull.Array {
			return r.Each(ctx, func() error { return d.line(e, r) })
		}
		return d.line(e, r)
	})
}
