package servicenow

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one ServiceNow source.
type Config struct {
	URL             string            `yaml:"url" json:"url,omitempty" doc:"Address of the instance: https://acme.service-now.com."`
	User            string            `yaml:"user" json:"user,omitempty" doc:"User of the integration, for basic authentication."`
	Password        secret.String     `yaml:"password" json:"password,omitzero" doc:"Its password."`
	ClientID        string            `yaml:"client_id" json:"client_id,omitempty" doc:"OAuth client that may use the client credentials grant, in place of user and password."`
	ClientSecret    secret.String     `yaml:"client_secret" json:"client_secret,omitzero" doc:"Its secret."`
	Zone            string            `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the configuration items. Addresses, MACs and bare host names are only compared inside one zone."`
	Classes         []string          `yaml:"classes" json:"classes" doc:"Tables of configuration items that are read, each with all classes below it."`
	Filter          string            `yaml:"filter" json:"filter,omitempty" doc:"Encoded query that narrows the configuration items: operational_status!=6. A narrowed inventory is still a whole one."`
	Kinds           map[string]string `yaml:"kinds" json:"kinds,omitempty" doc:"What kind of asset a class of your own is, where its superclass doesn't tell: {u_saas_app: saas_application}."`
	OwnerFields     []string          `yaml:"owner_fields" json:"owner_fields,omitempty" doc:"Columns of your own that name an owner: u_product_owner."`
	TagFields       []string          `yaml:"tag_fields" json:"tag_fields,omitempty" doc:"Columns of your own that become tags."`
	People          bool              `yaml:"people" json:"people" doc:"Whether users, groups and memberships are read too."`
	Relations       bool              `yaml:"relations" json:"relations" doc:"Whether relations between configuration items (cmdb_rel_ci) are read too."`
	VulnerableItems bool              `yaml:"vulnerable_items" json:"vulnerable_items,omitempty" doc:"Whether the vulnerable items of Vulnerability Response are read too."`
	Page            int               `yaml:"page" json:"page,omitempty" doc:"Records per page, 1 to 10000."`
}

const mostPerPage = 10000

func defaults() *Config {
	return &Config{Classes: []string{"cmdb_ci_computer", "cmdb_ci_netgear"}, People: true, Relations: true, Page: 500}
}

// columnName is what a table or column of ServiceNow may be called.
var columnName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.Page < 1 || c.Page > mostPerPage {
		problems = append(problems, fmt.Errorf("page: %d is not between 1 and %d", c.Page, mostPerPage))
	}
	for i, class := range c.Classes {
		if !columnName.MatchString(class) {
			problems = append(problems, fmt.Errorf("classes[%d]: %q can't name a table", i, class))
		}
	}
	for i, field := range slices.Concat(c.OwnerFields, c.TagFields) {
		if !columnName.MatchString(field) {
			problems = append(problems, fmt.Errorf("owner_fields, tag_fields: %q (number %d) can't name a column", field, i+1))
		}
	}
	for class, kind := range c.Kinds {
		if !slices.Contains(assetKinds, asset.Kind(kind)) {
			problems = append(problems, fmt.Errorf("kinds.%s: %q is no kind of asset", class, kind))
		}
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		problems = append(problems, fmt.Errorf("url: %w", err))
	}
	if c.URL == "" {
		return problems
	}
	basic, oauth := c.User != "" && !c.Password.Empty(), c.ClientID != "" && !c.ClientSecret.Empty()
	if basic == oauth {
		problems = append(problems, errors.New("user and password, or client_id and client_secret: one of the two pairs is needed where url is set"))
	}
	return problems
}

var docs = connectors.Page{
	Needs: "A user, or an OAuth client of the client credentials grant, whose role can read `cmdb_ci` and below, `sys_db_object`, `sys_user`, `sys_user_group` and `sys_user_grmember`, " +
		"and with `vulnerable_items` the role `sn_vul.read_all`. Nothing is ever written. Only the columns that are used are asked for; passwords never are.",
	Maps: "Each configuration item is an asset, known by its sys_id, serial number, object ID in a cloud, FQDN, host name, MAC and address, as far as the record has them. Which kind it is " +
		"follows from its class, or from the nearest class above it that is known (`sys_db_object` tells), or from `kinds`. `support_group`, `assignment_group`, `managed_by_group`, `owned_by`, " +
		"`managed_by`, `assigned_to`, `supported_by`, `business_unit`, `department`, `cost_center` and `owner_fields` are clues to the owner, people's by name and by mail address. " +
		"`duplicate_of` says which two are one. Relations become edges. Users and groups become identities, with memberships. `internet_facing` is taken for a yes; its no is the field's default, so it says nothing. " +
		"A vulnerable item is a finding `servicenow:` and its vulnerability on its configuration item.",
	Fixed: "A vulnerable item is fixed only where it is closed as fixed and its scanner's own status (`source_status`) says fixed. Closed by hand, deferred, resolved or cancelled is not fixed.",
	Coverage: "None: an inventory says what there is, and not what is weak in it. A sync is whole when every table gave as many records as it counted (`X-Total-Count`). " +
		"An item is gone when its operational status or install status is retired; one that is merely absent is not.",
	Limits: "Columns of your own have to be named. States are read by their English words and by the numbers that ServiceNow delivers; translated or renumbered ones read as open. The field names of " +
		"Vulnerability Response differ between versions: `source_status` is taken from its documentation and not seen on a live instance. Changed-since queries begin a day early, because ServiceNow reads times in the user's time zone.",
	Example: `sources:
  - name: cmdb
    connector: servicenow
    config:
      url: https://acme.service-now.com
      user: quell.integration
      password: ${env:SERVICENOW_PASSWORD}
      classes: [cmdb_ci_server, cmdb_ci_netgear]
      owner_fields: [u_product_owner]
`,
}
