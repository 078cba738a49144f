// Package sentinelone pulls SentinelOne: endpoints, and the risks of the applications on
// them; and reads both as files.
package sentinelone

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
const Name = "sentinelone"

const format = "sentinelone JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "SentinelOne Application Risk",
		Summary:   "Pulls endpoints and the risks of their applications from SentinelOne.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Management API version 2.1: agents, application-management/risks",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "risks.json", Findings: 5},
			{File: "agents.json", Assets: 2},
		},
	}
}

func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "cveId", "endpointId", "applicationName"), report.Has(head, "cveId", "applicationVendor", "lastScanResult"):
		return 80
	case report.Has(head, "computerName", "networkInterfaces", "uuid", "lastActiveDate"):
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
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Instance is one configured console.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { return d.value(ctx, e, r) })
}
