package dependencytrack

import (
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// Config is the configuration of one Dependency-Track source.
type Config struct {
	Repositories map[string]string `yaml:"repositories" json:"repositories,omitempty" doc:"Which repository a project is of, by the project's name: host/owner/name. A project without one is known by its own ID."`
	FullScan     bool              `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that nobody suppresses findings in this Dependency-Track, which leaves suppressed ones out of its export, so that what is missing from a file is gone."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	for project, repository := range c.Repositories {
		if strings.Count(strings.Trim(repository, "/"), "/") < 2 {
			problems = append(problems, fmt.Errorf("repositories: that of %q is not of the form host/owner/name", project))
		}
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A file in the Finding Packaging Format (Export findings in a project, or `GET /api/v1/finding/project/{uuid}/export`), uploaded or given to `quell ingest`; or a notification publisher of type Outbound Webhook for the groups NEW_VULNERABILITY, NEW_VULNERABLE_DEPENDENCY and PROJECT_AUDIT_CHANGE, sent to the source's webhook. Dependency-Track signs nothing: the source's own bearer token has to do, in a header that the publisher or a proxy before it adds.",
	Maps: "Each finding is `dependencytrack:<id>` on a project, at its component's purl without version, as findings of trivy and grype have it. An advisory's aliases name its CVE. A project is known by its ID, and by its repository where `repositories` or the project's purl names one; a version of a project is a project of its own there, and an asset of its own here. " +
		"The analysis is kept as said: a finding that is suppressed, not affected, a false positive or resolved in somebody's analysis is so by opinion.",
	Fixed:    "By absence from a later file of the same project, where `full_scan` allows. An analysis `RESOLVED` is an opinion: Dependency-Track has checked nothing. A vulnerability that is retracted was never one, and reads as archived.",
	Coverage: "The export leaves out what somebody suppressed, which looks the same as fixed. So absence proves nothing unless `full_scan` says that nobody suppresses. Then a file with a time covers its project, except one without any findings: a project that was not analysed yet looks the same. A webhook's message covers nothing.",
	Limits:   "The file that a package is named in is not known to Dependency-Track, so the location of a language's package has none, and is another one than that of trivy's. Policy violations, and notifications of other groups, are left out and counted. The Protobuf publisher of version 5 is not read.",
	Example: `sources:
  - name: dependency-track
    connector: dependencytrack
    config:
      repositories:
        acme-shop: github.com/quellsec/shop
`,
}
