package jiratest

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// say is a refusal as Jira writes one (ErrorCollection).
type refusal struct {
	status   int
	Messages []string          `json:"errorMessages"`
	Errors   map[string]string `json:"errors"`
}

func refuse(status int, message string) *refusal {
	return &refusal{status, []string{message}, map[string]string{}}
}

func wrong(fields map[string]string) *refusal {
	return &refusal{http.StatusBadRequest, []string{}, fields}
}

// unseen is what Jira says alike of what is gone and of what may not be seen.
func unseen() *refusal {
	return refuse(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
}

// call is what a handler is given.
type call struct {
	r    *http.Request
	body []byte
}

func (c *call) path(name string) string  { return c.r.PathValue(name) }
func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }
func (c *call) number(name string, otherwise int) int {
	if n, err := strconv.Atoi(c.query(name)); err == nil && n >= 0 {
		return n
	}
	return otherwise
}

// answer is a good answer; a nil body has none.
type answer struct {
	status int
	body   any
}

type handler func(c *call) (answer, *refusal)

// api serves /rest/api/{2,3}. Every call is answered under the lock: one Jira, one order.
func (s *Server) api() http.Handler {
	mux := http.NewServeMux()
	version := "3"
	if s.o.Mode == DataCenter {
		version = "2"
	}
	for pattern, h := range map[string]handler{
		"POST issue":                                       s.create,
		"GET issue/{key}":                                  s.get,
		"PUT issue/{key}":                                  s.edit,
		"GET issue/{key}/changelog":                        s.changelog,
		"GET issue/{key}/transitions":                      s.offered,
		"POST issue/{key}/transitions":                     s.transition,
		"GET issue/{key}/comment":                          s.commented,
		"POST issue/{key}/comment":                         s.comment,
		"POST issue/{key}/attachments":                     s.attach,
		"GET issue/createmeta/{project}/issuetypes":        s.issueTypes,
		"GET issue/createmeta/{project}/issuetypes/{type}": s.createFields,
		"POST search/jql":                                  s.searchCloud,
		"POST search":                                      s.searchDataCenter,
		"GET project/{project}":                            s.project,
		"GET project/{project}/statuses":                   s.projectStatuses,
		"GET project/{project}/issuesecuritylevelscheme":   s.securityScheme,
		"GET mypermissions":                                s.myPermissions,
		"GET myself":                                       s.myself,
		"GET status":                                       s.statuses,
		"GET priority":                                     s.priorities,
		"GET field":                                        s.fields,
		"GET user/search":                                  s.searchUsers,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" /rest/api/"+version+"/"+path, s.serve(pattern, h))
	}
	return s.lossy(mux)
}

const largest = 16 << 20

func (s *Server) serve(pattern string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
		if err != nil {
			write(w, http.StatusRequestEntityTooLarge, refuse(0, "too large"))
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		// Some sites answer a search of whoever is not let in as an anonymous visitor's.
		if !s.authorized(r) && s.o.Anonymous && strings.Contains(pattern, "search") {
			w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
			write(w, http.StatusOK, map[string]any{"issues": []any{}, "isLast": true, "total": 0})
			return
		}
		if !s.authorized(r) {
			write(w, http.StatusUnauthorized, map[string]string{"message": "Client must be authenticated to access this resource."})
			return
		}
		if s.o.Limits && s.o.Mode == DataCenter {
			if !s.limits.bucketOf(w.Header(), s.now()) {
				write(w, http.StatusTooManyRequests, map[string]string{"message": "Rate limit exceeded."})
				return
			}
		} else if s.o.Limits {
			if reason := s.limits.take(r, pattern, r.PathValue("key"), s.now()); reason != "" {
				w.Header().Set("Retry-After", "1")
				w.Header().Set("RateLimit-Reason", reason)
				write(w, http.StatusTooManyRequests, refuse(0, "Rate limit exceeded"))
				return
			}
		}
		a, no := h(&call{r, body})
		if no != nil {
			write(w, no.status, no)
			return
		}
		if writing(r) {
			s.writes++
		}
		write(w, a.status, a.body)
	})
}

func write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever hung up doesn't want it
}

// authorized takes an API token with its account's mail address, a personal access token,
// or an access token of OAuth.
func (s *Server) authorized(r *http.Request) bool {
	if r.Context().Value(oauthKey{}) != nil {
		return true
	}
	if s.o.Token == "" {
		return true
	}
	if name, password, basic := r.BasicAuth(); basic {
		return name == s.o.Email && password == s.o.Token
	}
	return s.o.Mode == DataCenter && r.Header.Get("Authorization") == "Bearer "+s.o.Token
}
