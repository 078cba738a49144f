package jiratest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// clause is one condition of the part of JQL that is understood: conditions joined by AND.
type clause struct {
	field, op string
	values    []string
}

var (
	orderBy    = regexp.MustCompile(`(?i)\s*\border\s+by\s+(.*)$`)
	clauseText = regexp.MustCompile(`^(?i)(labels|project|issuetype|key|issuekey|updated|created|statuscategory)\s*(>=|<=|=|in)\s*(.+)$`)
	valueText  = regexp.MustCompile(`^(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([\w.-]+))$`)
)

// parseJQL refuses what it doesn't understand, rather than finding something else.
func parseJQL(jql string) (clauses []clause, order string, err error) {
	if m := orderBy.FindStringSubmatchIndex(jql); m != nil {
		order, jql = strings.ToLower(jql[m[2]:m[3]]), jql[:m[0]]
	}
	for _, part := range splitAnd(jql) {
		m := clauseText.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return nil, "", fmt.Errorf("error in the JQL Query: %q", part)
		}
		c := clause{field: strings.ToLower(m[1]), op: strings.ToLower(m[2])}
		list := []string{m[3]}
		if c.op == "in" {
			list = strings.Split(strings.Trim(m[3], "() "), ",")
		}
		for _, v := range list {
			found := valueText.FindStringSubmatch(strings.TrimSpace(v))
			if found == nil {
				return nil, "", fmt.Errorf("error in the JQL Query: %q", v)
			}
			c.values = append(c.values, strings.ReplaceAll(found[1]+found[2]+found[3], `\"`, `"`))
		}
		clauses = append(clauses, c)
	}
	return clauses, order, nil
}

// splitAnd splits at AND outside of quotes.
func splitAnd(jql string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(jql); i++ {
		switch {
		case jql[i] == '\\':
			i++
		case jql[i] == '"':
			quoted = !quoted
		case !quoted && i+5 <= len(jql) && strings.EqualFold(jql[i:i+5], " and "):
			out = append(out, jql[start:i])
			start = i + 5
		}
	}
	return append(out, jql[min(start, len(jql)):])
}

// matches holds an issue against a condition. Times are by the minute and in the time zone
// of whoever asks (support.atlassian.com: "Advanced search reference - JQL fields").
func (s *Server) matches(x *issue, c clause) (bool, error) {
	switch c.field {
	case "labels":
		return slices.ContainsFunc(c.values, func(v string) bool {
			return slices.ContainsFunc(x.Labels, func(l string) bool { return strings.EqualFold(l, v) })
		}), nil
	case "project":
		return slices.Contains(c.values, x.Project), nil
	case "issuetype":
		return slices.ContainsFunc(c.values, func(v string) bool { return strings.EqualFold(v, x.Type) }), nil
	case "key", "issuekey":
		return slices.Contains(c.values, x.Key), nil
	case "statuscategory":
		return slices.Contains(c.values, x.Status.Category), nil
	}
	zone, err := time.LoadLocation(s.user(bot).TimeZone)
	if err != nil {
		return false, err
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", c.values[0], zone)
	if err != nil {
		return false, fmt.Errorf("date value '%s' for field '%s' is invalid", c.values[0], c.field)
	}
	is := x.Updated
	if c.field == "created" {
		is = x.Created
	}
	if c.op == "<=" {
		return !is.After(at), nil
	}
	return !is.Before(at), nil
}

// searched finds issues as the index knows them, which may be a while ago.
func (s *Server) searched(jql string) ([]issue, *refusal) {
	clauses, order, err := parseJQL(jql)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	var candidates []*issue
	if at := slices.IndexFunc(clauses, func(c clause) bool { return c.field == "labels" && c.op == "=" }); at >= 0 {
		for _, id := range s.labelled[clauses[at].values[0]] {
			candidates = append(candidates, s.issues[id-firstID])
		}
	} else {
		candidates = s.issues
	}
	out := []issue{}
	for _, now := range candidates {
		x, there := s.indexed(now)
		if !there || x.Deleted {
			continue
		}
		if p := s.projects[x.Project]; now.Hidden || p.Archived || slices.Contains(p.Denied, "BROWSE_PROJECTS") {
			continue // permissions are checked as they are
		}
		good := true
		for _, c := range clauses {
			ok, err := s.matches(&x, c)
			if err != nil {
				return nil, refuse(http.StatusBadRequest, err.Error())
			}
			good = good && ok
		}
		if good {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b issue) int {
		if strings.HasPrefix(order, "updated") {
			if n := a.Updated.Compare(b.Updated); n != 0 {
				return n
			}
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return out, nil
}

type searchBody struct {
	JQL        string          `json:"jql"`
	Properties []string        `json:"properties"`
	Expand     json.RawMessage `json:"expand"`
	MaxResults int             `json:"maxResults"`
	StartAt    int             `json:"startAt"`
	Token      string          `json:"nextPageToken"`
}

func (s *Server) rows(list []issue, b *searchBody) []map[string]any {
	out := make([]map[string]any, 0, len(list))
	for i := range list {
		out = append(out, s.show(&list[i], strings.Contains(string(b.Expand), "changelog"), b.Properties))
	}
	return out
}

// searchCloud is POST search/jql, whose pages follow a token.
func (s *Server) searchCloud(c *call) (answer, *refusal) {
	var b searchBody
	if s.o.Mode != Cloud || json.Unmarshal(c.body, &b) != nil {
		return answer{}, refuse(http.StatusNotFound, "null for uri")
	}
	list, no := s.searched(b.JQL)
	if no != nil {
		return answer{}, no
	}
	from := 0
	if b.Token != "" {
		at, err := strconv.Atoi(strings.TrimPrefix(b.Token, "page-"))
		if err != nil {
			return answer{}, refuse(http.StatusBadRequest, "The provided next page token is invalid or expired.")
		}
		from = min(at, len(list))
	}
	to := min(from+max(1, min(b.MaxResults, 100)), len(list))
	out := map[string]any{"issues": s.rows(list[from:to], &b), "isLast": to == len(list)}
	if to < len(list) {
		out["nextPageToken"] = "page-" + itoa(to)
	}
	return answer{http.StatusOK, out}, nil
}

// searchDataCenter is POST search, whose pages are by offset. Cloud has removed it
// (developer.atlassian.com/changelog/#CHANGE-2046).
func (s *Server) searchDataCenter(c *call) (answer, *refusal) {
	var b searchBody
	if s.o.Mode == Cloud {
		return answer{}, refuse(http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API.")
	}
	var known struct { // its body knows no properties (docs.atlassian.com: POST /rest/api/2/search)
		JQL           string   `json:"jql"`
		Fields        []string `json:"fields"`
		Expand        []string `json:"expand"`
		ValidateQuery bool     `json:"validateQuery"`
		MaxResults    int      `json:"maxResults"`
		StartAt       int      `json:"startAt"`
	}
	strict := json.NewDecoder(bytes.NewReader(c.body))
	strict.DisallowUnknownFields()
	if strict.Decode(&known) != nil || json.Unmarshal(c.body, &b) != nil {
		return answer{}, refuse(http.StatusBadRequest, "Unrecognized field in the request body")
	}
	list, no := s.searched(b.JQL)
	if no != nil {
		return answer{}, no
	}
	from := min(b.StartAt, len(list))
	to := min(from+max(1, min(b.MaxResults, 1000)), len(list))
	return answer{http.StatusOK, map[string]any{"startAt": from, "maxResults": b.MaxResults, "total": len(list), "issues": s.rows(list[from:to], &b)}}, nil
}
