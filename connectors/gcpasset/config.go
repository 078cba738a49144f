package gcpasset

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/gcpapi"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Cloud Asset source. A source that only takes uploads
// needs none of it.
type Config struct {
	Scope       string        `yaml:"scope" json:"scope,omitempty" doc:"What to search: organizations/123, folders/123 or projects/name."`
	Credentials secret.String `yaml:"credentials" json:"credentials,omitzero" doc:"The JSON of a service account's key, to search with."`
	IAM         bool          `yaml:"iam" json:"iam" doc:"Whether to read who may do what."`
	WebScanner  bool          `yaml:"web_scanner" json:"web_scanner,omitempty" doc:"Whether to read the scans of Web Security Scanner, where scope is a project."`
}

func defaults() *Config { return &Config{IAM: true} }

var scopes = regexp.MustCompile(`^(?:organizations|folders|projects)/[A-Za-z0-9.:_-]+$`) //nolint:gochecknoglobals // a constant

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Scope != "" {
		if !scopes.MatchString(c.Scope) {
			problems = append(problems, fmt.Errorf("scope: wants organizations/, folders/ or projects/ and a name"))
		}
		if err := gcpapi.CheckKey(c.Credentials); err != nil {
			problems = append(problems, fmt.Errorf("credentials: %w", err))
		}
	}
	if c.WebScanner && !strings.HasPrefix(c.Scope, "projects/") {
		problems = append(problems, fmt.Errorf("web_scanner: wants a scope that is a project"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A service account with the role Cloud Asset Viewer on what is searched, and Web Security Scanner Viewer where `web_scanner` is true, and its key. Files: answers of `searchAllResources`, `searchAllIamPolicies`, and of Web Security Scanner's `scanConfigs` and `findings`.",
	Maps: "A resource is known by its full name, an instance also by its addresses. Labels that name somebody, and who holds the role of an owner, are hints to the owner. A member of a policy is an identity, with an edge to what it can access and the role; a resource that allUsers or allAuthenticatedUsers may use faces the internet, and so does one with an external address. " +
		"The starting addresses of a web scan are web applications; what it found is `gcpasset:web:<type>` at the path, with the scanner's tracking ID, which is the same in later scans.",
	Fixed:    "An inventory has no findings. What Web Security Scanner found is gone when a later, successful scan of the same site no longer finds it.",
	Coverage: "A site is covered by the newest scan of its configuration if that finished with success and without warnings; findings at sites that the scan was not pointed at are not.",
	Limits:   "Conditions of bindings are not weighed: a right that holds on Sundays is a right. Convenience groups such as projectViewer:x and deleted members are left out, and of one binding more than 200 members. Security Command Center has the same web findings where the export is on.",
	Example: `sources:
  - name: gcp
    connector: gcpasset
    config:
      scope: organizations/123456789012
      credentials: ${env:GCP_KEY_JSON}
`,
}
