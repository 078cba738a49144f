package gcpscc

import (
	"fmt"
	"regexp"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/gcpapi"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Security Command Center source. A source that only
// takes uploads needs none of it.
type Config struct {
	Parent      string        `yaml:"parent" json:"parent,omitempty" doc:"What to pull the findings of: organizations/123, folders/123 or projects/name."`
	Location    string        `yaml:"location" json:"location,omitempty" doc:"Location of the findings, where data residency is used; global otherwise."`
	Credentials secret.String `yaml:"credentials" json:"credentials,omitzero" doc:"The JSON of a service account's key, to pull with."`
	Audience    string        `yaml:"audience" json:"audience,omitempty" doc:"Audience of the push subscription's tokens: by default the address that is pushed to."`
	Account     string        `yaml:"service_account" json:"service_account,omitempty" doc:"E-mail of the service account in whose name the subscription pushes."`
}

func defaults() *Config { return &Config{Location: "global"} }

var (
	parents   = regexp.MustCompile(`^(?:organizations|folders|projects)/[A-Za-z0-9.:_-]+$`) //nolint:gochecknoglobals // a constant
	locations = regexp.MustCompile(`^[a-z0-9-]+$`)                                          //nolint:gochecknoglobals // a constant
)

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Parent != "" {
		if !parents.MatchString(c.Parent) {
			problem("parent: wants organizations/, folders/ or projects/ and a name")
		}
		if err := gcpapi.CheckKey(c.Credentials); err != nil {
			problem("credentials: %w", err)
		}
	}
	if !locations.MatchString(c.Location) {
		problem("location: wants the name of a location, such as global")
	}
	if (c.Audience == "") != (c.Account == "") {
		problem("audience and service_account: are needed together")
	}
	return problems
}

var docs = connectors.Page{
	Needs: "To be pushed to: a notification config of Security Command Center with a Pub/Sub topic, and a push subscription with authentication on: its `service_account` and `audience`. To pull: a service account with the role Security Center Findings Viewer, and its key. " +
		"Files: what `gcloud scc findings list --format=json` prints, an answer of the API, or a notification.",
	Maps: "A finding is `gcpscc:<category>` on its resource, or `gcpscc:<CVE>` on the offending package. Misconfigurations and posture violations are compliance findings; threats and observations detections. The UID is source and finding, without organization, project and location, by which versions 1 and 2 name it differently. " +
		"Where a threat names an instance in its details, the instance is the asset. Contacts, security marks that name somebody, and the project's name are hints to the owner.",
	Fixed:    "`state` INACTIVE of a misconfiguration, vulnerability, posture violation or toxic combination: the detector looked again, or the resource is gone. An inactive threat was put away by somebody, and is archived. Muted is an opinion.",
	Coverage: "None: what is missing from the list was deleted after its time, and what is fixed stays in it as INACTIVE. Later syncs ask for what has a newer `eventTime`; all is asked for once a week.",
	Limits:   "Anybody with the right may set a finding INACTIVE by hand, and it doesn't say who. Findings are pulled with version 2 of the API. Tokens are RS256 of Google's accounts only. Keys of service accounts are used; workload identity is not.",
	Example: `sources:
  - name: scc
    connector: gcpscc
    config:
      parent: organizations/123456789012
      credentials: ${env:SCC_KEY_JSON}
      audience: https://quell.example.org/hooks/scc
      service_account: scc-push@quell-lab.iam.gserviceaccount.com
`,
}
