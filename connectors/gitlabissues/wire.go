package gitlabissues

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// The part of GitLab's answers that counts here. docs.gitlab.com/api/issues

type user struct {
	ID       int    `json:"id"`
	Username string `json:"username"`
}

type wireIssue struct {
	ID          int       `json:"id"` // in the whole instance
	IID         int       `json:"iid"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	State       string    `json:"state"` // opened, closed
	Author      user      `json:"author"`
	Assignees   []user    `json:"assignees"`
	Labels      []string  `json:"labels"`
	DueDate     string    `json:"due_date"` // 2006-01-02
	ClosedBy    *user     `json:"closed_by"`
	ClosedAt    time.Time `json:"closed_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	WebURL      string    `json:"web_url"`
	MovedToID   int       `json:"moved_to_id"`
	References  struct {
		Full string `json:"full"` // group/project#iid
	} `json:"references"`
}

type wireNote struct {
	Body   string `json:"body"`
	Author user   `json:"author"`
	System bool   `json:"system"`
}

// place is where an issue is.
type place struct {
	project string // group/project
	iid     int
}

func (p place) key() string { return p.project + "#" + strconv.Itoa(p.iid) }

func projectPath(project string) string { return "projects/" + url.PathEscape(project) }

func (p place) path() string { return projectPath(p.project) + "/issues/" + strconv.Itoa(p.iid) }

func parseKey(key string) (place, error) {
	project, number, ok := strings.Cut(key, "#")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n <= 0 || !isPath(project) {
		return place{}, fault.New(fault.Invalid, "reading the key of an issue: it is not group/project#number")
	}
	return place{project, n}, nil
}

// place is where an answer says that the issue is: under another path than it was asked for,
// if the project was renamed.
func (x *wireIssue) place(asked string) place {
	if at, err := parseKey(x.References.Full); err == nil && at.iid == x.IID {
		return at
	}
	return place{asked, x.IID}
}

func (x *wireIssue) has(name string) bool {
	for _, l := range x.Labels {
		if strings.EqualFold(l, name) {
			return true
		}
	}
	return false
}
