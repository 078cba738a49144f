package sarif

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one SARIF source.
type Config struct {
	Repository string `yaml:"repository" json:"repository,omitempty" doc:"Which repository the reports are of, as host/owner/name, where they don't say so themselves in versionControlProvenance."`
	Artifact   string `yaml:"artifact" json:"artifact,omitempty" doc:"Name of what is scanned, for reports that name neither a repository nor an image."`
	System     string `yaml:"system" json:"system,omitempty" doc:"Of trivy's reports: which system's packages an image has, as trivy names it (alpine, debian, redhat …). Without it, it is guessed from the image's name and the packages' versions."`
	FullScan   bool   `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every report of this source comes from a scan of all files, by all rules and without a filter, and is sent as soon as it is made where it has no time of its own, so that what is missing from it is gone."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Repository != "" && strings.Count(strings.Trim(c.Repository, "/"), "/") < 2 {
		problems = append(problems, fmt.Errorf("repository: %q is not of the form host/owner/name", c.Repository))
	}
	if c.Repository != "" && c.Artifact != "" {
		problems = append(problems, errors.New("artifact: a source of one repository has no other name"))
	}
	if c.System != "" && !slices.Contains(systems, c.System) {
		problems = append(problems, fmt.Errorf("system: %q is none of %s", c.System, strings.Join(systems, ", ")))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A SARIF 2.1.0 report of any scanner, uploaded, given to `quell ingest`, or sent to the source's webhook from a build.",
	Maps: "Each result of kind `fail` is a finding `sarif:<tool>:<rule>` at its file, or at its port and path where it names a URL. Title, text, severity, weaknesses and tags come from the result's rule, which is found by `ruleId`, `ruleIndex` or `rule`, also in extensions; message templates are filled in. " +
		"Severity is `security-severity`, else the result's level, else the rule's own. Results are told apart by `fingerprints`, else by `partialFingerprints` without those that hash a whole file or a column, else by rule, file and snippet; never by line. " +
		"Suppressed results are kept as suppressed, with who justified it how. Results of other kinds (pass, notApplicable, informational, open, review) are left out and counted. A leaked secret is masked wherever the report quotes it. " +
		"Reports of trivy, semgrep, checkov and kubescape name their checks as the connectors of these names do. What trivy reports as SARIF becomes the same exposure as what it reports as JSON.",
	Fixed: "A result whose `baselineState` is `absent`, in a run that ended well: the tool compared with an earlier run and did not find it any more. Else by absence, where `full_scan` allows.",
	Coverage: "A report does not show whether a scan was filtered, so absence proves nothing unless `full_scan` says that this source never filters. Then a report covers what it is of if each of its invocations was successful and told of no error, and it has a list of results: a run without one, and a report without runs, prove nothing. " +
		"Of trivy's reports only those scanners are covered that found something, since the others leave no trace. Several runs in one report have to be of one target to prove anything.",
	Limits: "Results that lie in external property files are not read, and a report that has some is not complete. Rules beyond 20,000 are not looked up. A report without repository, image or `artifact` is of something that is known by the source's name: use one source for each. " +
		"Trivy's SARIF names neither the system of a package nor the resource of a misconfiguration: the first is guessed (see `system`), the second missing, so that a misconfiguration at a resource is another exposure than in trivy's JSON.",
	Example: `sources:
  - name: shop-code-scanning
    connector: sarif
    config:
      repository: github.com/quellsec/shop
      full_scan: true
`,
}
