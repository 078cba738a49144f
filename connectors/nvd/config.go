package nvd

import (
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one source.
type Config struct {
	URL    string        `yaml:"url" json:"url,omitempty" doc:"Address of the CVE API 2.0, or of a mirror that speaks it. Empty: nothing is pulled."`
	APIKey secret.String `yaml:"api_key" json:"api_key,omitzero" doc:"Key of the API, which may ask ten times as often as those without."`
}

func defaults() *Config {
	return &Config{URL: "https://services.nvd.nist.gov/rest/json/cves/2.0"}
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
	Needs:    "Nothing: the database is public. A key makes the first sync much quicker: without one five requests in 30 seconds are allowed, with one fifty.",
	Maps:     "The CVSS vector of each CVE, of the newest version of CVSS that there is, the primary score before others. It is used where neither CISA nor a source says whether a weakness can be used automatically and what it gives. Rejected CVEs are kept as such and not used.",
	Fixed:    "Not at all: it knows no assets.",
	Coverage: "None.",
	Limits:   "The first sync reads the whole database, some hundred and fifty pages; later ones ask for what changed, in windows of 120 days, which is the most that the API takes. The limits are NIST's own and are not measured here.",
	Example: `sources:
  - name: nvd
    connector: nvd
    config:
      api_key: ${env:NVD_API_KEY}
`,
}
