package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
)

const (
	// What inference has to be better by than a static rule over tags.
	aimFirst   = 0.6  // of the tickets go to the team that owns the asset at once
	aimBounces = 0.35 // hands that a ticket passes through in vain
	aimHours   = 24   // until it is with its owner, in the mean
)

// How long people take: to say that something isn't theirs, for somebody who triages to
// find out by asking around, and for a rung of the ladder to be answered.
const (
	hoursToRefuse = 8
	hoursToTriage = 72
	hoursToClaim  = 12
	deadEnd       = 48 // a ticket for a team that is no more lies there until someone notices
)

// ownershipFigures plays a year of an organisation whose data decays, three times over the
// same tickets: routed by a static rule over tags, by the tree alone, and by inference that
// learns.
func (b *bench) ownershipFigures(ctx context.Context) error {
	if !b.wants("ownership") {
		return nil
	}
	results := map[string]played{}
	for _, way := range []string{"static", "tree", "inferred"} {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := play(way, seedOfHouse, b.scaled(houseAssets), b.scaled(40_000))
		if err != nil {
			return err
		}
		results[way] = p
		b.note("ownership %s: %d tickets, %.1f%% right first time, %.3f bounces a ticket, %.1f h to the true owner; last quarter %.1f%%, %.3f, %.1f h; %d wrong first, %d unowned first",
			way, p.all.tickets, 100*p.all.right(), p.all.perTicket(), p.all.hoursEach(), 100*p.late.right(), p.late.perTicket(), p.late.hoursEach(), p.all.wrong, p.all.unowned)
	}
	in, static := results["inferred"].all, results["static"].all
	b.figure(Figure{Name: "ownership_first_time", Value: 100 * in.right(), Unit: "%", Aim: 100 * aimFirst})
	b.figure(Figure{Name: "ownership_bounces", Value: in.perTicket(), Unit: "per ticket", Aim: aimBounces, Most: true})
	b.figure(Figure{Name: "ownership_hours", Value: in.hoursEach(), Unit: "h", Aim: aimHours, Most: true})
	b.figure(Figure{Name: "ownership_first_time_vs_tag_rule", Value: in.right() / static.right(), Unit: "times", Aim: 1.2})
	b.figure(Figure{Name: "ownership_bounces_vs_tag_rule", Value: in.perTicket() / static.perTicket(), Unit: "times", Aim: 0.5, Most: true})
	b.figure(Figure{Name: "ownership_hours_vs_tag_rule", Value: in.hoursEach() / static.hoursEach(), Unit: "times", Aim: 0.5, Most: true})
	return nil
}

const seedOfHouse = 2026

// tallied is what became of tickets.
type tallied struct {
	tickets, first, wrong, unowned, bounces int
	hours                                   float64
}

func (t *tallied) right() float64     { return float64(t.first) / float64(t.tickets) }
func (t *tallied) perTicket() float64 { return float64(t.bounces) / float64(t.tickets) }
func (t *tallied) hoursEach() float64 { return t.hours / float64(t.tickets) }

// played is a year: as a whole, and its last quarter.
type played struct{ all, late tallied }

// play lives through a year of tickets, most of them on systems that had some before. Each
// day those of the day before were learned from; each month a hundredth of the systems
// changes hands.
func play(way string, seed uint64, assets, tickets int) (played, error) {
	o := newOrganisation(seed, houseTeams, assets)
	tree, errs := ownership.Compile(o.config)
	if len(errs) > 0 {
		return played{}, fmt.Errorf("making the teams: %w", errs[0])
	}
	g := &game{organisation: o, way: way, tree: tree, records: map[string]ownership.Record{}}
	if way == "inferred" {
		g.learn()
	}
	stream := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // the same tickets, whoever routes them
	var out played
	const days = 360
	for day := range days {
		o.day = o.day.AddDate(0, 0, 1)
		if day%30 == 29 {
			o.reorganise(assets / perSystem / 100)
		}
		for range tickets / days {
			n := stream.IntN(len(o.assets))
			if stream.IntN(2) == 0 { // every other one is on the tenth that is always in trouble
				n = stream.IntN(max(1, len(o.assets)/10))
			}
			t := g.ticket(n, stream.IntN(400))
			out.all.add(t)
			if day >= days*3/4 {
				out.late.add(t)
			}
		}
		if way == "inferred" {
			g.learn()
		}
	}
	return out, nil
}

func (t *tallied) add(o tallied) {
	t.tickets += o.tickets
	t.first += o.first
	t.wrong += o.wrong
	t.unowned += o.unowned
	t.bounces += o.bounces
	t.hours += o.hours
}

// game is one way of routing, played.
type game struct {
	*organisation
	way     string
	tree    ownership.Tree
	records map[string]ownership.Record
	serial  int
}

// learn makes what happened so far count, and takes the census on every tenth day.
func (g *game) learn() {
	census := ownership.Census{}
	if m := g.tree.Memory(); m == nil || g.day.YearDay()%10 == 0 {
		blank := g.tree.Remembering(g.tree.NewMemory(g.day, slices.Values([]ownership.Count(nil)), census))
		teller := blank.NewTeller()
		for i := range g.assets {
			teller.Count(g.assets[i], nil)
		}
		g.taken = teller.Census()
	}
	g.tree = g.tree.Remembering(g.tree.NewMemory(g.day, func(yield func(ownership.Count) bool) {
		for _, r := range g.records {
			for _, c := range r.Counts {
				if !yield(c) {
					return
				}
			}
		}
	}, g.taken))
}

