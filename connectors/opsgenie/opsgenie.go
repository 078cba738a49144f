// Package opsgenie tells who is on call: an Opsgenie alert for each remediation.
package opsgenie

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/prose"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Name is the connector's name.
const Name = "opsgenie"

// Config is the configuration of one Opsgenie account.
type Config struct {
	URL string        `yaml:"url" json:"url,omitempty" doc:"Address of the API; https://api.eu.opsgenie.com for accounts in the EU."`
	Key secret.String `yaml:"key" json:"key,omitzero" doc:"Key of an API integration that may create and update alerts."`
}

func defaults() *Config { return &Config{URL: "https://api.opsgenie.com"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil || c.URL == "" {
		problems = append(problems, errors.New("url: wants to begin with https:// and a host"))
	}
	if c.Key.Empty() {
		problems = append(problems, errors.New("key: is missing"))
	}
	return problems
}

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "Opsgenie", Summary: "Raises and closes alerts of whoever is on call.",
		Config: func() any { return defaults() }, Open: open, API: "Alert API v2",
		Reach: func(config any) []string {
			if c, ok := config.(*Config); ok {
				return []string{httpclient.HostOf(c.URL)}
			}
			return nil
		},
		Docs: connectors.Page{
			Needs: "An API integration with the right to create and update alerts, and its key. For `quell` to name responders, the integration must not be assigned to a team.",
			Maps: "A message creates an alert whose alias is the remediation; what follows on the same remediation is a note on it. The address is the name of the team that responds; `default` leaves that to the integration. " +
				"Priority follows the decision: P1 for act, P2 for attend, P3 and P4 below. When the remediation is done, with proof, the alert is closed.",
			Fixed:    "It is told when something is fixed, and decides nothing.",
			Coverage: "Nothing: it takes messages, and reports on nothing.",
			Limits:   "Acknowledging or closing in Opsgenie decides nothing in quell. Opsgenie takes requests and carries them out later; what it drops then, nobody hears of. Mostly you want `urgent_only: true`.",
			Example: `notifiers:
  - name: oncall
    connector: opsgenie
    config:
      key: ${env:OPSGENIE_KEY}
`,
		},
	}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening %s: the configuration is a %T", Name, config)
	}
	key := c.Key
	return &Opsgenie{api: httpclient.API{HTTP: env.HTTP, Base: c.URL, Vendor: "Opsgenie",
		Auth: func(r *http.Request) { r.Header.Set("Authorization", "GenieKey "+key.Reveal()) }}}, nil
}

// Opsgenie is one account.
type Opsgenie struct{ api httpclient.API }

// Connector implements connectors.Instance.
func (*Opsgenie) Connector() string { return Name }

// Accepts implements connectors.Addressed: an address is a team's name.
func (*Opsgenie) Accepts(address string) bool { return !strings.ContainsAny(address, "@#") }

// Notify implements connectors.Notifier.
func (o *Opsgenie) Notify(ctx context.Context, m connectors.Message) error {
	_, err := o.Post(ctx, m, connectors.Attempt{To: m.To})
	return err
}

// alert is what creates an alert. Its limits are Opsgenie's.
type alert struct {
	Message     string            `json:"message"`
	Alias       string            `json:"alias"`
	Description string            `json:"description,omitempty"`
	Responders  []responder       `json:"responders,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Details     map[string]string `json:"details,omitempty"`
	Entity      string            `json:"entity,omitempty"`
	Source      string            `json:"source"`
	Priority    string            `json:"priority"`
}

type responder struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

const (
	mostMessage = 130
	mostText    = 15_000 - 200
	mostValue   = 500
	mostNote    = 25_000 - 200
)

// Post implements connectors.Poster. Opsgenie knows a repetition of an alert by its alias,
// but not one of a note: that is looked for.
func (o *Opsgenie) Post(ctx context.Context, m connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	alias := aliasOf(&m)
	if at.Head != "" {
		return at.Head, o.note(ctx, string(at.Head), &m, !at.Since.IsZero())
	}
	a := alert{Message: prose.Cut(prose.Line(m.Subject), mostMessage), Alias: alias, Description: prose.Cut(prose.Plain(m.Text), mostText), Source: "quell",
		Entity: prose.Cut(prose.Line(m.To), mostValue), Priority: priority(&m), Tags: []string{"quell", m.Kind}, Details: details(&m)}
	if at.To != "" && at.To != "default" {
		a.Responders = []responder{{Name: at.To, Type: "team"}}
	}
	_, err := o.api.Copy(ctx, httpclient.Call{Path: "/v2/alerts", JSON: a}, io.Discard)
	return connectors.Ref(alias), fault.Wrap(fault.KindOf(err), err, "creating an alert")
}

// note adds a message to an alert, unless it is there already.
func (o *Opsgenie) note(ctx context.Context, alias string, m *connectors.Message, look bool) error {
	mark := "[quell:" + sum(m.Cause) + "]"
	path := "/v2/alerts/" + url.PathEscape(alias) + "/notes"
	by := url.Values{"identifierType": {"alias"}}
	if look {
		var notes struct {
			Data []struct {
				Note string `json:"note"`
			} `json:"data"`
		}
		query := url.Values{"identifierType": {"alias"}, "limit": {"100"}, "order": {"desc"}}
		if _, err := o.api.Get(ctx, httpclient.Call{Path: path, Query: query}, &notes); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "looking for a note")
		}
		for _, n := range notes.Data {
			if strings.Contains(n.Note, mark) {
				return nil
			}
		}
	}
	text := prose.Cut(prose.Line(m.Subject)+"\n\n"+prose.Plain(m.Text), mostNote) + "\n" + mark
	_, err := o.api.Copy(ctx, httpclient.Call{Path: path, Query: by, JSON: map[string]string{"note": text, "source": "quell"}}, io.Discard)
	return fault.Wrap(fault.KindOf(err), err, "adding a note to an alert")
}

// Refresh implements connectors.Refresher: once a remediation is done, its alert is closed.
// Else there is nothing to show anew.
func (o *Opsgenie) Refresh(ctx context.Context, head connectors.Ref, card connectors.Card, _ []connectors.Action) error {
	if !card.Done {
		return nil
	}
	call := httpclient.Call{Path: "/v2/alerts/" + url.PathEscape(string(head)) + "/close", Query: url.Values{"identifierType": {"alias"}},
		JSON: map[string]string{"source": "quell", "note": prose.Cut(prose.Line("Done: "+card.State+". "+card.Proof), mostNote)}}
	_, err := o.api.Copy(ctx, call, io.Discard)
	return fault.Wrap(fault.KindOf(err), err, "closing an alert")
}

// aliasOf is what makes alerts one: the remediation, else the cause.
func aliasOf(m *connectors.Message) string {
	const longest = 500
	if m.Thread != "" && len(m.Thread) < longest {
		return "quell/" + m.Thread
	}
	return "quell/" + sum(m.Cause)
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:12])
}

func priority(m *connectors.Message) string {
	decision := ""
	if m.Card != nil {
		decision = m.Card.Decision
	}
	switch {
	case decision == "act" || m.Urgent:
		return "P1"
	case decision == "attend":
		return "P2"
	case decision == "track":
		return "P4"
	}
	return "P3"
}

func details(m *connectors.Message) map[string]string {
	out := map[string]string{}
	for _, f := range prose.Facts(m.Card) {
		out[strings.ToLower(f.Name)] = prose.Cut(prose.Line(f.Value), mostValue)
	}
	for _, l := range prose.Links(m) {
		out["link to "+l.Name] = l.Value
	}
	return out
}
