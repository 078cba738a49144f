// Package securityhub connects AWS Security Hub: its findings in ASFF, as files, over its
// API, as events of EventBridge and messages of SNS, and the OCSF-shaped findings of its
// second version.
package securityhub

import (
	"fmt"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/connectors/ocsfmap"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/secret"
)

// Name is the connector's name.
const Name = "securityhub"

const (
	format  = "security hub JSON"
	service = "securityhub"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "AWS Security Hub",
		Summary:   "Findings of AWS Security Hub and of all that reports to it, in the AWS Security Finding Format.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Security Hub 2018-10-26",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "findings.json", Findings: 11},
			{File: "event.json", Findings: 1},
			{File: "event_v2.json", Findings: 1},
			{File: "sns.json", Findings: 1},
			{File: "records.json", Findings: 2},
			{File: "list.json", Findings: 2},
		},
	}
}

// recognize looks for ASFF's own fields, or the name of the hub's events. In a message of
// SNS quotes are escaped.
func recognize(head []byte, _ string) int {
	if !report.IsJSON(head) {
		return 0
	}
	const event, finding = 92, 90
	switch {
	case contains(head, "aws.securityhub"), contains(head, "Security Hub Findings"), contains(head, "Findings Imported V2"):
		return event
	case contains(head, "ProductArn") && (contains(head, "GeneratorId") || contains(head, "AwsAccountId") || contains(head, "SchemaVersion")),
		contains(head, "product/aws/") && contains(head, "AwsAccountId"):
		return finding
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
		source: env.Source, config: *c, client: awsapi.New(env.HTTP, c.login(), env.Now), mapper: ocsfmap.Mapper{Connector: Name, Check: checkOf},
		hooks: awsapi.Hooks{Topics: awsapi.NewTopics(env.HTTP, c.Topics), Header: c.Header, Secrets: []secret.String{c.Secret, c.PreviousSecret}},
	}, nil
}

// Instance is one configured Security Hub source.
type Instance struct {
	source string
	config Config
	client *awsapi.Client
	mapper ocsfmap.Mapper
	hooks  awsapi.Hooks
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// VerifyWebhook implements connectors.WebhookVerifier. A message of SNS is verified by its
// signature; a call of an API destination by the secret in its header.
func (in *Instance) VerifyWebhook(header http.Header, body []byte, now time.Time) (string, error) {
	return in.hooks.Verify(header, body, now) //nolint:wrapcheck // it says what was checked
}
