package glpi

import (
	"errors"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one source of inventories.
type Config struct {
	User             string        `yaml:"user" json:"user,omitempty" doc:"User that agents authenticate with (their option user)."`
	Password         secret.String `yaml:"password" json:"password,omitzero" doc:"Its password (their option password)."`
	PreviousPassword secret.String `yaml:"previous_password" json:"previous_password,omitzero" doc:"The password before, while it is being changed."`
	Zone             string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the machines. Addresses, MACs and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if (c.User == "") != c.Password.Empty() {
		return []error{errors.New("user, password: are needed together")}
	}
	return nil
}

var docs = connectors.Page{
	Needs: "GLPI Agent or FusionInventory Agent on the machines. Files that they write (`--local`) can be uploaded. To have them push, point their option `server` at the source's webhook, and set `user` and `password` on both sides: the agents sign nothing.",
	Maps: "Each inventory is a host, known by its SMBIOS UUID, serial number, FQDN, and the MACs and addresses of its real network ports, whether it comes as XML or JSON, compressed or not. Network equipment that an agent has asked over SNMP is a host too. " +
		"Virtual machines that it runs are hosts that run on it. Tag, registered owner, who logs on and the equipment's contact are clues to the owner. A partial inventory adds to what is known and takes nothing away.",
	Fixed:    "An inventory knows no weaknesses.",
	Coverage: "None: it says what a machine is, and not what is weak in it.",
	Limits: "The agent's handshake (PROLOG and contact) is answered, and is no inventory. The times of XML inventories are the machine's local ones and are read as UTC. The answers follow what the agents' own code accepts and were not tried with a running agent. " +
		"A decompressed inventory may be 256 MiB.",
	Example: `sources:
  - name: glpi-agents
    connector: glpi
    config:
      user: agent
      password: ${env:GLPI_AGENT_PASSWORD}
      zone: office
`,
}
