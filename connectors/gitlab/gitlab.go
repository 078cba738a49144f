// Package gitlab takes GitLab's vulnerabilities from its webhook, and the security reports
// that its analyzers write in pipelines.
package gitlab

import (
	"context"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
)

// Name is the connector's name.
const Name = "gitlab"

const format = "GitLab JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "GitLab",
		Summary:   "Takes vulnerabilities of GitLab by webhook, and security reports of its analyzers: SAST, dependencies, containers, secrets, DAST.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "dependency.json", Findings: 2},
			{File: "container.json", Findings: 2},
			{File: "dast.json", Findings: 2},
			{File: "sast.json", Findings: 2},
			{File: "webhook.json", Findings: 1},
			{File: "codequality.json", Findings: 1},
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
	case has("object_kind", "object_attributes", "report_type"):
		return 95
	case has("vulnerabilities", "identifiers", "location") && (has("solution") || has("links") || has("remediations") || has("scanner")),
		has("vulnerabilities", "scan", "analyzer"):
		return 70
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

// Instance is one configured GitLab source.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { //nolint:wrapcheck // it says where
		return d.value(ctx, e, r)
	})
}
