package githubissues

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors/githubapi"
	"github.com/quellsec/quell/internal/fault"
)

// The part of GitHub's answers that counts here. docs.github.com/en/rest/issues/issues.

type user struct {
	Login string `json:"login"`
}

type label struct {
	Name string `json:"name"`
}

type wireIssue struct {
	Number        int             `json:"number"`
	Title         string          `json:"title"`
	Body          string          `json:"body"`
	State         string          `json:"state"` // open, closed
	Locked        bool            `json:"locked"`
	User          user            `json:"user"`
	Assignees     []user          `json:"assignees"`
	Labels        []label         `json:"labels"`
	ClosedBy      *user           `json:"closed_by"`
	ClosedAt      time.Time       `json:"closed_at"`
	CreatedAt     time.Time       `json:"created_at"`
	UpdatedAt     time.Time       `json:"updated_at"`
	HTMLURL       string          `json:"html_url"`
	RepositoryURL string          `json:"repository_url"`
	Milestone     *milestone      `json:"milestone"`
	PullRequest   json.RawMessage `json:"pull_request"` // every pull request is listed as an issue too
}

type milestone struct {
	Number int       `json:"number"`
	Title  string    `json:"title"`
	DueOn  time.Time `json:"due_on"`
}

type wireComment struct {
	Body string `json:"body"`
	User user   `json:"user"`
}

// place is where an issue is.
type place struct {
	repository string // owner/name
	number     int
}

func (p place) key() string { return p.repository + "#" + strconv.Itoa(p.number) }

func (p place) path() string {
	return "repos/" + p.repository + "/issues/" + strconv.Itoa(p.number)
}

func parseKey(key string) (place, error) {
	repository, number, ok := strings.Cut(key, "#")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n <= 0 || !githubapi.IsFullName(repository) {
		return place{}, fault.New(fault.Invalid, "reading the key of an issue: it is not owner/name#number")
	}
	return place{repository, n}, nil
}

// place is where an answer says that the issue is: elsewhere than it was asked for, if it
// was transferred or the repository renamed.
func (x *wireIssue) place(asked string) place {
	const repos = "/repos/"
	if at := strings.LastIndex(x.RepositoryURL, repos); at >= 0 && githubapi.IsFullName(x.RepositoryURL[at+len(repos):]) {
		return place{x.RepositoryURL[at+len(repos):], x.Number}
	}
	return place{asked, x.Number}
}

func (x *wireIssue) has(name string) bool {
	for _, l := range x.Labels {
		if strings.EqualFold(l.Name, name) { // GitHub's labels differ by more than case
			return true
		}
	}
	return false
}
