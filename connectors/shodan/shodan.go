// Package shodan takes what Shodan sees of hosts: the banners that Shodan Monitor sends,
// those of a look-up, and those in files.
package shodan

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "shodan"

const format = "Shodan JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Shodan",
		Summary:   "Takes services and vulnerabilities that Shodan sees from the internet, by Monitor's webhook, look-up and file.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  connectors.Statuses{}, // it has none
		Reach:     reach,
		API:       "REST API, 2026",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "banner.json", Findings: 3, Assets: 1},
			{File: "host.json", Findings: 1, Assets: 2},
			{File: "search.json", Assets: 2},
			{File: "download.jsonl", Findings: 1, Assets: 2},
		},
	}
}

// recognize looks for what every banner holds.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
	case report.Has(head, "_shodan", "port") && (report.Has(head, "ip_str") || report.Has(head, "transport")):
		return 95
	case report.Has(head, "ip_str", "asn"), report.Has(head, "matches", "_shodan"):
		return 85
	}
	return 0
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" && len(c.Hosts) > 0 {
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

// Instance is one configured Shodan source.
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
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error {
		return d.value(ctx, e, r)
	})
}
