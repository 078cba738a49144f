package wazuh

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Wazuh cluster. All of it is optional: a source that
// only takes uploads needs none.
type Config struct {
	Manager         string        `yaml:"manager" json:"manager,omitempty" doc:"Address of the manager's API, for sources that are pulled, such as https://wazuh.example.org:55000. It names the agents."`
	ManagerUser     string        `yaml:"manager_user" json:"manager_user,omitempty" doc:"Name of the user of the manager's API."`
	ManagerPassword secret.String `yaml:"manager_password" json:"manager_password,omitzero" doc:"Password of the user of the manager's API."`
	Indexer         string        `yaml:"indexer" json:"indexer,omitempty" doc:"Address of the indexer, such as https://wazuh.example.org:9200: since version 4.8 vulnerabilities are there. Empty: they are asked of the manager, as up to 4.7."`
	IndexerUser     string        `yaml:"indexer_user" json:"indexer_user,omitempty" doc:"Name of the user of the indexer."`
	IndexerPassword secret.String `yaml:"indexer_password" json:"indexer_password,omitzero" doc:"Password of the user of the indexer."`
	Index           string        `yaml:"index" json:"index,omitempty" doc:"Pattern of the indices that hold the vulnerabilities."`
	Agent           string        `yaml:"agent" json:"agent,omitempty" doc:"ID of the agent of whom uploaded answers of version 4.7 are, which don't say so themselves."`
	Zone            string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the agents. Addresses and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{Index: "wazuh-states-vulnerabilities-*"} }

var index = regexp.MustCompile(`^[a-z0-9][a-z0-9._*-]{0,200}$`) //nolint:gochecknoglobals // a constant

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if !index.MatchString(c.Index) {
		problems = append(problems, errors.New("index: this is no pattern of an index"))
	}
	if c.Indexer != "" && c.Manager == "" {
		problems = append(problems, errors.New("manager: is needed where indexer is set, since it names the agents"))
	}
	for _, peer := range []struct {
		name, url, user string
		password        secret.String
	}{{"manager", c.Manager, c.ManagerUser, c.ManagerPassword}, {"indexer", c.Indexer, c.IndexerUser, c.IndexerPassword}} {
		if peer.url == "" {
			continue
		}
		if err := httpclient.CheckURL(peer.url); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", peer.name, err))
		}
		if peer.user == "" {
			problems = append(problems, fmt.Errorf("%s_user: is needed where %s is set", peer.name, peer.name))
		}
		if peer.password.Empty() {
			problems = append(problems, fmt.Errorf("%s_password: is needed where %s is set", peer.name, peer.name))
		}
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A user of the manager's API with the policy agents_read (and, up to 4.7, vulnerability_read), and from 4.8 on a user of the indexer that may read wazuh-states-vulnerabilities-*.",
	Maps: "Each vulnerability of an agent's package is a weakness by its CVE at the package, named as image scanners name it where the kind of package is known. " +
		"Hosts are known by their agent, name and address; labels and groups of agents are not owners by themselves, but a group called `team-…` or the like is a clue.",
	Fixed: "Wazuh has no word for it: it deletes what is fixed. A weakness is gone when it is no longer listed for an agent that is active. Status OBSOLETE of version 4.7 is put away, not fixed.",
	Coverage: "A full sync is complete when agents and vulnerabilities were read to as many as Wazuh said there were, no shard failed, and there are any at all: an empty index is rather one that is being made. " +
		"An agent counts as looked at if it is active, as of two hours before it last called, since inventories are taken each hour. A disconnected agent closes nothing.",
	Limits: "A few hits of many, as a search gives by default, are never complete. An index that is made anew while it is read may look as if weaknesses were gone; they are seen again at the next sync. " +
		"Answers of version 4.7 do not name their agent: as files they are of the agent that is configured, else of one that has no name, so that each agent's files want a source of their own. " +
		"The indexer must allow sorting by _id, which is its default.",
	Example: `sources:
  - name: wazuh
    connector: wazuh
    config:
      manager: https://wazuh.example.org:55000
      manager_user: quell
      manager_password: ${env:WAZUH_MANAGER_PASSWORD}
      indexer: https://wazuh.example.org:9200
      indexer_user: quell
      indexer_password: ${env:WAZUH_INDEXER_PASSWORD}
`,
}