// ticket routes one exposure until its owner has it. Who gets it wrongly says so; where
// nobody is likely the ladder asks, and at its end a person finds out. The truth decides;
// what people say teaches, and the owner's fix does.
func (g *game) ticket(n, fix int) tallied {
	g.serial++
	out := tallied{tickets: 1}
	a, truth := g.assets[n], teamName(g.owns[n])
	e := exposure.Exposure{ID: exposure.ID(fmt.Sprintf("x%d", g.serial)), Asset: a.ID, Birth: a.ID, Fix: fmt.Sprintf("fix-%d", fix)}
	var story []exposure.Event
	tell := func(ev exposure.Event) {
		ev.Seq, ev.At = int64(len(story)+1), g.day.Add(time.Duration(out.hours*float64(time.Hour)))
		story = append(story, ev)
	}
	for try := 0; ; try++ {
		team, likely := g.route(a, e)
		if team != "" {
			tell(exposure.Event{Kind: exposure.EventAssigned, Actor: exposure.Actor{Kind: exposure.System}, Owner: &exposure.Owner{Team: team}})
		}
		switch {
		case team == truth:
			if try == 0 {
				out.first++
			}
		case team != "":
			out.bounces++
			if try == 0 {
				out.wrong++
			}
			out.hours += hoursToRefuse
			if !g.tree.Active(team) {
				out.hours += deadEnd
			}
			tell(refusal(team))
			e.Refused = append(e.Refused, exposure.NotOurs{Team: team})
			if try < maxBounces && g.way == "inferred" {
				continue
			}
			out.hours += hoursToTriage
			tell(given(truth))
		default:
			if try == 0 {
				out.unowned++
			}
			g.ask(likely, truth, &out, tell)
		}
		break
	}
	tell(exposure.Event{Kind: exposure.EventTicketed, Data: map[string]string{exposure.DataRemediation: "r"}})
	if g.serial%10 > 0 { // one in ten is not fixed within the year
		tell(exposure.Event{Kind: exposure.EventAbsent, From: exposure.Open, To: exposure.Closed})
	}
	if g.way == "inferred" {
		r := g.records[string(a.ID)]
		r.ID = string(a.ID)
		g.records[string(a.ID)], _ = r.Learn(a, e, story)
	}
	return out
}

const maxBounces = 3

// route is whom a ticket goes to, and who is likely where it goes to nobody.
func (g *game) route(a asset.Asset, e exposure.Exposure) (team string, likely []exposure.Guess) {
	switch g.way {
	case "static": // the tag's team, as a rule in a tracker has it; else the CMDB's
		for _, from := range []string{"tag team", "support_group"} {
			for i := range a.OwnerHints {
				if h := &a.OwnerHints[i]; h.From == from && !e.RefusedBy(g.static(h.Value)) {
					return g.static(h.Value), nil
				}
			}
		}
		return "", nil
	case "tree":
		a.OwnerHints = nil
	}
	r := g.tree.Route(a, nil, e)
	return r.Team, r.Likely
}

// static is what a rule makes of a tag: the team that it was written for, dissolved or not.
func (g *game) static(value string) string {
	var n int
	if _, err := fmt.Sscanf(value, "t%03d-prod", &n); err == nil {
		return teamName(n)
	}
	if _, err := fmt.Sscanf(value, "person-%03d-", &n); err == nil {
		return teamName(n)
	}
	return value
}

// ask climbs the ladder of what nobody owns: the likely teams, then somebody who finds out.
// A team that is asked and says no is no bounce, but it takes its time.
func (g *game) ask(likely []exposure.Guess, truth string, out *tallied, tell func(exposure.Event)) {
	asked := likely[:min(2, len(likely))]
	if slices.ContainsFunc(asked, func(l exposure.Guess) bool { return l.Team == truth }) {
		out.hours += hoursToClaim
		for _, l := range asked {
			if l.Team != truth {
				tell(refusal(l.Team))
			}
		}
		tell(exposure.Event{Kind: exposure.EventAssigned, Actor: exposure.Actor{Kind: exposure.Person, Name: "p"}, Owner: &exposure.Owner{Team: truth, How: "claimed by p", Manual: true}})
		return
	}
	if len(asked) > 0 {
		out.hours += hoursToClaim
	}
	out.hours += hoursToTriage
	tell(given(truth))
}

func refusal(team string) exposure.Event {
	return exposure.Event{Kind: exposure.EventAssigned, Actor: exposure.Actor{Kind: exposure.Person, Name: "p"}, Owner: &exposure.Owner{},
		Data: map[string]string{exposure.DataRefused: team}}
}

func given(team string) exposure.Event {
	return exposure.Event{Kind: exposure.EventAssigned, Actor: exposure.Actor{Kind: exposure.Person, Name: "p"}, Owner: &exposure.Owner{Team: team, How: "assigned by p", Manual: true}}
}
