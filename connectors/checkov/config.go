package checkov

import (
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one checkov source.
type Config struct {
	Repository string `yaml:"repository" json:"repository,omitempty" doc:"Which repository the reports are of, as host/owner/name: they don't say."`
	Artifact   string `yaml:"artifact" json:"artifact,omitempty" doc:"Name of what is scanned, where it is no repository."`
	FullScan   bool   `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every report of this source is of everything by the same checks, without --check, --skip-check, --skip-path or a baseline, and is sent as soon as it is made, since it has no time of its own; so that what is missing from it is gone."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if c.Repository != "" && strings.Count(strings.Trim(c.Repository, "/"), "/") < 2 {
		return []error{fmt.Errorf("repository: %q is not of the form host/owner/name", c.Repository)}
	}
	return nil
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A report written by `checkov --output json`, of one framework or of several, uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps: "Each failed check is a compliance finding `checkov:<check>` at its file and resource (`aws/db.tf#aws_db_instance.default`). Vulnerable packages of `sca_package` and `sca_image` are vulnerabilities at their purl without version and the file that names them; what `secrets` finds is a secret, of which neither the code around it nor the hash is kept. " +
		"Checks that a comment in the code skips are suppressed, with its reason. Checks that passed are left out and counted. Only reports made with an API key have severities.",
	Fixed:    "By absence from a later report of the same repository, where `full_scan` allows.",
	Coverage: "A report has no time and doesn't show a filter, so absence proves nothing unless `full_scan` says so. Then it covers the repository if every file could be parsed, it holds as many failed and skipped checks as its summary says, and it has checked anything at all.",
	Limits:   "The path of a file is from the directory that was scanned: scan from the root of the repository. Code is kept as evidence only up to some lines, without what looks like a credential.",
	Example: `sources:
  - name: infra-checkov
    connector: checkov
    config:
      repository: github.com/quellsec/infra
      full_scan: true
`,
}
