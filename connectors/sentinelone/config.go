package sentinelone

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one SentinelOne console. All of it is optional: a source
// that only takes uploads needs none.
type Config struct {
	URL     string        `yaml:"url" json:"url,omitempty" doc:"Address of the console, for sources that are pulled, such as https://example.sentinelone.net."`
	Token   secret.String `yaml:"token" json:"token,omitzero" doc:"API token of a service user."`
	Account string        `yaml:"account" json:"account,omitempty" doc:"ID of the account that is asked for; empty: all that the token may see."`
	Site    string        `yaml:"site" json:"site,omitempty" doc:"ID of the site that is asked for, for tokens of a site."`
	Zone    string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the endpoints. Addresses, MACs and bare host names are only compared inside one zone."`
}

func defaults() *Config { return &Config{} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.URL == "" {
		return nil
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.Token.Empty() {
		problems = append(problems, errors.New("token: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A service user with the role Viewer on the account or site, and its API token. Application risks need the licence for them.",
	Maps: "Each application risk is a weakness by its CVE on an endpoint, and the application is the affected package. Endpoints are known by their agent, their cloud instance, serial, names and addresses, " +
		"but not by the address that they are seen from. Tags of endpoints are clues to the owner where their key speaks of one.",
	Fixed: "A risk that is resolved and whose last scan says that it is patched, seen at that scan. Resolved without such a scan is put away, not fixed. " +
		"What somebody marked as mitigated, accepted or a false positive is suppressed.",
	Coverage: "A full sync is complete when endpoints and risks were read to as many as the console said there were. It proves no absence: the scan that an endpoint names is for malware, not for applications.",
	Limits: "The console's own documentation is not public; endpoints and fields are those that public clients use, and the words for states and results were not seen in real traffic: unknown ones read as open. " +
		"There is no filter for what changed, so that each sync reads all. Software without a known weakness is not read.",
	Example: `sources:
  - name: sentinelone
    connector: sentinelone
    config:
      url: https://example.sentinelone.net
      token: ${env:SENTINELONE_TOKEN}
`,
}
