package device42

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Device42 source.
type Config struct {
	URL         string        `yaml:"url" json:"url,omitempty" doc:"Address of Device42. Its http address leads to https by itself, which is followed."`
	User        string        `yaml:"user" json:"user,omitempty" doc:"User that may read devices."`
	Password    secret.String `yaml:"password" json:"password,omitzero" doc:"Its password."`
	Zone        string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the devices. Addresses, MACs and bare host names are only compared inside one zone."`
	OwnerFields []string      `yaml:"owner_fields" json:"owner_fields,omitempty" doc:"Custom fields that name an owner, whatever their case. Fields with the word owner in their name are taken anyway."`
	EndUsers    bool          `yaml:"end_users" json:"end_users" doc:"Whether end users are read too."`
	Page        int           `yaml:"page" json:"page,omitempty" doc:"Devices per page, 1 to 1000."`
}

const mostPerPage = 1000

func defaults() *Config {
	return &Config{OwnerFields: []string{"administrator", "department", "team"}, EndUsers: true, Page: 100}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL == "" {
		return problems
	}
	if c.User == "" {
		problems = append(problems, errors.New("user: is needed where url is set"))
	}
	if c.Password.Empty() {
		problems = append(problems, errors.New("password: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A user with read permission on devices and end users.",
	Maps: "Each device is a host, known by its device ID, UUID, serial number, name, aliases, MACs and addresses. Well-known resolvers such as 1.1.1.1 and 8.8.8.8, which people type in where an address is asked for, are " +
		"no host's. `customer`, custom fields with the word owner in their name, and `owner_fields` are clues to the owner; other custom fields, service level, place, hardware and tags are tags. A virtual machine " +
		"runs on its host, a blade is part of its chassis. End users become identities.",
	Fixed:    "Device42 knows no weaknesses.",
	Coverage: "None: an inventory says what there is, and not what is weak in it. A sync is whole when it got as many devices as Device42 counts. A device that is not in service is still there: nothing in Device42 says that one is gone.",
	Limits:   "Virtual machines name their host by its name alone, so that edge is as good as the name. Changes since a time are not asked for: each sync reads all.",
	Example: `sources:
  - name: device42
    connector: device42
    config:
      url: https://device42.example.org
      user: quell
      password: ${env:DEVICE42_PASSWORD}
      owner_fields: [team, business service]
`,
}
