package mdvm

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Defender tenant. All of it is optional: a source that
// only takes uploads needs none.
type Config struct {
	URL          string        `yaml:"url" json:"url,omitempty" doc:"Address of the API, for sources that are pulled: https://api.securitycenter.microsoft.com, or a region's own."`
	TenantID     string        `yaml:"tenant_id" json:"tenant_id,omitempty" doc:"ID of the Entra tenant."`
	ClientID     string        `yaml:"client_id" json:"client_id,omitempty" doc:"ID of the registered application."`
	ClientSecret secret.String `yaml:"client_secret" json:"client_secret,omitzero" doc:"Secret of the registered application."`
	Login        string        `yaml:"login" json:"login,omitempty" doc:"Where tokens are got; another address for national clouds."`
	Scope        string        `yaml:"scope" json:"scope,omitempty" doc:"What tokens are for; another one for national clouds."`
	ByMachine    bool          `yaml:"by_machine" json:"by_machine,omitempty" doc:"Ask each machine for its vulnerabilities in place of the export: with texts and scores, but without the software, and with a call for each machine, of which there may be some 50 a minute. For small tenants."`
	Rows         int           `yaml:"rows" json:"rows,omitempty" doc:"Rows per page of the export, 1000 to 200000."`
	Zone         string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the machines. Addresses, MACs and bare host names are only compared inside one zone."`
}

const (
	leastRows   = 1_000
	defaultRows = 20_000
	mostRows    = 200_000
)

func defaults() *Config {
	return &Config{Login: "https://login.microsoftonline.com", Scope: "https://api.securitycenter.microsoft.com/.default", Rows: defaultRows}
}

var tenant = regexp.MustCompile(`^[A-Za-z0-9.-]{1,128}$`) //nolint:gochecknoglobals // a constant

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Rows < leastRows || c.Rows > mostRows {
		problems = append(problems, fmt.Errorf("rows: %d is not between %d and %d", c.Rows, leastRows, mostRows))
	}
	if err := httpclient.CheckURL(c.Login); err != nil || c.Login == "" {
		problems = append(problems, errors.New("login: wants to begin with https:// and a host"))
	}
	if c.URL == "" {
		return problems
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if !tenant.MatchString(c.TenantID) {
		problems = append(problems, errors.New("tenant_id: the ID or domain of a tenant is needed where url is set"))
	}
	if c.ClientID == "" {
		problems = append(problems, errors.New("client_id: is needed where url is set"))
	}
	if c.ClientSecret.Empty() {
		problems = append(problems, errors.New("client_secret: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A registered application with the permissions Machine.Read.All and Vulnerability.Read.All of WindowsDefenderATP, granted by an administrator.",
	Maps: "Each vulnerability of a machine's software is a weakness by its CVE; the software is the affected package, and an update of it that is vulnerable still stays the same finding. " +
		"Machines are known by their Defender ID, their Azure resource, names and addresses; one that Defender merged into another is the same asset. Tags written as `name: value` are clues to the owner where the name speaks of one.",
	Fixed: "Status Fixed of the export of changes, unless the same changes say as well that the weakness is new or updated there, as they do when a machine changes its group or the software its version. " +
		"Beyond that, absence from a full export of a machine that is active.",
	Coverage: "A full sync is complete when machines and vulnerabilities were read to the last page. A machine counts as looked at if it is onboarded, active and not excluded, as of twelve hours before it was last seen, since exports are up to six hours old. " +
		"An inactive machine closes nothing. Between full syncs, once a week, the export of changes is asked for.",
	Limits: "The export has no texts: `by_machine` gets them for small tenants. Exports by files are not pulled, but their lines can be uploaded. Changes reach back 14 days: after a longer pause the sync is a full one. " +
		"Changes of more than 100,000 rows give no fixes, since contradictions can't be seen; the next full sync does. Whether the changes of a machine that was offboarded say Fixed is not documented.",
	Example: `sources:
  - name: defender
    connector: mdvm
    config:
      url: https://api.securitycenter.microsoft.com
      tenant_id: 00000000-0000-4000-8000-000000000000
      client_id: 11111111-1111-4111-8111-111111111111
      client_secret: ${env:DEFENDER_CLIENT_SECRET}
`,
}
