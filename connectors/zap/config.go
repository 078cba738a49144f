package zap

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one ZAP source.
type Config struct {
	Zone     string   `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned sites. Addresses and bare host names are only compared inside one zone."`
	Complete bool     `yaml:"complete" json:"complete,omitempty" doc:"Says that every report of this source comes from a scan that ran all of checks on the whole of each site in it, is not filtered, and was sent only if ZAP ended well."`
	Checks   []string `yaml:"checks" json:"checks,omitempty" doc:"Which rules every scan runs: zap:* for all, zap:<plugin id> for one, or a prefix ending in *."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Complete && len(c.Checks) == 0 {
		problems = append(problems, errors.New("checks: is needed where complete is true, as reports don't say what was run"))
	}
	for _, check := range c.Checks {
		if !strings.HasPrefix(check, Name+":") || len(check) == len(Name)+1 {
			problems = append(problems, fmt.Errorf("checks: %q does not begin with %q and a rule", check, Name+":"))
		}
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs: "A report of the templates `traditional-xml`, `traditional-xml-plus`, `traditional-json` or `traditional-json-plus` (what `zap-baseline.py -x` and `-J` write), uploaded, sent to the source's webhook, or given to `quell ingest`.",
	Maps: "Each instance of an alert is a finding `zap:<alertRef>`, or `zap:<pluginid>` where the report is of a version without references, on the host of its site. Its location is port and path, `443/tcp/login`; the query is left out. " +
		"Method and parameter tell instances apart. An alert without instances is one finding on its site. Risk becomes the severity; confidence stays with the finding. Evidence is what ZAP matched, with credentials hidden; of recorded requests the header is kept, of responses nothing.",
	Fixed: "By absence only, as `complete` allows. An alert of confidence 0 is one that somebody called a false positive: suppressed.",
	Coverage: "A report says neither which rules ran nor whether the scan came to its end, and it can hold a choice of sites, risks and alerts: by itself it covers nothing, and nothing is closed by being missing from it. " +
		"For a source whose scans are always whole, `complete` and `checks` say so. Even then a site without a single alert counts as looked at in part, since a dead site and a clean one look alike, and a report that counts more instances than it lists is not complete. A site is covered at its own port.",
	Limits: "Of one alert 20,000 instances are read. Times in reports have no zone and are taken as UTC. A rule that puts random text into a path makes a new finding each time.",
	Example: `sources:
  - name: zap-nightly
    connector: zap
    config:
      zone: dmz
      complete: true
      checks: ["zap:*"]
`,
}
