// Package gitlab takes GitLab's vulnerabilities from its API and webhook, and the security reports
// that its analyzers write in pipelines.
package gitlab

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
const Name = "gitlab"

const format = "GitLab JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "GitLab",
		Summary:   "Takes vulnerabilities of GitLab by API and webhook, and security reports of its analyzers: SAST, dependencies, containers, secrets, DAST.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "GraphQL API of GitLab 17",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "dependency.json", Findings: 2},
			{File: "container.json", Findings: 2},
			{File: "dast.json", Findings: 2},
			{File: "sast.json", Findings: 2},
			{File: "webhook.json", Findings: 1},
			{File: "codequality.json", Findings: 1},
			{File: "graphql.json", Findings: 2},
		},
	}
}

// recognize looks for the hook's fields, or for those that all reports share.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	has := func(fields ...string) bool { return report.Has(head, fields...) }
	array := report.Head(head)[0] == '['
	switch {
	case array:
		if has("check_name", "fingerprint", "categories") {
			return 70
		}
	case has("object_kind", "object_attributes", "report_type"), has("data", "vulnerabilities", "reportType"):
		return 95
	case has("scan", "scanned_resources"):
		return 90
	case has("vulnerabilities", "identifiers", "location") && (has("solution") || has("links") || has("remediations") || has("scanner")),
		has("vulnerabilities", "scan", "analyzer"):
		return 70
	}
	return 0
}

// reach is the host of the configured address, and no other.
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

// Instance is one configured GitLab source.
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
