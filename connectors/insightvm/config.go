package insightvm

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one InsightVM console. All of it is optional: a source
// that only takes uploads needs none.
type Config struct {
	URL      string        `yaml:"url" json:"url,omitempty" doc:"Address of the Security Console, for sources that are pulled, such as https://console.example.org:3780."`
	Username string        `yaml:"username" json:"username,omitempty" doc:"Name of the API user."`
	Password secret.String `yaml:"password" json:"password,omitzero" doc:"Password of the API user."`
	Assets   int           `yaml:"assets" json:"assets,omitempty" doc:"Assets per page, 1 to 500. Each costs two calls and more, besides one for every vulnerability that the page has."`
	NoTags   bool          `yaml:"no_tags" json:"no_tags,omitempty" doc:"Don't ask for the tags of assets, which takes a call for each. Tags say who owns them."`
	Zone     string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses, MACs and bare host names are only compared inside one zone."`
}

const (
	defaultAssets = 10
	mostAssets    = 500
)

func defaults() *Config { return &Config{Assets: defaultAssets} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Assets < 1 || c.Assets > mostAssets {
		problems = append(problems, fmt.Errorf("assets: %d is not between 1 and %d", c.Assets, mostAssets))
	}
	if c.URL == "" {
		return problems
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.Username == "" {
		problems = append(problems, errors.New("username: is needed where url is set"))
	}
	if c.Password.Empty() {
		problems = append(problems, errors.New("password: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A user of the Security Console with a role that may view the assets and vulnerabilities of the sites in question.",
	Maps: "Each result of a finding is a weakness `nexpose:<vulnerability>` at its port; what the console knows of the vulnerability (title, text, CVEs, scores) is looked up once per page. " +
		"The severity goes by the console's score from 1 to 10. Tags of the type owner are clues to the owner, and so are others whose name speaks of one.",
	Fixed: "InsightVM has no word for it: a weakness is gone when it is no longer among the findings of an asset that was assessed since. Where an exception applies, the finding stays and is suppressed.",
	Coverage: "An asset counts as looked at when the last assessment in its history is by an agent, or by a scan that finished, and all of its findings were got. Where the scan was stopped, failed or is running, or is not known any more, " +
		"it counts as looked at in part, and nothing closes. A full sync is complete when it got as many assets as the console has.",
	Limits: "There is no way to ask for what changed: each sync reads all. Solutions and references are calls of their own for each vulnerability and are not read. " +
		"A scan that finished may have had fewer credentials than the one before: the API does not say. Pages as files give findings only where they name their asset.",
	Example: `sources:
  - name: insightvm
    connector: insightvm
    config:
      url: https://console.example.org:3780
      username: quell
      password: ${env:INSIGHTVM_PASSWORD}
`,
}
