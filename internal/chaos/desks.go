package chaos

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jira"
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/connectors/servicenowincident"
	"github.com/quellsec/quell/connectors/servicenowincident/servicenowincidenttest"
	"github.com/quellsec/quell/internal/secret"
)

// indexLag is how long Jira's search takes to see a new issue.
const indexLag = 45 * time.Second

type atlassian struct{ *jiratest.Server }

func (d *atlassian) handler() http.Handler { return d.Handler() }

func (d *atlassian) open(address string, env connectors.Env) (connectors.Instance, error) {
	reg := jira.Registration()
	c, _ := reg.Config().(*jira.Config)
	c.URL, c.Deployment, c.Project, c.User, c.Token, c.Secret = address, string(jiratest.Cloud), "SEC", "quell@example.org", secret.New(tokenOf), secret.New(secretOf)
	c.TransitionFields = map[string]string{"resolution": `{"name": "Done"}`}
	return reg.Open(env, c) //nolint:wrapcheck // it says it all
}

func (d *atlassian) tickets() []ticket {
	keys := d.Made()
	out := make([]ticket, 0, len(keys))
	for _, key := range keys {
		x := d.Issue(key)
		t := ticket{key: key, closed: x.Category == "done"}
		for _, l := range x.Labels {
			if marker, ok := strings.CutPrefix(l, "quell-"); ok {
				t.marker = marker
			}
		}
		for i, c := range x.Comments {
			if x.Authors[i] == x.Creator { // its cause is in a property, which a reader doesn't see: the words tell
				t.comments = append(t.comments, c.Text)
			}
		}
		out = append(out, t)
	}
	return out
}

func (d *atlassian) closed(key string) bool {
	x := d.Issue(key)
	return x.Deleted || x.Category == "done"
}
func (d *atlassian) close(key, by string)     { d.Move(key, "Closed", by) }
func (d *atlassian) say(key, text, by string) { d.Say(key, text, by) }
func (d *atlassian) remove(key string)        { d.Delete(key, persons[0]) }

func (d *atlassian) hook(key string) (http.Header, []byte) {
	waiting := d.Take()
	for i := len(waiting) - 1; i >= 0; i-- {
		if waiting[i].Key == key {
			return waiting[i].Header(secretOf), waiting[i].Body
		}
	}
	return nil, nil
}

type servicenow struct {
	*servicenowincidenttest.Fake
	gone map[string]ticket // as they were when somebody deleted them
}

func (d *servicenow) handler() http.Handler { return d.Handler() }

func (d *servicenow) open(address string, env connectors.Env) (connectors.Instance, error) {
	reg := servicenowincident.Registration()
	c, _ := reg.Config().(*servicenowincident.Config)
	c.URL, c.User, c.Password = address, ours, secret.New(tokenOf)
	return reg.Open(env, c) //nolint:wrapcheck // it says it all
}

func (d *servicenow) tickets() []ticket {
	keys := d.Made()
	out := make([]ticket, 0, len(keys))
	for _, key := range keys {
		if t, ok := d.gone[key]; ok {
			out = append(out, t)
			continue
		}
		out = append(out, d.ticket(key))
	}
	return out
}

func (d *servicenow) ticket(key string) ticket {
	x := d.Incident(key)
	t := ticket{key: key, marker: x["correlation_id"], closed: slices.Contains([]string{"6", "7", "8"}, x["state"])}
	for _, entry := range d.Journal(key, "work_notes") {
		if entry["sys_created_by"] == ours {
			t.comments = append(t.comments, entry["value"])
		}
	}
	return t
}

func (d *servicenow) closed(key string) bool {
	if _, ok := d.gone[key]; ok {
		return true
	}
	return d.ticket(key).closed
}

func (d *servicenow) close(key, by string) {
	d.Edit(key, servicenowincidenttest.Record{"state": servicenowincidenttest.Resolved}, by)
}

func (d *servicenow) say(key, text, by string) {
	d.Edit(key, servicenowincidenttest.Record{"work_notes": text}, by)
}

func (d *servicenow) remove(key string) {
	d.gone[key] = d.ticket(key)
	d.Delete(key)
}

func (*servicenow) hook(string) (http.Header, []byte) { return nil, nil }
