package bloodhound

import (
	"errors"
	"fmt"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one BloodHound source.
type Config struct {
	URL      string        `yaml:"url" json:"url,omitempty" doc:"Address of BloodHound Enterprise, for sources that are pulled."`
	TokenID  string        `yaml:"token_id" json:"token_id,omitempty" doc:"ID of an API token."`
	TokenKey secret.String `yaml:"token_key" json:"token_key,omitzero" doc:"The token's key, with which requests are signed."`
	Zone     string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the hosts. Bare host names are only compared inside one zone."`
	Page     int           `yaml:"page" json:"page,omitempty" doc:"Findings per request, 1 to 1000."`
}

func defaults() *Config { return &Config{Page: 200} }

const mostPerPage = 1000

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL != "" && (c.TokenID == "" || c.TokenKey.Empty()) {
		problems = append(problems, errors.New("token_key: is needed where url is set, and token_id"))
	}
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs: "Of SharpHound the zip as it is, or its JSON files; an OpenGraph document; or an export of attack-path findings; uploaded, sent to the source's webhook, or given to `quell ingest`. Zips with a password are refused. " +
		"To pull from BloodHound Enterprise, `url`, and `token_id` and `token_key` of a user with the role Read-Only. Requests are signed as BloodHound asks: a chain of HMACs over method and address, hour and body. Community Edition has no findings to pull.",
	Maps: "Users and groups are identities, computers hosts, domains domains, each by its SID. What connects them is told as relations: memberships, rights on an object (with their names), local administrators and remote users of a computer, sessions, delegations, SID history, trusts. " +
		"Where a relation's beginning is in another file, the asset at it is named by its ID until that file comes. What the directory says of an account (enabled, adminCount, no Kerberos pre-authentication, unconstrained delegation, LAPS) becomes tags. " +
		"A finding of BloodHound Enterprise is `bloodhound:<finding>` on its target principal; its location is the principal that has the right.",
	Fixed:    "By the finding's status `remediated`. `accepted` is suppressed; `deprecated` findings, which BloodHound computes no more, are archived; `orphaned` ones, whose principal is gone, are gone.",
	Coverage: "A sync asks for active, accepted and remediated findings in turn and is complete if it got as many as were announced; it covers each principal that it names. Collections and graphs are inventories: they prove nothing about weaknesses.",
	Limits: "Rights that the administrative groups of a domain have by design are left out. OUs, containers, GPOs, certificate templates and authorities have no kind of asset here, and are counted as skipped. Of AzureHound, objects are read and relations are not. " +
		"Relations of an OpenGraph that match by name or property are left out, as a name is not an identity. The number in `meta.count` is known to be wrong by a few and only kept. The finding API is as in BloodHound's published API document of 2026; no recording was at hand.",
	Example: `sources:
  - name: bloodhound
    connector: bloodhound
    config:
      url: https://lab.bloodhound.example.org
      token_id: 5f1b2c3d-0000-4000-8000-000000000001
      token_key: ${env:BLOODHOUND_TOKEN_KEY}
      zone: office
`,
}
