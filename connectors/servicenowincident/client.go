package servicenowincident

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

const (
	table = "api/now/table/"
	// What an instance allows is said by its own rate limit rules, with 429. Without any, this
	// is what it is spared.
	budgetCore  = "core"
	perSecond   = 10
	burst       = 50
	perPage     = 100
	headerCount = "X-Total-Count"
)

// fields are what is asked for of an incident: actual values, and never references.
const fields = "sys_id,number,short_description,description,state,impact,urgency,due_date,assigned_to,assigned_to.user_name,assignment_group," +
	"correlation_id,correlation_display,sys_created_by,sys_updated_on,resolved_at,resolved_by.user_name,closed_at,closed_by.user_name,parent_incident"

// written are the columns that quell itself writes.
var written = []string{"short_description", "description", "state", "impact", "urgency", "due_date", "assigned_to", "assignment_group", //nolint:gochecknoglobals // a constant table
	"correlation_id", "correlation_display", "close_code", "close_notes", "parent_incident", "work_notes", "number", "sys_id"}

// record is a record, by column. A reference may come as an object with its value in it.
type record map[string]text

type text string

// UnmarshalJSON reads a text, or the value of a reference.
func (t *text) UnmarshalJSON(b []byte) error {
	var plain string
	if json.Unmarshal(b, &plain) == nil {
		*t = text(plain)
		return nil
	}
	var reference struct {
		Value string `json:"value"`
	}
	_ = json.Unmarshal(b, &reference) // what is neither is empty
	*t = text(reference.Value)
	return nil
}

func (r record) get(column string) string { return string(r[column]) }

func (t *Tracker) limits() {
	if t.governor != nil {
		t.governor.Limit(t.budget(), perSecond, burst)
	}
}

func (t *Tracker) budget() string { return Name + "/" + t.name + "/" + budgetCore }

// call makes one request within the budget. Without out, the answer's body doesn't count.
func (t *Tracker) call(ctx context.Context, c httpclient.Call, out any) (http.Header, error) {
	if t.governor != nil {
		if err := t.governor.Take(ctx, t.budget(), 1); err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "waiting for ServiceNow's rate limit")
		}
	}
	var header http.Header
	var err error
	if out == nil {
		header, err = t.api.Copy(ctx, c, io.Discard)
	} else {
		header, err = t.api.Get(ctx, c, out)
	}
	if t.governor != nil && fault.Is(err, fault.Throttled) {
		if held := t.governor.Hold(ctx, t.budget(), t.now().Add(fault.RetryAfter(err))); held != nil {
			return nil, fault.Wrap(fault.KindOf(held), held, "holding back from ServiceNow")
		}
	}
	return header, err
}

var mandatory = regexp.MustCompile(`(?i)data policy|mandatory|business rule`)

// refused knows ServiceNow's own ways to refuse: what a data policy or a business rule won't
// take is a 403 too, and says which fields it wants.
func refused(status int, _ http.Header, body []byte) error {
	if status != http.StatusForbidden && status != http.StatusBadRequest {
		return nil
	}
	var answer struct {
		Error struct {
			Message string `json:"message"`
			Detail  string `json:"detail"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &answer) // what is no JSON doesn't name a field
	if !mandatory.MatchString(answer.Error.Message + " " + answer.Error.Detail) {
		return nil
	}
	return fault.New(fault.Invalid, "ServiceNow's own rules refuse it: %s; see fields and close_code in the configuration", marked.Line(answer.Error.Detail, 200))
}

// query gives the records of a table that an encoded query finds, and how many there are,
// those included that an ACL hides: ACLs filter what was found, and not what was counted
// (KB3047115). Its terms hold no text that isn't checked: in an encoded query ^ begins a new
// term, and one that makes no sense is dropped, and would find everything.
func (t *Tracker) query(ctx context.Context, of, columns, encoded string, limit, offset int) ([]record, int, error) {
	var answer struct {
		Result []record `json:"result"`
	}
	header, err := t.call(ctx, httpclient.Call{Path: table + of, Query: url.Values{
		"sysparm_query": {encoded}, "sysparm_fields": {columns}, "sysparm_limit": {strconv.Itoa(limit)}, "sysparm_offset": {strconv.Itoa(offset)},
		"sysparm_exclude_reference_link": {"true"}, "sysparm_display_value": {"false"},
	}}, &answer)
	if err != nil {
		return nil, 0, notGone(err, "asking ServiceNow for "+of)
	}
	count, err := strconv.Atoi(header.Get(headerCount))
	if err != nil {
		count = len(answer.Result)
	}
	return answer.Result, count, nil
}

// notGone says of a 404 of a list or a creation what it is: a table that isn't there, or an
// instance that is asleep. A single record alone can be gone.
func notGone(err error, doing string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.Denied, err, doing)
	}
	return fault.Wrap(fault.KindOf(err), err, doing)
}

// incidents gives the incidents that a query finds, newest first.
func (t *Tracker) incidents(ctx context.Context, encoded string) ([]record, int, error) {
	return t.query(ctx, "incident", fields, encoded+"^ORDERBYDESCsys_created_on^ORDERBYDESCnumber", perPage, 0)
}

// numbers are what keys look like: a prefix and a number.
var numbers = regexp.MustCompile(`^[A-Z]{2,8}[0-9]{4,20}$`)

// read gets an incident, or the one that continues it.
func (t *Tracker) read(ctx context.Context, key string) (record, error) {
	if !numbers.MatchString(key) {
		return nil, fault.New(fault.Invalid, "reading an incident: its key is no number of one")
	}
	found, count, err := t.incidents(ctx, "number="+key)
	switch {
	case err != nil:
		return nil, err
	case count == 0:
		return nil, fault.New(fault.NotFound, "reading incident %s: it was deleted, or never was", key)
	case len(found) == 0:
		return nil, fault.New(fault.Denied, "reading incident %s: an ACL hides it from us: check the roles of %s", key, t.config.User)
	case found[0].get("number") != key:
		return nil, fault.New(fault.Denied, "reading incident %s: ServiceNow answers with another: may the user read the column number?", key)
	}
	return t.latest(ctx, found[0])
}

// latest gives the incident that continues one that can't be reopened, or itself.
func (t *Tracker) latest(ctx context.Context, x record) (record, error) {
	marker := x.get("correlation_id")
	if !t.final(x) || !t.ours(x) || !marked.ValidMarker(marker) {
		return x, nil
	}
	found, _, err := t.incidents(ctx, "correlation_id="+marker)
	if err != nil {
		return nil, err
	}
	for _, other := range found { // the newest first
		if t.carries(other, marker) {
			return other, nil
		}
	}
	return x, nil
}

func (t *Tracker) final(x record) bool {
	for _, s := range t.config.Final {
		if x.get("state") == s {
			return true
		}
	}
	return false
}

// ours reports whether we made an incident.
func (t *Tracker) ours(x record) bool {
	by := x.get("sys_created_by")
	for _, name := range append([]string{t.config.User}, t.config.Former...) {
		if strings.EqualFold(by, name) {
			return true
		}
	}
	return false
}

func (t *Tracker) carries(x record, marker string) bool {
	return t.ours(x) && x.get("correlation_id") == marker && x.get("correlation_display") == self
}
