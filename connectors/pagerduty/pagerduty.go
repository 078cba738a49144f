// Package pagerduty tells who is on call: a PagerDuty alert for each remediation, through
// the Events API.
package pagerduty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/prose"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Name is the connector's name.
const Name = "pagerduty"

// Config is the configuration of one PagerDuty account.
type Config struct {
	URL      string        `yaml:"url" json:"url,omitempty" doc:"Address of the Events API; https://events.eu.pagerduty.com for accounts in the EU."`
	Key      secret.String `yaml:"key" json:"key,omitzero" doc:"Integration key (routing key) of the service that gets what no other takes."`
	Services []Service     `yaml:"services" json:"services,omitempty" doc:"Services by the names that addresses use."`
}

// Service is one service of PagerDuty.
type Service struct {
	Name string        `yaml:"name" json:"name" doc:"The address, as addresses and teams' channels write it."`
	Key  secret.String `yaml:"key" json:"key,omitzero" doc:"Integration key (routing key) of its Events API v2 integration."`
}

func defaults() *Config { return &Config{URL: "https://events.pagerduty.com"} }

// Validate reports every problem.
func (c *Config) Validate() []error {
	var problems []error
	if err := httpclient.CheckURL(c.URL); err != nil || c.URL == "" {
		problems = append(problems, errors.New("url: wants to begin with https:// and a host"))
	}
	if c.Key.Empty() && len(c.Services) == 0 {
		problems = append(problems, errors.New("key: is missing, and there are no services either"))
	}
	seen := map[string]bool{}
	for i, s := range c.Services {
		switch {
		case s.Name == "" || s.Key.Empty():
			problems = append(problems, fmt.Errorf("services[%d]: wants a name and a key", i))
		case seen[s.Name]:
			problems = append(problems, fmt.Errorf("services[%d].name: %q is used twice", i, s.Name))
		}
		seen[s.Name] = true
	}
	return problems
}

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name: Name, Title: "PagerDuty", Summary: "Raises and resolves alerts of whoever is on call.",
		Config: func() any { return defaults() }, Open: open, API: "Events API v2",
		Reach: func(config any) []string {
			if c, ok := config.(*Config); ok {
				return []string{httpclient.HostOf(c.URL)}
			}
			return nil
		},
		Docs: connectors.Page{
			Needs: "An Events API v2 integration on the service, and its integration key.",
			Maps: "A message triggers an alert whose deduplication key is the remediation: what follows on the same remediation is added to it and wakes nobody a second time. A message without a remediation has a key of its own. " +
				"Severity follows the decision: critical for act, error for attend, warning and info below. When the remediation is done, with proof, the alert is resolved.",
			Fixed:    "It is told when something is fixed, and decides nothing.",
			Coverage: "Nothing: it takes messages, and reports on nothing.",
			Limits:   "Acknowledging or resolving in PagerDuty decides nothing in quell. Mostly you want `urgent_only: true`.",
			Example: `notifiers:
  - name: oncall
    connector: pagerduty
    config:
      services:
        - {name: security, key: "${env:PAGERDUTY_SECURITY_KEY}"}
        - {name: payments, key: "${env:PAGERDUTY_PAYMENTS_KEY}"}
`,
		},
	}
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening %s: the configuration is a %T", Name, config)
	}
	return &PagerDuty{config: *c, api: httpclient.API{HTTP: env.HTTP, Base: c.URL, Vendor: "PagerDuty", Refused: refused}}, nil
}

// refused says of 400 what it mostly is.
func refused(status int, _ http.Header, _ []byte) error {
	if status == http.StatusBadRequest {
		return fault.New(fault.Denied, "PagerDuty answered 400: check the integration key")
	}
	return nil
}

// PagerDuty is one account.
type PagerDuty struct {
	config Config
	api    httpclient.API
}

// Connector implements connectors.Instance.
func (*PagerDuty) Connector() string { return Name }

// Accepts implements connectors.Addressed: an address is a service's name.
func (p *PagerDuty) Accepts(address string) bool {
	_, ok := p.key(address)
	return ok
}

func (p *PagerDuty) key(address string) (secret.String, bool) {
	for _, s := range p.config.Services {
		if s.Name == address {
			return s.Key, true
		}
	}
	return p.config.Key, !p.config.Key.Empty() && !strings.ContainsAny(address, "@#")
}

