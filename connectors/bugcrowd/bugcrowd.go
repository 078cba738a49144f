// Package bugcrowd takes the submissions of Bugcrowd's programs: from the API, from
// webhooks, and from CSV exports.
package bugcrowd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "bugcrowd"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Bugcrowd",
		Summary:   "Takes submissions of Bugcrowd's programs by API, webhook and CSV export.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "REST API version 4, " + apiVersion,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "page.json", Findings: 4},
			{File: "list.json", Findings: 2},
			{File: "webhook.json", Findings: 1},
			{File: "export.csv", Findings: 2},
		},
	}
}

// recognize looks for what only Bugcrowd's submissions and exports hold.
func recognize(head []byte, _ string) int {
	switch {
	case report.IsJSON(head):
		if report.Has(head, "vrt_id", "submission") || report.Has(head, "bug_url", "vrt_version") || report.Has(head, "last_transitioned_to_resolved_at") {
			return 90
		}
	case bytes.Contains(head, []byte("vrt_lineage")) && bytes.Contains(head, []byte("bounty_code")):
		return 90
	}
	return 0
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" && !c.Token.Empty() {
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

// Instance is one configured Bugcrowd source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, body := report.Peek(body)
	d := &decoding{Instance: in, included: map[string]included{}}
	f := report.Format{Name: "Bugcrowd JSON", Sink: sink, Run: d.run}
	if len(head) > 0 && !report.IsJSON(head) && head[0] != '<' {
		f.Name, d.export = "Bugcrowd CSV", true
		return f.CSV(ctx, csvpull.NewReader(body, f.Name), []string{"reference_number", "title", "vrt_lineage"}, d.row)
	}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		return d.value(ctx, e, r)
	})
}
