package campaign_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/campaign"
	"github.com/quellsec/quell/internal/exposure"
)

// monday is a working day, at ten.
var monday = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

func berlin(t *testing.T) *calendar.Calendar {
	t.Helper()
	set, errs := calendar.Compile([]calendar.Config{{Name: "berlin", Timezone: "Europe/Berlin", From: "09:00", To: "17:30", Holidays: []string{"2026-12-04"}}})
	require.Empty(t, errs)
	return set.Named("berlin")
}

func begun(total int64) campaign.Campaign {
	c := campaign.Campaign{ID: "kev", State: campaign.Open, CreatedAt: monday, Until: monday.Add(10 * day)}
	c.Advance(campaign.Counts{Total: total, Open: total}, monday)
	return c
}

func TestAnIDIsMadeOfTheName(t *testing.T) {
	for name, want := range map[string]string{
		"All KEV on the perimeter by Friday": "all-kev-on-the-perimeter-by-friday", "  TLS 1.0!  ": "tls-1-0", "Überall": "berall", "—": "",
		"../../etc": "etc", strings.Repeat("ab ", 40): strings.Trim(strings.Repeat("ab-", 16), "-"),
	} {
		require.Equal(t, want, campaign.Slug(name), name)
		require.Equal(t, want != "", campaign.ValidID(campaign.Slug(name)))
	}
	require.False(t, campaign.ValidID("Kev"))
	require.False(t, campaign.ValidID("a--b"))
}

func TestWhatIsWrongWithACampaignIsSaidAtOnce(t *testing.T) {
	good := campaign.Campaign{ID: "kev", Name: "KEV", Lead: "ann", Until: monday.Add(day), Where: campaign.Condition{KEV: true}}
	require.Empty(t, good.Problems(monday))
	tests := []struct {
		name   string
		change func(*campaign.Campaign)
		field  string
	}{
		{"no name", func(c *campaign.Campaign) { c.Name = " " }, "name"},
		{"two lines", func(c *campaign.Campaign) { c.Name = "a\nb" }, "name"},
		{"nothing to make an ID of", func(c *campaign.Campaign) { c.Name, c.ID = "—", "" }, "name"},
		{"no deadline", func(c *campaign.Campaign) { c.Until = time.Time{} }, "until"},
		{"a deadline in the past", func(c *campaign.Campaign) { c.Until = monday }, "until"},
		{"a deadline years ahead", func(c *campaign.Campaign) { c.Until = monday.Add(400 * day) }, "until"},
		{"nobody leads", func(c *campaign.Campaign) { c.Lead = "" }, "lead"},
		{"about everything", func(c *campaign.Campaign) { c.Where = campaign.Condition{} }, "where"},
		{"a decision that is none", func(c *campaign.Campaign) { c.Where.Decisions = []exposure.DecisionOutcome{"now"} }, "where.decision"},
		{"a severity that is none", func(c *campaign.Campaign) { c.Where.Severities = []exposure.Severity{"bad"} }, "where.severity"},
		{"a CVE that is none", func(c *campaign.Campaign) { c.Where.CVE = "CVE-1" }, "where.cve"},
		{"a vendor's field without a name", func(c *campaign.Campaign) { c.Where.Vendor = []string{"=1"} }, "where.vendor"},
		{"too much text", func(c *campaign.Campaign) { c.Where.Text = strings.Repeat("x", 1000) }, "where.text"},
		{"too many values", func(c *campaign.Campaign) { c.Where.Scopes = make([]string, 200) }, "where.scope"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			problems := c.Problems(monday)
			require.Len(t, problems, 1, "%v", problems)
			require.Equal(t, tt.field, problems[0].Field)
		})
	}
}

