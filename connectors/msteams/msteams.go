// Package msteams tells teams in Microsoft Teams: an Adaptive Card for each message, by
// the webhook of a Workflow.
package msteams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/prose"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Name is the connector's name.
const Name = "msteams"

// Config is the configuration of one organization's Teams.
type Config struct {
	URL      secret.String `yaml:"url" json:"url,omitzero" doc:"Webhook of the Workflow that posts to the channel which gets what no other takes. Whoever has it can post there."`
	Channels []Channel     `yaml:"channels" json:"channels,omitempty" doc:"Channels by the names that addresses use."`
}

// Channel is one channel's Workflow.
type Channel struct {
	Name string        `yaml:"name" json:"name" doc:"The address, as addresses and teams' channels write it."`
	URL  secret.String `yaml:"url" json:"url,omitzero" doc:"Webhook of the Workflow that posts to the channel."`
}

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if c.URL.Empty() && len(c.Channels) == 0 {
		problems = append(problems, errors.New("url: is missing, and there are no channels either"))
	}
	if !c.URL.Empty() && !usable(c.URL) {
		problems = append(problems, errors.New("url: wants to begin with https:// and a host"))
	}
	seen := map[string]bool{}
	for i, ch := range c.Channels {
		switch {
		case ch.Name == "":
			problems = append(problems, fmt.Errorf("channels[%d].name: is missing", i))
		case seen[ch.Name]:
			problems = append(problems, fmt.Errorf("channels[%d].name: %q is used twice", i, ch.Name))
		}
		if !usable(ch.URL) {
			problems = append(problems, fmt.Errorf("channels[%d].url: wants to begin with https:// and a host", i))
		}
		seen[ch.Name] = true
	}
	return problems
}

// usable reports whether a webhook is an address, or a reference that isn't resolved yet,
// as when a configuration is checked without its secrets.
func usable(s secret.String) bool { return hostOf(s) != "" || strings.HasPrefix(s.Reveal(), "${") }

// hostOf gives the host of a webhook with its port; empty for what is none.
func hostOf(s secret.String) string { return httpclient.HostOf(s.Reveal()) }

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "Microsoft Teams", Summary: "Posts messages as Adaptive Cards into channels.",
		Config: func() any { return &Config{} }, Open: open, API: "Workflows webhook, Adaptive Cards 1.4",
		Reach: func(config any) []string {
			c, ok := config.(*Config)
			if !ok {
				return nil
			}
			var hosts []string
			for _, u := range append([]secret.String{c.URL}, urls(c)...) {
				if h := hostOf(u); h != "" {
					hosts = append(hosts, h)
				}
			}
			return hosts
		},
		Docs: connectors.Page{
			Needs:    "In the channel: Workflows, then the template for posting to a channel when a webhook request is received. It gives the address that goes into `url`; keep it secret.",
			Maps:     "Each message is a card: subject, text, the facts of the remediation (where, why now, due, owner, state, proof), and its links as buttons. Decisions are taken where the links lead, or with `quell`.",
			Fixed:    "It is told when something is fixed, and decides nothing.",
			Coverage: "Nothing: it takes messages, and reports on nothing.",
			Limits: "Such a webhook answers before the message is in the channel, and knows no repetitions. Where it isn't known whether an attempt came through, the message is posted again and says so on top. " +
				"There are no threads, and cards are not brought up to date.",
			Example: `notifiers:
  - name: teams
    connector: msteams
    config:
      channels:
        - {name: security, url: "${env:TEAMS_SECURITY_URL}"}
        - {name: payments, url: "${env:TEAMS_PAYMENTS_URL}"}
`,
		},
	}
}

func urls(c *Config) []secret.String {
	out := make([]secret.String, len(c.Channels))
	for i := range c.Channels {
		out[i] = c.Channels[i].URL
	}
	return out
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening %s: the configuration is a %T", Name, config)
	}
	return &Teams{config: *c, env: env}, nil
}

// Teams is one organization's Teams.
type Teams struct {
	config Config
	env    connectors.Env
}

// Connector implements connectors.Instance.
func (*Teams) Connector() string { return Name }

// Accepts implements connectors.Addressed: an address is a channel's name.
func (t *Teams) Accepts(address string) bool { return !t.url(address).Empty() }

func (t *Teams) url(address string) secret.String {
	for _, ch := range t.config.Channels {
		if ch.Name == address {
			return ch.URL
		}
	}
	if address == "default" || address == "" {
		return t.config.URL
	}
	return secret.String{}
}

// Notify implements connectors.Notifier.
func (t *Teams) Notify(ctx context.Context, m connectors.Message) error {
	_, err := t.Post(ctx, m, connectors.Attempt{To: m.To})
	return err
}

// Post implements connectors.Poster.
func (t *Teams) Post(ctx context.Context, m connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	address := t.url(at.To)
	u, err := url.Parse(address.Reveal())
	if err != nil || address.Empty() {
		return "", fault.New(fault.NotFound, "posting to Teams: there is no channel called %q in the notifier's configuration", prose.Cut(prose.Line(at.To), 100))
	}
	api := httpclient.API{HTTP: t.env.HTTP, Base: u.Scheme + "://" + u.Host, Vendor: "Teams"}
	_, err = api.Copy(ctx, httpclient.Call{Path: u.String(), JSON: cardOf(&m, !at.Since.IsZero())}, io.Discard)
	return "", fault.Wrap(fault.KindOf(err), err, "posting to Teams")
}
