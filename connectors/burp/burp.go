// Package burp reads what Burp Suite reports: the XML that Professional exports, the scan
// of its REST API, and the issues of the GraphQL API of Burp Suite DAST (once Enterprise),
// which it can ask for itself.
package burp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "burp"

const (
	formatXML  = "Burp XML"
	formatJSON = "Burp JSON"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Burp Suite",
		Summary:   "Reads Burp Suite's XML and JSON reports, and asks Burp Suite DAST (Enterprise) for the issues of each site's last good scan.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "GraphQL API v1 of Burp Suite DAST",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "issues.xml", Findings: 4, Assets: 2},
			{File: "scan.json", Findings: 2, Assets: 1},
			{File: "graphql.json", Findings: 2, Assets: 1},
		},
	}
}

// recognize looks for the marks of the three formats, and of our own pages.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		if bytes.Contains(head, []byte("<issues")) && bytes.Contains(head, []byte("burpVersion")) {
			return 100
		}
		return 0
	}
	switch {
	case report.Has(head, pageMark):
		return 100
	case report.Has(head, "scan_status", "issue_events"), report.Has(head, "issue_events", "task_id"), report.Has(head, "scan_status", "scan_metrics"):
		return 95
	case report.Has(head, "issue_type", "vulnerability_classifications_html"), report.Has(head, "issue_type", "origin", "description_html"):
		return 90
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
	return &Instance{source: env.Source, config: *c, api: client(env.HTTP, c)}, nil
}

// Instance is one configured Burp source.
type Instance struct {
	source string
	config Config
	api    httpclient.API
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, whole := report.Peek(body)
	d := &decoding{Instance: in, hosts: map[string]*seenHost{}}
	f := report.Format{Name: formatJSON, Sink: sink, Run: d.describeRun}
	if report.IsJSON(head) {
		return f.JSON(ctx, whole, d.json)
	}
	if strings.HasPrefix(strings.ToLower(string(head[:min(len(head), 16)])), "<html") || bytes.HasPrefix(head, []byte("<!DOCTYPE html")) {
		return report.Unknown(formatXML, "this is Burp's HTML report: export the issues as XML")
	}
	f.Name = formatXML
	return f.XML(ctx, whole, d.xml)
}
