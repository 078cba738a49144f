package trivy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one trivy source.
type Config struct {
	Artifact string   `yaml:"artifact" json:"artifact,omitempty" doc:"Name of what is scanned, for reports that name it badly: the path . of a build, or the legacy format, which names nothing."`
	FullScan bool     `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every report of this source comes from a scan without --severity, --ignore-unfixed, --ignorefile, --skip-files or another filter, so that what is missing from it is gone."`
	Scanners []string `yaml:"scanners" json:"scanners,omitempty" doc:"Which scanners every scan runs: vuln, misconfig, secret, license."`
}

// scanners are trivy's scanners, under the names of its --scanners option, which are also
// the second part of our checks.
var scanners = []string{vulnScanner, misconfigScanner, secretScanner, licenseScanner}

const (
	vulnScanner      = "vuln"
	misconfigScanner = "misconfig"
	secretScanner    = "secret"
	licenseScanner   = "license"
)

func defaults() *Config { return &Config{Scanners: []string{vulnScanner, secretScanner}} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.FullScan && len(c.Scanners) == 0 {
		problems = append(problems, errors.New("scanners: is needed where full_scan is true"))
	}
	for _, s := range c.Scanners {
		if !slices.Contains(scanners, s) {
			problems = append(problems, fmt.Errorf("scanners: %q is none of %s", s, strings.Join(scanners, ", ")))
		}
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A report written by `trivy image --format json --output report.json IMAGE` (or `repo`, `fs`, `rootfs`, `config`, `vm`), sent to the source's webhook, uploaded, or given to `quell ingest`.",
	Maps: "Each vulnerability is a finding `trivy:vuln:<id>` on a package: location is its purl without version, with the lock file or path that it was found in (`pkg:npm/lodash#package-lock.json`). Failed misconfigurations are compliance findings `trivy:misconfig:<id>` at their file and resource, secrets `trivy:secret:<rule>` at their file, licences `trivy:license:<name>` at their package. " +
		"Line numbers and versions are never part of identity. Suppressed findings keep their reason. The package's `Status` (will_not_fix, end_of_life …) is kept as such: it says nothing about this artifact. CVSS is kept of every vendor, with its name; other vendors' severities too. The text around a secret is not kept. " +
		"An image is known by its digests; a repository by host and name; a directory by its name within the source.",
	Fixed: "By absence from a later report of the same artifact, where `full_scan` allows.",
	Coverage: "A report looks complete when it was filtered: `--ignore-unfixed` or `--severity` leave no trace in it. So absence proves nothing unless `full_scan` says that this source never filters. " +
		"Then the scanners named in `scanners` cover the artifact, but vulnerabilities, misconfigurations and licences only if the report has results of that class, and nothing if it has no results at all or no date: an artifact that trivy could not take apart looks the same as a clean one.",
	Limits: "A new build of an image is a new asset. Reports of `trivy k8s` are not read. The legacy format names no artifact and no date, so it never covers anything.",
	Example: `sources:
  - name: trivy-registry
    connector: trivy
    config:
      full_scan: true
      scanners: [vuln, secret]
`,
}
