package backstage

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Backstage source.
type Config struct {
	URL     string        `yaml:"url" json:"url,omitempty" doc:"Address of the backend, without /api/catalog."`
	Token   secret.String `yaml:"token" json:"token,omitzero" doc:"Static token of an external access that may read the catalog."`
	Page    int           `yaml:"page" json:"page,omitempty" doc:"Entities per page, 1 to 1000."`
	GitHost string        `yaml:"git_host" json:"git_host,omitempty" doc:"Host of the repositories that github.com/project-slug names, where it isn't github.com."`
}

const mostPerPage = 1000

func defaults() *Config { return &Config{Page: 200, GitHost: "github.com"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
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
	Needs: "To pull, a static token (`backend.auth.externalAccess`), restricted to the plugin `catalog`. Otherwise catalog files: `catalog-info.yaml`, or JSON of the catalog's API.",
	Maps: "Components of the types website and service are web applications, other components are repositories, APIs are APIs, resources are cloud resources, and systems are web applications of several parts. Groups and users are identities. " +
		"An entity is known by its reference, such as `component:default/shop`. Who it is owned by (`ownedBy`, or `spec.owner` in a file, made whole) is the clue to its owner, as a reference such as `group:default/payments`: make that an alias of the team. " +
		"The repository that an entity is built from (`github.com/project-slug`, `gitlab.com/project-slug`, or the source location) is an asset of its own and inherits the clue. Relations become edges.",
	Fixed:    "Backstage knows no weaknesses.",
	Coverage: "None: a catalog says what there is, and not what is weak in it. A sync is whole when it got as many entities as the catalog counts. An orphaned entity is tagged, not gone.",
	Limits:   "Domains, locations, templates and kinds of your own are left out. The catalog is read by `entities/by-query`, which Backstage 1.15 and later have. A catalog file is held in memory and may be 16 MiB; one that was cut off can't be told from a whole one.",
	Example: `sources:
  - name: catalog
    connector: backstage
    config:
      url: https://backstage.example.org
      token: ${env:BACKSTAGE_TOKEN}
`,
}
