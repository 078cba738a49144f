package admission_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/admission"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return epoch.Add(time.Duration(hours) * time.Hour) }

func ids(p admission.Plan) string {
	out := make([]string, 0, len(p.Admit))
	for _, a := range p.Admit {
		out = append(out, a.ID+":"+a.Why)
	}
	return strings.Join(out, " ")
}

func TestWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	w := func(id, group string, turn int) admission.Waiting {
		return admission.Waiting{ID: id, Group: group, Turn: at(turn)}
	}
	urgent := func(x admission.Waiting) admission.Waiting { x.Urgent = true; return x }
	hand := func(groups ...string) (out []admission.Working) {
		for i, g := range groups {
			out = append(out, admission.Working{Group: g, Turn: at(i)})
		}
		return out
	}
	for _, tt := range []struct {
		name string
		room int
		line admission.Line
		want string
		back []admission.Push
	}{
		{name: "no budget: all by their turns", room: 9, line: admission.Line{Waiting: []admission.Waiting{w("b", "t/2", 2), w("a", "t/1", 1)}}, want: "a:turn b:turn"},
		{name: "no more than the room", room: 1, line: admission.Line{Waiting: []admission.Waiting{w("b", "t/2", 2), w("a", "t/1", 1)}}, want: "a:turn"},
		{name: "a full team takes nothing new", room: 9, line: admission.Line{Budget: admission.Budget{WIP: 1}, Working: hand("t/9"), Waiting: []admission.Waiting{w("a", "t/1", 1)}}},
		{name: "what its work mends as well joins for free", room: 9,
			line: admission.Line{Budget: admission.Budget{WIP: 1, Intake: 1}, Working: hand("t/9"), Begun: []string{"t/9"}, Waiting: []admission.Waiting{w("a", "t/1", 1), w("b", "t/9", 2)}}, want: "b:joins"},
		{name: "a group takes one place", room: 9,
			line: admission.Line{Budget: admission.Budget{WIP: 1}, Waiting: []admission.Waiting{w("a", "t/1", 1), w("b", "t/2", 2), w("c", "t/1", 3)}}, want: "a:turn c:joins"},
		{name: "no more new ones a day than it takes", room: 9,
			line: admission.Line{Budget: admission.Budget{Intake: 2}, Begun: []string{"t/8"}, Waiting: []admission.Waiting{w("a", "t/1", 1), w("b", "t/2", 2)}}, want: "a:turn"},
		{name: "what comes back within the day is no new one", room: 9,
			line: admission.Line{Budget: admission.Budget{Intake: 1}, Begun: []string{"t/1"}, Waiting: []admission.Waiting{w("a", "t/1", 1), w("b", "t/2", 2)}}, want: "a:turn"},
		{name: "urgent ones pass the budget, and others by their urgency", room: 9,
			line: admission.Line{Budget: admission.Budget{WIP: 1, Intake: 1}, Working: []admission.Working{{Group: "t/9", Begun: true}}, Begun: []string{"t/9"},
				Waiting: []admission.Waiting{w("a", "t/1", 1), urgent(w("b", "t/2", 2))}}, want: "b:urgent"},
		{name: "an urgent one pushes back the latest that nobody has begun", room: 9,
			line: admission.Line{Budget: admission.Budget{WIP: 3}, Working: append(hand("t/7", "t/8"), admission.Working{Group: "t/9", Turn: at(50), Begun: true}),
				Waiting: []admission.Waiting{urgent(w("b", "t/2", 2))}}, want: "b:urgent", back: []admission.Push{{Group: "t/8", For: "t/2"}}},
		{name: "work that something urgent joins doesn't go back", room: 9,
			line: admission.Line{Budget: admission.Budget{WIP: 2}, Working: append(hand("t/7", "t/8"), admission.Working{Group: "t/9", Begun: true}),
				Waiting: []admission.Waiting{urgent(w("b", "t/8", 2))}}, want: "b:joins", back: []admission.Push{{Group: "t/7", For: "t/8"}}},
		{name: "no more goes back than is past the budget", room: 9,
			line: admission.Line{Budget: admission.Budget{WIP: 3}, Working: hand("t/7", "t/8"), Waiting: []admission.Waiting{urgent(w("a", "t/1", 1)), urgent(w("b", "t/2", 2))}},
			want: "a:urgent b:urgent", back: []admission.Push{{Group: "t/8", For: "t/1"}}},
		{name: "within the budget nothing goes back", room: 9,
			line: admission.Line{Budget: admission.Budget{WIP: 3}, Working: hand("t/7", "t/8"), Waiting: []admission.Waiting{urgent(w("b", "t/2", 2))}}, want: "b:urgent"},
		{name: "a budget that was cut pushes nothing back", room: 9, line: admission.Line{Budget: admission.Budget{WIP: 1}, Working: hand("t/7", "t/8", "t/9")}},
		{name: "what nobody owns has no budget", room: 9, line: admission.Line{Budget: admission.Budget{WIP: 1}, Working: hand("t/7"), Waiting: []admission.Waiting{w("a", "", 1)}}, want: "a:turn"},
		{name: "one that is found twice is admitted once", room: 9, line: admission.Line{Waiting: []admission.Waiting{w("a", "t/1", 1), w("a", "t/1", 1)}}, want: "a:turn"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := admission.Decide(tt.room, []admission.Line{tt.line})
			require.Equal(t, tt.want, ids(p))
			require.Equal(t, tt.back, p.Push)
		})
	}
}

