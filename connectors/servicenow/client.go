package servicenow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// Instance is one configured ServiceNow source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// cursor is where a sync stands: at a page of one of its tables.
type cursor struct {
	Stage    int      `json:"s"`
	Next     string   `json:"n,omitempty"` // the link to follow; empty: the table's first page
	Lineage  []string `json:"l,omitempty"`
	Claimed  int      `json:"c,omitempty"` // by the table; -1 where it doesn't count
	Received int      `json:"r,omitempty"`
	All      int      `json:"a,omitempty"` // records of the tables before
	Short    []string `json:"w,omitempty"` // tables that gave fewer or more than they counted
}

// stage is one table of a sync.
type stage struct {
	table  string
	filter string
	fields []string
	item   bool // a class, with classes above and below it
}

// dotted are the columns of other tables that come with a record.
func dotted(columns []string, of ...string) []string {
	out := make([]string, 0, len(columns)*len(of))
	for _, c := range columns {
		for _, o := range of {
			out = append(out, c+"."+o)
		}
	}
	return out
}

// stages are the tables that the configuration asks for, in order.
func (in *Instance) stages() []stage {
	var out []stage
	item := slices.Concat([]string{"sys_id", "name", "fqdn", "host_name", "ip_address", "mac_address", "serial_number", "os", "os_version", "internet_facing",
		"duplicate_of", "last_discovered", "sys_updated_on", "bios_uuid"}, tagColumns, ownerColumns, dotted(personColumns, "email"), in.config.OwnerFields, in.config.TagFields)
	for _, class := range in.config.Classes {
		out = append(out, stage{class, in.config.Filter, item, true})
	}
	if in.config.People {
		out = append(out,
			stage{table: tableUser, fields: []string{"sys_id", "sys_class_name", "name", "first_name", "last_name", "user_name", "email", "title", "active", "vip", "department", "company", "location", "cost_center", "employee_number", "manager", "manager.email", "sys_updated_on"}},
			stage{table: tableGroup, fields: []string{"sys_id", "name", "email", "active", "type", "cost_center", "manager", "parent", "include_members", "sys_updated_on"}},
			stage{table: tableMember, fields: []string{"sys_id", "user", "group", "sys_updated_on"}})
	}
	if in.config.Relations {
		out = append(out, stage{table: tableRelation, fields: slices.Concat([]string{"sys_id", "parent", "child", "type", "type.name", "sys_updated_on"}, dotted([]string{"parent", "child"}, "sys_class_name"))})
	}
	if in.config.VulnerableItems {
		out = append(out, stage{table: tableVulnerable, fields: slices.Concat(mapped, ownerColumns, dotted(personColumns, "email"), []string{"number", "risk_score", "risk_rating", "severity", "priority", "active",
			"close_reason", "close_notes", "closed_at", "source", "sys_updated_on", "sys_created_on", "cmdb_ci.sys_class_name", "ttr_target_date", "until_date"})})
	}
	return out
}

func (in *Instance) api() httpclient.API {
	api := httpclient.API{HTTP: in.http, Base: strings.TrimSuffix(in.config.URL, "/"), Vendor: "ServiceNow"}
	if in.config.ClientID != "" {
		api.HTTP = httpclient.OAuth2(in.http, clientcredentials.Config{
			ClientID: in.config.ClientID, ClientSecret: in.config.ClientSecret.Reveal(), TokenURL: api.Base + "/oauth_token.do",
		})
		return api
	}
	api.Auth = func(r *http.Request) { r.SetBasicAuth(in.config.User, in.config.Password.Reveal()) }
	return api
}

// FullEvery implements connectors.Incremental: deleted records show in a full sync alone.
func (*Instance) FullEvery() time.Duration { return 24 * time.Hour }

// Pull implements connectors.Puller: a page of one table, and where the next one is.
func (in *Instance) Pull(ctx context.Context, req connectors.PullRequest, page io.Writer) (connectors.Pulled, error) {
	if in.config.URL == "" {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no url is configured", in.source)
	}
	var at cursor
	if req.Cursor != "" {
		if err := json.Unmarshal([]byte(req.Cursor), &at); err != nil {
			return connectors.Pulled{}, connectors.ErrExpired // of another version: begin anew
		}
	}
	stages := in.stages()
	if at.Stage >= len(stages) {
		return connectors.Pulled{}, fault.New(fault.Invalid, "pulling from %s: no tables are configured", in.source)
	}
	api, st := in.api(), stages[at.Stage] //nolint:contextcheck // a token outlives the call that asked for it
	if st.item && at.Next == "" {
		lineage, err := in.lineage(ctx, api, st.table)
		if err != nil {
			return connectors.Pulled{}, fmt.Errorf("finding the classes above %s: %w", st.table, err)
		}
		at.Lineage = lineage
	}
	if err := in.fetch(ctx, api, st, req.Since, &at, page); err != nil {
		return connectors.Pulled{}, fmt.Errorf("fetching %s after %d records: %w", st.table, at.Received, err)
	}
	if at.Next == "" {
		at.end(st.table)
	}
	if at.Stage >= len(stages) {
		return connectors.Pulled{Run: at.run(req.Since)}, nil
	}
	next, err := json.Marshal(at)
	if err != nil {
		return connectors.Pulled{}, fault.Wrap(fault.Internal, err, "encoding a cursor")
	}
	return connectors.Pulled{Next: string(next)}, nil
}

