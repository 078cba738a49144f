package terraform

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one source of states.
type Config struct {
	URLs       []string      `yaml:"urls" json:"urls,omitempty" doc:"Addresses of states, as an http backend has them: https://gitlab.example.org/api/v4/projects/7/terraform/state/prod."`
	User       string        `yaml:"user" json:"user,omitempty" doc:"User for basic authentication."`
	Password   secret.String `yaml:"password" json:"password,omitzero" doc:"Its password."`
	Token      secret.String `yaml:"token" json:"token,omitzero" doc:"Bearer token, in place of user and password."`
	Zone       string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the machines. Addresses and bare host names are only compared inside one zone."`
	Repository string        `yaml:"repository" json:"repository,omitempty" doc:"Repository that holds the code of the states: github.com/acme/infra."`
	OwnerTags  []string      `yaml:"owner_tags" json:"owner_tags,omitempty" doc:"Tags and labels that name an owner, whatever their case."`
}

func defaults() *Config {
	return &Config{OwnerTags: []string{"owner", "team", "squad", "contact", "maintainer", "cost-center", "cost_center", "costcenter", "business-unit"}}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	for i, address := range c.URLs {
		if address == "" {
			problems = append(problems, fmt.Errorf("urls[%d]: is empty", i))
		} else if err := httpclient.CheckURL(address); err != nil {
			problems = append(problems, fmt.Errorf("urls[%d]: %w", i, err))
		}
	}
	if (c.User == "") != c.Password.Empty() {
		problems = append(problems, errors.New("user, password: are needed together"))
	}
	if c.User != "" && !c.Token.Empty() {
		problems = append(problems, errors.New("token: is there beside user and password: one is enough"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "State files (`terraform.tfstate`, or the output of `terraform state pull`), uploaded; or the addresses of states that an http backend serves, with credentials that may read them. States of OpenTofu are the same.",
	Maps: "Each instance of a managed resource that has a name of its own in its cloud (ARN, Azure ID, self link) is an asset, known by that name, and machines also by their instance and addresses; machines, repositories, domain names and identities are told apart by their type. " +
		"Tags are tags; those of `owner_tags` are clues to the owner. What is built from `repository` says so by an edge.",
	Fixed:    "A state knows no weaknesses.",
	Coverage: "None: an inventory says what there is, and not what is weak in it. A state that was read to its end is a whole one.",
	Limits: "States hold passwords and keys in clear. Only these attributes are read at all, whatever else a state holds: arn, id, self_link, urn, name, tags, tags_all, labels, region, location, project, fqdn, hostname, domain_name, dns_name, public_ip, private_ip, public_dns, private_dns, " +
		"ipv4_address, virtual_machine_id, instance_id, internal, full_name, http_clone_url, ami, instance_type; and of resources of the types random, tls, vault, local, null and access keys nothing is. Outputs never are. What is pulled is stored without the rest; a state that is uploaded is stored as it was sent, so pull where you can. " +
		"A state says nothing of what was made without it, and nothing of when it was last compared with the cloud. Data sources are left out. States in S3 and other buckets have to be brought by whoever may read the bucket.",
	Example: `sources:
  - name: infra-states
    connector: terraform
    config:
      urls: [https://gitlab.example.org/api/v4/projects/7/terraform/state/prod]
      user: quell
      password: ${env:GITLAB_TOKEN}
      repository: gitlab.example.org/infra/prod
`,
}
