package jira

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// search is the body of a search: Cloud's search/jql with its page token, Data Center's
// search with its offset.
type search struct {
	JQL        string   `json:"jql"`
	Fields     []string `json:"fields"`
	Properties []string `json:"properties,omitempty"` // of Cloud alone: Data Center's search gives none
	Expand     string   `json:"expand,omitempty"`     // likewise; a list in Data Center
	MaxResults int      `json:"maxResults"`
	StartAt    int      `json:"startAt,omitempty"`
	Token      string   `json:"nextPageToken,omitempty"`
}

type found struct {
	Issues []wireIssue `json:"issues"`
	Token  string      `json:"nextPageToken"`
	Total  int         `json:"total"`
}

// search finds issues. Both services' index lags behind what was written.
func (t *Tracker) search(ctx context.Context, s search) (found, error) {
	path := "search"
	if t.cloud {
		path = "search/jql"
	}
	s.Fields = []string{"updated"}
	if t.cloud {
		s.Fields, s.Properties, s.Expand = strings.Split(fieldNames, ","), []string{propertyKey}, "changelog"
	}
	var out found
	r, err := t.client.jira.NewRequestWithContext(ctx, http.MethodPost, t.client.prefix+path, s)
	if err != nil {
		return out, fault.New(fault.Internal, "encoding a search of Jira")
	}
	r.Header.Set(pageHeader, strconv.Itoa(s.MaxResults))
	if _, err := t.client.jira.Do(r, &out); err != nil {
		if fault.KindOf(err) == fault.Internal {
			return out, fault.New(fault.Unavailable, "reading an answer of Jira: it is not the JSON that was asked for")
		}
		return out, fault.Wrap(fault.KindOf(err), err, "searching in Jira")
	}
	return out, nil
}

// mostCopies is how many issues may bear one label: ours, and what people cloned from it.
const mostCopies = 20

// FindByMarker implements connectors.Tracker: by the label, which search knows, and then by
// the property, which copies made in Jira don't have. Where an app has copied that too, the
// oldest is ours.
func (t *Tracker) FindByMarker(ctx context.Context, marker string) (connectors.Issue, error) {
	if !markerText.MatchString(marker) {
		return connectors.Issue{}, fault.New(fault.Invalid, "looking for an issue: %q can't be a marker", connectors.Title(marker, 60))
	}
	got, err := t.search(ctx, search{JQL: `labels = "` + label(marker) + `" ORDER BY created ASC`, MaxResults: mostCopies})
	if err != nil {
		return connectors.Issue{}, err
	}
	slices.SortFunc(got.Issues, func(a, b wireIssue) int { return int(min(max(numeric(a.ID)-numeric(b.ID), -1), 1)) })
	for i := range got.Issues {
		issue, err := t.Get(ctx, got.Issues[i].Key) // the index may be behind it, or lack the property
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err == nil && issue.Marker != marker {
			continue
		}
		return issue, err
	}
	if err := t.allVisible(ctx); err != nil { // what can't be seen isn't found either
		return connectors.Issue{}, err
	}
	return connectors.Issue{}, fault.New(fault.NotFound, "looking for the issue of %s: there is none", marker)
}

// overlap is how many issues of a page are asked for again with the next one: those that
// are changed meanwhile move to the end, and all behind them by one to the front.
const overlap = 5

// Changed implements connectors.Changing.
func (t *Tracker) Changed(ctx context.Context, since time.Time, cursor string) (connectors.ChangedPage, error) {
	at, err := t.jqlTime(ctx, since)
	if err != nil {
		return connectors.ChangedPage{}, err
	}
	s := search{JQL: `labels = "` + propertyKey + `" AND updated >= "` + at + `" ORDER BY updated ASC, key ASC`, MaxResults: t.config.Page}
	if t.cloud {
		s.Token = cursor
	} else if cursor != "" {
		if s.StartAt, err = strconv.Atoi(cursor); err != nil || s.StartAt < 0 {
			return connectors.ChangedPage{}, fault.New(fault.Invalid, "looking for what was changed in Jira: the cursor is none of ours")
		}
	}
	got, err := t.search(ctx, s)
	if err != nil {
		return connectors.ChangedPage{}, err
	}
	page := connectors.ChangedPage{Next: got.Token}
	if end := s.StartAt + len(got.Issues); !t.cloud && end < got.Total && len(got.Issues) > 0 {
		page.Next = strconv.Itoa(end - min(overlap, len(got.Issues)-1))
	}
	for i := range got.Issues {
		is := &got.Issues[i]
		if !t.cloud {
			is, err = t.fetch(ctx, is.Key)
			if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
				continue
			}
			if err != nil {
				return connectors.ChangedPage{}, err
			}
		}
		p, err := is.property()
		if err != nil || p == nil || moment(is.Fields.Updated).Before(since.Truncate(time.Second)) {
			continue
		}
		issue, err := t.told(ctx, is, p)
		if err != nil {
			return connectors.ChangedPage{}, err
		}
		page.Issues = append(page.Issues, issue)
	}
	return page, nil
}

// jqlTime writes a time as JQL reads it: by the minute, in the time zone of our account's
// profile. Where we don't know that zone, it is early enough for all of them.
func (t *Tracker) jqlTime(ctx context.Context, at time.Time) (string, error) {
	me, err := t.myself(ctx)
	if err != nil {
		return "", err
	}
	zone, err := time.LoadLocation(me.TimeZone)
	if err != nil || me.TimeZone == "" {
		const widest = 14 * time.Hour
		zone, at = time.UTC, at.Add(-widest)
	}
	return at.In(zone).Format("2006-01-02 15:04"), nil
}
