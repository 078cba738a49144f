package config

import (
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// BuiltinTracker is the name of the built-in tracker, which is always there for the
// tickets that it has.
const BuiltinTracker = "builtin"

// Tracker is one configured tracker.
type Tracker struct {
	Name           string         `yaml:"name" json:"name" doc:"Name of the tracker, as in /hooks/trackers/NAME. Remediations remember it: renaming a tracker orphans its tickets."`
	Connector      string         `yaml:"connector" json:"connector" doc:"Which connector speaks to it."`
	Takes          Takes          `yaml:"takes" json:"takes" doc:"Which remediations it gets. Says nothing: those that no other tracker takes."`
	Webhook        TrackerHook    `yaml:"webhook" json:"webhook" doc:"Limits of its calls to /hooks/trackers/NAME. How they are signed is the connector's own setting."`
	Reconcile      scope.Duration `yaml:"reconcile" json:"reconcile" doc:"How often it is asked what was changed, for what no webhook told; 30s if unset. At least 5s."`
	Rate           float64        `yaml:"rate" json:"rate" doc:"Requests a second that each process asks it at most, beside what its own limits are known to be; 10 if unset."`
	AttachEvidence bool           `yaml:"attach_evidence" json:"attach_evidence" doc:"Attach the evidence of verdicts to its tickets. Whoever reads a ticket reads the evidence then."`
	OnDeleted      string         `yaml:"on_deleted" json:"on_deleted" doc:"What happens when a person deletes a ticket whose exposures are live: recreate (if unset), once, with a note; or ask, who may answer with quell remediations recreate."`
	ReopenWithin   scope.Duration `yaml:"reopen_within" json:"reopen_within" doc:"A ticket that was done for no longer than this is reopened when a new exposure needs the same fix by the same team; later a new one is made that names the old one. 90d if unset. A regression reopens its own ticket, however old."`
	Config         any            `yaml:"config" json:"config" doc:"What the connector itself wants: see its page."`
}

// Takes says which remediations go to a tracker: each list that is given must have the
// remediation's own.
type Takes struct {
	Teams     []string `yaml:"teams" json:"teams,omitempty" doc:"Owning teams."`
	Scopes    []string `yaml:"scopes" json:"scopes,omitempty" doc:"Scopes; one in common is enough."`
	Decisions []string `yaml:"decisions" json:"decisions,omitempty" doc:"Decisions: act, attend, track_star, track."`
}

// TrackerHook bounds a tracker's calls.
type TrackerHook struct {
	Rate    float64 `yaml:"rate" json:"rate" doc:"Calls a second that are accepted; 50 if unset."`
	Burst   int     `yaml:"burst" json:"burst" doc:"Calls that may come at once; 100 if unset."`
	MaxBody Size    `yaml:"max_body" json:"max_body" doc:"Largest body of a call; 4 MiB if unset."`
}

// What happens to a ticket that a person deleted.
const (
	DeletedRecreate = "recreate"
	DeletedAsk      = "ask"
)

// Silent reports whether a tracker doesn't say what it takes.
func (t *Takes) Silent() bool { return len(t.Teams)+len(t.Scopes)+len(t.Decisions) == 0 }

// Has reports whether it takes a remediation of a team, made for an exposure in scopes
// with a decision.
func (t *Takes) Has(team string, scopes []string, decision exposure.DecisionOutcome) bool {
	if len(t.Teams) > 0 && !slices.Contains(t.Teams, team) {
		return false
	}
	if len(t.Scopes) > 0 && !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(t.Scopes, s) }) {
		return false
	}
	return len(t.Decisions) == 0 || slices.Contains(t.Decisions, string(decision))
}