func TestAboutWhenItsTurnComes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ intake, place, begun, days int }{
		{5, 1, 0, 0}, {5, 5, 0, 0}, {5, 6, 0, 1}, {5, 1, 5, 1}, {5, 5, 5, 1}, {5, 6, 5, 2}, {5, 3, 9, 1}, {1, 30, 1, 30},
	} {
		got := admission.Expected(admission.Budget{Intake: tt.intake}, tt.place, tt.begun, epoch)
		require.Equal(t, epoch.Add(time.Duration(tt.days)*admission.Day), got, "%+v", tt)
	}
	require.Zero(t, admission.Expected(admission.Budget{WIP: 3}, 1, 0, epoch), "work in progress says nothing of the time")
}

// house is a world of teams that get work and finish it, on which plans are carried out.
type house struct {
	budgets map[string]admission.Budget
	waiting []admission.Waiting
	working map[string]*admission.Working
	begun   map[string]time.Time // groups by when they were last let in
	now     time.Time
	born    int
}

func team(group string) string { name, _, _ := strings.Cut(group, "/"); return name }

func (h *house) lines() []admission.Line {
	out := make([]admission.Line, 0, len(h.budgets))
	for name, b := range h.budgets {
		l := admission.Line{Team: name, Budget: b}
		for _, w := range h.working {
			if team(w.Group) == name {
				l.Working = append(l.Working, *w)
			}
		}
		for g, at := range h.begun {
			if team(g) == name && at.After(h.now.Add(-admission.Day)) {
				l.Begun = append(l.Begun, g)
			}
		}
		for _, w := range h.waiting {
			if team(w.Group) == name {
				l.Waiting = append(l.Waiting, w)
			}
		}
		out = append(out, l)
	}
	return out
}

// carryOut does what a plan says, and checks each step against the budgets on its own.
func (h *house) carryOut(t *rapid.T, p admission.Plan) {
	for _, a := range p.Admit {
		i := slices.IndexFunc(h.waiting, func(w admission.Waiting) bool { return w.ID == a.ID })
		require.GreaterOrEqual(t, i, 0, "admitted who doesn't wait, or twice: %s", a.ID)
		w := h.waiting[i]
		h.waiting = slices.Delete(h.waiting, i, i+1)
		if there, ok := h.working[w.Group]; ok {
			require.False(t, a.Begin, "a group that is in hand takes no further place")
			there.Urgent = there.Urgent || w.Urgent
			continue
		}
		require.True(t, a.Begin)
		budget, inHand, recent := h.budgets[team(w.Group)], 0, 0
		for g := range h.working {
			if team(g) == team(w.Group) {
				inHand++
			}
		}
		for g, at := range h.begun {
			if team(g) == team(w.Group) && at.After(h.now.Add(-admission.Day)) && g != w.Group {
				recent++
			}
		}
		last, again := h.begun[w.Group]
		if again = again && last.After(h.now.Add(-admission.Day)); !w.Urgent {
			require.True(t, budget.WIP == 0 || inHand < budget.WIP, "%s works on %d of %d already", team(w.Group), inHand, budget.WIP)
			require.True(t, budget.Intake == 0 || again || recent < budget.Intake, "%s began %d of %d already", team(w.Group), recent, budget.Intake)
		}
		h.working[w.Group] = &admission.Working{Group: w.Group, Turn: w.Turn, Urgent: w.Urgent}
		h.begun[w.Group] = h.now
	}
	for _, push := range p.Push {
		w := h.working[push.Group]
		require.NotNil(t, w)
		require.False(t, w.Begun || w.Urgent, "only what nobody has begun and isn't urgent goes back")
		require.True(t, h.working[push.For].Urgent)
		delete(h.working, push.Group)
		h.arrive(push.Group, w.Turn, false)
	}
}

