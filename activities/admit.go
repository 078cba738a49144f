package activities

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Lines is what the store knows of who waits and what is worked on: counts, and the first
// so many of each line, by indexes alone.
type Lines interface { //nolint:interfacebloat // one look at the line asks all of them
	// Lines counts the exposures that wait, by team; "" are those that nobody owns.
	Lines(ctx context.Context) (map[string]int64, error)
	Urgent(ctx context.Context, before time.Time, limit int) ([]exposure.Exposure, error)
	NextInLine(ctx context.Context, team string, without []string, limit int) ([]exposure.Exposure, error)
	WaitingFor(ctx context.Context, groups []string, limit int) ([]exposure.Exposure, error)
	// Groups counts those that wait in a team's line, by group.
	Groups(ctx context.Context, team string, before time.Time) (map[string]int64, error)
	// Working counts the exposures in workflows, by group.
	Working(ctx context.Context) (map[string]int64, error)
	WorkingOn(ctx context.Context, group string, limit int) ([]exposure.Exposure, error)
	Turns(ctx context.Context, team string, since time.Time) ([]lifecycle.Turn, error)
	PutTurns(ctx context.Context, turns []lifecycle.Turn) error
}

// admit takes exposures from the queue into workflows: the urgent ones, then by their
// turns, as their teams' budgets allow, at the rate and under the number that it was given.
func (a *Activities) admit(ctx context.Context, in SweepRequest, report *SweepReport) error {
	room := min(in.Admit, sweepBatch)
	if room <= 0 {
		return nil
	}
	waiting, err := a.Lines.Lines(ctx)
	if err != nil || len(waiting) == 0 {
		return err
	}
	open, err := a.atWork(ctx)
	if err != nil {
		return err
	}
	if room = int(min(int64(room), int64(in.MaxOpen)-open)); room <= 0 {
		report.Held = strconv.FormatInt(open, 10) + " exposures are worked on already"
		return nil
	}
	l := look{Activities: a, at: a.now(), room: room, found: map[exposure.ID]*exposure.Exposure{}}
	lines, err := l.lines(ctx, waiting)
	if err != nil {
		return err
	}
	plan := admission.Decide(room, lines)
	if report.Admitted, err = l.carryOut(ctx, plan); err != nil {
		return err
	}
	report.Pushed, err = a.pushBack(ctx, plan.Push)
	return err
}

// look is one look at the line.
type look struct {
	*Activities
	at    time.Time
	room  int
	found map[exposure.ID]*exposure.Exposure // who may be admitted
}

// lines reads as much of every team's line as the plan can need.
func (l *look) lines(ctx context.Context, waiting map[string]int64) ([]admission.Line, error) {
	working, err := l.Lines.Working(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "counting what is worked on")
	}
	byTeam := map[string][]admission.Working{}
	for group := range working {
		team := lifecycle.GroupTeam(group)
		byTeam[team] = append(byTeam[team], admission.Working{Group: group})
	}
	urgent, err := l.Lines.Urgent(ctx, l.at.Add(l.Policy.UrgentWithin), l.room)
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "looking for what is urgent")
	}
	pressing, err := l.candidates(ctx, urgent)
	if err != nil {
		return nil, err
	}
	heads, err := l.heads(ctx, waiting)
	if err != nil {
		return nil, err
	}
	lines := make([]admission.Line, 0, len(heads))
	var turns []time.Time
	for _, h := range heads {
		team := h.team
		line := admission.Line{Team: team, Budget: l.budget(team), Working: byTeam[team]}
		if !l.enough(turns, h.turn) {
			if line.Waiting, err = l.fill(ctx, &line); err != nil {
				return nil, fault.Wrap(fault.KindOf(err), err, "reading the line of "+orNobody(team))
			}
			for _, w := range line.Waiting {
				turns = append(turns, w.Turn)
			}
		}
		hurried := false
		for id, w := range pressing {
			if e := l.found[id]; e.Owner.Team == team {
				line.Waiting, hurried = append(line.Waiting, w), true
			}
		}
		if err := l.weigh(ctx, &line, hurried); err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// head is the first of a line.
type head struct {
	team string
	turn time.Time
}

// heads are the lines by the turns of their first.
func (l *look) heads(ctx context.Context, waiting map[string]int64) ([]head, error) {
	heads := make([]head, 0, len(waiting))
	for team := range waiting {
		first, err := l.Lines.NextInLine(ctx, team, nil, 1)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "reading the line of "+orNobody(team))
		}
		if len(first) > 0 {
			heads = append(heads, head{team, first[0].Turn()})
		}
	}
	slices.SortFunc(heads, func(x, y head) int { return cmp.Or(x.turn.Compare(y.turn), strings.Compare(x.team, y.team)) })
	return heads, nil
}