// end goes on to the next table and notes one that didn't give what it counted.
func (c *cursor) end(table string) {
	if c.Claimed >= 0 && c.Claimed != c.Received {
		c.Short = append(c.Short, fmt.Sprintf("%s gave %d of %d records", table, c.Received, c.Claimed))
	}
	*c = cursor{Stage: c.Stage + 1, All: c.All + c.Received, Short: c.Short}
}

// run is what the whole sync came to.
func (c *cursor) run(since time.Time) exposure.Run {
	run := exposure.Run{Kind: exposure.RunFull, Complete: true, Tool: Name, Counts: map[string]int{"received": c.All}}
	switch {
	case !since.IsZero():
		run.Kind, run.Complete, run.Why = exposure.RunPartial, false, "only what has changed was asked for"
	case len(c.Short) > 0:
		run.Complete, run.Why = false, strings.Join(c.Short, "; ")
	}
	return run
}

// fetch writes the page at the cursor and moves the cursor on.
func (in *Instance) fetch(ctx context.Context, api httpclient.API, st stage, since time.Time, at *cursor, page io.Writer) error {
	call := httpclient.Call{Path: "/api/now/table/" + st.table, Query: url.Values{
		"sysparm_limit":                  {strconv.Itoa(in.config.Page)},
		"sysparm_query":                  {query(st, since)},
		"sysparm_fields":                 {strings.Join(unique(st.fields), ",")},
		"sysparm_display_value":          {"all"},
		"sysparm_exclude_reference_link": {"true"},
	}}
	if at.Next != "" {
		call = httpclient.Call{Path: at.Next}
	}
	var body json.RawMessage
	header, err := api.Get(ctx, call, &body)
	if err != nil {
		return err
	}
	var rows struct {
		Result []json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(body, &rows); err != nil {
		return fault.New(fault.Unavailable, "reading an answer of ServiceNow: it holds no list of results")
	}
	if at.Next == "" {
		at.Claimed = -1
	}
	if total, err := strconv.Atoi(header.Get("X-Total-Count")); err == nil {
		at.Claimed = total
	}
	at.Received += len(rows.Result)
	next := httpclient.NextLink(header)
	switch {
	case next == "" || len(rows.Result) == 0:
		at.Next = ""
	case next == at.Next:
		return fault.New(fault.Invalid, "following the next page of ServiceNow: it leads to itself")
	default:
		at.Next = next
	}
	return json.NewEncoder(page).Encode(envelope{Version: 1, Table: st.table, Lineage: at.Lineage, Page: body})
}

// query is the encoded query of a table. Offsets only hold still in a fixed order.
func query(st stage, since time.Time) string {
	parts := []string{}
	if st.filter != "" {
		parts = append(parts, st.filter)
	}
	if !since.IsZero() { // read in the user's time zone: a day earlier is early enough in all of them
		parts = append(parts, "sys_updated_on>="+since.UTC().Add(-24*time.Hour).Format(time.DateTime))
	}
	return strings.Join(append(parts, "ORDERBYsys_id"), "^")
}

func unique(fields []string) []string {
	var out []string
	for _, f := range fields {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// lineage asks for the classes above a class, nearest first, until one that is known.
func (in *Instance) lineage(ctx context.Context, api httpclient.API, class string) ([]string, error) {
	out := []string{class}
	call := httpclient.Call{Path: "/api/now/table/sys_db_object", Query: url.Values{"sysparm_limit": {"1"}, "sysparm_query": {"name=" + class}, "sysparm_fields": {"super_class,name"}}}
	for range deepest {
		if _, known := classKinds[out[len(out)-1]]; known {
			return out, nil
		}
		var answer struct {
			Result wire.List[record] `json:"result"`
		}
		if _, err := api.Get(ctx, call, &answer); err != nil {
			return nil, err
		}
		if len(answer.Result) == 0 {
			return out, nil
		}
		if name := answer.Result[0].value("name"); name != "" && name != out[len(out)-1] {
			out = append(out, name)
		}
		super := answer.Result[0].value("super_class")
		if super == "" {
			return out, nil
		}
		call = httpclient.Call{Path: "/api/now/table/sys_db_object/" + url.PathEscape(super), Query: url.Values{"sysparm_fields": {"super_class,name"}}}
	}
	return out, nil
}