func TestMembersStandAsTheirStatesSay(t *testing.T) {
	got := campaign.Tally(map[string]int64{"tracked": 1, "validating": 2, "open": 3, "fix_claimed": 4, "verifying": 5, "closed": 10,
		"accepted": 1, "mitigated": 1, "false_positive": 1, "out_of_scope": 1, "merged": 50})
	require.Equal(t, campaign.Counts{Total: 29, Open: 15, Done: 10, Excepted: 4}, got)
}

func TestABurnDownKeepsItsBeginningAndOnePointADay(t *testing.T) {
	c := begun(10)
	for n := range 3 {
		c.Record(campaign.Counts{Total: 12, Open: 9, Done: 3}, monday.Add(day+time.Duration(n)*time.Hour))
	}
	require.Len(t, c.Points, 2)
	require.Equal(t, campaign.Point{At: monday.Add(day + 2*time.Hour), Counts: campaign.Counts{Total: 12, Open: 9, Done: 3, Added: 2}}, c.Points[1], "what joined later is told")
	require.EqualValues(t, 10, c.Points[0].Total)
	for n := range 900 {
		c.Record(campaign.Counts{Total: 12, Open: 9, Done: 3}, monday.Add(time.Duration(n+2)*day))
	}
	require.Len(t, c.Points, 500, "it is bounded")
	require.Equal(t, monday, c.Points[0].At)
}

func TestThePlannedLineFallsEvenlyAndWhatIsSetAsideIsNoWork(t *testing.T) {
	c := begun(10)
	all := campaign.Counts{Total: 10, Open: 10}
	for at, want := range map[time.Duration]int64{-day: 10, 0: 10, day: 9, 5 * day: 5, 9*day + 12*time.Hour: 1, 10 * day: 0, 11 * day: 0} {
		require.Equal(t, want, c.Ideal(all, monday.Add(at)), at)
	}
	require.EqualValues(t, 3, c.Ideal(campaign.Counts{Total: 10, Excepted: 4}, monday.Add(5*day)))
	require.EqualValues(t, 10, c.Ideal(campaign.Counts{Total: 20}, monday.Add(5*day)), "what was added is to be done by then as well")
}

func TestAForecastGoesByThePace(t *testing.T) {
	c := begun(10)
	_, ok := c.Forecast(monday.Add(time.Hour))
	require.False(t, ok, "of one point nothing follows")
	c.Record(campaign.Counts{Total: 10, Open: 8, Done: 2}, monday.Add(2*day))
	at, ok := c.Forecast(monday.Add(2 * day))
	require.True(t, ok)
	require.Equal(t, monday.Add(10*day), at)
	c.Record(campaign.Counts{Total: 16, Open: 12, Done: 4}, monday.Add(4*day))
	_, ok = c.Forecast(monday.Add(4 * day))
	require.False(t, ok, "more comes than is fixed")
}

func TestACampaignEndsWhenNothingIsOpenAndNeverByItsDeadline(t *testing.T) {
	c := begun(2)
	require.False(t, c.Over())
	c.Advance(campaign.Counts{Total: 2, Open: 1, Done: 1}, c.Until)
	require.Equal(t, campaign.Open, c.State)
	require.True(t, c.Missed())
	require.True(t, c.Overdue(c.Until))
	c.Advance(campaign.Counts{Total: 2, Done: 1, Excepted: 1}, c.Until.Add(day))
	require.Equal(t, campaign.Met, c.State)
	require.Equal(t, c.Until.Add(day), c.EndedAt)

	empty := begun(0)
	require.False(t, empty.Over(), "something may match yet")
	empty.Advance(campaign.Counts{}, empty.Until)
	require.True(t, empty.Over())
	require.False(t, empty.Missed())
}

