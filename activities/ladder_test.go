package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

func TestALadderIsTheRoutesWhereItSetsOneAndKeepsWorkingHours(t *testing.T) {
	set, errs := calendar.Compile([]calendar.Config{{Name: "berlin", Timezone: "Europe/Berlin"}})
	require.Empty(t, errs)
	office := set.Named("berlin")
	due := time.Date(2026, 3, 20, 16, 0, 0, 0, time.UTC) // a Friday, 17:00 in Berlin
	route := ownership.Options{Reminds: true, ReminderBefore: []scope.Duration{scope.Days(2), scope.Duration(12 * time.Hour)},
		Escalates: true, Escalation: []ownership.Step{{After: scope.Duration(time.Hour), To: "#security"}, {After: scope.Days(1), To: "@mia"}}}
	a := New(Deps{})
	at := func(rungs []step) []string {
		out := make([]string, len(rungs))
		for i, r := range rungs {
			out[i] = r.at.UTC().Format("Mon 15:04") + " " + r.to
		}
		return out
	}
	since := due.AddDate(0, 0, -30)
	require.Equal(t, []string{"Wed 16:00 ", "Fri 04:00 ", "Fri 17:00 #security", "Sat 16:00 @mia"}, at(a.ladder(since, due, false, &route, nil)))
	require.Equal(t, []string{"Thu 08:00 ", "Fri 08:00 ", "Mon 08:00 #security", "Mon 08:00 @mia"}, at(a.ladder(since, due, false, &route, office)), "in working hours")
	require.Equal(t, []string{"Wed 16:00 ", "Fri 04:00 ", "Fri 17:00 #security", "Sat 16:00 @mia"}, at(a.ladder(since, due, true, &route, office)), "nobody's evening holds up what has to be acted on")
	require.Len(t, a.ladder(since, due, false, &ownership.Options{}, nil), len(a.Policy.Remind)+len(a.Policy.Escalate), "no route sets anything")
}

func TestEverybodyOnTheWayUpIsToldOnceAfterAnOutage(t *testing.T) {
	now := epoch
	a := New(Deps{Now: func() time.Time { return now }})
	route := ownership.Options{Escalates: true, Escalation: []ownership.Step{{To: "#security"}, {After: scope.Days(1), To: "@mia"}, {After: scope.Days(2), To: "#security"}}}
	s := standing{live: 1, due: epoch.AddDate(0, 0, -3)}
	due, next := a.rungs(epoch.AddDate(0, 0, -30), &s, false, &route, nil)
	require.Equal(t, []string{"escalate/" + stamp(s.due) + "/48h0m0s/#security", "escalate/" + stamp(s.due) + "/24h0m0s/@mia"}, due)
	require.True(t, next.IsZero())
	require.Equal(t, "#security", escalatesTo("r|notify|"+due[0]))
	require.Equal(t, Escalation, escalatesTo("r|notify|escalate/1/24h0m0s"))
}
