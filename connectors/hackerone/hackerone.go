// Package hackerone takes the reports of HackerOne's bounty and disclosure programs: from
// the API, from webhooks, and from exports.
package hackerone

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
const Name = "hackerone"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "HackerOne",
		Summary:   "Takes reports of HackerOne's programs by API, webhook and export.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "API v1",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "reports.json", Findings: 4},
			{File: "webhook.json", Findings: 1},
			{File: "export.json", Findings: 2},
			{File: "export.csv", Findings: 2},
		},
	}
}

// recognize looks for what only HackerOne's reports and exports hold.
func recognize(head []byte, _ string) int {
	has := func(fields ...string) bool { return report.Has(head, fields...) }
	switch {
	case report.IsJSON(head):
		switch {
		case has("data", "vulnerability_information"), has("activity", "report"):
			return 90
		case has("findings", "substate", "severity_rating"):
			return 90
		case bytes.Contains(head, []byte("api.hackerone.com/")):
			return 80
		}
	case bytes.HasPrefix(report.Head(head), []byte("id,title,")) && bytes.Contains(head, []byte("substate")):
		return 85
	}
	return 0
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" && len(c.Programs) > 0 {
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

// Instance is one configured HackerOne source.
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
	d := &decoding{Instance: in}
	f := report.Format{Name: "HackerOne JSON", Sink: sink, Run: d.run}
	if len(head) > 0 && !report.IsJSON(head) && head[0] != '<' {
		f.Name, d.export = "HackerOne CSV", true
		return f.CSV(ctx, csvpull.NewReader(body, f.Name), []string{"id", "title", "state"}, d.row)
	}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		return d.value(ctx, e, r)
	})
}
