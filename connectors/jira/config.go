package jira

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Jira.
type Config struct {
	URL              string              `yaml:"url" json:"url,omitempty" doc:"Address of Jira: https://acme.atlassian.net, or https://jira.acme.example for Data Center. With OAuth it is what links to tickets begin with."`
	Deployment       string              `yaml:"deployment" json:"deployment" doc:"cloud or datacenter."`
	User             string              `yaml:"user" json:"user,omitempty" doc:"Mail address of the account whose API token is used (Cloud)."`
	Token            secret.String       `yaml:"token" json:"token,omitzero" doc:"API token of that account; or a personal access token (Data Center), without user."`
	OAuth            OAuth               `yaml:"oauth" json:"oauth,omitzero" doc:"OAuth 2.0 in place of user and token (Cloud)."`
	Project          string              `yaml:"project" json:"project,omitempty" doc:"Key of the project that tickets are created in, where no route says otherwise."`
	IssueType        string              `yaml:"issue_type" json:"issue_type" doc:"Name of their issue type."`
	Routes           []Route             `yaml:"routes" json:"routes,omitempty" doc:"Where tickets go by owner, scope or decision; the first that fits."`
	Priorities       map[string]string   `yaml:"priorities" json:"priorities" doc:"Name of Jira's priority for act, attend, track_star and track. Empty: priorities are left alone."`
	DueDate          bool                `yaml:"due_date" json:"due_date" doc:"Whether the due date is written."`
	Components       []string            `yaml:"components" json:"components,omitempty" doc:"Names of components that every ticket gets."`
	Labels           []string            `yaml:"labels" json:"labels,omitempty" doc:"Labels that every ticket gets, beside quell's own two."`
	Assignee         string              `yaml:"assignee" json:"assignee,omitempty" doc:"Who gets a ticket for which quell knows nobody: an account ID (Cloud), a user name (Data Center), or a mail address."`
	Fields           map[string]string   `yaml:"fields" json:"fields,omitempty" doc:"Values of further fields at creation, by their ID, as CEL: {customfield_10042: '{\"value\": severity}'}."`
	ParentField      string              `yaml:"parent_field" json:"parent_field,omitempty" doc:"Field that holds the key of a ticket's epic, for campaigns on Data Center: customfield_10008. Cloud has parent."`
	CampaignType     string              `yaml:"campaign_type" json:"campaign_type,omitempty" doc:"Name of the issue type of a campaign's own ticket, above the others. Empty: Epic, which trackers check then doesn't look for."`
	CampaignFields   map[string]string   `yaml:"campaign_fields" json:"campaign_fields,omitempty" doc:"Values of further fields of a campaign's ticket at creation, in place of fields: the Epic Name that Data Center requires is {customfield_10011: title}."`
	Statuses         map[string][]string `yaml:"statuses" json:"statuses,omitempty" doc:"Names of statuses to prefer where several are of a category, by todo, in_progress and done."`
	TransitionFields map[string]string   `yaml:"transition_fields" json:"transition_fields,omitempty" doc:"Values of fields that a transition requires, by their ID, as CEL: {resolution: '{\"name\": \"Done\"}'}."`
	SearchLag        int                 `yaml:"search_lag" json:"search_lag" doc:"After how many seconds Jira's search surely shows a new ticket. Atlassian says seconds to minutes; no second ticket is created before."`
	PointsPerHour    int                 `yaml:"points_per_hour" json:"points_per_hour,omitempty" doc:"Quota of the OAuth app in points an hour. API tokens have none."`
	Page             int                 `yaml:"page" json:"page" doc:"Tickets per page, when those that were changed are looked for: 1 to 100."`
	Secret           secret.String       `yaml:"secret" json:"secret,omitzero" doc:"Secret of the webhook that calls /hooks/trackers/{name}."`
	PreviousSecret   secret.String       `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before it, while it is being changed."`
}

