// Package githubissuestest is a fake GitHub, as far as a tracker and the people beside it
// use it: repositories with issues, comments, labels and milestones over the REST API, a
// search whose index lags, transfers, deletions, locks, lost access, and signed webhooks. It
// keeps a ledger of what was really made, needs no test to run, and behaves as
// docs.github.com/en/rest says.
package githubissuestest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors/fakevendor"
)

// Fake is one GitHub.
type Fake struct {
	Faults fakevendor.Faults
	// Lag is how long the search's index takes to see a change.
	Lag time.Duration

	mu     sync.Mutex
	now    func() time.Time
	base   string
	tokens map[string]string // logins
	repos  []*repository
	issues []*issue
	made   []*issue // over the API, in order
	writes int
	serial int // of deliveries
}

type repository struct {
	id         int
	name       string // owner/name
	hidden     bool
	archived   bool
	noIssues   bool
	readOnly   bool // our token may not label or assign
	public     bool
	labels     []string
	milestones []*milestone
	people     []string // who can be assigned
	last       int      // number given
}

type milestone struct {
	Number int       `json:"number"`
	Title  string    `json:"title"`
	DueOn  time.Time `json:"due_on"`
}

type issue struct {
	repo      *repository
	number    int
	title     string
	body      string
	closed    bool
	reason    string
	closedBy  string
	closedAt  time.Time
	author    string
	assignees []string
	labels    []string
	milestone *milestone
	locked    bool
	comments  []Comment
	created   time.Time
	updated   time.Time
	deleted   bool
	movedTo   *issue // transferred: what is left here redirects
	pull      bool
	action    string // the latest, for the webhook
	delivery  string
}

// Comment is a comment as it is stored.
type Comment struct{ By, Body string }

// New makes a GitHub with the clock's time; base is the address at which Handler is served.
func New(now func() time.Time) *Fake {
	return &Fake{now: now, Lag: time.Minute, tokens: map[string]string{}}
}

// At tells the fake its own address, for the links that it gives.
func (f *Fake) At(base string) { f.base = strings.TrimSuffix(base, "/") }

// Account makes an account with a token.
func (f *Fake) Account(token, login string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[token] = login
}

// Repository makes a repository, private, with people who can be assigned.
func (f *Fake) Repository(name string, people ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.repos = append(f.repos, &repository{id: 1000 + len(f.repos), name: name, people: people})
}

// Set changes a repository: hidden, archived, no_issues, read_only, public; with "!" in
// front it takes that back.
func (f *Fake) Set(name, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what, off := strings.CutPrefix(what, "!")
	r := f.repo(name)
	flags := map[string]*bool{"hidden": &r.hidden, "archived": &r.archived, "no_issues": &r.noIssues, "read_only": &r.readOnly, "public": &r.public}
	*flags[what] = !off
}

// Rename renames a repository; its old name redirects.
func (f *Fake) Rename(name, to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.repo(name)
	f.repos = append(f.repos, &repository{id: r.id, name: name, last: -1})
	r.name = to
}

func (f *Fake) repo(name string) *repository {
	for _, r := range f.repos {
		if strings.EqualFold(r.name, name) && r.last >= 0 {
			return r
		}
	}
	for _, old := range f.repos { // renamed
		if strings.EqualFold(old.name, name) {
			for _, r := range f.repos {
				if r.id == old.id && r.last >= 0 {
					return r
				}
			}
		}
	}
	return nil
}

func (f *Fake) find(r *repository, number int) *issue {
	for _, x := range f.issues {
		if x.repo == r && x.number == number {
			return x
		}
	}
	return nil
}

func (f *Fake) byKey(key string) *issue {
	name, number, _ := strings.Cut(key, "#")
	n := 0
	_, _ = fmt.Sscanf(number, "%d", &n) // a key that is none finds nothing
	x := f.find(f.repo(name), n)
	if x == nil {
		panic("there is no issue " + key)
	}
	for x.movedTo != nil {
		x = x.movedTo
	}
	return x
}

func (x *issue) key() string {
	for x.movedTo != nil {
		x = x.movedTo
	}
	return fmt.Sprintf("%s#%d", x.repo.name, x.number)
}

func (f *Fake) add(r *repository, author string) *issue {
	r.last++
	x := &issue{repo: r, number: r.last, author: author, created: f.at(), updated: f.at()}
	f.issues = append(f.issues, x)
	f.did(x, "opened")
	return x
}

func (f *Fake) at() time.Time { return f.now().UTC().Truncate(time.Second) }

// did notes a change: the time, and the delivery that tells of it.
func (f *Fake) did(x *issue, action string) {
	f.serial++
	x.updated, x.action, x.delivery = f.at(), action, fmt.Sprintf("72d3162e-cc78-11e3-81ab-%012d", f.serial)
}

func (x *issue) has(label string) bool {
	return slices.ContainsFunc(x.labels, func(l string) bool { return strings.EqualFold(l, label) })
}

// Handler serves the API.
func (f *Fake) Handler() http.Handler { return f.Faults.Over(f.routes()) }
