package ownership_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

var due = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func options() ownership.Options {
	return ownership.Options{
		ReminderBefore: []scope.Duration{scope.Days(1), scope.Days(3)},
		Escalation:     []ownership.Step{{After: 0, To: "soc"}, {After: scope.Days(2), To: "@ciso"}},
	}
}

func TestTheLadderRemindsBeforeAndEscalatesAfterTheDueDate(t *testing.T) {
	type rung struct {
		at   time.Time
		kind ownership.RungKind
		to   string
	}
	shape := func(rungs []ownership.Rung) (out []rung) {
		for _, r := range rungs {
			out = append(out, rung{r.At, r.Kind, r.To})
		}
		return out
	}
	after := []rung{{due, ownership.Escalate, "soc"}, {due.Add(2 * day), ownership.Escalate, "@ciso"}}
	require.Equal(t, append([]rung{{due.Add(-3 * day), ownership.Reminder, ""}, {due.Add(-day), ownership.Reminder, ""}}, after...),
		shape(ownership.Ladder(options(), due, due.Add(-9*day))))
	require.Equal(t, append([]rung{{due.Add(-day), ownership.Reminder, ""}}, after...),
		shape(ownership.Ladder(options(), due, due.Add(-2*day))), "no reminder from before it was opened")
	require.Empty(t, ownership.Ladder(options(), time.Time{}, due), "no due date, nothing to remind of")

	since := due.Add(-9 * day)
	require.Equal(t, []rung{{since, ownership.Unowned, "likely"}, {since.Add(day), ownership.Unowned, "managers"}, {since.Add(3 * day), ownership.Unowned, "scope"}, {since.Add(7 * day), ownership.Unowned, "escalation"}},
		shape(ownership.UnownedLadder(tree(t, config()).Unowned(), since)))
}

func TestClimbing(t *testing.T) {
	rungs := ownership.Ladder(options(), due, due.Add(-9*day))
	for _, tt := range []struct {
		name string
		now  time.Time
		sent []int // rungs
		send []int
		next time.Time
	}{
		{"long before, there is only waiting", due.Add(-8 * day), nil, nil, due.Add(-3 * day)},
		{"the first reminder", due.Add(-3 * day), nil, []int{0}, due.Add(-day)},
		{"sent is sent", due.Add(-3 * day), []int{0}, nil, due.Add(-day)},
		{"after an outage the newest reminder is enough", due.Add(-time.Hour), nil, []int{1}, due},
		{"from the due date on there are no reminders", due, nil, []int{2}, due.Add(2 * day)},
		{"after a long outage everybody on the way up is told", due.Add(30 * day), nil, []int{2, 3}, time.Time{}},
		{"the ladder's end", due.Add(30 * day), []int{2, 3}, nil, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := make([]string, 0, len(tt.sent))
			for _, i := range tt.sent {
				sent = append(sent, rungs[i].Cause)
			}
			want := make([]ownership.Rung, 0, len(tt.send))
			for _, i := range tt.send {
				want = append(want, rungs[i])
			}
			send, next := ownership.Climb(rungs, sent, tt.now)
			require.ElementsMatch(t, want, send)
			require.Equal(t, tt.next, next)
		})
	}
}

func TestANewDueDateHasNewRungs(t *testing.T) {
	causes := map[string]bool{}
	for _, d := range []time.Time{due, due.Add(day)} {
		for _, r := range ownership.Ladder(options(), d, due.Add(-9*day)) {
			require.False(t, causes[r.Cause], r.Cause)
			causes[r.Cause] = true
		}
	}
}

func TestHoweverOftenItIsAskedEveryRungIsSentOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := ownership.Options{}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 10), 0, 4).Draw(t, "reminders") {
			o.ReminderBefore = append(o.ReminderBefore, scope.Days(n))
		}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 10), 0, 4).Draw(t, "steps") {
			o.Escalation = append(o.Escalation, ownership.Step{After: scope.Days(n), To: "soc"})
		}
		opened := due.Add(-time.Duration(rapid.IntRange(0, 12).Draw(t, "opened")) * day)
		rungs := ownership.Ladder(o, due, opened)
		var sent []string
		now := opened
		for range 200 {
			send, next := ownership.Climb(rungs, sent, now)
			for _, r := range send {
				require.NotContains(t, sent, r.Cause)
				require.False(t, r.At.After(now), "never early")
				sent = append(sent, r.Cause)
			}
			if next.IsZero() {
				break
			}
			require.True(t, next.After(now), "time goes on")
			now = next
			if rapid.Bool().Draw(t, "outage") {
				now = now.Add(3 * day)
			}
		}
		for _, r := range rungs {
			if r.Kind == ownership.Escalate {
				require.Contains(t, sent, r.Cause, "nobody on the way up is left out")
			}
		}
	})
}