// TrackerFor names the tracker that a new remediation goes to: the first that says it
// takes it, else the first that says nothing, else the first. Without any it is the
// built-in one.
func TrackerFor(trackers []Tracker, team string, scopes []string, decision exposure.DecisionOutcome) string {
	if len(trackers) == 0 {
		return BuiltinTracker
	}
	silent := -1
	for i := range trackers {
		switch t := &trackers[i]; {
		case t.Takes.Silent():
			if silent < 0 {
				silent = i
			}
		case t.Takes.Has(team, scopes, decision):
			return t.Name
		}
	}
	return trackers[max(silent, 0)].Name
}

const (
	defaultReconcile    = 30 * time.Second
	leastReconcile      = 5 * time.Second
	mostReconcile       = 24 * time.Hour
	defaultReopenWithin = 90
	defaultHookBody     = 4 << 20
)

func (t *Tracker) fill() {
	defaults := defaultWebhook()
	if t.Reconcile == 0 {
		t.Reconcile = scope.Duration(defaultReconcile)
	}
	if t.ReopenWithin == 0 {
		t.ReopenWithin = scope.Days(defaultReopenWithin)
	}
	if t.OnDeleted == "" {
		t.OnDeleted = DeletedRecreate
	}
	if t.Webhook.Rate == 0 {
		t.Webhook.Rate = defaults.Rate
	}
	if t.Webhook.Burst == 0 {
		t.Webhook.Burst = defaults.Burst
	}
	if t.Webhook.MaxBody == 0 {
		t.Webhook.MaxBody = defaultHookBody
	}
}

func (r *reader) checkTrackers(doc *yaml.Node, cfg *Config) {
	names := map[string]bool{}
	teams := make([]string, 0, len(cfg.Owners.Teams))
	for i := range cfg.Owners.Teams {
		teams = append(teams, cfg.Owners.Teams[i].Name)
	}
	scopes := make([]string, 0, len(cfg.Scopes))
	for i := range cfg.Scopes {
		scopes = append(scopes, cfg.Scopes[i].Name)
	}
	decisions := []string{string(exposure.Act), string(exposure.Attend), string(exposure.TrackStar), string(exposure.Track)}
	for i := range cfg.Trackers {
		t := &cfg.Trackers[i]
		t.fill()
		path := "trackers[" + strconv.Itoa(i) + "]"
		r.name(doc, path+".name", t.Name, names)
		if t.Name == BuiltinTracker && t.Connector != "localtracker" && t.Connector != "" {
			r.say(doc, path+".name", "%q is the built-in tracker, which keeps the tickets that it has; take another name", t.Name)
		}
		r.known(doc, path+".takes.teams", "team of owners.teams", t.Takes.Teams, teams)
		r.known(doc, path+".takes.scopes", "scope", t.Takes.Scopes, scopes)
		r.known(doc, path+".takes.decisions", "decision", t.Takes.Decisions, decisions)
		if every := t.Reconcile.Std(); every < leastReconcile || every > mostReconcile {
			r.say(doc, path+".reconcile", "is between five seconds and a day")
		}
		if t.OnDeleted != DeletedRecreate && t.OnDeleted != DeletedAsk {
			r.say(doc, path+".on_deleted", "is recreate or ask")
		}
		if t.ReopenWithin < 0 {
			r.say(doc, path+".reopen_within", "is not negative")
		}
		if !(t.Rate >= 0 && t.Rate <= mostRate) { // which no number at all isn't either
			r.say(doc, path+".rate", "is between 0 and %d requests a second", mostRate)
		}
		if !(t.Webhook.Rate > 0) || t.Webhook.Burst < 0 || t.Webhook.MaxBody < 0 {
			r.say(doc, path+".webhook", "rate, burst and max_body are not negative")
		}
	}
}

// known says which of the names there isn't.
func (r *reader) known(doc *yaml.Node, path, what string, names, all []string) {
	for i, name := range names {
		if !slices.Contains(all, name) {
			r.say(doc, path+"["+strconv.Itoa(i)+"]", "%q is no %s%s", name, what, didYouMean(name, all))
		}
	}
}
