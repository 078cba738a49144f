package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/scope"
)

func one(t require.TestingT, c calendar.Config) *calendar.Calendar {
	c.Name = "office"
	set, errs := calendar.Compile([]calendar.Config{c})
	require.Empty(t, errs)
	return set.Named("office")
}

func when(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

const day = 24 * time.Hour

func TestDueDatesFallAtTheEndOfAWorkingDayOfWhoeverHasToDoIt(t *testing.T) {
	berlin := calendar.Config{Timezone: "Europe/Berlin", Holidays: []string{"2026-04-03", "2026-04-06", "12-25"}} // Good Friday, Easter Monday
	cairo := calendar.Config{Timezone: "Africa/Cairo", Workdays: []scope.Day{scope.Day(time.Sunday), scope.Day(time.Monday), scope.Day(time.Tuesday)}, To: "15:30"}
	tests := []struct {
		name     string
		calendar calendar.Config
		start    string
		span     time.Duration
		business bool
		want     string
	}{
		{"three days within a week", berlin, "2026-03-16T08:00:00Z", 3 * day, false, "2026-03-19T16:00:00Z"},
		{"a Sunday becomes the Friday before", berlin, "2026-03-18T08:00:00Z", 4 * day, false, "2026-03-20T16:00:00Z"},
		{"over the change to summer time", berlin, "2026-03-27T08:00:00Z", 4 * day, false, "2026-03-31T15:00:00Z"},
		{"over the change to winter time", berlin, "2026-10-22T08:00:00Z", 4 * day, false, "2026-10-26T16:00:00Z"},
		{"late at night it is the next day already", berlin, "2026-03-16T23:30:00Z", day, false, "2026-03-18T16:00:00Z"},
		{"found on Friday evening with a day to go: Monday", berlin, "2026-03-20T18:00:00Z", day, false, "2026-03-23T16:00:00Z"},
		{"Easter is passed over backwards", berlin, "2026-03-31T08:00:00Z", 5 * day, false, "2026-04-02T15:00:00Z"},
		{"business days pass over the weekend", berlin, "2026-03-19T08:00:00Z", 3 * day, true, "2026-03-24T16:00:00Z"},
		{"and over Easter", berlin, "2026-04-02T08:00:00Z", 1 * day, true, "2026-04-07T15:00:00Z"},
		{"from a Saturday the first is Monday", berlin, "2026-03-21T08:00:00Z", 1 * day, true, "2026-03-23T16:00:00Z"},
		{"a part of a day is a day", berlin, "2026-03-16T08:00:00Z", 30 * time.Hour, true, "2026-03-18T16:00:00Z"},
		{"a holiday of every year", berlin, "2030-12-24T08:00:00Z", day, true, "2030-12-26T16:00:00Z"},
		{"another week, another zone", cairo, "2026-01-06T08:00:00Z", 1 * day, true, "2026-01-11T13:30:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, one(t, tt.calendar).Due(when(tt.start), tt.span, tt.business).UTC().Format(time.RFC3339))
		})
	}
}

func anyCalendar(rt *rapid.T) (calendar.Config, *calendar.Calendar) {
	zones := []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Cairo", "Pacific/Apia", "America/Sao_Paulo"}
	c := calendar.Config{Timezone: rapid.SampledFrom(zones).Draw(rt, "zone"), From: rapid.SampledFrom([]string{"", "00:00", "07:30"}).Draw(rt, "from"),
		To: rapid.SampledFrom([]string{"", "12:00", "23:59"}).Draw(rt, "to")}
	for d := range scope.Day(7) {
		if rapid.Bool().Draw(rt, "works") {
			c.Workdays = append(c.Workdays, d)
		}
	}
	for range rapid.IntRange(0, 5).Draw(rt, "holidays") {
		c.Holidays = append(c.Holidays, time.Date(2026, 1, rapid.IntRange(1, 700).Draw(rt, "holiday"), 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	return c, one(rt, c)
}

// workday is the test's own idea of one.
func workday(c calendar.Config, t time.Time) bool {
	for _, h := range c.Holidays {
		if t.Format(time.DateOnly) == h {
			return false
		}
	}
	if len(c.Workdays) == 0 {
		return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday
	}
	for _, d := range c.Workdays {
		if time.Weekday(d) == t.Weekday() {
			return true
		}
	}
	return false
}

func TestWhateverTheCalendarAndTheChangesOfItsClock(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c, office := anyCalendar(rt)
		start := when("2026-01-01T00:00:00Z").Add(time.Duration(rapid.IntRange(0, 700*24*60).Draw(rt, "start")) * time.Minute)
		days := rapid.IntRange(1, 60).Draw(rt, "days")
		ends := c.To
		if ends == "" {
			ends = "17:00"
		}
		for _, business := range []bool{false, true} {
			due := office.Due(start, time.Duration(days)*day, business)
			local := due.In(office.Zone())
			require.True(rt, due.After(start), "due before it began")
			require.Equal(rt, ends, local.Format("15:04"))
			require.True(rt, workday(c, local), "%s is no working day", local)
			longer := office.Due(start, time.Duration(days+1)*day, business)
			require.False(rt, longer.Before(due), "more time is due sooner")
		}
		between := 0
		due := office.Due(start, time.Duration(days)*day, true).In(office.Zone())
		for d := start.In(office.Zone()); ; {
			d = time.Date(d.Year(), d.Month(), d.Day()+1, 12, 0, 0, 0, time.UTC)
			if workday(c, d) {
				between++
			}
			if d.Format(time.DateOnly) >= due.Format(time.DateOnly) {
				break
			}
		}
		require.Equal(rt, days, between, "business days until %s", due)

		next := office.Next(start)
		require.False(rt, next.Before(start))
		require.True(rt, office.Working(next))
		require.True(rt, next.Equal(office.Next(next)))
		require.True(rt, !office.Working(start) || next.Equal(start))
	})
}

func TestACalendarSaysWhatIsWrongWithIt(t *testing.T) {
	_, errs := calendar.Compile([]calendar.Config{
		{Name: "a b"}, {Name: "office", Timezone: "Mars/Olympus"}, {Name: "office", From: "18:00"}, {Name: "x", To: "five"}, {Name: "y", Holidays: []string{"Easter"}},
	})
	all := make([]string, 0, len(errs))
	for _, err := range errs {
		all = append(all, err.Error())
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{"[0].name", "[1].timezone", "[2].name", "[2].to", "[3].to", "[4].holidays[0]"} {
		require.Contains(t, text, want)
	}
}
