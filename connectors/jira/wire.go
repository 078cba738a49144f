package jira

import (
	"encoding/json"
	"strings"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/quellsec/quell/internal/fault"
)

// propertyKey is the entity property that we keep on issues and comments.
const propertyKey = "quell"

// property is what we know of an issue, on the issue itself: written in the very request
// that writes what it tells of, so that it is right whatever answer was lost.
type property struct {
	Version int       `json:"v"`
	Marker  string    `json:"marker"`
	Cause   string    `json:"cause,omitempty"`
	Wrote   wrote     `json:"wrote"`
	Moved   *movement `json:"moved,omitempty"`
}

// wrote is what we last wrote, in Jira's words. What differs from it, a person has changed.
type wrote struct {
	Title    string `json:"title"`
	Priority string `json:"priority,omitempty"` // name
	Due      string `json:"due,omitempty"`      // 2006-01-02
	Assignee string `json:"assignee,omitempty"`
	Parent   string `json:"parent,omitempty"` // key; a person who changes it keeps the change
}

// movement is our last transition. The changelog's entry that follows After and leads to
// To is ours.
type movement struct {
	To    string `json:"to"`    // status ID
	After string `json:"after"` // ID of the changelog's last entry about the status before it; empty: none
}

type entityProperty struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// history goes into the changelog beside a change of ours (HistoryMetadata).
type history struct {
	Type      string            `json:"type,omitempty"`
	ExtraData map[string]string `json:"extraData,omitempty"`
}

// write is the body of a creation, an edit and a transition: IssueUpdateDetails.
type write struct {
	Transition *idOnly                     `json:"transition,omitempty"`
	Fields     map[string]any              `json:"fields,omitempty"`
	Update     map[string][]map[string]any `json:"update,omitempty"`
	Properties []entityProperty            `json:"properties,omitempty"`
	History    *history                    `json:"historyMetadata,omitempty"`
}

type idOnly struct {
	ID string `json:"id"`
}

type named struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// wireIssue is an issue as we ask for it.
type wireIssue struct {
	ID         string                     `json:"id"`
	Key        string                     `json:"key"`
	Fields     wireFields                 `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
	Changelog  *wireChangelog             `json:"changelog"`
}

// wireFields keeps descriptions as they come: a string, or a document.
type wireFields struct {
	Summary     string              `json:"summary"`
	Description json.RawMessage     `json:"description"`
	Priority    *named              `json:"priority"`
	DueDate     string              `json:"duedate"`
	Assignee    *gojira.User        `json:"assignee"`
	Status      gojira.Status       `json:"status"`
	Labels      []string            `json:"labels"`
	Updated     string              `json:"updated"`
	Parent      *gojira.Parent      `json:"parent"`
	Attachment  []gojira.Attachment `json:"attachment"`
}

type wireChangelog struct {
	Total     int         `json:"total"`
	Histories []wireEntry `json:"histories"`
	Values    []wireEntry `json:"values"` // of Cloud's paged endpoint
}

// wireEntry is one change, with the metadata that go-jira's type has no place for.
type wireEntry struct {
	ID      string       `json:"id"`
	Author  *gojira.User `json:"author"`
	Created string       `json:"created"`
	Items   []struct {
		Field    string `json:"field"`
		From     string `json:"from"`
		To       string `json:"to"`
		ToString string `json:"toString"`
	} `json:"items"`
	History *history `json:"historyMetadata"`
}

type wireComment struct {
	ID         string           `json:"id,omitempty"`
	Author     *gojira.User     `json:"author,omitempty"`
	Body       json.RawMessage  `json:"body"`
	Properties []entityProperty `json:"properties,omitempty"`
}

// categories are Jira's status categories by ours (statusCategory.key).
var categories = map[string]string{"todo": "new", "in_progress": "indeterminate", "done": "done"} //nolint:gochecknoglobals // a constant

// fieldNames are asked for with an issue.
const fieldNames = "summary,description,priority,duedate,assignee,status,labels,updated,parent,attachment"

// moment reads Jira's times: 2006-01-02T15:04:05.000-0700.
func moment(text string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05.000-0700", time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Millisecond)
		}
	}
	return time.Time{}
}

// who is how Jira calls a user where one is written: accountId in Cloud, name in Data Center.
func (t *Tracker) who(u *gojira.User) string {
	switch {
	case u == nil:
		return ""
	case t.cloud:
		return u.AccountID
	default:
		return u.Name
	}
}

// called is how people call a user. It is never empty, and never us.
func (t *Tracker) called(u *gojira.User) string {
	if u == nil {
		return "somebody"
	}
	name := u.DisplayName
	if !t.cloud {
		name = or(u.Name, u.DisplayName)
	}
	name = or(strings.TrimSpace(name), or(u.AccountID, "somebody"))
	if strings.EqualFold(name, self) {
		return name + " (in Jira)"
	}
	return name
}

// property reads ours; nil where there is none.
func (i *wireIssue) property() (*property, error) {
	raw, there := i.Properties[propertyKey]
	if !there || len(raw) == 0 || string(raw) == "null" {
		return nil, nil //nolint:nilnil // an issue of people has none
	}
	var p property
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fault.New(fault.Conflict, "reading issue %s of Jira: its property %q is not as quell writes it", i.Key, propertyKey)
	}
	return &p, nil
}
