package awsinventory

import (
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one AWS inventory source: one account in one region. A
// source that only takes uploads needs none of it.
type Config struct {
	Region       string        `yaml:"region" json:"region,omitempty" doc:"Region to pull, such as eu-west-1."`
	AccessKeyID  string        `yaml:"access_key_id" json:"access_key_id,omitempty" doc:"Key to call AWS with."`
	SecretKey    secret.String `yaml:"secret_access_key" json:"secret_access_key,omitzero" doc:"Secret of the key."`
	SessionToken secret.String `yaml:"session_token" json:"session_token,omitzero" doc:"Session token, where the key is a temporary one."`
	RoleARN      string        `yaml:"role_arn" json:"role_arn,omitempty" doc:"Role to assume for the calls."`
	ExternalID   string        `yaml:"external_id" json:"external_id,omitempty" doc:"External ID that the role asks for."`
	TokenFile    string        `yaml:"web_identity_token_file" json:"web_identity_token_file,omitempty" doc:"File with a web identity's token, to assume the role with in place of a key."`
	DNS          bool          `yaml:"dns" json:"dns" doc:"Whether to read the zones of Route 53, which are the same in all regions: true in one source per account."`
}

func defaults() *Config { return &Config{DNS: true} }

func (c *Config) login() awsapi.Login {
	return awsapi.Login{Region: c.Region, AccessKeyID: c.AccessKeyID, SecretKey: c.SecretKey, SessionToken: c.SessionToken,
		RoleARN: c.RoleARN, ExternalID: c.ExternalID, TokenFile: c.TokenFile}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	login := c.login()
	return login.Check()
}

var docs = connectors.Page{
	Needs: "A key or role with `ec2:DescribeInstances`, `ec2:DescribeNetworkInterfaces`, `ec2:DescribeAddresses`, `elasticloadbalancing:DescribeLoadBalancers`, `:DescribeTags`, `:DescribeTargetGroups`, `:DescribeTargetHealth`, `route53:ListHostedZones` and `route53:ListResourceRecordSets`: the managed policy ViewOnlyAccess has them all. " +
		"Files: what the AWS CLI prints for these calls, also of classic load balancers.",
	Maps: "An instance is a host, known by ARN, by account, region and id, by its MACs, and inside its VPC by its addresses. Load balancers are known by ARN and DNS name, records of Route 53 are domains. Edges: an instance is of its AMI, and part of its account; a load balancer and an elastic address expose what they lead to; a record resolves to a load balancer, another name or an address. " +
		"An instance with a public address faces the internet, and so does a load balancer whose scheme says so; one whose scheme is internal does not. Tags that name somebody are hints to the owner. Instances of an auto-scaling group are short-lived.",
	Fixed:    "An inventory has no findings. An instance whose state is terminated is gone.",
	Coverage: "None: that something exists says nothing of what is weak in it.",
	Limits: "One account and one region per source; the zones of Route 53 are global. A public address says nothing of the security groups before it. Without a public address it stays unknown whether an instance faces the internet, since a load balancer may lead to it. " +
		"The names of private zones are not read, nor wildcards. IP targets of load balancers are taken as private addresses of the VPC.",
	Example: `sources:
  - name: aws-prod
    connector: awsinventory
    config:
      region: eu-west-1
      role_arn: arn:aws:iam::111122223333:role/quell
      web_identity_token_file: /var/run/secrets/eks.amazonaws.com/serviceaccount/token
`,
}
