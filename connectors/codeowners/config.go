package codeowners

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one source of CODEOWNERS files.
type Config struct {
	Repository   string            `yaml:"repository" json:"repository,omitempty" doc:"Whose file an uploaded one is: github.com/acme/shop. Pulled files say so themselves."`
	URL          string            `yaml:"url" json:"url,omitempty" doc:"Address of GitHub's API: https://api.github.com, or https://ghe.example.org/api/v3."`
	Repositories []string          `yaml:"repositories" json:"repositories,omitempty" doc:"Repositories whose file is read from there: acme/shop."`
	GitHost      string            `yaml:"git_host" json:"git_host,omitempty" doc:"Host of those repositories: it begins their names."`
	Files        map[string]string `yaml:"files" json:"files,omitempty" doc:"Files that are read by their address, by repository: {git.example.org/acme/shop: https://git.example.org/acme/shop/raw/main/CODEOWNERS}."`
	Token        secret.String     `yaml:"token" json:"token,omitzero" doc:"Bearer token that may read the repositories' contents."`
}

func defaults() *Config { return &Config{GitHost: "github.com"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.Repository != "" && strings.Count(c.Repository, "/") < 2 {
		problems = append(problems, errors.New("repository: wants its host, owner and name: github.com/acme/shop"))
	}
	for i, name := range c.Repositories {
		if strings.Count(name, "/") != 1 || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") {
			problems = append(problems, fmt.Errorf("repositories[%d]: %q wants to be an owner and a name: acme/shop", i, name))
		}
	}
	if (c.URL == "") != (len(c.Repositories) == 0) {
		problems = append(problems, errors.New("url, repositories: are needed together"))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		if err := httpclient.CheckURL(c.Files[name]); err != nil || c.Files[name] == "" {
			problems = append(problems, fmt.Errorf("files.%s: is no address that could be read", name))
		}
	}
	return problems
}

var docs = connectors.Page{
	Needs: "CODEOWNERS files, uploaded or by their address; or GitHub's contents API with a token that may read the repositories' contents.",
	Maps: "Each file's repository is an asset. Every rule that decides for any path is a clue to its owner: `CODEOWNERS *` for the rule of all paths, `CODEOWNERS /payments/` for a rule of one. Teams are `@acme/payments`, people `@ann` or a mail address, as they stand there. " +
		"The last rule that matches a path decides, so a rule that a later one overrules altogether is left out. In GitLab's files each section decides by itself, and a rule without owners has those of its section.",
	Fixed:    "A list of owners knows no weaknesses.",
	Coverage: "None: the source says whose a repository is, and not what is weak in it.",
	Limits: "Whether a rule overrules another is decided for the path that the other is written for, with github.com/hmarr/codeowners, and for files of up to 500 rules. Lines that GitHub would call an error are skipped, as GitHub skips them. Of a file's rules the hundred most general count. " +
		"GitHub looks for the file in .github/, at the top and in docs/, in this order, and so does this.",
	Example: `sources:
  - name: code-owners
    connector: codeowners
    config:
      url: https://api.github.com
      token: ${env:GITHUB_TOKEN}
      repositories: [acme/shop, acme/infra]
`,
}
