package servicenowincident

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/marked"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

// longestNote is how much a work note says: a journal takes more, and nobody reads it.
const longestNote = 16_000

// Comment implements connectors.Tracker, as a work note, which callers don't see. The cause
// stands in it, and is looked up among our own entries in the journal.
func (t *Tracker) Comment(ctx context.Context, key, text, cause string) error {
	x, err := t.read(ctx, key)
	if err != nil {
		return err
	}
	note := marked.Plain.Comment(marked.Cut(marked.PlainText(text), longestNote), cause)
	said, err := t.said(ctx, x, cause)
	if said || err != nil {
		return err
	}
	_, err = t.write(ctx, x, map[string]any{"work_notes": note})
	return err
}

func (t *Tracker) said(ctx context.Context, x record, cause string) (bool, error) {
	sum := strings.Trim(strings.TrimSpace(marked.Plain.Comment("", cause)), "[]")
	found, count, err := t.query(ctx, "sys_journal_field", "sys_created_by,value", "name=incident^element=work_notes^element_id="+x.get("sys_id")+"^valueLIKE"+sum, perPage, 0)
	if err != nil {
		return false, err
	}
	for _, entry := range found {
		if t.ours(entry) && marked.Says(entry.get("value"), cause) {
			return true, nil
		}
	}
	if count > len(found) && len(found) < perPage {
		return false, fault.New(fault.Denied, "reading the work notes of incident %s: an ACL hides them: let %s read sys_journal_field", x.get("number"), t.config.User)
	}
	return false, nil
}

// Attach implements connectors.Attacher.
func (t *Tracker) Attach(ctx context.Context, key string, file connectors.Attachment) error {
	x, err := t.read(ctx, key)
	if err != nil {
		return err
	}
	name := strings.Map(plainName, file.Name)
	var answer struct {
		Result []record `json:"result"`
	}
	call := httpclient.Call{Path: "api/now/attachment", Query: url.Values{"sysparm_query": {"table_name=incident^table_sys_id=" + x.get("sys_id") + "^file_name=" + name}}}
	if _, err := t.call(ctx, call, &answer); err != nil {
		return notGone(err, "looking at the attachments of incident "+key)
	}
	if slices.ContainsFunc(answer.Result, func(r record) bool { return r.get("file_name") == name }) {
		return nil
	}
	call = httpclient.Call{Method: http.MethodPost, Path: "api/now/attachment/file", Raw: append([]byte{}, file.Body...), Type: file.Type,
		Query: url.Values{"table_name": {"incident"}, "table_sys_id": {x.get("sys_id")}, "file_name": {name}}}
	_, err = t.call(ctx, call, nil)
	if err != nil {
		return notGone(err, "attaching a file to incident "+key)
	}
	return nil
}

// plainName keeps a file's name to what means nothing in an encoded query.
func plainName(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
		return r
	}
	return '-'
}

// Check implements connectors.Checker.
func (t *Tracker) Check(ctx context.Context) []error {
	t.mu.Lock()
	clear(t.groups)
	t.mu.Unlock()
	var problems []error
	for _, of := range []string{"incident", "sys_journal_field", "sys_user", "sys_user_group"} {
		found, count, err := t.query(ctx, of, "sys_id", "ORDERBYDESCsys_created_on", 1, 0)
		if err == nil && count > 0 && len(found) == 0 {
			err = fault.New(fault.Denied, "reading %s: an ACL hides it: grant %s read access", of, t.config.User)
		}
		if err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	me, err := t.lookup(ctx, "sys_user", "user_name", t.config.User)
	if err == nil && me == "" {
		err = fault.New(fault.Invalid, "ServiceNow has no active user %q: incidents would not be known as ours", t.config.User)
	}
	if err != nil {
		problems = append(problems, err)
	}
	for team, name := range t.config.Groups {
		if id, err := t.lookup(ctx, "sys_user_group", "name", name); err != nil || id == "" {
			problems = append(problems, fault.New(fault.Invalid, "ServiceNow has no active group %q, which is to be team %s's", name, team))
		}
	}
	return append(problems, t.checkChoices(ctx)...)
}

// checkChoices looks whether the instance knows the resolution code.
func (t *Tracker) checkChoices(ctx context.Context) []error {
	if !person.MatchString(t.config.CloseCode) {
		return []error{fault.New(fault.Invalid, "close_code: %q can't be looked up", t.config.CloseCode)}
	}
	found, _, err := t.query(ctx, "sys_choice", "value,inactive", "name=incident^element=close_code^value="+t.config.CloseCode+"^inactive=false", 1, 0)
	if err != nil {
		return []error{err}
	}
	if len(found) == 0 || found[0].get("value") != t.config.CloseCode {
		return []error{fault.New(fault.Invalid, "ServiceNow knows no resolution code %q: set close_code to one of its choice list", t.config.CloseCode)}
	}
	return nil
}
