package osvscanner

import (
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one osv-scanner source.
type Config struct {
	Repository string `yaml:"repository" json:"repository,omitempty" doc:"Which repository the reports are of, as host/owner/name: they don't say."`
	Artifact   string `yaml:"artifact" json:"artifact,omitempty" doc:"Name of what is scanned, where it is no repository."`
	Root       string `yaml:"root" json:"root,omitempty" doc:"Directory in which the scans run, which reports put before every path: /builds/web/shop. Without it, a path is part of a finding's identity as it stands."`
	FullScan   bool   `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every report of this source is of everything, without ignored vulnerabilities, and is sent as soon as it is made, since it has no time of its own; so that what is missing from it is gone."`
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
	Needs: "A report written by `osv-scanner scan --format json`, uploaded, given to `quell ingest`, or sent to the source's webhook.",
	Maps: "Each group of advisories is a finding `osvscanner:<id>` on a package: osv-scanner puts into one group what is one vulnerability under several names, of which the CVE is the weakness. Its location is the package's purl without version, with the lock file that names it, in the form that trivy's findings have. Malicious packages (`MAL-…`) have no CVE and are critical. " +
		"Where call analysis found that the vulnerable code is not called, the finding is not affected, by the scanner's opinion. Severity is that of the advisory's database, else of the highest CVSS score.",
	Fixed:    "By absence from a later report, where `full_scan` allows.",
	Coverage: "A report names nothing but what was found, and neither time nor filter. So absence proves nothing unless `full_scan` says so; then it covers what the source is of.",
	Limits:   "Licence violations are not read. A report of an image names no digest, so the image is known by the source's `artifact`. Advisories by themselves, such as those of GitHub's API, are no findings and are refused.",
	Example: `sources:
  - name: shop-osv
    connector: osvscanner
    config:
      repository: github.com/quellsec/shop
      root: /builds/web/shop
`,
}
