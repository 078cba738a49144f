// Package jiratest is a Jira to test against and to click on: the REST API as clients use
// it, Cloud (v3) and Data Center (v2), with what makes it hard: a search index that lags,
// answers lost after the work was done, limits, workflows with conditions, people who
// change, move, clone and delete issues, and webhooks that come twice and out of order.
//
// It behaves as Atlassian's documentation says: developer.atlassian.com/cloud/jira/platform/
// rest/v3 and docs.atlassian.com/software/jira/docs/api/REST for Data Center. Where that is
// silent, a comment says what is assumed. It holds no code of its clients.
package jiratest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Mode is which Jira it is.
type Mode string

// The modes.
const (
	Cloud      Mode = "cloud"
	DataCenter Mode = "datacenter"
)

// Options say what there is at the beginning.
type Options struct {
	Mode     Mode             // empty: Cloud
	Now      func() time.Time // nil: the real clock
	Lag      time.Duration    // after how long the search shows a change
	Token    string           // API token or personal access token; empty: any is good
	Email    string           // of the API account, in Cloud
	Projects []Project        // nil: SEC, with a workflow of several steps, and OPS beside it
	// Webhook is where changes are told, signed with Secret. Empty: nowhere.
	Webhook string
	Secret  string
	// Anonymous lets whoever is not let in search, and find nothing, as some sites do.
	Anonymous bool
	Limits    bool // whether the three limits of Cloud are enforced
}

// Project is a project with the workflow of its issues.
type Project struct {
	Key        string
	Types      []string
	Components []string
	Priorities []string // nil: Highest to Lowest
	Statuses   []Status
	Moves      []Move
	// Required are custom fields without which nothing is created; Fields are those there are.
	Required []string
	Fields   []string
	Archived bool
	Lead     string // who gets what nobody is given; empty: nobody
	Security bool   // has a scheme of security levels
	// Denied are permissions that the API account lacks: BROWSE_PROJECTS, CREATE_ISSUES…
	Denied []string
}

// Status is a status of a workflow; its first one is where issues begin.
type Status struct {
	ID       string
	Name     string
	Category string // new, indeterminate, done
}

// Move is a transition.
type Move struct {
	ID       string
	Name     string
	From, To string   // names of statuses; From empty: any
	Needs    []string // fields that must be filled in
	People   bool     // a condition that the API account doesn't meet hides it
}

// Server is a Jira.
type Server struct {
	mu       sync.Mutex
	o        Options
	projects map[string]*project
	issues   []*issue // by ID, less firstID
	keys     map[string]int
	labelled map[string][]int // IDs by every label that they ever had
	users    map[string]user
	faults   []*Fault
	writes   int
	history  int // last changelog ID
	comments int
	made     []int // IDs of what was created over the API
	hooks    []Hook
	sent     int
	news     chan struct{} // there are calls of the webhook to send
	limits   *limiter
	sessions int
	refresh  string
}

type project struct {
	Project
	id   int
	next int
}

const firstID = 10001

// bot is the account that the API is used under.
const bot = "quell-bot"

