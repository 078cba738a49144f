package epss

import (
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
)

// Config is the configuration of one source.
type Config struct {
	URL string `yaml:"url" json:"url,omitempty" doc:"Address of the day's scores as CSV, compressed with gzip or not, or of a mirror. Empty: nothing is pulled."`
}

func defaults() *Config {
	return &Config{URL: "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"}
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
	Needs:    "Nothing: the scores are public. Without a way out, import the file with `quell intel import`.",
	Maps:     "Each row is the probability that its CVE is exploited within 30 days.",
	Fixed:    "Not at all: it knows no assets.",
	Coverage: "None.",
	Limits:   "A file of more than 256 MiB, uncompressed, is refused, and the one before stays in use.",
	Example: `sources:
  - name: epss
    connector: epss
`,
}