// OAuth is an app of OAuth 2.0 (developer.atlassian.com), which reaches a site through
// api.atlassian.com.
type OAuth struct {
	CloudID      string        `yaml:"cloud_id" json:"cloud_id,omitempty" doc:"ID of the site: what https://acme.atlassian.net/_edge/tenant_info shows."`
	ClientID     string        `yaml:"client_id" json:"client_id,omitempty" doc:"Client ID of the service account's credential, or of the app."`
	ClientSecret secret.String `yaml:"client_secret" json:"client_secret,omitzero" doc:"Its secret."`
	RefreshFile  string        `yaml:"refresh_file" json:"refresh_file,omitempty" doc:"File with the refresh token of an app that a person has authorised (3LO). Atlassian changes it at each use, so it is written back, by one process alone. Empty: client credentials."`
}

// Route sends tickets to a project of their own.
type Route struct {
	When       string   `yaml:"when" json:"when" doc:"CEL over owner, severity, decision, fix, scopes, cves, sources, facts, labels: owner == \"payments\" || \"pci\" in scopes."`
	Project    string   `yaml:"project" json:"project,omitempty" doc:"Key of the project. Empty: the tracker's own."`
	IssueType  string   `yaml:"issue_type" json:"issue_type,omitempty" doc:"Name of the issue type. Empty: the tracker's own."`
	Components []string `yaml:"components" json:"components,omitempty" doc:"Components in place of the tracker's own."`
	Assignee   string   `yaml:"assignee" json:"assignee,omitempty" doc:"Who gets a ticket for which quell knows nobody."`
}

const (
	cloud      = "cloud"
	datacenter = "datacenter"
	// leastPoints is an hour's quota of which a burst lets a page of tickets be read.
	leastPoints = 5000
	// atlassianAPI and atlassianAuth are where OAuth apps reach all sites.
	atlassianAPI  = "https://api.atlassian.com"
	atlassianAuth = "https://auth.atlassian.com/oauth/token"
)

func defaults() *Config {
	return &Config{
		Deployment: cloud, IssueType: "Task", DueDate: true, SearchLag: 300, PointsPerHour: 65000, Page: 50,
		Priorities: map[string]string{"act": "Highest", "attend": "High", "track_star": "Medium", "track": "Low"},
	}
}

var (
	projectKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,254}$`)
	fieldID    = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]{0,99}$`)
	labelText  = regexp.MustCompile(`^\S{1,255}$`)
)

// decisions are what Issue.Priority may be.
var decisions = []string{"act", "attend", "track_star", "track"} //nolint:gochecknoglobals // a constant

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Deployment != cloud && c.Deployment != datacenter {
		add("deployment: %q is neither cloud nor datacenter", c.Deployment)
	}
	if c.Page < 1 || c.Page > 100 {
		add("page: %d is not between 1 and 100", c.Page)
	}
	if c.SearchLag < 10 || c.SearchLag > 3600 {
		add("search_lag: %d is not between 10 and 3600 seconds", c.SearchLag)
	}
	if c.PointsPerHour != 0 && c.PointsPerHour < leastPoints {
		add("points_per_hour: a page of tickets costs up to 101; there must be at least %d, or 0 for no quota", leastPoints)
	}
	for i, l := range c.Labels {
		if !labelText.MatchString(l) {
			add("labels[%d]: a label of Jira has no space and between 1 and 255 characters", i)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Priorities)) {
		if !slices.Contains(decisions, name) {
			add("priorities: %q is no decision; there are act, attend, track_star and track", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Statuses)) {
		if _, known := categories[name]; !known {
			add("statuses: %q is no status; there are todo, in_progress and done", name)
		}
	}
	problems = append(problems, c.validateFields()...)
	problems = append(problems, c.validateRoutes()...)
	if c.URL == "" {
		return problems
	}
	if err := httpclient.CheckURL(c.URL); err != nil {
		add("url: %w", err)
	}
	if c.Project == "" {
		add("project: is needed, for tickets that no route takes")
	}
	return append(problems, c.validateAuth()...)
}

