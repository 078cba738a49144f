package qualys

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Qualys subscription. All of it is optional: a source
// that only takes uploads needs none.
type Config struct {
	URL         string        `yaml:"url" json:"url,omitempty" doc:"Address of the subscription's API server, for sources that are pulled, such as https://qualysapi.qualys.eu."`
	Username    string        `yaml:"username" json:"username,omitempty" doc:"Name of the API user."`
	Password    secret.String `yaml:"password" json:"password,omitzero" doc:"Password of the API user."`
	Version     string        `yaml:"version" json:"version,omitempty" doc:"Version of the API in its paths: 2.0, or a later one once Qualys has ended it."`
	Hosts       int           `yaml:"hosts" json:"hosts,omitempty" doc:"Hosts per page, 1 to 1000. A page holds the detections of as many."`
	Information bool          `yaml:"information" json:"information,omitempty" doc:"Also ask for what Qualys calls information gathered. It never gets the status Fixed."`
	Zone        string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the scanned hosts. Networks of Qualys are zones of their own inside it."`
}

const mostHosts = 1000

func defaults() *Config { return &Config{Version: "2.0", Hosts: 100} }

var version = regexp.MustCompile(`^[0-9]{1,2}\.[0-9]{1,2}$`) //nolint:gochecknoglobals // a constant

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Hosts < 1 || c.Hosts > mostHosts {
		problems = append(problems, fmt.Errorf("hosts: %d is not between 1 and %d", c.Hosts, mostHosts))
	}
	if !version.MatchString(c.Version) {
		problems = append(problems, fmt.Errorf("version: %q is not of the form 2.0", c.Version))
	}
	if c.URL == "" {
		return problems
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.Username == "" {
		problems = append(problems, errors.New("username: is needed where url is set"))
	}
	if c.Password.Empty() {
		problems = append(problems, errors.New("password: is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{ //nolint:gochecknoglobals // a constant text
	Needs: "A user with the role Reader on the hosts, with API access, and the API server of the subscription's platform. Files need nothing: " +
		"XML of a scan, of a host based report and of a web application report, answers of the API, and the CSV of VMDR's reports.",
	Maps: "Each detection is a weakness `qualys:<QID>` at its port; what the knowledge base says of the QID (title, texts, CVEs, scores, exploits) is joined to it. " +
		"Severities 1 to 5 are info to critical; what is merely gathered is info. A host is known by Qualys' host and asset ID, its agent, its cloud instance, names and addresses. " +
		"Tags written as `name: value`, cloud tags and the host's owner are clues to the owner where they name one.",
	Fixed: "Status Fixed, seen at the time of the fix. Ignored and disabled detections are suppressed, and so are those of web applications that are PROTECTED by a virtual patch. " +
		"A host that was purged says nothing. Beyond that, absence from a finished scan's XML that looked at the host.",
	Coverage: "A full sync is complete when host list and detections were read to their last page; it proves no absence, since Qualys says itself what is fixed. " +
		"The XML of one scan is complete when its status is FINISHED and it holds as many hosts as it says were alive; a host for which logging in failed, or was meant to happen and nothing says that it did, " +
		"is looked at in part only. Reports and tables go through filters and prove nothing.",
	Limits: "The web application scanning API is read from files, not pulled. Whether a later `version` of the API answers differently is not verified here. Qualys allows few calls (300 an hour is usual): " +
		"each page costs one, and one more for each 500 QIDs. A report holds its details behind its findings: findings wait for them up to 64 MiB, and beyond that go without. " +
		"A host keeps its identity between formats only as far as they name the same IDs. Times in CSV reports are taken as UTC.",
	Example: `sources:
  - name: qualys
    connector: qualys
    config:
      url: https://qualysapi.qualys.eu
      username: quell-api
      password: ${env:QUALYS_PASSWORD}
`,
}
