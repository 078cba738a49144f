package localtracker

import (
	"fmt"
	"net/url"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of the built-in tracker.
type Config struct {
	URL string `yaml:"url" json:"url,omitempty" doc:"Public address of quell, for links to tickets. Empty: tickets have no link."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if c.URL == "" {
		return nil
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return []error{fmt.Errorf("url: %q is not an http or https address", c.URL)}
	}
	return nil
}

var docs = connectors.Page{
	Needs:    "Nothing. It is what tickets are kept in while no other tracker is configured: in quell's own store, visible through `quell tickets` and the API.",
	Maps:     "One ticket for each remediation: one owner, one fix. Its key is made from the remediation, so that making it twice makes it once.",
	Fixed:    "Moving a ticket to done is taken as a claim, and re-tested.",
	Coverage: "Nothing: it keeps tickets, and reports on nothing.",
	Limits:   "A ticket keeps its latest 500 comments.",
	Example: `trackers:
  - name: local
    connector: localtracker
    config:
      url: https://quell.example.org
`,
}