// enough reports whether those that were read fill the room before anybody of a line
// could whose first has the given turn.
func (l *look) enough(turns []time.Time, first time.Time) bool {
	before := 0
	for _, t := range turns {
		if t.Before(first) {
			before++
		}
	}
	return before >= l.room
}

func orNobody(team string) string {
	if team == "" {
		return "what nobody owns"
	}
	return team
}

// budget is what a team takes on.
func (a *Activities) budget(team string) admission.Budget {
	if a.Budget == nil {
		return admission.Budget{}
	}
	return a.Budget(team)
}

// fill reads those whose turn it may be: those whose fix is in hand, and of each further
// group that there is a place for some. Groups that were seen are passed over, so that one
// with thousands of exposures doesn't hide those behind it.
func (l *look) fill(ctx context.Context, line *admission.Line) ([]admission.Waiting, error) {
	if line.Budget.Unlimited() || line.Team == "" {
		next, err := l.Lines.NextInLine(ctx, line.Team, nil, l.room)
		return l.waiting(ctx, next, err)
	}
	begun, err := l.Lines.Turns(ctx, line.Team, l.at.Add(-admission.Day))
	if err != nil {
		return nil, err
	}
	for i := range begun {
		line.Begun = append(line.Begun, begun[i].Group)
	}
	inHand := make([]string, 0, len(line.Working))
	for i := range line.Working {
		inHand = append(inHand, line.Working[i].Group)
	}
	joining, err := l.Lines.WaitingFor(ctx, inHand, l.room)
	out, err := l.waiting(ctx, joining, err)
	if err != nil {
		return nil, err
	}
	places := line.Places()
	for round := 0; places > 0 && round < mostRounds; round++ {
		next, err := l.Lines.NextInLine(ctx, line.Team, inHand, min(l.room, places))
		if len(next) == 0 || err != nil {
			return out, err
		}
		more, err := l.waiting(ctx, next, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
		seen := map[string]bool{}
		for i := range next {
			if group := lifecycle.Group(&next[i]); !seen[group] {
				seen[group] = true
				inHand = append(inHand, group)
				places--
			}
		}
	}
	return out, nil
}

// mostRounds bounds how often one line is read for one look. Of each group one is enough:
// the others join it at the next look.
const mostRounds = 64

// waiting are exposures as candidates, but those that policy no longer wants worked on.
func (l *look) waiting(ctx context.Context, es []exposure.Exposure, err error) ([]admission.Waiting, error) {
	if err != nil {
		return nil, err
	}
	found, err := l.candidates(ctx, es)
	out := make([]admission.Waiting, 0, len(found))
	for _, w := range found {
		out = append(out, w)
	}
	return out, err
}

func (l *look) candidates(ctx context.Context, es []exposure.Exposure) (map[exposure.ID]admission.Waiting, error) {
	out := make(map[exposure.ID]admission.Waiting, len(es))
	for i := range es {
		e := &es[i]
		if !e.Decision.Admit { // decided otherwise since it was queued
			if _, _, err := l.Ledger.Touch(ctx, e.ID, unqueue); err != nil {
				return nil, err
			}
			continue
		}
		l.found[e.ID] = e
		out[e.ID] = admission.Waiting{ID: string(e.ID), Group: lifecycle.Group(e), Turn: e.Turn(), Urgent: e.Urgent(l.at.Add(l.Policy.UrgentWithin))}
	}
	return out, nil
}

func unqueue(e *exposure.Exposure) bool {
	changed := !e.Queued.IsZero() && !e.Decision.Admit
	if changed {
		e.Queued = time.Time{}
	}
	return changed
}

// mostTickets is how many tickets are looked at in one team's line, for one look.
const mostTickets = 10

// weigh looks closer at what a team has in hand, where some of it may have to go back
// because something urgent comes: the latest turns first, and no more tickets than need be.
func (l *look) weigh(ctx context.Context, line *admission.Line, hurried bool) error {
	if line.Budget.WIP <= 0 || !hurried && len(line.Working) <= line.Budget.WIP {
		return nil
	}
	members := make(map[string][]exposure.Exposure, len(line.Working))
	for i := range line.Working {
		w := &line.Working[i]
		es, err := l.Lines.WorkingOn(ctx, w.Group, sweepBatch)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading what "+line.Team+" works on")
		}
		l.weighOne(w, es)
		members[w.Group], hurried = es, hurried || w.Urgent
	}
	slices.SortFunc(line.Working, func(x, y admission.Working) int {
		return cmp.Or(y.Turn.Compare(x.Turn), strings.Compare(y.Group, x.Group))
	})
	looks := 0
	for i := range line.Working {
		w := &line.Working[i]
		if looks == mostTickets || !hurried {
			w.Begun = true // as far as we know
		}
		if w.Begun || w.Urgent {
			continue
		}
		looks++
		begun, err := l.begun(ctx, members[w.Group])
		if err != nil {
			return err
		}
		w.Begun = begun
	}
	return nil
}

