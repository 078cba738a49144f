package burp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Burp source.
type Config struct {
	URL      string        `yaml:"url" json:"url,omitempty" doc:"Address of Burp Suite DAST (Enterprise), for sources that are pulled."`
	APIKey   secret.String `yaml:"api_key" json:"api_key,omitzero" doc:"Key of an API user that may view sites and scans."`
	Zone     string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned sites. Addresses and bare host names are only compared inside one zone."`
	Complete bool          `yaml:"complete" json:"complete,omitempty" doc:"Says that every scan of this source runs all of checks on the whole of each site, and that files hold all of its issues."`
	Checks   []string      `yaml:"checks" json:"checks,omitempty" doc:"Which checks every scan runs: burp:* for all, burp:<issue type> for one, or a prefix ending in *."`
	Page     int           `yaml:"page" json:"page,omitempty" doc:"Issues per request, 1 to 1000."`
}

func defaults() *Config { return &Config{Page: 200} }

const mostPerPage = 1000

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL != "" && c.APIKey.Empty() {
		problems = append(problems, errors.New("api_key: is needed where url is set"))
	}
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	if c.Complete && len(c.Checks) == 0 {
		problems = append(problems, errors.New("checks: is needed where complete is true, as reports don't say what was run"))
	}
	for _, check := range c.Checks {
		if !strings.HasPrefix(check, Name+":") || len(check) == len(Name)+1 {
			problems = append(problems, fmt.Errorf("checks: %q does not begin with %q and an issue type", check, Name+":"))
		}
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant
	Needs: "Of Burp Suite Professional the issues as XML (Report selected issues, XML), or the answer of its REST API's `/v0.1/scan/<id>`, uploaded, sent to the source's webhook, or given to `quell ingest`; HTML is refused. " +
		"To pull from Burp Suite DAST, `url` and the `api_key` of an API user whose role can view sites and scans.",
	Maps: "Each issue is a finding `burp:<type>` by its type index, or by its name where a report has no index; issues that extensions make all have one type, so theirs is `burp:134217728:<name>`. It is on the host of its origin, at port and path, `443/tcp/search`; the query is left out. The insertion point (`[q parameter]`) tells issues apart. " +
		"The background and the detail become the description. CWEs are read from the classifications. The head of the first request is the evidence, with credentials hidden; nothing of responses is kept.",
	Fixed: "By absence only, as `complete` allows. An issue whose severity or confidence is \"false positive\" is suppressed.",
	Coverage: "Burp says neither which checks a scan's configuration has nor whether an export holds a choice: by itself a report covers nothing. For a source whose scans are always whole, `complete` and `checks` say so. " +
		"A scan of the REST API whose status is another than `succeeded` is never complete: one that is auditing has not found all yet. When pulling, the last scan of each site that succeeded counts, and covers the ports of its issues' origins; a site whose scan found nothing covers its start addresses.",
	Limits: "The serial number is unique in a project only, and is not used. Evidence is not asked for when pulling, since it makes pages large. Export times carry a zone's name, which is taken as UTC unless it is one. " +
		"The names of the GraphQL fields are those of PortSwigger's documentation and of public clients; no recording was at hand.",
	Example: `sources:
  - name: burp
    connector: burp
    config:
      url: https://burp.example.org
      api_key: ${env:BURP_API_KEY}
      complete: true
      checks: ["burp:*"]
`,
}
