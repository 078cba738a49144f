package outbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/outbox"
)

var epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// sim is an address whose clock a test turns: the engine in a few lines, over a list.
type sim struct {
	now     time.Time
	box     outbox.Box
	budget  outbox.Budget
	quiet   outbox.Quiet
	waiting []outbox.Message
	told    map[string]int       // how often
	at      map[string]time.Time // when
	used    []time.Time          // what was sent that wasn't urgent
	urgent  []time.Time
}

func (s *sim) put(m outbox.Message) {
	m.At = s.now
	if m.Urgent {
		s.tell(&m)
		s.urgent = append(s.urgent, s.now)
		return
	}
	if len(s.waiting) == 0 {
		s.box.First = s.now
	}
	s.waiting = append(s.waiting, m)
}

func (s *sim) tell(m *outbox.Message) {
	s.told[m.ID]++
	s.at[m.ID] = s.now
}

// look does what Look says, and gives when to look again.
func (s *sim) look() time.Time {
	step := outbox.Look(outbox.Situation{Waiting: int64(len(s.waiting)), First: s.box.First, Sent: s.box.Sent, Folded: s.box.Folded, Budget: s.budget, Quiet: s.quiet}, s.now)
	slices.SortFunc(s.waiting, func(a, b outbox.Message) int { return outbox.Compare(&a, &b) })
	spend := step.Singles
	for i := range s.waiting[:step.Singles] {
		s.tell(&s.waiting[i])
		s.used = append(s.used, s.now)
	}
	s.waiting = s.waiting[step.Singles:]
	if step.Digest {
		spend++
		s.used = append(s.used, s.now)
		for i := range s.waiting {
			s.tell(&s.waiting[i])
		}
		s.waiting, s.box.Folded = nil, s.now
	}
	s.box.Spend(spend, s.now)
	return step.Next
}

func within(times []time.Time, span time.Duration) int {
	most := 0
	for i, from := range times {
		n := 0
		for _, t := range times[i:] {
			if t.Before(from.Add(span)) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestWhateverComesIsToldOnceInTimeAndWithinTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &sim{now: epoch, told: map[string]int{}, at: map[string]time.Time{},
			budget: outbox.Budget{Hour: rapid.IntRange(1, 8).Draw(t, "hour"), Day: rapid.IntRange(1, 40).Draw(t, "day")}}
		hours := rapid.SampledFrom([]string{"", "19:00-08:00", "12:00-13:00 sat sun", "22:00-06:00 Europe/Berlin"}).Draw(t, "quiet")
		var err error
		s.quiet, err = outbox.ParseQuiet(hours, time.LoadLocation)
		require.NoError(t, err)
		came := map[string]time.Time{}
		next := time.Time{}
		n := 0
		for range rapid.IntRange(1, 40).Draw(t, "bursts") {
			until := s.now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes")) * time.Minute)
			for !next.IsZero() && !next.After(until) {
				require.True(t, next.After(s.now), "time goes on")
				s.now = next
				next = s.look()
			}
			s.now = until
			for range rapid.IntRange(1, 30).Draw(t, "burst") {
				n++
				m := outbox.Message{ID: string(rune(n)), Urgent: rapid.IntRange(0, 9).Draw(t, "urgent") == 0, Rank: rapid.IntRange(0, 3).Draw(t, "rank")}
				came[m.ID] = s.now
				s.put(m)
			}
			next = s.look()
		}
		for !next.IsZero() {
			require.True(t, next.After(s.now), "time goes on")
			s.now = next
			next = s.look()
		}
		require.Empty(t, s.waiting, "nothing waits for ever")
		require.Len(t, s.told, n)
		for id, times := range s.told {
			require.Equal(t, 1, times, "once")
			// The longest that the budget may make it wait, and then what the quiet hours add.
			longest := 24*time.Hour/time.Duration(max(1, s.budget.Day/5)) + time.Hour + outbox.Gather
			if hours == "" {
				require.LessOrEqual(t, s.at[id].Sub(came[id]), longest)
			}
		}
		require.LessOrEqual(t, within(s.used, time.Hour), s.budget.Hour, "an hour's budget")
		require.LessOrEqual(t, within(s.used, 24*time.Hour), s.budget.Day, "a day's budget")
		for _, at := range s.used {
			require.False(t, s.quiet.At(at), "it is quiet at %s", at)
		}
	})
}

func TestAStormOfAMillionIsAFewMessages(t *testing.T) {
	// Four hours of seventy a second: Look sees only how many wait.
	box, waiting, told, messages := outbox.Box{}, int64(0), int64(0), 0
	for second := range 4 * 60 * 60 {
		now := epoch.Add(time.Duration(second) * time.Second)
		if waiting == 0 {
			box.First = now
		}
		waiting += 70
		step := outbox.Look(outbox.Situation{Waiting: waiting, First: box.First, Sent: box.Sent, Folded: box.Folded, Budget: outbox.DefaultBudget()}, now)
		if step.Singles > 0 {
			waiting, told, messages = waiting-int64(step.Singles), told+int64(step.Singles), messages+step.Singles
			box.Spend(step.Singles, now)
		}
		if step.Digest {
			told, waiting, box.Folded = told+waiting, 0, now
			messages++
			box.Spend(1, now)
		}
	}
	require.EqualValues(t, 4*60*60*70, told+waiting)
	require.Greater(t, told, int64(750_000), "what is not told yet waits for less than an hour")
	require.LessOrEqual(t, messages, 4*6)
}

