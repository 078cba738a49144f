// Package servicenowincident keeps tickets as ServiceNow incidents, through the Table API.
package servicenowincident

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "servicenowincident"

// self is who closed an incident when we did, and what correlation_display says.
const self = "quell"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "ServiceNow incidents", Summary: "Keeps tickets as incidents in ServiceNow.",
		Config: func() any { return defaults() }, Open: open, Reach: reach, API: "Table API v2 (/api/now/table), Attachment API", Docs: docs,
	}
}

// reach is the host of the configured address, and no other.
func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return []string{}
}

// Tracker is one configured ServiceNow.
type Tracker struct {
	name     string
	config   Config
	api      httpclient.API
	governor connectors.Governor
	now      func() time.Time
	log      *slog.Logger

	mu     sync.Mutex
	groups map[string]string // sys_ids by name
}

const largestAnswer = 16 << 20

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening tracker %s: the configuration is a %T", env.Source, config)
	}
	now, log := env.Now, env.Log
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t := &Tracker{name: env.Source, config: *c, governor: env.Governor, now: now, log: log, groups: map[string]string{},
		api: httpclient.API{HTTP: env.HTTP, Base: c.URL, Vendor: "ServiceNow", Largest: largestAnswer, Refused: refused}}
	if c.ClientID != "" {
		t.api.HTTP = httpclient.OAuth2(env.HTTP, clientcredentials.Config{ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(), TokenURL: c.URL + "/oauth_token.do"})
	} else {
		t.api.Auth = func(r *http.Request) { r.SetBasicAuth(c.User, c.Password.Reveal()) }
	}
	t.limits()
	return t, nil
}

// Connector implements connectors.Instance.
func (*Tracker) Connector() string { return Name }

// FindByMarker implements connectors.Tracker. correlation_id is a column that the database
// looks up: there is no index that lags. Of several, the newest that we made: the others are
// closed for good, and it continues them.
func (t *Tracker) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	if !marked.ValidMarker(marker) {
		return connectors.Issue{}, fault.New(fault.Invalid, "finding an incident: this is no marker of ours")
	}
	found, count, err := t.incidents(ctx, "correlation_id="+marker)
	if err != nil {
		return connectors.Issue{}, err
	}
	for _, x := range found {
		if t.carries(x, marker) {
			return t.issue(x), nil
		}
	}
	if count > len(found) && count <= perPage {
		return connectors.Issue{}, fault.New(fault.Denied, "finding the incident of %s: an ACL hides it from us: check the roles of %s", marker, t.config.User)
	}
	return connectors.Issue{}, fault.New(fault.NotFound, "finding the incident of %s: there is none", marker)
}

// Get implements connectors.Tracker.
func (t *Tracker) Get(ctx context.Context, key string) (connectors.Issue, error) {
	x, err := t.read(ctx, key)
	if err != nil {
		return connectors.Issue{}, err
	}
	return t.issue(x), nil
}

// Create implements connectors.Tracker.
func (t *Tracker) Create(ctx context.Context, issue connectors.Issue) (connectors.Issue, error) {
	found, err := t.FindByMarker(ctx, issue.Marker)
	if err == nil || !fault.Is(err, fault.NotFound) {
		return found, err
	}
	x, err := t.create(ctx, &issue, nil)
	if err != nil {
		return connectors.Issue{}, err
	}
	return t.issue(x), nil
}

// create makes an incident, below the one that it continues, if there is one.
func (t *Tracker) create(ctx context.Context, issue *connectors.Issue, after record) (record, error) {
	fresh := *issue
	fresh.Status = ""
	patch, err := t.patch(ctx, record{}, &fresh)
	if err != nil {
		return nil, err
	}
	for name, value := range t.config.Fields {
		patch[name] = value
	}
	patch["correlation_id"], patch["correlation_display"] = issue.Marker, self
	if after != nil {
		patch["parent_incident"] = after.get("sys_id")
		patch["work_notes"] = "Continues " + after.get("number") + ", which is closed and can't be reopened: what it was about is still there, or back."
	}
	var answer struct {
		Result record `json:"result"`
	}
	_, err = t.call(ctx, httpclient.Call{Method: http.MethodPost, Path: table + "incident", Query: shown(), JSON: patch}, &answer)
	if err != nil {
		return nil, notGone(err, "creating an incident")
	}
	if !numbers.MatchString(answer.Result.get("number")) {
		return nil, fault.New(fault.Denied, "creating an incident: ServiceNow doesn't say its number: may the user read it?")
	}
	return answer.Result, nil
}

