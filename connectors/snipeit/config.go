package snipeit

import (
	"errors"
	"fmt"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Snipe-IT source.
type Config struct {
	URL          string        `yaml:"url" json:"url,omitempty" doc:"Address of Snipe-IT, without /api."`
	Token        secret.String `yaml:"token" json:"token,omitzero" doc:"Personal API token of a user who may view assets and users."`
	Zone         string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the assets. Addresses, MACs and bare host names are only compared inside one zone."`
	Categories   []string      `yaml:"categories" json:"categories,omitempty" doc:"Categories that are read, whatever their case: [Laptop, Server]. Empty: all, chairs too."`
	GoneStatuses []string      `yaml:"gone_statuses" json:"gone_statuses,omitempty" doc:"Status labels of assets that are there no more, whatever their case."`
	TimeZone     string        `yaml:"time_zone" json:"time_zone,omitempty" doc:"IANA time zone of the server, whose times name none."`
	Users        bool          `yaml:"users" json:"users" doc:"Whether users are read too."`
	Page         int           `yaml:"page" json:"page,omitempty" doc:"Assets and users per page, 1 to 500."`
}

const mostPerPage = 500

func defaults() *Config {
	return &Config{GoneStatuses: []string{"retired", "disposed", "destroyed", "recycled", "sold", "scrapped"}, TimeZone: "UTC", Users: true, Page: mostPerPage}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		problems = append(problems, fmt.Errorf("time_zone: %q isn't an IANA time zone like Europe/Berlin", c.TimeZone))
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL != "" && c.Token.Empty() {
		problems = append(problems, errors.New("token: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "An API token of a user who may view assets and users.",
	Maps: "Each asset is a host, known by its Snipe-IT ID, serial number, name, and custom fields of the formats MAC and IP. Who it is checked out to is the clue to its owner; what is checked out to another asset belongs to whoever has that one, however far that goes, " +
		"and is part of it. Company and custom fields with the word owner in their name are clues too; category, model, place, status and other custom fields are tags. Users become identities, with manager and department as clues.",
	Fixed:    "Snipe-IT knows no weaknesses.",
	Coverage: "None: an inventory says what there is, and not what is weak in it. A sync is whole when both lists gave as many rows as they count. An asset is gone when it was deleted or has one of `gone_statuses`; an archived one may be lost, and a lost one may still run.",
	Limits:   "A place that something is checked out to is no owner. In an uploaded page only the assets on it are known, so one that is checked out to an asset elsewhere has no owner there; a sync looks them up. Of assets that are checked out to each other in a circle nobody has any.",
	Example: `sources:
  - name: snipe-it
    connector: snipeit
    config:
      url: https://assets.example.org
      token: ${env:SNIPEIT_TOKEN}
      categories: [Laptop, Server]
      time_zone: Europe/Berlin
`,
}
