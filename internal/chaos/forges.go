package chaos

import (
	"net/http"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/githubissues"
	"github.com/quellsec/quell/connectors/githubissues/githubissuestest"
	"github.com/quellsec/quell/connectors/gitlabissues"
	"github.com/quellsec/quell/connectors/gitlabissues/gitlabissuestest"
	"github.com/quellsec/quell/internal/secret"
)

type github struct {
	*githubissuestest.Fake
}

func (d *github) handler() http.Handler { return d.Handler() }

func (d *github) open(address string, env connectors.Env) (connectors.Instance, error) {
	d.At(address)
	reg := githubissues.Registration()
	c, _ := reg.Config().(*githubissues.Config)
	c.URL, c.Repository, c.Token, c.Secret = address, "acme/security", secret.New(tokenOf), secret.New(secretOf)
	return reg.Open(env, c) //nolint:wrapcheck // it says it all
}

func (d *github) tickets() []ticket {
	keys := d.Made()
	out := make([]ticket, 0, len(keys))
	for _, key := range keys {
		x := d.Issue(key)
		t := ticket{key: key, marker: first(markerOf, x.Body), closed: x.Closed}
		for _, c := range x.Comments {
			if c.By == ours {
				t.comments = append(t.comments, c.Body)
			}
		}
		out = append(out, t)
	}
	return out
}

func (d *github) closed(key string) bool   { return d.Issue(key).Closed }
func (d *github) close(key, by string)     { d.Close(key, by, "completed") }
func (d *github) say(key, text, by string) { d.Say(key, text, by) }
func (d *github) remove(key string)        { d.Delete(key) }

func (d *github) hook(key string) (http.Header, []byte) { return d.Hook(key, secretOf) }

type gitlab struct {
	*gitlabissuestest.Fake
}

func (d *gitlab) handler() http.Handler { return d.Handler() }

func (d *gitlab) open(address string, env connectors.Env) (connectors.Instance, error) {
	reg := gitlabissues.Registration()
	c, _ := reg.Config().(*gitlabissues.Config)
	c.URL, c.Project, c.Token, c.Secret = address+"/api/v4", "acme/security", secret.New(tokenOf), secret.New(secretOf)
	return reg.Open(env, c) //nolint:wrapcheck // it says it all
}

func (d *gitlab) tickets() []ticket {
	keys := d.Made()
	out := make([]ticket, 0, len(keys))
	for _, key := range keys {
		x := d.Issue(key)
		t := ticket{key: key, marker: first(markerOf, x.Description), closed: x.Closed}
		for _, n := range x.Notes {
			if n.By == ours {
				t.comments = append(t.comments, n.Body)
			}
		}
		out = append(out, t)
	}
	return out
}

func (d *gitlab) closed(key string) bool   { return d.Issue(key).Closed }
func (d *gitlab) close(key, by string)     { d.Close(key, by) }
func (d *gitlab) say(key, text, by string) { d.Say(key, text, by) }
func (d *gitlab) remove(key string)        { d.Delete(key) }

func (d *gitlab) hook(key string) (http.Header, []byte) { return d.Hook(key, secretOf, "") }