func (c *Config) validateFields() []error {
	var problems []error
	for key, fields := range map[string]map[string]string{"fields": c.Fields, "campaign_fields": c.CampaignFields, "transition_fields": c.TransitionFields} {
		for _, id := range slices.Sorted(maps.Keys(fields)) {
			switch {
			case !fieldID.MatchString(id):
				problems = append(problems, fmt.Errorf("%s: %q can't be the ID of a field", key, id))
			case key != "transition_fields" && slices.Contains([]string{"summary", "description", "labels", "project", "issuetype", "priority", "duedate", "assignee", "components"}, id):
				problems = append(problems, fmt.Errorf("%s.%s: is written from a setting of its own", key, id))
			}
		}
	}
	if c.ParentField != "" && !fieldID.MatchString(c.ParentField) {
		problems = append(problems, fmt.Errorf("parent_field: %q can't be the ID of a field", c.ParentField))
	}
	_, more := compileRules(c)
	return append(problems, more...)
}

func (c *Config) validateRoutes() []error {
	var problems []error
	if c.Project != "" && !projectKey.MatchString(c.Project) {
		problems = append(problems, fmt.Errorf("project: %q can't be the key of a project", c.Project))
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		if r.Project != "" && !projectKey.MatchString(r.Project) {
			problems = append(problems, fmt.Errorf("routes[%d].project: %q can't be the key of a project", i, r.Project))
		}
		if r.Project == "" && r.IssueType == "" && len(r.Components) == 0 && r.Assignee == "" {
			problems = append(problems, fmt.Errorf("routes[%d]: says nothing about where such tickets go", i))
		}
	}
	return problems
}

func (c *Config) validateAuth() []error {
	o := &c.OAuth
	switch {
	case o.ClientID == "" && o.CloudID == "" && o.ClientSecret.Empty() && o.RefreshFile == "":
		if c.Token.Empty() {
			return []error{errors.New("token: is needed, or oauth")}
		}
		if c.Deployment == cloud && c.User == "" {
			return []error{errors.New("user: an API token of Cloud belongs to the account with this mail address")}
		}
	case c.Deployment != cloud:
		return []error{errors.New("oauth: is for Cloud; Data Center takes a personal access token as token")}
	case o.ClientID == "" || o.CloudID == "" || o.ClientSecret.Empty():
		return []error{errors.New("oauth: wants cloud_id, client_id and client_secret")}
	case !regexp.MustCompile(`^[0-9a-fA-F-]{8,64}$`).MatchString(o.CloudID):
		return []error{errors.New("oauth.cloud_id: is not the ID of a site")}
	case !c.Token.Empty() || c.User != "":
		return []error{errors.New("oauth, user, token: one way to log in is enough")}
	}
	return nil
}

// base is what paths of the API are added to, with a final slash.
func (c *Config) base() string {
	if c.OAuth.ClientID != "" {
		return atlassianAPI + "/ex/jira/" + c.OAuth.CloudID + "/"
	}
	return strings.TrimRight(c.URL, "/") + "/"
}

func reach(config any) []string {
	c, ok := config.(*Config)
	if !ok {
		return nil
	}
	if c.OAuth.ClientID != "" {
		return []string{httpclient.HostOf(atlassianAPI), httpclient.HostOf(atlassianAuth)}
	}
	if host := httpclient.HostOf(c.URL); host != "" {
		return []string{host}
	}
	return []string{}
}

// projects are those that tickets may be created in, each once, with its issue types.
func (c *Config) projects() map[string][]string {
	out := map[string][]string{}
	add := func(project, kind string) {
		if project != "" && !slices.Contains(out[project], kind) {
			out[project] = append(out[project], kind)
		}
	}
	add(c.Project, c.IssueType)
	if c.CampaignType != "" {
		add(c.Project, c.CampaignType)
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		add(or(r.Project, c.Project), or(r.IssueType, c.IssueType))
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
