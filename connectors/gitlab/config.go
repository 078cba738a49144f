package gitlab

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one GitLab source. All of it is optional: a source that
// only takes uploads needs none.
type Config struct {
	URL                  string        `yaml:"url" json:"url,omitempty" doc:"Address of GitLab, for sources that are pulled: https://gitlab.com."`
	Group                string        `yaml:"group" json:"group,omitempty" doc:"Full path of the group whose vulnerabilities are pulled, with those of its subgroups. Without it, those of project."`
	Token                secret.String `yaml:"token" json:"token,omitzero" doc:"Access token with the scope read_api, of the group or project."`
	Project              string        `yaml:"project" json:"project,omitempty" doc:"The project that uploaded reports are about, as HOST/GROUP/NAME: gitlab.com/acme/billing. Reports don't name it."`
	FullScan             bool          `yaml:"full_scan" json:"full_scan,omitempty" doc:"Says that every uploaded report comes from a whole scan of the default branch, so that what is missing from it is gone. Reports of merge requests look the same."`
	Zone                 string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts in DAST reports. Addresses and bare host names are only compared inside one zone."`
	SigningToken         secret.String `yaml:"signing_token" json:"signing_token,omitzero" doc:"Signing token of the webhook (whsec_…), with which GitLab signs what it sends."`
	PreviousSigningToken secret.String `yaml:"previous_signing_token" json:"previous_signing_token,omitzero" doc:"The signing token before it, while it is being changed."`
	Secret               secret.String `yaml:"secret" json:"secret,omitzero" doc:"Secret token of the webhook, for a GitLab that doesn't sign: it comes in clear in X-Gitlab-Token."`
	PreviousSecret       secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret token before it, while it is being changed."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	switch {
	case c.Project != "" && (strings.Count(c.Project, "/") < 2 || strings.Contains(c.Project, "://")):
		problems = append(problems, errors.New("project: wants host, group and name: gitlab.com/acme/billing"))
	case c.FullScan && c.Project == "":
		problems = append(problems, errors.New("project: is needed where full_scan is true"))
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL != "" || c.Group != "" || !c.Token.Empty() {
		switch {
		case c.URL == "" || c.Token.Empty():
			problems = append(problems, errors.New("url and token: are needed together to pull"))
		case c.Group == "" && c.Project == "":
			problems = append(problems, errors.New("group: this or project is needed to pull"))
		}
	}
	return problems
}

var docs = connectors.Page{
	Needs: "To pull: GitLab Ultimate 17 or later, and an access token of the group or project with the role Developer and the scope `read_api`. For webhooks: a webhook of the project or group for vulnerability events, with a signing token, or with a secret token where GitLab doesn't offer one. For reports: a job that sends the analyzers' artifacts (`gl-sast-report.json` and so on) to the source's webhook or `quell ingest`.",
	Maps: "A vulnerability of the API or the hook is `gitlab:<report type>:<primary identifier>` in its project, known by its number, so that both speak of one finding; the project by its number and by host, group and name. " +
		"One of a report is `gitlab:<report type>:<scanner>:<primary identifier>`: of dependencies at package and manifest, of code and secrets at the file, of DAST on the host at port and path, of containers on the image at the package. Random IDs, lines, severities and versions are no part of identity. " +
		"Code Quality files are read where their category is Security, as trivy writes them.",
	Fixed:    "`resolved_on_default_branch`: the last scan of the default branch no longer found it. The state `resolved` alone is what a person says and is archived; `dismissed` is suppressed. For reports by absence, where `full_scan` allows.",
	Coverage: "A report covers its project (or image) for its own scanner's checks if `full_scan` says so, its `scan.status` is `success` and it has an end. DAST reports cover nothing: they list what was requested, not what was tested. A sync gets every vulnerability in every state, so absence from it proves nothing.",
	Limits: "GitLab can't be asked for what changed, so every sync gets all. The hook has no number and no description of its own, and names its project by number and address alone. A Standard Webhooks signature is what GitLab documents for signing tokens; it is checked against the reference library, not against a live GitLab. " +
		"GitLab marks a vulnerability as no longer detected also when the analyzer's rules changed.",
	Example: `sources:
  - name: gitlab-acme
    connector: gitlab
    config:
      url: https://gitlab.com
      group: acme
      token: ${env:GITLAB_TOKEN}
      signing_token: ${env:GITLAB_SIGNING_TOKEN}
`,
}
