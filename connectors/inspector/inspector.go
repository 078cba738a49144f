// Package inspector connects Amazon Inspector, the second of the name: findings as files,
// over its API, and as events of EventBridge, with or without SNS between.
package inspector

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/secret"
)

// Name is the connector's name.
const Name = "inspector"

const (
	format  = "inspector JSON"
	service = "inspector2"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Amazon Inspector",
		Summary:   "Vulnerable packages, code and open ports of instances, images and functions, found by Amazon Inspector.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Inspector2 2020-06-08",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "findings.json", Findings: 6},
			{File: "event.json", Findings: 1},
		},
	}
}

func recognize(head []byte, _ string) int {
	const sure = 94
	if report.IsJSON(head) && (bytes.Contains(head, []byte("findingArn")) && bytes.Contains(head, []byte("awsAccountId")) ||
		bytes.Contains(head, []byte("Inspector2 Finding")) || report.Has(head, "inspectorScore", "packageVulnerabilityDetails")) {
		return sure
	}
	return 0
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	login := c.login()
	return append(awsapi.Reach(&login, service), awsapi.TopicHosts(c.Topics)...)
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{
		source: env.Source, config: *c, client: awsapi.New(env.HTTP, c.login(), env.Now),
		hooks: awsapi.Hooks{Topics: awsapi.NewTopics(env.HTTP, c.Topics), Header: c.Header, Secrets: []secret.String{c.Secret, c.PreviousSecret}},
	}, nil
}

// Instance is one configured Inspector source.
type Instance struct {
	source string
	config Config
	client *awsapi.Client
	hooks  awsapi.Hooks
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// VerifyWebhook implements connectors.WebhookVerifier. A message of SNS is verified by its
// signature; a call of an API destination by the secret in its header.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return in.hooks.Verify(header, body, now) //nolint:wrapcheck // it says what was checked
}

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &awsapi.Envelope{Connector: Name, Source: in.source, Format: format, Tool: "Amazon Inspector", Why: "findings of Inspector don't say what else was looked at"}
	d.Object = func(e *report.Emitter, raw []byte) (bool, error) {
		var f wireFinding
		if !wire.Unmarshal(raw, &f) || f.ARN == "" {
			return false, nil
		}
		places, skip := f.places(raw)
		if skip != "" {
			e.Skip(skip)
			return true, nil
		}
		for i := range f.Resources {
			d.Saw(places[0].LastSeen)
			about := f.asset(&f.Resources[i])
			for _, p := range places {
				if err := e.Observe(about, p); err != nil {
					return true, err
				}
			}
		}
		return true, nil
	}
	return d.Decode(ctx, body, sink) //nolint:wrapcheck // it says what was read
}
