package jira

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
)

type clock func() time.Time

// limits keeps Jira's three limiters (developer.atlassian.com/cloud/jira/platform/
// rate-limiting): points an hour, requests a second by method, and writes on one issue. In
// Data Center there is one, as its administrator has set it. Each is a budget that all
// workers share.
type limits struct {
	governor connectors.Governor // nil: nothing is limited before Jira says so
	source   string
	points   bool // only apps with OAuth have a quota of points
	cloud    bool
	now      clock
}

// Costs of calls in points: one, and one more for each issue that is read, two for each
// user or permission.
const (
	costBase     = 1
	costIssue    = 1
	costIdentity = 2
)

// perIssue stays below both windows of Jira's limit on one issue: 20 writes in 2 seconds,
// 100 in 30.
const (
	perIssueRate  = 2.6
	perIssueBurst = 14
	// perMethod are the steady rates by method; the buckets of single endpoints are larger.
	perMethodRate = 100
	perPutRate    = 50
	// share of the hour's points that may be spent at once.
	pointsBurst = 0.1
)

func newLimits(env *connectors.Env, c *Config, now clock) *limits {
	l := &limits{governor: env.Governor, source: env.Source, cloud: c.Deployment == cloud, points: c.OAuth.ClientID != "" && c.PointsPerHour > 0, now: now}
	if l.governor == nil || !l.cloud {
		return l
	}
	if l.points {
		hour := float64(c.PointsPerHour)
		l.governor.Limit(l.budget("points"), hour*(1-pointsBurst)/time.Hour.Seconds(), hour*pointsBurst)
	}
	for method, rate := range map[string]float64{http.MethodGet: perMethodRate, http.MethodPost: perMethodRate, http.MethodPut: perPutRate, http.MethodDelete: perPutRate} {
		l.governor.Limit(l.budget("burst/"+method), rate, rate)
	}
	return l
}

func (l *limits) budget(name string) string { return l.source + "/" + name }

// take waits for a request's turn in each budget that it draws on.
func (l *limits) take(r *http.Request) error {
	if l.governor == nil {
		return nil
	}
	for _, b := range l.drawn(r) {
		if strings.Contains(b.name, "/issue/") {
			l.governor.Limit(b.name, perIssueRate, perIssueBurst)
		}
		if err := l.governor.Take(r.Context(), b.name, b.points); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "waiting for Jira's limits")
		}
	}
	return nil
}

type draw struct {
	name   string
	points float64
}

func (l *limits) drawn(r *http.Request) []draw {
	if !l.cloud {
		return []draw{{l.budget("requests"), 1}}
	}
	var out []draw
	if key := issueOf(r); key != "" && r.Method != http.MethodGet {
		out = append(out, draw{l.budget("issue/" + key), 1})
	}
	out = append(out, draw{l.budget("burst/" + r.Method), 1})
	if l.points {
		out = append(out, draw{l.budget("points"), cost(r)})
	}
	return out
}

// cost is a request's in points. A search is a read though it is posted, and costs what it
// finds: as much as it may give, which its page says.
func cost(r *http.Request) float64 {
	path := r.URL.Path
	switch {
	case strings.HasSuffix(path, "/search/jql"):
		if n, err := strconv.Atoi(r.Header.Get(pageHeader)); err == nil {
			return costBase + float64(n)*costIssue
		}
		return costBase + costIssue
	case r.Method != http.MethodGet:
		return costBase
	case strings.Contains(path, "/user"), strings.HasSuffix(path, "/myself"), strings.HasSuffix(path, "/mypermissions"):
		return costBase + costIdentity
	}
	return costBase + costIssue
}

// pageHeader tells take how many issues a search may give. Jira passes over it.
const pageHeader = "X-Quell-Page"

// issueOf gives the key or ID of the issue that a path is about.
func issueOf(r *http.Request) string {
	_, rest, found := strings.Cut(r.URL.Path, "/issue/")
	if !found || strings.HasPrefix(rest, "createmeta") {
		return ""
	}
	key, _, _ := strings.Cut(rest, "/")
	return key
}

// told takes in what an answer says of the limits. Of one that asks to wait it makes an
// error, and keeps everybody from the budget that it names until then.
func (l *limits) told(r *http.Request, response *http.Response) error {
	h := response.Header
	if fill, err1 := strconv.ParseFloat(h.Get("X-RateLimit-FillRate"), 64); err1 == nil && !l.cloud && l.governor != nil {
		interval, err2 := strconv.ParseFloat(h.Get("X-RateLimit-Interval-Seconds"), 64)
		most, err3 := strconv.ParseFloat(h.Get("X-RateLimit-Limit"), 64)
		if err2 == nil && err3 == nil && fill > 0 && interval > 0 && most > 0 {
			l.governor.Limit(l.budget("requests"), fill/interval, most)
		}
	}
	if response.StatusCode != http.StatusTooManyRequests {
		return nil
	}
	wait := l.wait(h)
	if l.governor != nil {
		if err := l.governor.Hold(r.Context(), l.exceeded(r, h.Get("RateLimit-Reason")), l.now().Add(wait)); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "holding back from Jira")
		}
	}
	return &fault.Error{Kind: fault.Throttled, Msg: "Jira asks to wait", RetryAfter: wait}
}

// wait is how long a 429 asks to: Retry-After, else X-RateLimit-Reset, which Cloud writes
// as a time in ISO 8601. At least a second, at most an hour and a bit: quotas begin anew
// with the hour.
func (l *limits) wait(h http.Header) time.Duration {
	wait := httpclient.RetryAfter(h)
	if wait == 0 {
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00"} {
			if at, err := time.Parse(layout, h.Get("X-RateLimit-Reset")); err == nil {
				wait = at.Sub(l.now())
				break
			}
		}
	}
	return min(max(wait, time.Second), 65*time.Minute)
}

// exceeded is the budget that RateLimit-Reason names.
func (l *limits) exceeded(r *http.Request, reason string) string {
	switch {
	case !l.cloud:
		return l.budget("requests")
	case strings.HasPrefix(reason, "jira-quota"):
		return l.budget("points")
	case reason == "jira-per-issue-on-write" && issueOf(r) != "":
		return l.budget("issue/" + issueOf(r))
	}
	return l.budget("burst/" + r.Method)
}
