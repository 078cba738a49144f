package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/outbox"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

// Notifier is one configured way of telling people.
type Notifier struct {
	Name       string            `yaml:"name" doc:"Name of the notifier."`
	Connector  string            `yaml:"connector" doc:"Which connector sends."`
	Kinds      []string          `yaml:"kinds" doc:"Kinds of messages that it is for: ticket, reminder, escalation, reopened, unowned, approval, breaker, source, digest and others. None: all."`
	Teams      []string          `yaml:"teams" doc:"Teams whose messages it is for, and the word escalation. None: all."`
	UrgentOnly bool              `yaml:"urgent_only" doc:"Only what can't wait."`
	Addresses  map[string]string `yaml:"addresses" doc:"How the notifier calls a team, escalation, or a person or channel with @ or # in front. Beside these it knows a team's channel and a person's slack and email, where they are of its kind."`
	Default    string            `yaml:"default" doc:"Address of everybody who has none."`
	Budget     Budget            `yaml:"budget" doc:"How many messages that aren't urgent an address gets; the rest is folded into digests."`
	Quiet      map[string]string `yaml:"quiet" doc:"Hours in which a team or person isn't told what can wait, as 19:00-08:00 Europe/Berlin sat sun; under the name default for all others."`
	Digest     Digest            `yaml:"digest" doc:"A regular word to each team on what is due, unowned, waiting and closed."`
	Config     any               `yaml:"config" doc:"What the connector itself wants."`
}

// Budget is how much noise an address bears.
type Budget struct {
	Hour int `yaml:"hour" doc:"Messages an hour, digests included; 6 if unset."`
	Day  int `yaml:"day" doc:"Messages a day, digests included; 30 if unset."`
}

// Digest is when teams get their regular word.
type Digest struct {
	At     string   `yaml:"at" doc:"Time of day, such as 08:30. Unset: no regular digests."`
	Days   []string `yaml:"days" doc:"Days of the week: mon, tue, wed, thu, fri, sat, sun. None: every day."`
	Zone   string   `yaml:"zone" doc:"Time zone of at, such as Europe/Berlin; UTC if unset."`
	People bool     `yaml:"people" doc:"To the members and managers of teams too, each by themselves."`
}

// Weekdays are those of a digest; none: every day. Words that are no days are left out.
func (d Digest) Weekdays() []time.Weekday {
	var out []time.Weekday
	for _, word := range d.Days {
		for day := time.Sunday; day <= time.Saturday; day++ {
			if strings.EqualFold(word, day.String()[:3]) || strings.EqualFold(word, day.String()) {
				out = append(out, day)
			}
		}
	}
	return out
}

// Noise is the budget with its defaults.
func (n *Notifier) Noise() outbox.Budget {
	b := outbox.DefaultBudget()
	if n.Budget.Hour > 0 {
		b.Hour = n.Budget.Hour
	}
	if n.Budget.Day > 0 {
		b.Day = n.Budget.Day
	}
	return b
}

// Hours are the quiet hours of whom the configuration names, under default those of all
// others.
func (n *Notifier) Hours() map[string]outbox.Quiet {
	out := map[string]outbox.Quiet{}
	for to, text := range n.Quiet {
		if q, err := outbox.ParseQuiet(text, time.LoadLocation); err == nil {
			out[to] = q
		}
	}
	return out
}

// Retention is for how long what is done is kept.
type Retention struct {
	Messages scope.Duration `yaml:"messages" doc:"Messages that were told, in the outbox. What still has to be told stays, however old it is."`
	Threads  scope.Duration `yaml:"threads" doc:"Where the thread of a ticket is in a chat, after the last word in it. Later words begin a new thread."`
	Inbox    scope.Duration `yaml:"inbox" doc:"Messages of the built-in inbox that were read."`
	Presses  scope.Duration `yaml:"presses" doc:"What people pressed, wrote and filled into forms in chats, once it was answered. What was decided by it stays in the histories."`
	Blobs    scope.Duration `yaml:"blobs" doc:"Bodies of deliveries and evidence. Zero: for ever. What is still needed stays; records keep their hashes."`
}

func defaultRetention() Retention {
	return Retention{Messages: scope.Days(90), Threads: scope.Days(365), Inbox: scope.Days(365), Presses: scope.Days(90)}
}

// checkNotifiers looks at what is said about telling people.
func (r *reader) checkNotifiers(doc *yaml.Node, cfg *Config) {
	known := append(make([]string, 0, 1+len(cfg.Owners.Teams)), ownership.Escalation)
	for i := range cfg.Owners.Teams {
		known = append(known, cfg.Owners.Teams[i].Name)
	}
	names := map[string]bool{}
	for i := range cfg.Notifiers {
		n := &cfg.Notifiers[i]
		path := "notifiers[" + strconv.Itoa(i) + "]"
		r.name(doc, path+".name", n.Name, names)
		for j, team := range n.Teams {
			if !slices.Contains(known, team) && !strings.HasPrefix(team, "@") && !strings.HasPrefix(team, "#") {
				r.say(doc, path+".teams["+strconv.Itoa(j)+"]", "%q is no team of owners.teams%s", team, didYouMean(team, known))
			}
		}
		for to, address := range n.Addresses {
			if address == "" {
				r.say(doc, path+".addresses."+to, "is empty")
			}
		}
		if n.Budget.Hour < 0 || n.Budget.Day < 0 {
			r.say(doc, path+".budget", "is not negative; unset, it is 6 an hour and 30 a day")
		}
		for to, text := range n.Quiet {
			if _, err := outbox.ParseQuiet(text, time.LoadLocation); err != nil {
				r.say(doc, path+".quiet."+to, "%v", err)
			}
		}
		r.checkDigest(doc, path+".digest", &n.Digest)
	}
	for name, keep := range map[string]scope.Duration{"messages": cfg.Retention.Messages, "threads": cfg.Retention.Threads, "inbox": cfg.Retention.Inbox, "presses": cfg.Retention.Presses, "blobs": cfg.Retention.Blobs} {
		const least = 24 * time.Hour
		if keep != 0 && keep.Std() < least {
			r.say(doc, "retention."+name, "is too short: a day at least, or zero for ever")
		}
	}
}

func (r *reader) checkDigest(doc *yaml.Node, path string, d *Digest) {
	if _, err := time.Parse("15:04", d.At); d.At != "" && err != nil {
		r.say(doc, path+".at", "%q is no time of day such as 08:30", d.At)
	}
	if d.At == "" && (len(d.Days) > 0 || d.Zone != "" || d.People) {
		r.say(doc, path+".at", "is missing: without it there are no digests")
	}
	if len(d.Weekdays()) != len(d.Days) {
		r.say(doc, path+".days", "are mon, tue, wed, thu, fri, sat and sun")
	}
	if _, err := time.LoadLocation(d.Zone); err != nil {
		r.say(doc, path+".zone", "%q is no time zone such as Europe/Berlin", d.Zone)
	}
}
