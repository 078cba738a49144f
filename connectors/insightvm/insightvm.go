// Package insightvm pulls Rapid7 InsightVM's console by its API, version 3: assets with
// their history, their findings, and what is known of each vulnerability.
package insightvm

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "insightvm"

const format = "insightvm JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Rapid7 InsightVM",
		Summary:   "Pulls assets and findings from an InsightVM console, and closes what a finished scan no longer finds.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "API version 3 of the Security Console",
		Every:     12 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "page.json", Findings: 4, Assets: 3},
			{File: "assets.json", Assets: 2},
			{File: "findings.json", Findings: 1},
		},
	}
}

func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, mark):
		return 100
	case report.Has(head, "resources", "addresses", "assessedForVulnerabilities"), report.Has(head, "resources", "instances", "results", "since"):
		return 80
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
	return &Instance{source: env.Source, config: *c, http: env.HTTP, cache: &lookups{now: env.Now}}, nil
}

// Instance is one configured console.
type Instance struct {
	source string
	config Config
	http   *http.Client
	cache  *lookups
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, known: map[string]*vulnerability{}, scans: map[string]string{}}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { return d.value(ctx, e, r) })
}
