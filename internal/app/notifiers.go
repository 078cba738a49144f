package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/courier"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/ownership"
)

// openCourier opens the notifiers that are configured, and what brings messages to them.
// The built-in inbox is where messages go that none of them takes.
func (a *app) openCourier(calls *peopleMetrics) (*courier.Courier, error) {
	routes := make([]courier.Route, 0, len(a.cfg.Notifiers))
	for i := range a.cfg.Notifiers {
		n := &a.cfg.Notifiers[i]
		opened, err := a.openNotifier(n, calls)
		if err != nil {
			return nil, err
		}
		routes = append(routes, routeOf(n, opened, a.cfg.Owners))
	}
	return courier.New(courier.Deps{
		Store: a.store, Routes: routes, Wake: a.lifecycle.WakeNotifier, URL: a.cfg.Server.PublicURL, Now: now, Log: a.log,
		Last: courier.Route{Name: lastResort, Notifier: inbox.New(a.store, now), Address: func(to string) (string, bool) { return to, true }},
	}), nil
}

// lastResort is the name of the inbox that is always there.
const lastResort = "builtin-inbox"

func (a *app) openNotifier(n *config.Notifier, calls *peopleMetrics) (connectors.Notifier, error) {
	instance, err := a.openOutward(n.Name, n.Connector, n.Config, 0, calls)
	if err != nil {
		return nil, err
	}
	opened, ok := instance.(connectors.Notifier)
	if !ok {
		return nil, fault.New(fault.Invalid, "opening notifier %s: connector %s sends no messages", n.Name, n.Connector)
	}
	a.openChat(n.Name, instance)
	return opened, nil
}

// routeOf is a notifier with what the configuration says of it. The inbox takes everybody
// under their own names, and all there is.
func routeOf(n *config.Notifier, opened connectors.Notifier, owners ownership.Config) courier.Route {
	book := addresses{notifier: n, opened: opened, teams: map[string]ownership.Team{}, people: map[string]ownership.Person{}}
	for _, t := range owners.Teams {
		book.teams[t.Name] = t
	}
	for _, p := range owners.People {
		book.people[p.Name] = p
	}
	route := courier.Route{Name: n.Name, Notifier: opened, Kinds: n.Kinds, Teams: n.Teams, UrgentOnly: n.UrgentOnly, Budget: n.Noise(), Address: book.of, Quiet: quiet(n)}
	if n.Connector == inbox.Name {
		route.Budget, route.Address = outbox.Budget{}, func(to string) (string, bool) { return to, true }
	}
	return route
}

func quiet(n *config.Notifier) func(to string) outbox.Quiet {
	hours := n.Hours()
	return func(to string) outbox.Quiet {
		if q, ok := hours[to]; ok {
			return q
		}
		return hours["default"]
	}
}

// addressBook is a notifier whose own settings name addresses, such as Slack's channels.
type addressBook interface {
	AddressOf(to string) (string, bool)
}

// addresses finds how a notifier calls somebody.
type addresses struct {
	notifier *config.Notifier
	opened   connectors.Notifier
	teams    map[string]ownership.Team
	people   map[string]ownership.Person
}

// of gives the address that the configuration names, or the notifier's own settings, else the first of what is known of a
// team or a person that the notifier takes for an address, else the default.
func (b addresses) of(to string) (string, bool) {
	if address, ok := b.notifier.Addresses[to]; ok {
		return address, true
	}
	if own, ok := b.opened.(addressBook); ok {
		if address, ok := own.AddressOf(to); ok {
			return address, true
		}
	}
	for _, address := range b.known(to) {
		if b.accepts(address) {
			return address, true
		}
	}
	return b.notifier.Default, b.notifier.Default != ""
}

// known are the addresses of somebody in any system.
func (b addresses) known(to string) []string {
	var known []string
	name, person := strings.CutPrefix(to, "@")
	if p, ok := b.people[name]; person && ok {
		known = []string{p.Slack, p.Email}
	}
	if t, ok := b.teams[to]; ok {
		known = []string{t.Channel}
	}
	if strings.HasPrefix(to, "#") {
		known = []string{to}
	}
	out := known[:0]
	for _, address := range known {
		if address != "" {
			out = append(out, address)
		}
	}
	return out
}

func (b addresses) accepts(address string) bool {
	addressed, ok := b.opened.(connectors.Addressed)
	return !ok || addressed.Accepts(address)
}

// digests are the regular words of the notifiers that are configured to give any.
func (a *app) digests() []activities.Digests {
	var out []activities.Digests
	for i := range a.cfg.Notifiers {
		n := &a.cfg.Notifiers[i]
		at, err := time.Parse("15:04", n.Digest.At)
		zone, zoneErr := time.LoadLocation(n.Digest.Zone)
		if n.Digest.At == "" || err != nil || zoneErr != nil { // the configuration was checked
			continue
		}
		out = append(out, activities.Digests{Notifier: n.Name, When: outbox.Schedule{Minutes: at.Hour()*60 + at.Minute(), Days: n.Digest.Weekdays(), Zone: zone},
			Teams: readers(n, a.cfg.Owners), Tell: func(ctx context.Context, m connectors.Message) error { return a.courier.NotifyBy(ctx, n.Name, m) }})
	}
	return out
}

// readers are who gets a digest, with the teams that it is about.
func readers(n *config.Notifier, owners ownership.Config) map[string][]string {
	out := map[string][]string{}
	takes := func(to string) bool { return len(n.Teams) == 0 || slices.Contains(n.Teams, to) }
	if takes(courier.Escalation) {
		out[courier.Escalation] = nil
	}
	for _, t := range owners.Teams {
		if takes(t.Name) {
			out[t.Name] = []string{t.Name}
		}
		if !n.Digest.People {
			continue
		}
		for _, name := range append(slices.Clone(t.Members), t.Manager) {
			if to := "@" + name; name != "" && !slices.Contains(out[to], t.Name) {
				out[to] = append(out[to], t.Name)
			}
		}
	}
	for _, p := range owners.People { // in no team either: approvals may wait for them
		if to := "@" + p.Name; n.Digest.People && out[to] == nil {
			out[to] = nil
		}
	}
	return out
}

// advisory is the health of telling people: worth a word, and no reason to take no calls.
func (a *app) advisory(ctx context.Context) error { return a.courier.Health(ctx) }
