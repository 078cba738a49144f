package securityhub

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Security Hub source. A source that only takes uploads
// needs none of it.
type Config struct {
	Region         string        `yaml:"region" json:"region,omitempty" doc:"Region of the hub to pull, such as eu-west-1. With finding aggregation, the aggregation region has the findings of all."`
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
	Needs: "To pull: a key or role with `securityhub:GetFindings`, and the `region` of the hub. To be pushed to: an EventBridge rule on `Security Hub Findings - Imported` (or `Findings Imported V2`) whose target is an SNS topic with an HTTPS subscription to the source's webhook, without raw delivery, named in `topics`; or an API destination that sends `secret` in `header`. " +
		"Files: what `aws securityhub get-findings` writes, a list of findings, or one finding, in ASFF; also what Prowler and trivy write as ASFF.",
	Maps: "A finding is one for each of its resources and, where it names vulnerable packages, for each package: `securityhub:<CVE>` at the package's purl without version. A control is a compliance finding `securityhub:<control id>`, and what is left is `securityhub:<generator>`, or by its type for GuardDuty, whose generator is only the detector. " +
		"Resources are known by their ARN, instances by account, region and id too, images by digest; their tags give hints to the owner, and an instance is tied to its AMI. OCSF-shaped findings of the hub's second version come to the same checks.",
	Fixed:    "`Compliance.Status` PASSED; Inspector's own status CLOSED; or `Workflow.Status` RESOLVED on a finding that its product has ARCHIVED too. ARCHIVED alone is no fix: the hub archives what was not updated, and what belongs to deleted resources. RESOLVED alone is a person's word; beside a control that fails it changes nothing.",
	Coverage: "None: the hub forgets findings that are not updated for 90 days, so absence proves nothing. Later syncs ask for what was updated since the last one; all is asked for once a week.",
	Limits: "GetFindings is what is pulled (API of 2018, ASFF), not GetFindingsV2. NOT_AVAILABLE is no finding: the check did not run. Inspector closes findings of instances that it no longer scans, and doesn't say why. " +
		"SNS messages are taken up to 75 minutes after they were published. EventBridge's API destinations sign nothing: use a long secret.",
	Example: `sources:
  - name: security-hub
    connector: securityhub
    config:
      region: eu-west-1
      role_arn: arn:aws:iam::111122223333:role/quell
      access_key_id: AKIAEXAMPLE
      secret_access_key: ${env:AWS_SECRET_ACCESS_KEY}
      topics: ["arn:aws:sns:eu-west-1:111122223333:security-hub"]
`,
}
