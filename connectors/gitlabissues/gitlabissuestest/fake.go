// Package gitlabissuestest is a fake GitLab, as far as a tracker and the people beside it use
// it: projects with issues, notes, labels and uploads over the REST API, moves, deletions,
// confidential issues, roles, lost access, and webhooks with tokens and signatures. It keeps
// a ledger of what was really made, needs no test to run, and behaves as docs.gitlab.com/api
// says.
package gitlabissuestest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors/fakevendor"
)

// The roles. docs.gitlab.com/api/access_requests/#valid-access-levels
const (
	Guest    = 10
	Reporter = 20
)

// Fake is one GitLab.
type Fake struct {
	Faults fakevendor.Faults

	mu       sync.Mutex
	now      func() time.Time
	tokens   map[string]string // user names
	users    []string          // their IDs are their places, from 1
	projects []*project
	issues   []*issue
	made     []*issue
	writes   int
	serial   int
}

type project struct {
	path     string
	former   []string
	level    int // of our token
	hidden   bool
	archived bool
	noIssues bool
	labels   []string
	members  []string
	last     int
	uploads  map[string]string // names by path
}

type issue struct {
	id           int
	project      *project
	iid          int
	title        string
	description  string
	closed       bool
	closedBy     string
	closedAt     time.Time
	author       string
	assignee     string
	labels       []string
	due          string
	confidential bool
	notes        []Note
	created      time.Time
	updated      time.Time
	deleted      bool
	movedTo      *issue
	action       string
	delivery     string
}

// Note is a comment as it is stored.
type Note struct {
	By, Body string
	System   bool
}

// New makes a GitLab with the clock's time.
func New(now func() time.Time) *Fake { return &Fake{now: now, tokens: map[string]string{}} }

// Account makes a user with a token.
func (f *Fake) Account(token, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[token] = name
	f.user(name)
}

func (f *Fake) user(name string) int {
	if at := slices.Index(f.users, name); at >= 0 {
		return at + 1
	}
	f.users = append(f.users, name)
	return len(f.users)
}

// Project makes a project in which our token is a reporter, with members who can be assigned.
func (f *Fake) Project(path string, members ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range members {
		f.user(m)
	}
	f.projects = append(f.projects, &project{path: path, level: Reporter, members: members, uploads: map[string]string{}})
}

// Set changes a project: hidden, archived, no_issues, guest; with "!" in front it takes that
// back.
func (f *Fake) Set(path, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what, off := strings.CutPrefix(what, "!")
	p := f.project(path)
	switch what {
	case "hidden":
		p.hidden = !off
	case "archived":
		p.archived = !off
	case "no_issues":
		p.noIssues = !off
	case "guest":
		p.level = Guest
	default:
		panic("there is no setting " + what)
	}
}

// Rename moves a project to another path; the old one leads there.
func (f *Fake) Rename(path, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.project(path)
	p.path, p.former = to, append(p.former, path)
}

func (f *Fake) project(path string) *project {
	for _, p := range f.projects {
		if strings.EqualFold(p.path, path) || slices.Contains(p.former, path) {
			return p
		}
	}
	return nil
}

func (f *Fake) find(p *project, iid int) *issue {
	for _, x := range f.issues {
		if x.project == p && x.iid == iid {
			return x
		}
	}
	return nil
}

func (x *issue) current() *issue {
	for x.movedTo != nil {
		x = x.movedTo
	}
	return x
}

func (x *issue) key() string { return x.project.path + "#" + strconv.Itoa(x.iid) }

func (f *Fake) byKey(key string) *issue {
	path, number, _ := strings.Cut(key, "#")
	iid, _ := strconv.Atoi(number) // a key that is none finds nothing
	if x := f.find(f.project(path), iid); x != nil {
		return x.current()
	}
	panic("there is no issue " + key)
}

func (f *Fake) add(p *project, author string) *issue {
	p.last++
	x := &issue{id: 5000 + len(f.issues), project: p, iid: p.last, author: author, created: f.at()}
	f.issues = append(f.issues, x)
	f.did(x, "open")
	return x
}

func (f *Fake) at() time.Time { return f.now().UTC().Truncate(time.Millisecond) }

func (f *Fake) did(x *issue, action string) {
	f.serial++
	x.updated, x.action, x.delivery = f.at(), action, fmt.Sprintf("13792a34-cac6-4fda-95a8-%012d", f.serial)
}

func (f *Fake) close(x *issue, by string) {
	x.closed, x.closedBy, x.closedAt = true, by, f.at()
	f.did(x, "close")
}

func (f *Fake) reopen(x *issue) {
	x.closed, x.closedBy, x.closedAt = false, "", time.Time{}
	f.did(x, "reopen")
}

// Handler serves the API.
func (f *Fake) Handler() http.Handler { return f.Faults.Over(f.routes()) }
