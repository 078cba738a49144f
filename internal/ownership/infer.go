package ownership

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// weights are what evidence weighs.
func (t *Tree) weights() *model {
	if t.model == nil {
		return newModel(Inference{})
	}
	return t.model
}

// maxLikely is how many teams are named as likely.
const maxLikely = 3

// choose fills in who owns it: by route, by inference, by default.
func (t *Tree) choose(r *Route, w *walk, a *asset.Asset, scopes []scope.Scope, x *Explanation) {
	e := w.subject.exposure
	routed := w.first.depth > 0 && w.first.team != ""
	if routed && x == nil && t.mayOwn(w.first.team, e) == "" {
		r.Team, r.Confidence = w.first.team, ConfidenceRoute
		return
	}
	in := t.inquire(a, scopes, e)
	if x != nil {
		in.read("")
		x.Candidates = in.candidates()
	}
	if routed {
		why := t.mayOwn(w.first.team, e)
		if why == "" {
			r.Team, r.Confidence = w.first.team, ConfidenceRoute
			return
		}
		r.Path = append(r.Path, why)
	}
	if i := in.sure(incumbent(a, e)); i >= 0 {
		r.Team, r.Confidence = in.sums[i].team, hundredths(in.sums[i].p)
		r.Path = append(r.Path, in.line(in.sums[i].team))
		return
	}
	r.Likely = in.likely()
	if root := w.root; root != "" && t.mayOwn(root, e) == "" {
		r.Team, r.Confidence, r.Likely = root, ConfidenceDefault, nil
		r.Path = append(r.Path, "default team")
		return
	}
	switch {
	case len(r.Likely) > 0:
		r.Path = append(r.Path, "no team is likely enough")
	default:
		r.Path = append(r.Path, "no route, clue or scope names a team")
	}
}

// mayOwn says why a team can't have an exposure; empty if it can.
func (t *Tree) mayOwn(team string, e *exposure.Exposure) string {
	if e.RefusedBy(team) {
		return team + " says that it isn't theirs"
	}
	return t.Gone(team)
}

// incumbent is who owns it so far.
func incumbent(a *asset.Asset, e *exposure.Exposure) string {
	if e.ID != "" {
		return e.Owner.Team
	}
	return a.Owner
}

// sure is the team that owns it: the likeliest, if it is likely enough; else the one that
// owns it already, if it is still likely. -1 for none.
func (in *inquiry) sure(before string) int {
	kept := -1
	for i := range in.sums {
		s := &in.sums[i]
		switch {
		case in.at.RefusedBy(s.team):
		case s.p >= in.model.gate:
			return i
		case s.team == before && s.p >= in.model.keep:
			kept = i
		}
	}
	return kept
}

// likely are the teams that evidence speaks for, where it doesn't speak for one enough.
func (in *inquiry) likely() []exposure.Guess {
	var out []exposure.Guess
	for i := range in.sums {
		s := &in.sums[i]
		if len(out) < maxLikely && s.odds > in.model.odds && !in.at.RefusedBy(s.team) {
			out = append(out, exposure.Guess{Team: s.team, Confidence: hundredths(s.p), Why: in.line(s.team)})
		}
	}
	return out
}

// line says in a line what counts for a team.
func (in *inquiry) line(team string) string {
	in.read(team)
	c := Candidate{Team: team, Evidence: in.evidence(team)}
	return c.Why()
}

// hundredths is how exactly a confidence is told. What is inferred is never certain.
func hundredths(p float64) float64 { return min(0.99, math.Round(p*100)/100) }

// Line says in a line who owns it, how sure that is and why: payments, 0.91: tag
// team=payments, fixed 7 of 8 on this asset.
func (r Route) Line() string {
	why := r.Path[len(r.Path)-1]
	if r.Team == "" {
		likely := make([]string, 0, len(r.Likely))
		for _, g := range r.Likely {
			likely = append(likely, g.Team+", "+two(g.Confidence))
		}
		if len(likely) > 0 {
			why += "; perhaps " + strings.Join(likely, " or ")
		}
		return "unowned: " + why
	}
	return r.Team + ", " + two(r.Confidence) + ": " + why
}

func two(p float64) string { return strconv.FormatFloat(p, 'f', 2, 64) }

// Explanation is how the owner of an asset's exposures is found, for a person to read.
type Explanation struct {
	Route      Route
	Candidates []Candidate // what inference makes of it, the likeliest first
	Lines      []string    // every node that was asked, indented, with its answer; the evidence; the outcome
}

// Explain routes an exposure on an asset, and says what each node answered and what each
// piece of evidence weighs. For the asset alone the exposure is empty: then nodes that ask
// about it (check, cve, severity) say no.
func (t *Tree) Explain(a asset.Asset, scopes []scope.Scope, e exposure.Exposure) Explanation {
	x := Explanation{Lines: []string{"root: matches everything"}}
	if t.root.Team != "" {
		x.Lines[0] += ", default team " + t.root.Team
	}
	w := walk{subject: subject{asset: &a, scopes: scopeNames(scopes), exposure: &e}, lines: &x.Lines}
	x.Route = t.route(&w, &a, scopes, &x)
	for i := range a.OwnerHints {
		h := &a.OwnerHints[i]
		line := "hint " + h.From + "=" + h.Value
		if h.Source != "" {
			line += " from " + h.Source
		}
		x.Lines = append(x.Lines, line+": "+t.understood(h.Value))
	}
	for i := range e.Refused {
		x.Lines = append(x.Lines, "refused by "+e.Refused[i].Team+" ("+e.Refused[i].By+"): "+e.Refused[i].Reason)
	}
	for i := range x.Candidates {
		c := &x.Candidates[i]
		x.Lines = append(x.Lines, "candidate "+c.Team+", "+two(c.Confidence))
		for _, ev := range c.Evidence {
			line := "  " + signed(ev.Weight) + " " + string(ev.Kind) + ": " + ev.What
			if ev.Source != "" {
				line += " (" + ev.Source + ")"
			}
			if !ev.Counts {
				line += ", says nothing new"
			}
			x.Lines = append(x.Lines, line)
		}
	}
	x.Lines = append(x.Lines, "=> "+x.Route.Line())
	return x
}

func signed(w float64) string {
	text := two(w)
	if w > 0 {
		text = "+" + text
	}
	return text
}

// understood says whom a hint names.
func (t *Tree) understood(value string) string {
	team := t.named(value)
	switch {
	case team != "" && t.Active(team):
		return "team " + team
	case team != "":
		return t.Gone(team)
	}
	if p, ok := t.people[strings.ToLower(strings.TrimPrefix(value, "@"))]; ok {
		switch {
		case t.left(p.name):
			return p.name + ", who has left"
		case len(p.teams) == 0:
			return p.name + ", who is in no team"
		}
		return p.name + " of " + strings.Join(slices.Clone(p.teams), " and ")
	}
	return "no team goes by that name"
}
