// Package github takes the alerts of GitHub: Dependabot, code scanning and secret scanning,
// from signed webhooks, the REST API, and saved answers of the REST and GraphQL APIs.
package github

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "github"

const format = "GitHub JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "GitHub",
		Summary:   "Takes Dependabot, code scanning and secret scanning alerts of GitHub, by webhook, API and file.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "REST API " + githubapi.Version,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "dependabot.json", Findings: 4},
			{File: "code_scanning.json", Findings: 2},
			{File: "secret_scanning.json", Findings: 3},
			{File: "webhook_dependabot.json", Findings: 1},
			{File: "webhook_branch.json", Findings: 1},
			{File: "webhook_legacy.json", Findings: 1},
			{File: "webhook_renamed.json", Assets: 1},
			{File: "graphql.json", Findings: 2, Assets: 1},
		},
	}
}

// recognize looks for what only GitHub's alerts, events and answers hold.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	has := func(fields ...string) bool { return report.Has(head, fields...) }
	switch {
	case has("security_advisory", "ghsa_id"), has("vulnerabilityAlerts"), has("affected_package_name", "alert"),
		has("most_recent_instance", "rule", "tool"), has("secret_type", "resolution"), has("alert", "commit_oid"),
		bytes.Contains(head, []byte("/dependabot/alerts")), bytes.Contains(head, []byte("/code-scanning/alerts")), bytes.Contains(head, []byte("/secret-scanning/alerts")):
		return 90
	case has("repositoryOwner", "repositories"), has("zen", "hook_id"), has("action", "repository", "archive_url"):
		return 70
	}
	return 0
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" && c.pulls() {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP, api: &githubapi.Client{
		API:  httpclient.API{HTTP: env.HTTP, Base: c.URL, Vendor: "GitHub", Largest: largestPage, Refused: refused},
		Cred: c.credentials(), Now: now,
	}}, nil
}

// Instance is one configured GitHub source.
type Instance struct {
	source string
	config Config
	http   *http.Client
	api    *githubapi.Client
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
