package openvas

import (
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one OpenVAS source.
type Config struct {
	Zone   string   `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses, MACs and bare host names are only compared inside one zone."`
	Checks []string `yaml:"checks" json:"checks,omitempty" doc:"Which tests every scan of this source runs, as reports don't say it: openvas:* where the scan configuration is Full and fast, openvas:<OID> for one test, or a prefix ending in *. Empty: nothing is closed by its absence."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	for _, check := range c.Checks {
		if !strings.HasPrefix(check, Name+":") || len(check) == len(Name)+1 {
			problems = append(problems, fmt.Errorf("checks: %q does not begin with %q and a test", check, Name+":"))
		}
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs: "A report in the formats XML or CSV Results, uploaded, sent to the source's webhook, or given to `quell ingest`. For XML that can prove absence, export it without a filter: `apply_overrides=0 levels=chmlgdf min_qod=0 first=1 rows=-1`.",
	Maps: "Each result is a finding `openvas:<OID>`, or `openvas:<CVE>` of the CVE scanner, on its host at its port; results of a host as a whole have no location. The result's own severity counts, also where an override changed it; quality of detection, the original severity and overrides stay with the finding. " +
		"Log messages are findings of severity info. Results of policy audits are compliance findings.",
	Fixed: "By absence from a complete report, as `checks` allows; in audits, by a result that says yes. A result that an override calls a false positive is suppressed.",
	Coverage: "A report is complete if the scan is Done and has ended, and if the number of all results, that of the filtered ones, and that of those which came are the same: reports that are filtered by severity or quality of detection, which is the default, are not. The count alone is never trusted. " +
		"It covers each host that it lists with an end, for the tests that `checks` names; a host with an error, or without an end, is looked at in part.",
	Limits: "Reports don't name the scan configuration, so which tests ran must be said in `checks`. A CSV has neither hosts without results nor the scan's status: it covers nothing. At most 200,000 hosts of a report are covered. GMP itself, which is no HTTP, is not spoken.",
	Example: `sources:
  - name: openvas-weekly
    connector: openvas
    config:
      zone: dmz
      checks: ["openvas:*"]
`,
}
