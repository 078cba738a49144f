package semgrep

import (
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one semgrep source.
type Config struct {
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"Signature secret of the webhook integration in Semgrep AppSec Platform."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before, while it is being changed."`
	Repository     string        `yaml:"repository" json:"repository,omitempty" doc:"Which repository the CLI's reports are of, as host/owner/name: they don't say."`
	Host           string        `yaml:"host" json:"host,omitempty" doc:"Host of the repositories that webhooks name as owner/name alone, such as github.com."`
	FullScan       bool          `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every report of this source is of the whole repository by the same rules, without a baseline, and is sent as soon as it is made, since it has no time of its own; so that what is missing from it is gone."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Repository != "" && strings.Count(strings.Trim(c.Repository, "/"), "/") < 2 {
		problems = append(problems, fmt.Errorf("repository: %q is not of the form host/owner/name", c.Repository))
	}
	if strings.ContainsAny(c.Host, "/ ") {
		problems = append(problems, fmt.Errorf("host: %q is no host's name", c.Host))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A report written by `semgrep scan --json` (or `semgrep ci --json`), uploaded, given to `quell ingest`, or sent to the source's webhook; or a webhook integration in Semgrep AppSec Platform (Settings, Integrations) with a signature secret of at least 15 characters, which is `secret` here.",
	Maps: "Each result is a finding `semgrep:<rule>` at its file. Results are told apart by semgrep's fingerprint, which does not move with lines; without one (the CLI writes `requires login` there) by the code that matched. Results of Supply Chain are at their package's purl without version and its lock file, with their CVE. " +
		"Results of secret rules are masked, with the state of their validation. Findings that a `nosemgrep` comment ignores are suppressed. Confidence, likelihood and impact are kept.",
	Fixed: "By absence from a later report of the same repository, where `full_scan` allows. Webhooks never say that a finding is gone.",
	Coverage: "A report says which files were scanned and what went wrong, but neither by which rules nor when. So absence proves nothing unless `full_scan` says so. Then it covers the repository if no rule was skipped and nothing failed; where single files failed or were passed over, it covers the files that it names as scanned. " +
		"A webhook tells of new findings only, and covers nothing.",
	Limits: "Webhooks are signed over JSON as Python writes it, which is tried after the body as it came; a proxy that rewrites numbers breaks the signature. They carry no delivery ID and no time, so a repeated one is known by its content alone. The syntax of severities differs by version (`ERROR` and `HIGH` are both high).",
	Example: `sources:
  - name: shop-semgrep
    connector: semgrep
    config:
      secret: ${env:SEMGREP_WEBHOOK_SECRET}
      repository: github.com/quellsec/shop
      host: github.com
`,
}
