package vulnrichment

import (
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
)

// Config is the configuration of one source.
type Config struct {
	URL string `yaml:"url" json:"url,omitempty" doc:"Address of the repository as a gzipped tar archive, or of a mirror. Empty: nothing is pulled."`
}

func defaults() *Config {
	return &Config{URL: "https://codeload.github.com/cisagov/vulnrichment/tar.gz/refs/heads/develop"}
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	if err := httpclient.CheckURL(c.URL); err != nil {
		return []error{fmt.Errorf("url: %w", err)}
	}
	return nil
}

// reach is the host of the configured address.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

var docs = connectors.Page{
	Needs:    "Nothing: the repository is public. Without a way out, import its records with `quell intel import`.",
	Maps:     "The decision points `Exploitation`, `Automatable` and `Technical Impact` of each CVE, which count before what a CVSS vector suggests. Of several for one CVE the newest count.",
	Fixed:    "Not at all: it knows no assets.",
	Coverage: "None.",
	Limits:   "The archive is read as it comes, and nothing but the decision points is kept of it. A record of more than 8 MiB ends the sync.",
	Example: `sources:
  - name: vulnrichment
    connector: vulnrichment
`,
}