// Notify implements connectors.Notifier.
func (p *PagerDuty) Notify(ctx context.Context, m connectors.Message) error {
	_, err := p.Post(ctx, m, connectors.Attempt{To: m.To})
	return err
}

// event is what the Events API takes. Its limits are PagerDuty's.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Client     string   `json:"client,omitempty"`
	ClientURL  string   `json:"client_url,omitempty"`
	Payload    *payload `json:"payload,omitempty"`
	Links      []link   `json:"links,omitempty"`
}

type payload struct {
	Summary  string            `json:"summary"`
	Source   string            `json:"source"`
	Severity string            `json:"severity"`
	Group    string            `json:"group,omitempty"`
	Class    string            `json:"class,omitempty"`
	Details  map[string]string `json:"custom_details,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

const (
	mostSummary = 1024
	mostText    = 8 << 10
)

// Post implements connectors.Poster. PagerDuty knows a repetition by its key.
func (p *PagerDuty) Post(ctx context.Context, m connectors.Message, at connectors.Attempt) (connectors.Ref, error) {
	key, ok := p.key(at.To)
	if !ok {
		return "", fault.New(fault.NotFound, "raising an alert: there is no service called %q in the notifier's configuration", prose.Cut(prose.Line(at.To), 100))
	}
	e := event{RoutingKey: key.Reveal(), Action: "trigger", DedupKey: dedup(&m), Client: "quell",
		Payload: &payload{Summary: prose.Cut(prose.Line(m.Subject), mostSummary), Source: "quell", Severity: severity(&m), Group: prose.Cut(prose.Line(m.To), 200),
			Class: m.Kind, Details: details(&m)}}
	for _, l := range prose.Links(&m) {
		if e.Links = append(e.Links, link{Href: l.Value, Text: l.Name}); e.ClientURL == "" {
			e.ClientURL = l.Value
		}
	}
	if m.Card != nil && m.Card.Done {
		e.Action, e.Payload = "resolve", nil
	}
	// Where the alert is: whoever resolves it later must know its service, too.
	return connectors.Ref(at.To + "|" + e.DedupKey), p.send(ctx, e, "raising an alert")
}

// Refresh implements connectors.Refresher: once a remediation is done, its alert is
// resolved. Else there is nothing to show anew.
func (p *PagerDuty) Refresh(ctx context.Context, head connectors.Ref, card connectors.Card, _ []connectors.Action) error {
	if !card.Done {
		return nil
	}
	i := strings.LastIndex(string(head), "|")
	if i < 0 {
		return fault.New(fault.NotFound, "resolving an alert: %q is none of ours", prose.Cut(string(head), 100))
	}
	key, ok := p.key(string(head[:i]))
	if !ok {
		return fault.New(fault.NotFound, "resolving an alert: its service is no longer in the notifier's configuration")
	}
	return p.send(ctx, event{RoutingKey: key.Reveal(), Action: "resolve", DedupKey: string(head[i+1:])}, "resolving an alert")
}

func (p *PagerDuty) send(ctx context.Context, e event, doing string) error {
	_, err := p.api.Copy(ctx, httpclient.Call{Path: "/v2/enqueue", JSON: e}, io.Discard)
	return fault.Wrap(fault.KindOf(err), err, doing)
}

// dedup is what makes alerts one: the remediation, else the cause.
func dedup(m *connectors.Message) string {
	const longest = 255
	if m.Thread != "" && len(m.Thread) < longest-len("quell/") {
		return "quell/" + m.Thread
	}
	sum := sha256.Sum256([]byte(m.Cause))
	return "quell/" + hex.EncodeToString(sum[:16])
}

func severity(m *connectors.Message) string {
	decision := ""
	if m.Card != nil {
		decision = m.Card.Decision
	}
	switch {
	case decision == "act" || m.Urgent:
		return "critical"
	case decision == "attend":
		return "error"
	case decision == "track":
		return "info"
	}
	return "warning"
}

func details(m *connectors.Message) map[string]string {
	out := map[string]string{"text": prose.Cut(prose.Plain(m.Text), mostText)}
	for _, f := range prose.Facts(m.Card) {
		out[strings.ToLower(f.Name)] = prose.Cut(prose.Line(f.Value), mostSummary)
	}
	return out
}