func shown() url.Values {
	return url.Values{"sysparm_fields": {fields}, "sysparm_exclude_reference_link": {"true"}, "sysparm_display_value": {"false"}, "sysparm_input_display_value": {"false"}}
}

// Update implements connectors.Tracker: one call, so that what the description says we wrote
// and what we wrote are never apart. What is closed for good and has to be open is continued
// by a new incident.
func (t *Tracker) Update(ctx context.Context, issue connectors.Issue, _ string) (connectors.Issue, error) {
	x, err := t.read(ctx, issue.Key)
	if err != nil {
		return connectors.Issue{}, err
	}
	if t.final(x) && (issue.Status == connectors.IssueTodo || issue.Status == connectors.IssueInProgress) {
		return t.proceed(ctx, &issue, x)
	}
	if t.final(x) { // nothing can be written on it, and nothing needs to be
		return t.issue(x), nil
	}
	patch, err := t.patch(ctx, x, &issue)
	if err != nil {
		return connectors.Issue{}, err
	}
	if len(patch) > 0 {
		if x, err = t.write(ctx, x, patch); err != nil {
			return connectors.Issue{}, err
		}
	}
	return t.issue(x), nil
}

// proceed continues a closed incident. The note on it comes last and is best effort: many
// instances let nobody write on what is closed.
func (t *Tracker) proceed(ctx context.Context, issue *connectors.Issue, closed record) (connectors.Issue, error) {
	next, err := t.create(ctx, issue, closed)
	if err != nil {
		return connectors.Issue{}, err
	}
	note := "Continued by " + next.get("number") + ": this incident is closed and can't be reopened."
	if _, err := t.write(ctx, closed, map[string]any{"work_notes": note}); err != nil {
		t.log.WarnContext(ctx, "a closed incident takes no note about the one that continues it", "incident", closed.get("number"), "by", next.get("number"), "error", err)
	}
	return t.issue(next), nil
}

func (t *Tracker) write(ctx context.Context, x record, patch map[string]any) (record, error) {
	var answer struct {
		Result record `json:"result"`
	}
	call := httpclient.Call{Method: http.MethodPatch, Path: table + "incident/" + url.PathEscape(x.get("sys_id")), Query: shown(), JSON: patch}
	if _, err := t.call(ctx, call, &answer); err != nil {
		return nil, notGone(err, "updating incident "+x.get("number"))
	}
	return answer.Result, nil
}

// offset is how many records a look at what changed has passed.
func offset(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(cursor)
	if err != nil || n <= 0 {
		return 0, fault.New(fault.Invalid, "looking what changed: the cursor is none of ours")
	}
	return n, nil
}

// Changed implements connectors.Changing. The last changed come first, since a time in an
// encoded query would be read in the time zone of the user's; what changes while we read
// moves to the front, and is in the next look.
func (t *Tracker) Changed(ctx context.Context, since time.Time, cursor string) (connectors.ChangedPage, error) {
	from, err := offset(cursor)
	if err != nil {
		return connectors.ChangedPage{}, err
	}
	found, count, err := t.query(ctx, "incident", fields, "correlation_display="+self+"^ORDERBYDESCsys_updated_on^ORDERBYDESCsys_id", perPage, from)
	if err != nil {
		return connectors.ChangedPage{}, err
	}
	page := connectors.ChangedPage{}
	older := false
	for _, x := range found {
		issue := t.issue(x)
		if older = issue.UpdatedAt.Before(since.Truncate(time.Second)); older {
			break
		}
		if issue.Marker != "" {
			page.Issues = append(page.Issues, issue)
		}
	}
	if !older && from+perPage < count {
		page.Next = strconv.Itoa(from + perPage)
	}
	return page, nil
}