// New makes a Jira.
func New(o Options) *Server {
	if o.Mode == "" {
		o.Mode = Cloud
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Projects == nil {
		o.Projects = []Project{Default("SEC"), Default("OPS")}
	}
	s := &Server{o: o, projects: map[string]*project{}, keys: map[string]int{}, labelled: map[string][]int{}, users: map[string]user{}, limits: newLimiter(), news: make(chan struct{}, 1)}
	for i, p := range o.Projects {
		if p.Priorities == nil {
			p.Priorities = []string{"Highest", "High", "Medium", "Low", "Lowest"}
		}
		s.projects[p.Key] = &project{Project: p, id: 10100 + i, next: 1}
	}
	for _, name := range []string{bot, "ann", "bob"} {
		s.user(name)
	}
	return s
}

// Default is a project whose workflow takes three steps to its end, the last of which wants
// a resolution, with a dead end aside and a short cut for people alone.
func Default(key string) Project {
	return Project{
		Key: key, Types: []string{"Task", "Bug", "Epic"}, Components: []string{"Platform", "Network"}, Fields: []string{"customfield_10042"},
		Statuses: []Status{
			{"1", "To Do", "new"}, {"3", "In Progress", "indeterminate"}, {"4", "Waiting", "indeterminate"}, {"5", "In Review", "indeterminate"}, {"6", "Done", "done"}, {"7", "Closed", "done"},
		},
		Moves: []Move{
			{ID: "11", Name: "Wait", From: "To Do", To: "Waiting"},
			{ID: "12", Name: "Resume", From: "Waiting", To: "To Do"},
			{ID: "21", Name: "Start", From: "To Do", To: "In Progress"},
			{ID: "31", Name: "Review", From: "In Progress", To: "In Review"},
			{ID: "41", Name: "Approve", From: "In Review", To: "Done", Needs: []string{"resolution"}},
			{ID: "51", Name: "Close", To: "Closed", People: true},
			{ID: "61", Name: "Reopen", From: "Done", To: "To Do"},
			{ID: "62", Name: "Reopen", From: "Closed", To: "To Do"},
		},
	}
}

type user struct {
	AccountID string `json:"accountId,omitempty"`
	Name      string `json:"name,omitempty"`
	Key       string `json:"key,omitempty"`
	Display   string `json:"displayName"`
	Email     string `json:"emailAddress,omitempty"`
	Active    bool   `json:"active"`
	TimeZone  string `json:"timeZone,omitempty"`
}

// user gives somebody by name, who is there from then on. In Cloud people have an account
// ID and mostly hide their mail address; in Data Center they have a name.
func (s *Server) user(name string) user {
	if u, there := s.users[name]; there {
		return u
	}
	u := user{Display: name, Active: true, TimeZone: "Europe/Berlin"}
	if s.o.Mode == Cloud {
		u.AccountID = "acc-" + name
	} else {
		u.Name, u.Key, u.Email = name, "JIRAUSER-"+name, name+"@example.com"
	}
	s.users[name] = u
	return u
}

// Account is how the API calls somebody.
func (s *Server) Account(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(name)
	return u.AccountID + u.Name
}

func (s *Server) named(account string) (string, bool) {
	for name, u := range s.users {
		if account != "" && (u.AccountID == account || u.Name == account) {
			return name, true
		}
	}
	return "", false
}

type issue struct {
	ID          int
	Key         string
	Project     string
	Type        string
	Summary     string
	Description json.RawMessage // a string or a document
	Priority    string
	Due         string
	Assignee    string // name
	Status      Status
	Resolution  string
	Labels      []string
	Components  []string
	Parent      string
	Custom      map[string]json.RawMessage
	Properties  map[string]json.RawMessage
	Creator     string
	Created     time.Time
	Updated     time.Time
	History     []entry
	Comments    []comment
	Files       []file
	Deleted     bool
	Hidden      bool // by a security level
	// versions are what the index may show: the newest that has been there for Options.Lag.
	versions []version
}

type version struct {
	at   time.Time
	seen issue
}

type entry struct {
	ID       string          `json:"id"`
	Author   user            `json:"author"`
	Created  string          `json:"created"`
	Items    []item          `json:"items"`
	Metadata json.RawMessage `json:"historyMetadata,omitempty"`
}

type item struct {
	Field      string `json:"field"`
	FieldType  string `json:"fieldtype"`
	From       any    `json:"from"`
	FromString any    `json:"fromString"`
	To         any    `json:"to"`
	ToString   any    `json:"toString"`
}

type comment struct {
	ID         int
	Author     string
	Body       json.RawMessage
	Properties json.RawMessage
	Created    time.Time
}

type file struct {
	ID      int
	Name    string
	Type    string
	Size    int
	Created time.Time
}

// stamp is how Jira writes times.
func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000-0700") }

func (s *Server) now() time.Time { return s.o.Now() }

// find gives an issue by ID or key, present or former.
func (s *Server) find(key string) *issue {
	if id, err := strconv.Atoi(key); err == nil && id >= firstID && id < firstID+len(s.issues) {
		return s.issues[id-firstID]
	}
	if id, there := s.keys[strings.ToUpper(key)]; there {
		return s.issues[id-firstID]
	}
	return nil
}

// add makes an issue.
func (s *Server) add(x *issue) *issue {
	p := s.projects[x.Project]
	x.ID, x.Key = firstID+len(s.issues), fmt.Sprintf("%s-%d", p.Key, p.next)
	p.next++
	x.Created, x.Updated = s.now(), s.now()
	if x.Status.ID == "" {
		x.Status = p.Statuses[0]
	}
	s.issues = append(s.issues, x)
	s.keys[x.Key] = x.ID
	s.index(x)
	return x
}

// index notes a change for the search to see later.
func (s *Server) index(x *issue) {
	now := s.now()
	for len(x.versions) > 1 && !x.versions[1].at.Add(s.o.Lag).After(now) {
		x.versions = x.versions[1:]
	}
	seen := *x
	seen.versions = nil
	x.versions = append(slices.Clone(x.versions), version{now, seen})
	for _, l := range x.Labels {
		if !slices.Contains(s.labelled[l], x.ID) {
			s.labelled[l] = append(s.labelled[l], x.ID)
		}
	}
}

// indexed is an issue as the search knows it.
func (s *Server) indexed(x *issue) (issue, bool) {
	now := s.now()
	for i := len(x.versions) - 1; i >= 0; i-- {
		if v := &x.versions[i]; !v.at.Add(s.o.Lag).After(now) {
			return v.seen, true
		}
	}
	return issue{}, false
}

// changed notes what was changed, by whom, and tells it.
func (s *Server) changed(x *issue, by string, items []item, metadata json.RawMessage) {
	if len(items) == 0 {
		return
	}
	s.history++
	x.Updated = s.now()
	e := entry{ID: strconv.Itoa(20000 + s.history), Author: s.user(by), Created: stamp(x.Updated), Items: items, Metadata: metadata}
	x.History = append(slices.Clip(x.History), e)
	s.index(x)
	s.tell("jira:issue_updated", x, by, &e, nil)
}

// Handler serves the API below /rest, and pages to click on elsewhere.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/rest/", s.api())
	mux.Handle("/ex/jira/{cloud}/", s.site())
	mux.HandleFunc("POST /oauth/token", s.token)
	s.pages(mux)
	return mux
}

// Made are the keys of all issues that were created over the API, duplicates and deleted
// ones too.
func (s *Server) Made() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, len(s.made))
	for i, id := range s.made {
		out[i] = s.issues[id-firstID].Key
	}
	return out
}

// Writes counts the writing calls that were carried out.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// Labelled counts the issues created over the API by label: where one has more than one
// issue, it was created twice.
func (s *Server) Labelled() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, id := range s.made {
		for _, l := range s.issues[id-firstID].Labels {
			out[l]++
		}
	}
	return maps.Clone(out)
}
