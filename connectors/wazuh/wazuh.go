// Package wazuh reads the vulnerabilities that Wazuh finds: from the indexer since version
// 4.8, and from the manager's API up to 4.7; pulled, or as files.
package wazuh

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
const Name = "wazuh"

const format = "wazuh JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Wazuh",
		Summary:   "Pulls agents and their vulnerabilities from Wazuh, and reads answers of its indexer and manager.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Indexer 4.8 and later: wazuh-states-vulnerabilities; manager's API 4: agents, vulnerability (up to 4.7)",
		Every:     2 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "hits.json", Findings: 3},
			{File: "agents.json", Assets: 3},
			{File: "agent.json", Findings: 2, Assets: 1},
			{File: "v4-7.json", Findings: 3},
		},
	}
}

func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, mark):
		return 100
	case report.Has(head, "hits", "_source", "vulnerability") && report.Has(head, "agent", "package"):
		return 85
	case report.Has(head, "affected_items", "cve", "detection_time"), report.Has(head, "affected_items", "lastKeepAlive"):
		return 85
	case report.Has(head, "affected_items", "total_affected_items"):
		return 40 // an answer without anything in it
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok || c.Manager == "" {
		return nil
	}
	hosts := []string{httpclient.HostOf(c.Manager)}
	if c.Indexer != "" {
		hosts = append(hosts, httpclient.HostOf(c.Indexer))
	}
	return hosts
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP, now: env.Now}, nil
}

// Instance is one configured cluster.
type Instance struct {
	source string
	config Config
	http   *http.Client
	now    func() time.Time
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { return d.value(ctx, e, r) })
}