func TestPeopleAreToldOfTheNewestOccasionAlone(t *testing.T) {
	c := begun(2)
	tests := []struct {
		name string
		at   time.Time
		due  []string
		next time.Time
	}{
		{"at the beginning", monday, []string{"started"}, c.Until.Add(-72 * time.Hour)},
		{"three days ahead", c.Until.Add(-72 * time.Hour), []string{"started", "near/72h"}, c.Until.Add(-24 * time.Hour)},
		{"a day ahead", c.Until.Add(-time.Hour), []string{"started", "near/24h"}, c.Until},
		{"at the deadline", c.Until, []string{"started", "missed/0"}, c.Until.Add(7 * day)},
		{"a week after", c.Until.Add(7 * day), []string{"started", "missed/1"}, c.Until.Add(14 * day)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			due, next := c.Occasions(tt.at)
			require.Equal(t, tt.due, due)
			require.Equal(t, tt.next, next)
		})
	}
	short := campaign.Campaign{State: campaign.Open, CreatedAt: monday, Began: monday, Until: monday.Add(2 * day)}
	due, next := short.Occasions(monday)
	require.Equal(t, []string{"started"}, due, "a short campaign doesn't begin by nearing its end")
	require.Equal(t, short.Until.Add(-24*time.Hour), next)
	c.End(campaign.Cancelled, "ann", "a mistake", monday)
	due, _ = c.Occasions(c.Until)
	require.Equal(t, []string{"started", "ended"}, due)
}

func TestADigestIsDueAtTheBeginningOfAWorkingDayIfAnythingChanged(t *testing.T) {
	office := berlin(t)
	c := begun(2)
	tuesday := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC) // nine in Berlin
	_, worth := c.Digest(tuesday.Add(-time.Minute), office)
	require.False(t, worth)
	beat, worth := c.Digest(tuesday, office)
	require.Equal(t, tuesday, beat)
	require.False(t, worth, "nothing changed since it began")
	c.Record(campaign.Counts{Total: 2, Open: 1, Done: 1}, tuesday)
	beat, worth = c.Digest(tuesday.Add(time.Hour), office)
	require.True(t, worth)
	require.Equal(t, tuesday, beat)
	c.BeatAt = beat
	_, worth = c.Digest(tuesday.Add(2*time.Hour), office)
	require.False(t, worth, "once a day")
	_, worth = c.Digest(time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), office)
	require.False(t, worth, "on Saturday, Friday's is too late")
	require.Equal(t, time.Date(2026, 12, 7, 8, 0, 0, 0, time.UTC), campaign.NextBeat(time.Date(2026, 12, 3, 12, 0, 0, 0, time.UTC), office), "after a holiday and a weekend")
}

func TestADeadlineThatIsADayEndsWithItsWorkingDay(t *testing.T) {
	office := berlin(t)
	tests := []struct {
		name, text string
		office     *calendar.Calendar
		want       time.Time
		ok         bool
	}{
		{"a working day", "2026-11-27", office, time.Date(2026, 11, 27, 16, 30, 0, 0, time.UTC), true},
		{"a holiday", "2026-12-04", office, time.Date(2026, 12, 3, 16, 30, 0, 0, time.UTC), true},
		{"a Sunday", "2026-12-06", office, time.Date(2026, 12, 3, 16, 30, 0, 0, time.UTC), true},
		{"today", "2026-11-23", office, time.Date(2026, 11, 23, 16, 30, 0, 0, time.UTC), true},
		{"without a calendar", "2026-11-27", nil, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC), true},
		{"a time", "2026-11-27T12:00:00+01:00", office, time.Date(2026, 11, 27, 11, 0, 0, 0, time.UTC), true},
		{"no day", "friday", office, time.Time{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := campaign.Deadline(tt.text, monday, tt.office)
			require.Equal(t, tt.ok, ok)
			if ok {
				require.Equal(t, tt.want, got)
			}
		})
	}
	past, ok := campaign.Deadline("2026-11-20", monday, office)
	require.True(t, ok)
	require.True(t, past.Before(monday), "it is refused as past, not put off")
}

