package inspector

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Inspector source. A source that only takes uploads
// needs none of it.
type Config struct {
	Region         string        `yaml:"region" json:"region,omitempty" doc:"Region to pull, such as eu-west-1. A delegated administrator sees the findings of all accounts there."`
	AccessKeyID    string        `yaml:"access_key_id" json:"access_key_id,omitempty" doc:"Key to call AWS with."`
	SecretKey      secret.String `yaml:"secret_access_key" json:"secret_access_key,omitzero" doc:"Secret of the key."`
	SessionToken   secret.String `yaml:"session_token" json:"session_token,omitzero" doc:"Session token, where the key is a temporary one."`
	RoleARN        string        `yaml:"role_arn" json:"role_arn,omitempty" doc:"Role to assume for the calls."`
	ExternalID     string        `yaml:"external_id" json:"external_id,omitempty" doc:"External ID that the role asks for."`
	TokenFile      string        `yaml:"web_identity_token_file" json:"web_identity_token_file,omitempty" doc:"File with a web identity's token, to assume the role with in place of a key."`
	Topics         []string      `yaml:"topics" json:"topics,omitempty" doc:"ARNs of the SNS topics whose messages are taken. Their subscriptions are confirmed by themselves."`
	Header         string        `yaml:"header" json:"header,omitempty" doc:"Header that holds the secret in calls of an EventBridge API destination."`
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"Secret that the API destination sends in header."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"Secret that is still taken while it is replaced."`
}

func defaults() *Config { return &Config{Header: "X-Api-Key"} }

func (c *Config) login() awsapi.Login {
	return awsapi.Login{Region: c.Region, AccessKeyID: c.AccessKeyID, SecretKey: c.SecretKey, SessionToken: c.SessionToken,
		RoleARN: c.RoleARN, ExternalID: c.ExternalID, TokenFile: c.TokenFile}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	login := c.login()
	problems := login.Check()
	for _, topic := range c.Topics {
		if !awsapi.IsTopic(topic) {
			problems = append(problems, fmt.Errorf("topics: %q is not the ARN of an SNS topic", topic))
		}
	}
	if c.Header == "" {
		problems = append(problems, errors.New("header: is needed"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "To pull: a key or role with `inspector2:ListFindings`, and the `region`. To be pushed to: an EventBridge rule on `Inspector2 Finding` whose target is an SNS topic with an HTTPS subscription to the source's webhook, without raw delivery, named in `topics`; or an API destination that sends `secret` in `header`. " +
		"Files: what `aws inspector2 list-findings` writes, a list of findings, or one finding.",
	Maps: "A finding is one for each of its resources and, for a package vulnerability, for each package: `inspector:<CVE>` at the package's purl without version. Code vulnerabilities are `inspector:<detector>` at their file; a port that is reachable is a compliance finding `inspector:network-reachability` at the port, and one reachable through an internet gateway tells that the instance faces the internet. " +
		"Instances are known by ARN and by account, region and id, images by digest, functions by ARN; tags give hints to the owner. Inspector's score stands beside the ones it was made of.",
	Fixed:    "`status` CLOSED: Inspector checked again. SUPPRESSED is an opinion, and the weakness is still there.",
	Coverage: "None: Inspector deletes closed findings after some days, so that absence proves nothing. Later syncs ask for what was updated since the last one; all is asked for once a day, so that no closing is missed.",
	Limits: "Inspector closes findings of resources that are gone, or no longer scanned, too, and doesn't say why. One region per source. Inspector Classic is another product with another format. " +
		"The same findings reach Security Hub: connect one of the two, or quell shows both as sources of one exposure.",
	Example: `sources:
  - name: inspector
    connector: inspector
    config:
      region: eu-west-1
      access_key_id: AKIAEXAMPLE
      secret_access_key: ${env:AWS_SECRET_ACCESS_KEY}
`,
}
