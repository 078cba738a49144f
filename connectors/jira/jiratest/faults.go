package jiratest

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is an accident of one call. It strikes once.
type Fault struct {
	Writing    bool // of a call that writes; else of one that reads
	Skip       int  // calls of that kind that pass before it
	After      bool // the call is carried out, and its answer lost
	Cut        bool // the connection is cut in place of an answer with Status
	Status     int
	RetryAfter time.Duration
	Reason     string        // RateLimit-Reason of a 429
	Slow       time.Duration // the answer takes so long, and comes
}

// Fail has an accident.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Calm takes back what has not struck, and reports whether there was any.
func (s *Server) Calm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := len(s.faults) > 0
	s.faults = nil
	return left
}

// writes reports whether a request changes something. Searches are posted and change nothing.
func writing(r *http.Request) bool {
	return r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/search")
}

// strike gives the accident that a request meets.
func (s *Server) strike(r *http.Request) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Writing != writing(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		return f
	}
	return nil
}

// lossy has accidents before and after the work.
func (s *Server) lossy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.strike(r)
		if f == nil {
			next.ServeHTTP(w, r)
			return
		}
		if f.Slow > 0 {
			select {
			case <-time.After(f.Slow):
			case <-r.Context().Done():
			}
		}
		if f.Status == 0 && !f.Cut {
			next.ServeHTTP(w, r)
			return
		}
		if f.After {
			next.ServeHTTP(&lost{header: http.Header{}}, r)
		}
		if f.Cut {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
		}
		if f.Reason != "" {
			w.Header().Set("RateLimit-Reason", f.Reason)
		}
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte("<html><body>upstream error</body></html>")) // as gateways answer: no JSON
	})
}

// lost is an answer that nobody gets.
type lost struct {
	header http.Header
	bytes.Buffer
}

func (l *lost) Header() http.Header { return l.header }
func (l *lost) WriteHeader(int)     {}

// limiter keeps the limits of developer.atlassian.com/cloud/jira/platform/rate-limiting.
type limiter struct {
	buckets map[string]*bucket
	issues  map[string][]time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter() *limiter {
	return &limiter{buckets: map[string]*bucket{}, issues: map[string][]time.Time{}}
}

// take reports which limit a request exceeds; empty: none.
func (l *limiter) take(r *http.Request, pattern, issue string, now time.Time) string {
	rate := 100.0
	if r.Method == http.MethodPut || r.Method == http.MethodDelete {
		rate = 50
	}
	b := l.buckets[r.Method+pattern]
	if b == nil {
		b = &bucket{tokens: rate, at: now}
		l.buckets[r.Method+pattern] = b
	}
	b.tokens = min(rate, b.tokens+rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return "jira-burst-based"
	}
	b.tokens--
	if issue == "" || !writing(r) {
		return ""
	}
	const short, shortMost, long, longMost = 2 * time.Second, 20, 30 * time.Second, 100
	times := l.issues[issue]
	for len(times) > 0 && now.Sub(times[0]) >= long {
		times = times[1:]
	}
	recent := 0
	for _, at := range times {
		if now.Sub(at) < short {
			recent++
		}
	}
	if recent >= shortMost || len(times) >= longMost {
		l.issues[issue] = times
		return "jira-per-issue-on-write"
	}
	l.issues[issue] = append(times, now)
	return ""
}

// bucketOf keeps Data Center's one limit: a bucket for each account, which every answer
// tells of (developer.atlassian.com/server: "Adjusting your code for rate limiting").
func (l *limiter) bucketOf(h http.Header, now time.Time) bool {
	const most, fill, interval = 50, 10, 1
	b := l.buckets[""]
	if b == nil {
		b = &bucket{tokens: most, at: now}
		l.buckets[""] = b
	}
	b.tokens = min(most, b.tokens+fill*now.Sub(b.at).Seconds()/interval)
	b.at = now
	good := b.tokens >= 1
	if good {
		b.tokens--
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(most))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(int(b.tokens)))
	h.Set("X-RateLimit-Interval-Seconds", strconv.Itoa(interval))
	h.Set("X-RateLimit-FillRate", strconv.Itoa(fill))
	if !good {
		h.Set("Retry-After", strconv.Itoa(interval))
	}
	return good
}