func TestWhatFitsGoesAtOnce(t *testing.T) {
	s := outbox.Situation{Waiting: 3, First: epoch, Budget: outbox.DefaultBudget()}
	require.Equal(t, outbox.Step{Singles: 3}, outbox.Look(s, epoch))
	s.Waiting = 9
	require.Equal(t, outbox.Step{Singles: 5, Next: epoch.Add(outbox.Gather)}, outbox.Look(s, epoch), "the last of the hour is the digest's")
	require.Equal(t, outbox.Step{Digest: true}, outbox.Look(s, epoch.Add(outbox.Gather)))
	require.Equal(t, outbox.Step{}, outbox.Look(outbox.Situation{}, epoch))
	s.Budget = outbox.Budget{}
	s.Waiting = 100_000
	require.Equal(t, outbox.Step{Singles: 100_000}, outbox.Look(s, epoch), "no budget")
	require.Equal(t, outbox.Step{Digest: true}, outbox.Look(outbox.Situation{Late: 1, First: epoch, Budget: outbox.DefaultBudget()}, epoch.Add(time.Hour)), "what came late can only be counted")
}

func TestQuietHours(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, berlin) }
	for _, test := range []struct {
		name, hours string
		at, end     time.Time
	}{
		{"by day it isn't", "19:00-08:00 Europe/Berlin", at(3, 12, 0), at(3, 12, 0)},
		{"over midnight", "19:00-08:00 Europe/Berlin", at(3, 23, 30), at(4, 8, 0)},
		{"after midnight", "19:00-08:00 Europe/Berlin", at(3, 7, 59), at(3, 8, 0)},
		{"the end itself is not", "19:00-08:00 Europe/Berlin", at(3, 8, 0), at(3, 8, 0)},
		{"within a day", "12:00-13:00 Europe/Berlin", at(3, 12, 30), at(3, 13, 0)},
		{"a weekend", "19:00-08:00 Europe/Berlin sat sun", at(6, 20, 0), at(9, 8, 0)},
		{"days alone", "sat, sun Europe/Berlin", at(7, 10, 0), at(9, 0, 0)},
		{"the night in which the clocks are put forward", "19:00-08:00 Europe/Berlin", at(28, 23, 0), at(29, 8, 0)},
		{"an end that this night doesn't have", "19:00-02:30 Europe/Berlin", at(28, 23, 0), at(29, 3, 30)},
		{"none", "", at(3, 3, 0), at(3, 3, 0)},
	} {
		t.Run(test.name, func(t *testing.T) {
			q, err := outbox.ParseQuiet(test.hours, time.LoadLocation)
			require.NoError(t, err)
			require.True(t, test.end.Equal(q.End(test.at)), "%s", q.End(test.at))
			require.Equal(t, test.at.Before(test.end), q.At(test.at))
		})
	}
	for _, bad := range []string{"19-8", "25:00-08:00", "08:00-08:00", "19:00-08:00 Nowhere/City", "sun mon tue wed thu fri sat", "19:00"} {
		_, err := outbox.ParseQuiet(bad, time.LoadLocation)
		require.Error(t, err, bad)
	}
}

func TestCounts(t *testing.T) {
	require.Equal(t, "20 × reminder, 3 × source, 3 × ticket", outbox.Words(map[string]int64{"ticket": 3, "reminder": 20, "source": 3}))
	require.Equal(t, map[string]int64{"a": 2}, outbox.Beyond(map[string]int64{"a": 5, "b": 1}, map[string]int64{"a": 3, "b": 1}))
	require.Equal(t, map[string]int64{"a": 3, "b": 1}, outbox.Add(map[string]int64{"a": 2}, map[string]int64{"a": 1, "b": 1}))
	require.EqualValues(t, 6, outbox.Total(map[string]int64{"a": 5, "b": 1}))
}

func TestTheLastTimeOfASchedule(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	s := outbox.Schedule{Minutes: 8*60 + 30, Days: []time.Weekday{time.Monday, time.Friday}, Zone: berlin}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 3, day, hour, minute, 0, 0, berlin) }
	for now, want := range map[time.Time]time.Time{
		at(2, 8, 30): at(2, 8, 30), at(2, 8, 29): at(-1, 8, 30), at(4, 12, 0): at(2, 8, 30), at(6, 9, 0): at(6, 8, 30),
		at(30, 9, 0): at(30, 8, 30), // after the clocks were put forward
	} {
		require.True(t, want.Equal(s.Last(now)), "%s: %s", now, s.Last(now))
	}
	s.Days = nil
	require.True(t, at(4, 8, 30).Equal(s.Last(at(4, 12, 0))))
}
