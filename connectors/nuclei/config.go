package nuclei

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one nuclei source.
type Config struct {
	Zone     string   `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Addresses and bare host names are only compared inside one zone."`
	Complete bool     `yaml:"complete" json:"complete,omitempty" doc:"Says that every report of this source comes from a scan that ran all of checks on all of targets, and was sent only if nuclei ended well."`
	Checks   []string `yaml:"checks" json:"checks,omitempty" doc:"Which checks every scan runs: nuclei:* for all, nuclei:<template-id> for one template, or a prefix ending in *."`
	Targets  []string `yaml:"targets" json:"targets,omitempty" doc:"Which hosts, host:port or URLs every scan is given."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Complete && len(c.Checks) == 0 {
		problems = append(problems, errors.New("checks: is needed where complete is true, as reports don't say what was run"))
	}
	if c.Complete && len(c.Targets) == 0 {
		problems = append(problems, errors.New("targets: is needed where complete is true, as reports don't name hosts without findings"))
	}
	for _, check := range c.Checks {
		if !strings.HasPrefix(check, Name+":") || len(check) == len(Name)+1 {
			problems = append(problems, fmt.Errorf("checks: %q does not begin with %q and a template", check, Name+":"))
		}
	}
	for _, target := range c.Targets {
		if a := connectors.ParseAddress(target); len(connectors.HostIdentifiers(c.Zone, []string{a.Host}, nil, nil)) == 0 {
			problems = append(problems, fmt.Errorf("targets: %q is not a host, host:port or URL", a.Without(target)))
		}
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A report written by `nuclei -jsonl -o report.jsonl` (or `-json-export`), sent to the source's webhook, uploaded, or given to `quell ingest`. With `-omit-raw` reports are a tenth of the size; nothing of requests and responses is kept anyway.",
	Maps: "Each result is a finding `nuclei:<template-id>`, or `nuclei:<template-id>:<matcher>` where a named matcher says which of a template's weaknesses it is, on the host that was scanned. " +
		"Its location is the port and path that matched, `443/tcp/.git/config`; the query is left out. Where a template looked at somebody else's server (a cloud provider's login page, say), neither that server's address nor its port is taken for the host's own. " +
		"Severity, CVEs, CWEs, CVSS and EPSS are the template's. Extracted results become the evidence, with credentials hidden.",
	Fixed: "By a re-test with the same template. By absence only as `complete` allows.",
	Coverage: "Nuclei writes nothing where it finds nothing, and never says what it ran: by itself a report covers nothing, and no weakness closes because it is missing from one. " +
		"For a source that always runs the same, `complete`, `checks` and `targets` say what that is. Even then a target counts as looked at only if the report has a line for it, since a dead host and a clean one look alike: run nuclei with `-matcher-status`, which writes a line for every template and target. A target with an error line is looked at in part.",
	Limits: "A template that puts random text into the path makes a new finding each time. Results of local file templates are findings on a host named by the file.",
	Example: `sources:
  - name: nuclei-weekly
    connector: nuclei
    config:
      zone: dmz
      complete: true
      checks: ["nuclei:*"]
      targets:
        - https://www.example.org
        - vpn.example.org:443
`,
}
