package ownership

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Tree is a Config made ready to be asked. It is immutable, and safe for concurrent use.
// The zero Tree owns nothing beyond what scopes say.
type Tree struct {
	root    node
	teams   map[string]Team
	aliases []alias
	unowned []Step
	budget  Budget
	digest  string
	within  scope.Duration

	people  map[string]person    // by every name they go by
	leavers map[string]time.Time // the first day that a person isn't there
	model   *model               // nil: the defaults
	memory  *Memory              // nil: nothing was learned
}

type node struct {
	Node
	name     string // for the path: what the node matches on
	matchers []matcher
	children []node
}

type alias struct {
	glob scope.Glob
	text string
	team string
}

// Compile makes a Tree, or gives every problem at once, each a *scope.FieldError.
func Compile(c Config) (Tree, []error) {
	check := checker{teams: map[string]bool{}}
	check.config(&c)
	if len(check.errs) > 0 {
		return Tree{}, check.errs
	}
	t := Tree{root: compile(c.Route, true), teams: map[string]Team{}, unowned: c.Unowned, within: c.OwnerWithin, budget: c.Defaults,
		people: byName(&c), leavers: leavers(c.People), model: newModel(c.Inference)}
	for _, team := range c.Teams {
		t.teams[team.Name] = team
		for _, text := range append([]string{team.Name}, team.Aliases...) {
			t.aliases = append(t.aliases, alias{scope.NewGlob(text), text, team.Name})
		}
	}
	if t.unowned == nil {
		t.unowned = DefaultUnowned()
	}
	b, err := json.Marshal(unbudgeted(c))
	if err != nil { // texts, lists and durations all marshal
		panic("hashing owners: " + err.Error())
	}
	sum := sha256.Sum256(b)
	t.digest = hex.EncodeToString(sum[:])
	return t, nil
}

// unbudgeted is what routes: how much a team takes on at a time doesn't.
func unbudgeted(c Config) Config {
	c.Defaults, c.Teams = Budget{}, slices.Clone(c.Teams)
	for i := range c.Teams {
		c.Teams[i].WIP, c.Teams[i].Intake = 0, 0
	}
	return c
}

// Budget gives what a team takes on, known or not; nobody's work has no budget.
func (t *Tree) Budget(team string) Budget {
	if team == "" {
		return Budget{}
	}
	b := t.budget
	for own, of := range map[*int]int{&b.WIP: t.teams[team].WIP, &b.Intake: t.teams[team].Intake} {
		if of != 0 {
			*own = max(of, 0)
		}
	}
	return b
}

// compile is for nodes whose matchers were checked.
func compile(n Node, root bool) node {
	out := node{Node: n, name: strings.Join(n.Match, " and ")}
	switch {
	case root:
		out.name = "root"
	case out.name == "":
		out.name = "everything else"
	}
	for _, text := range n.Match {
		if m, err := parseMatcher(text); err == nil {
			out.matchers = append(out.matchers, m)
		}
	}
	for _, child := range n.Children {
		out.children = append(out.children, compile(child, false))
	}
	return out
}

// Digest names the configuration: equal digests route alike.
func (t *Tree) Digest() string { return t.digest }

// Teams gives the teams, sorted by name.
func (t *Tree) Teams() []Team {
	out := make([]Team, 0, len(t.teams))
	for _, team := range t.teams {
		out = append(out, team)
	}
	slices.SortFunc(out, func(a, b Team) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Team gives a team by its name.
func (t *Tree) Team(name string) (Team, bool) {
	team, ok := t.teams[name]
	return team, ok
}

// OwnerWithin is how long an asset may be without an owner.
func (t *Tree) OwnerWithin() time.Duration {
	if t.within == 0 {
		return DefaultOwnerWithin().Std()
	}
	return t.within.Std()
}

// Silence is how many reminders and escalations in a row a team may leave unanswered.
func (t *Tree) Silence() int {
	if t.model == nil {
		return defaultSilence
	}
	return t.model.silence
}

// Unowned gives the ladder of exposures without an owner.
func (t *Tree) Unowned() []Step { return t.unowned }

// Route finds the owner of an exposure on an asset in the given scopes. A person's
// decision (exposure.Owner.Manual) counts before it; that is the caller's to know. A team
// that has said of this exposure that it isn't theirs doesn't get it back, whatever names
// it.
func (t *Tree) Route(a asset.Asset, scopes []scope.Scope, e exposure.Exposure) Route {
	w := walk{subject: subject{asset: &a, scopes: scopeNames(scopes), exposure: &e}}
	return t.route(&w, &a, scopes, nil)
}

func scopeNames(scopes []scope.Scope) []string {
	names := make([]string, len(scopes))
	for i := range scopes {
		names[i] = scopes[i].Name
	}
	return names
}

func (t *Tree) route(w *walk, a *asset.Asset, scopes []scope.Scope, x *Explanation) Route {
	w.down(&t.root, found{options: DefaultOptions()})
	w.root = t.root.Team
	r := Route{Options: w.first.options, Path: w.first.path}
	t.choose(&r, w, a, scopes, x)
	for _, team := range w.copies {
		if team != r.Team && !slices.Contains(r.Copies, team) && t.Active(team) {
			r.Copies = append(r.Copies, team)
		}
	}
	slices.Sort(r.Copies)
	if r.Options.Channel == "" {
		r.Options.Channel = t.teams[r.Team].Channel
	}
	return r
}

// walk is one descent through the tree.
type walk struct {
	subject subject
	first   found    // the way that owns
	done    bool     // there is one
	copies  []string // the teams of later matches
	lines   *[]string
	root    string // the default team
}

// found is what was collected on the way to a node.
type found struct {
	path    []string
	team    string
	depth   int // of the node that named the team; 0 is the root, or none did
	options Options
}

// down visits a node that matches. Where no child takes over, the way ends: it is either
// the one that owns, or a later one that is told.
func (w *walk) down(n *node, way found) {
	depth := len(way.path)
	way.path = append(slices.Clone(way.path), n.name)
	if n.Team != "" {
		way.team, way.depth = n.Team, depth
	}
	way.options = way.options.with(&n.Node)
	matched := false
	for i := range n.children {
		child := &n.children[i]
		ok, why := child.matches(&w.subject)
		w.explain(depth+1, child, ok, why)
		if !ok {
			continue
		}
		matched = true
		w.down(child, way)
		if !child.Continue {
			break
		}
	}
	switch {
	case matched:
	case !w.done, way.depth > 0 && w.first.depth == 0: // the first, or the first to name a team
		w.first, w.done = way, true
	case way.depth > 0:
		w.copies = append(w.copies, way.team)
	}
}

func (n *node) matches(s *subject) (ok bool, why string) {
	for i := range n.matchers {
		if m := &n.matchers[i]; !m.matches(s) {
			return false, m.text
		}
	}
	return true, ""
}

func (w *walk) explain(depth int, n *node, ok bool, why string) {
	if w.lines == nil {
		return
	}
	line := strings.Repeat("  ", depth) + n.name + ": "
	switch {
	case !ok:
		line += "no, " + why + " doesn't hold"
	case n.Team != "":
		line += "matches, team " + n.Team
	default:
		line += "matches"
	}
	*w.lines = append(*w.lines, line)
}

// with takes over what a node sets.
func (o Options) with(n *Node) Options {
	if n.Escalation != nil {
		o.Escalation, o.Escalates = n.Escalation, true
	}
	if n.ReminderBefore != nil {
		o.ReminderBefore, o.Reminds = n.ReminderBefore, true
	}
	if n.Channel != "" {
		o.Channel, o.Rerouted = n.Channel, true
	}
	return o
}