// weighOne is what a group's exposures themselves say of it.
func (l *look) weighOne(w *admission.Working, members []exposure.Exposure) {
	w.Begun = len(members) == 0 || len(members) == sweepBatch // so many aren't put back
	for i := range members {
		e := &members[i]
		if turn := turnInHand(e); w.Turn.IsZero() || turn.Before(w.Turn) {
			w.Turn = turn
		}
		w.Urgent = w.Urgent || e.Urgent(l.at.Add(l.Policy.UrgentWithin))
		w.Begun = w.Begun || e.Claim != nil || e.State != exposure.Validating && e.State != exposure.Open
	}
}

// turnInHand is the turn of what no longer waits: by its due date.
func turnInHand(e *exposure.Exposure) time.Time {
	if e.Due.IsZero() {
		return e.OpenedAt.Add(exposure.Patience)
	}
	return e.Due
}

// carryOut admits who is to be admitted. That a group begins is noted first: if we die
// between, the day counts one too many, and not one too few.
func (l *look) carryOut(ctx context.Context, plan admission.Plan) (int, error) {
	var turns []lifecycle.Turn
	changes := make([]ledger.Change, 0, len(plan.Admit))
	for _, p := range plan.Admit {
		e := l.found[exposure.ID(p.ID)]
		changes = append(changes, l.storeChange(e, exposure.EventAdmit, "policy", admittedBecause(e, p.Why)))
		if p.Begin && p.Group != "" {
			turns = append(turns, lifecycle.Turn{Group: p.Group, Version: 1, Team: p.Team, At: l.at, Urgent: p.Why == admission.WhyUrgent})
		}
	}
	if len(turns) > 0 {
		if err := l.Lines.PutTurns(ctx, turns); err != nil {
			return 0, fault.Wrap(fault.KindOf(err), err, "noting whose turn it is")
		}
	}
	return l.applyInStore(ctx, changes, "admitted")
}

func admittedBecause(e *exposure.Exposure, why string) string {
	switch {
	case why == admission.WhyUrgent:
		return "it can't wait for capacity: " + string(e.Decision.Outcome)
	case why == admission.WhyJoins:
		return e.Owner.Team + " works on its fix already"
	case e.Owner.Team == "":
		return "it can't wait: " + string(e.Decision.Outcome)
	}
	return "its turn has come in the line of " + e.Owner.Team + ": " + string(e.Decision.Outcome)
}

// atWork counts the exposures that something is done about. What a workflow only keeps, for an
// accepted risk to end, takes nobody's turn.
func (a *Activities) atWork(ctx context.Context) (int64, error) {
	worked := slices.DeleteFunc(liveStates(), func(s exposure.State) bool { return s == exposure.Tracked })
	counts, err := a.Board.CountExposures(ctx, exposure.Filter{States: worked}, "")
	var n int64
	for _, c := range counts {
		n += c
	}
	return n, err
}
