package chaos

import (
	"net/http"
	"regexp"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubissues"
	"github.com/quellsec/quell/connectors/githubissues/githubissuestest"
	"github.com/quellsec/quell/connectors/gitlabissues"
	"github.com/quellsec/quell/connectors/gitlabissues/gitlabissuestest"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/connectors/servicenowincident"
	"github.com/quellsec/quell/connectors/servicenowincident/servicenowincidenttest"
)

// desk is a tracker's vendor with the people at it.
type desk interface {
	vendor
	person
}

// vendor is what a tracker's vendor does by itself.
type vendor interface {
	handler() http.Handler
	// open opens our connector to the vendor at an address.
	open(address string, env connectors.Env) (connectors.Instance, error)
	// tickets are all that were ever made over the API, with the marker that the vendor
	// stored, in order.
	tickets() []ticket
	closed(key string) bool // by whomever, or deleted
	// hook is the webhook that tells of the latest change; nil where the vendor sends none.
	hook(key string) (http.Header, []byte)
}

// person is what people do at it.
type person interface {
	close(key, by string)
	say(key, text, by string)
	remove(key string)
}

// ticket is one that the vendor has.
type ticket struct {
	key, marker string
	closed      bool
	comments    []string
}

var (
	markerOf = regexp.MustCompile(`quell:begin ([0-9A-Za-z._-]+)`)
	causeOf  = regexp.MustCompile(`quell:cause ([0-9a-f]{32})`)
)

const (
	tokenOf  = "token-of-the-desk"
	secretOf = "secret-of-the-desk"
	ours     = "quell-bot"
)

func first(r *regexp.Regexp, text string) string {
	if m := r.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// desks are the trackers, by the connector's name.
func desks() map[string]func(now func() time.Time) desk {
	return map[string]func(now func() time.Time) desk{
		githubissues.Name: func(now func() time.Time) desk {
			f := githubissuestest.New(now)
			f.Account(tokenOf, ours)
			f.Repository("acme/security")
			return &github{f}
		},
		gitlabissues.Name: func(now func() time.Time) desk {
			f := gitlabissuestest.New(now)
			f.Account(tokenOf, ours)
			f.Project("acme/security")
			return &gitlab{f}
		},
		jira.Name: func(now func() time.Time) desk {
			return &atlassian{jiratest.New(jiratest.Options{Now: now, Lag: indexLag, Token: tokenOf, Email: "quell@example.org", Secret: secretOf})}
		},
		servicenowincident.Name: func(now func() time.Time) desk {
			f := servicenowincidenttest.Instance(now)
			f.User(ours, tokenOf)
			for _, name := range persons {
				f.User(name, "")
			}
			return &servicenow{f, map[string]ticket{}}
		},
	}
}
