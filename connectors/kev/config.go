package kev

import (
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
)

// Config is the configuration of one source.
type Config struct {
	URL string `yaml:"url" json:"url,omitempty" doc:"Address of the catalogue, or of a mirror of it. Empty: nothing is pulled."`
}

func defaults() *Config {
	return &Config{URL: "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"}
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
	Needs:    "Nothing: the catalogue is public. Without a way out, import the file with `quell intel import`.",
	Maps:     "Each entry makes exploitation of its CVE `active`, with the day it was added, CISA's due date, and whether ransomware uses it.",
	Fixed:    "Not at all: it knows no assets. A CVE that leaves the catalogue is no longer known to be exploited, and decisions are made anew.",
	Coverage: "None.",
	Limits:   "A catalogue that is cut short, counts wrongly or names a CVE twice is refused, and the one before stays in use.",
	Example: `sources:
  - name: kev
    connector: kev
`,
}