func TestWhatACampaignIsAboutReadsLikeASentence(t *testing.T) {
	c := campaign.Condition{KEV: true, Scopes: []string{"perimeter", "dmz"}, Owners: []string{"", "web"}, CVE: "cve-2021-44228"}
	require.Equal(t, "known to be exploited; owner nobody or web; scope perimeter or dmz; CVE CVE-2021-44228", c.Words())
	f := c.Filter()
	require.Equal(t, "CVE-2021-44228", f.CVE)
	require.True(t, f.KEV)
	for _, s := range f.States {
		require.True(t, s.Live(), s)
	}
	require.Len(t, f.States, 5)
	since := campaign.Condition{FirstAfter: monday}
	require.True(t, since.Looks())
	require.True(t, since.Takes(&exposure.Exposure{State: exposure.Open, FirstSeen: monday}))
	require.False(t, since.Takes(&exposure.Exposure{State: exposure.Open, FirstSeen: monday.Add(-time.Hour)}))
	require.False(t, since.Takes(&exposure.Exposure{State: exposure.Closed, FirstSeen: monday}))
}

func TestADeadlineIsMovedOnceForEachCauseAndOnlyToWhereItCanBe(t *testing.T) {
	c := begun(10)
	now := c.CreatedAt.AddDate(0, 0, 1)
	was, to := c.Until, c.Until.AddDate(0, 0, 7)
	move := func(change func(*campaign.Move)) (bool, *campaign.Problem) {
		m := campaign.Move{Cause: "k1", To: to, By: "ann", At: now, Reason: "the vendor is late"}
		change(&m)
		return c.Move(m)
	}
	for detail, change := range map[string]func(*campaign.Move){
		"is in the past":               func(m *campaign.Move) { m.To = now },
		"is more than a year ahead":    func(m *campaign.Move) { m.To = now.AddDate(2, 0, 0) },
		"is required: it stands":       func(m *campaign.Move) { m.Reason = " " },
		"that is its deadline already": func(m *campaign.Move) { m.To = was },
	} {
		moved, problem := move(change)
		require.False(t, moved)
		require.Contains(t, problem.Detail, detail)
	}
	require.Empty(t, c.Moves)
	for n := range 2 {
		moved, problem := move(func(m *campaign.Move) { m.At = m.At.Add(time.Duration(n) * time.Hour) })
		require.Nil(t, problem)
		require.Equal(t, n == 0, moved)
	}
	require.Equal(t, []campaign.Move{{Cause: "k1", From: was, To: to, By: "ann", At: now, Reason: "the vendor is late"}}, c.Moves)
	require.Equal(t, to, c.Until)
	require.Equal(t, now, c.Look, "it is looked at without delay")
	c.End(campaign.Closed, "ann", "enough", now)
	_, problem := move(func(m *campaign.Move) { m.Cause = "k2"; m.To = to.AddDate(0, 0, 1) })
	require.Equal(t, "state", problem.Field)
	require.Contains(t, problem.Detail, "it is closed since")
}

func TestPeopleAreToldAnewOfADeadlineThatWasMoved(t *testing.T) {
	c := begun(10)
	late := c.Until.Add(time.Hour)
	c.Advance(campaign.Counts{Total: 10, Open: 5, Done: 5}, late)
	require.True(t, c.Missed())
	moved, _ := c.Move(campaign.Move{Cause: "k", To: late.AddDate(0, 0, 10), By: "ann", At: late, Reason: "later"})
	require.True(t, moved)
	require.False(t, c.Missed(), "it hasn't missed this one")
	due, next := c.Occasions(late)
	require.Equal(t, []string{"started", "moved/1"}, due)
	require.Equal(t, late.AddDate(0, 0, 7), next)
	due, _ = c.Occasions(late.AddDate(0, 0, 8))
	require.Equal(t, []string{"started", "moved/1", "near/72h/moved-1"}, due)
	due, _ = c.Occasions(late.AddDate(0, 0, 11))
	require.Equal(t, []string{"started", "moved/1", "missed/0/moved-1"}, due)
}
