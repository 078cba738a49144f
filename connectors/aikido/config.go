package aikido

import "github.com/quellsec/quell/connectors"

// Config is the configuration of one Aikido source.
type Config struct {
	ClosedFixed bool   `yaml:"closed_is_fixed" json:"closed_is_fixed,omitempty" doc:"Takes the status closed for a fix. Aikido sets it itself, but does not document whether a repository that was switched off closes its issues, too."`
	Host        string `yaml:"host" json:"host,omitempty" doc:"Host and owner of the repositories (github.com/acme), so that they meet those of other sources. Aikido names them by their last part alone."`
	Zone        string `yaml:"zone" json:"zone,omitempty" doc:"Network zone of domains and virtual machines with addresses or bare names."`
}

func defaults() *Config { return &Config{} }

var docs = connectors.Page{
	Needs: "Issues exported from Aikido's API (`/api/public/v1/issues/export?format=json`), as a list, one by one, or as JSON Lines.",
	Maps: "An issue is known by its ID, on what it is in: a code repository, a container image, a cloud resource, a domain or a virtual machine. Weak packages are `aikido:<type>:<CVE>` at package and file, where trivy would put them; all others `aikido:<type>:<rule>` at their file. " +
		"Leaked secrets are secrets; cloud, infrastructure-as-code, licence and end-of-life issues are compliance. The date by which Aikido wants it done stays with the finding.",
	Fixed:    "`closed` is archived, unless `closed_is_fixed` is set; `ignored` and `snoozed` are suppressed.",
	Coverage: "None: an export may be filtered.",
	Limits:   "The API is not pulled. Aikido's two severities, its own and the original score, are kept, the word is its own.",
	Example: `sources:
  - name: aikido
    connector: aikido
    config:
      host: github.com/acme
      closed_is_fixed: true
`,
}