func (h *house) arrive(group string, turn time.Time, urgent bool) {
	h.born++
	h.waiting = append(h.waiting, admission.Waiting{ID: fmt.Sprintf("e%05d", h.born), Group: group, Turn: turn, Urgent: urgent})
}

func TestBudgetsHoldAndNobodyWaitsForEver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := &house{budgets: map[string]admission.Budget{}, working: map[string]*admission.Working{}, begun: map[string]time.Time{}, now: epoch}
		for _, name := range []string{"a", "b"} {
			h.budgets[name] = admission.Budget{WIP: rapid.IntRange(0, 3).Draw(t, "wip"), Intake: rapid.IntRange(0, 3).Draw(t, "intake")}
		}
		steps := rapid.IntRange(1, 25).Draw(t, "steps")
		for range steps {
			h.now = h.now.Add(time.Duration(rapid.IntRange(1, 12).Draw(t, "hours")) * time.Hour)
			for range rapid.IntRange(0, 4).Draw(t, "arrivals") {
				group := fmt.Sprintf("%s/%d", rapid.SampledFrom([]string{"a", "b"}).Draw(t, "team"), rapid.IntRange(1, 8).Draw(t, "fix"))
				turn := h.now.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "turn")) * time.Hour)
				h.arrive(group, turn, rapid.IntRange(0, 9).Draw(t, "urgency") == 0)
			}
			for _, g := range sortedGroups(h.working) {
				switch rapid.IntRange(0, 5).Draw(t, "fate") {
				case 0:
					delete(h.working, g)
				case 1:
					h.working[g].Begun = true
				}
			}
			room := rapid.IntRange(0, 6).Draw(t, "room")
			p := admission.Decide(room, h.lines())
			require.LessOrEqual(t, len(p.Admit), room)
			h.ordered(t, p)
			h.carryOut(t, p)
		}
		// With nothing new, and work that ends, the line empties: in the order of turns.
		for range 40 * len(h.waiting) {
			if len(h.waiting) == 0 {
				break
			}
			h.now = h.now.Add(admission.Day)
			clear(h.working)
			h.carryOut(t, admission.Decide(3, h.lines()))
		}
		require.Empty(t, h.waiting, "everybody's turn comes")
	})
}

// ordered checks that nobody of a team is let in before somebody who was first and needed
// no more than he.
func (h *house) ordered(t *rapid.T, p admission.Plan) {
	admitted := map[string]bool{}
	for _, a := range p.Admit {
		admitted[a.ID] = true
	}
	for _, a := range p.Admit {
		if a.Why != admission.WhyTurn {
			continue
		}
		mine := h.waiting[slices.IndexFunc(h.waiting, func(w admission.Waiting) bool { return w.ID == a.ID })]
		_, again := h.begun[mine.Group]
		for _, w := range h.waiting {
			if team(w.Group) == a.Team && w.Turn.Before(mine.Turn) && !again {
				require.True(t, admitted[w.ID], "%s of %s was overtaken by %s", w.ID, w.Group, a.ID)
			}
		}
	}
}

func TestThePlanDependsOnNoOrderOfWhatItIsGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := admission.Line{Team: "a", Budget: admission.Budget{WIP: 2, Intake: 3}, Working: []admission.Working{{Group: "a/1"}, {Group: "a/2", Turn: at(1)}}}
		for i := range rapid.IntRange(0, 12).Draw(t, "waiting") {
			l.Waiting = append(l.Waiting, admission.Waiting{ID: fmt.Sprint(i), Group: fmt.Sprintf("a/%d", rapid.IntRange(1, 6).Draw(t, "fix")),
				Turn: at(rapid.IntRange(0, 3).Draw(t, "turn")), Urgent: rapid.Bool().Draw(t, "urgent")})
		}
		want := admission.Decide(5, []admission.Line{l})
		l.Waiting = rapid.Permutation(l.Waiting).Draw(t, "shuffled")
		slices.Reverse(l.Working)
		require.Equal(t, want, admission.Decide(5, []admission.Line{l}))
	})
}

func sortedGroups(m map[string]*admission.Working) []string {
	out := make([]string, 0, len(m))
	for g := range m {
		out = append(out, g)
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out
}
