// Package snyk takes the issues of Snyk: from the REST API, from webhooks, and from the
// JSON reports of its command line.
package snyk

import (
	"bytes"
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
const Name = "snyk"

const format = "Snyk JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Snyk",
		Summary:   "Takes issues of Snyk by API, webhook and command line: packages, containers, licences and code.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "REST API " + apiVersion,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "issues.json", Findings: 5},
			{File: "projects.json", Assets: 2},
			{File: "cli.json", Findings: 3},
			{File: "cli_projects.json", Findings: 2},
			{File: "webhook.json", Findings: 2},
		},
	}
}

// recognize looks for Snyk's own words among those of JSON:API and of its reports.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	has := func(fields ...string) bool { return report.Has(head, fields...) }
	switch {
	case has("newIssues", "project"), has("removedIssues", "project"), bytes.Contains(head, []byte(`"SNYK-`)),
		has("vulnerabilities", "dependencyCount", "packageManager"), has("licensesPolicy", "packageManager"):
		return 90
	case has("jsonapi", "data") && (has("effective_severity_level") || has("scan_item") || has("target_reference") || bytes.Contains(head, []byte("/rest/orgs"))):
		return 85
	}
	return 0
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" && c.Organization != "" {
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

// Instance is one configured Snyk source.
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
