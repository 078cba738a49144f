package tenable

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Tenable VM tenant. All of it is optional: a source
// that only takes uploads needs none.
type Config struct {
	URL        string        `yaml:"url" json:"url,omitempty" doc:"Address of the API, for sources that are pulled: https://cloud.tenable.com, or that of another Tenable cloud."`
	AccessKey  secret.String `yaml:"access_key" json:"access_key,omitzero" doc:"Access key of the API user."`
	SecretKey  secret.String `yaml:"secret_key" json:"secret_key,omitzero" doc:"Secret key of the API user."`
	Severities []string      `yaml:"severities" json:"severities,omitempty" doc:"Only findings of these severities are asked for: info, low, medium, high, critical. Empty: all."`
	Unlicensed bool          `yaml:"unlicensed" json:"unlicensed,omitempty" doc:"Also ask for findings on assets that take no licence."`
	Days       int           `yaml:"days" json:"days,omitempty" doc:"How far back a full sync reaches, in days: 1 to 3650. Tenable keeps findings for 15 months."`
	Zone       string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Networks of Tenable other than its default one are zones of their own inside it."`
}

const (
	defaultDays = 450
	mostDays    = 3650
)

func defaults() *Config { return &Config{Days: defaultDays} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Days < 1 || c.Days > mostDays {
		problems = append(problems, fmt.Errorf("days: %d is not between 1 and %d", c.Days, mostDays))
	}
	for _, s := range c.Severities {
		if !slices.Contains([]string{"info", "low", "medium", "high", "critical"}, s) {
			problems = append(problems, fmt.Errorf("severities: %q is none of info, low, medium, high, critical", s))
		}
	}
	if c.URL == "" {
		return problems
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.AccessKey.Empty() {
		problems = append(problems, errors.New("access_key: is needed where url is set"))
	}
	if c.SecretKey.Empty() {
		problems = append(problems, errors.New("secret_key: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "An API user with the role Basic and the permission Can View on the assets, and its access and secret key. Exports need no more. " +
		"The CSV file of Tenable VM's or Nessus' own export needs nothing.",
	Maps: "Each finding is a weakness `nessus:<plugin>` (the plugins are those of Nessus, so both connectors' findings meet), at its port. " +
		"Assets come with their cloud names, agent, BIOS UUID, serial, names and addresses; tags whose category speaks of owners are clues to the owner. " +
		"A severity that somebody recast is the severity; the plugin's own stays in the vendor's fields. A web application is an asset of its own kind.",
	Fixed: "State FIXED, seen at `last_fixed`: a later scan looked and did not find it. OPEN and REOPENED are open; a finding whose risk was accepted by a rule is suppressed. " +
		"A finding that Tenable merely no longer lists (an asset was deleted or aged out) stays as it was.",
	Coverage: "A full sync is complete when both exports ended with all their chunks. It proves no absence, nor needs to: Tenable says itself what is fixed. " +
		"Between full syncs, once a week, only what was indexed since the last one is asked for.",
	Limits: "A full sync reaches `days` back, since Tenable cuts exports without a time at 30 days. `epss_score` stays in the vendor's fields: whether it is a fraction or a percentage is not documented. " +
		"Deleted assets are not taken for gone, terminated ones are. A CSV proves no absence; rows that only differ in the CVE become one finding where they stand together, and names of columns must be English. " +
		"One finding may hold up to 8 MiB. The web application scanning and container exports are other APIs and not read.",
	Example: `sources:
  - name: tenable
    connector: tenable
    config:
      url: https://cloud.tenable.com
      access_key: ${env:TENABLE_ACCESS_KEY}
      secret_key: ${env:TENABLE_SECRET_KEY}
`,
}
