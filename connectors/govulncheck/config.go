package govulncheck

import (
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one govulncheck source.
type Config struct {
	Repository string `yaml:"repository" json:"repository,omitempty" doc:"Which repository the reports are of, as host/owner/name, where they don't name their main module or its path leads elsewhere."`
	Artifact   string `yaml:"artifact" json:"artifact,omitempty" doc:"Name of what is scanned, where it is no repository, such as a binary."`
	File       string `yaml:"file" json:"file,omitempty" doc:"File that names the modules, as other scanners give it: go.mod, or its path in the repository. Empty for binaries."`
	FullScan   bool   `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every report of this source comes from a scan of all packages (./...) that ended without an error, and is sent as soon as it is made, since it has no time of its own; so that what is missing from it is gone."`
}

func defaults() *Config { return &Config{File: "go.mod"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	if c.Repository != "" && strings.Count(strings.Trim(c.Repository, "/"), "/") < 2 {
		return []error{fmt.Errorf("repository: %q is not of the form host/owner/name", c.Repository)}
	}
	return nil
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "Messages written by `govulncheck -format json ./...` (protocol version 1.0.0, since govulncheck 1.0), or the report of versions before that, uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps: "Each vulnerability in a module is one finding `govulncheck:<GO-…>`, however many paths lead to it: its location is the module's purl without version and the `file` that names it, in the form that trivy's findings have. Its CVE is the weakness. " +
		"What is called is open, with the way from the code to it as evidence. In a scan at the level of symbols, a vulnerability whose code is imported or required but never called is not affected, by govulncheck's opinion.",
	Fixed:    "By absence from a later report, where `full_scan` allows. A vulnerability that is no longer called is not fixed.",
	Coverage: "The messages have neither time nor end: one that was cut off between two of them looks the same as a whole one. So absence proves nothing unless `full_scan` says so, and nothing in any case if the scan says that it looked at 0 packages.",
	Limits:   "Go's vulnerability database has no severities. The message that names the main module comes since govulncheck 1.1; without it and without `repository`, a report is of something that is known by the source's name.",
	Example: `sources:
  - name: shop-govulncheck
    connector: govulncheck
    config:
      repository: github.com/quellsec/shop
`,
}
