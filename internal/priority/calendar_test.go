package priority_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
)

// monday is a working day in Berlin, before the clocks change.
var monday = time.Date(2026, 3, 16, 8, 0, 0, 0, time.UTC)

func attended() priority.Inputs {
	return priority.Inputs{Exploitation: priority.Fact{Value: priority.PoC}, Automatable: priority.Fact{Value: priority.Yes}, TechnicalImpact: priority.Fact{Value: priority.Total},
		MissionImpact: priority.Fact{Value: priority.High}, KEV: priority.Fact{Value: priority.No}, PubliclyExposed: priority.Fact{Value: priority.No}, KEVTaken: monday, Since: monday}
}

func berlin(edit func(*priority.Policy)) priority.Policy {
	p := priority.DefaultPolicy()
	p.Calendar = "berlin"
	p.Calendars = []calendar.Config{{Name: "berlin", Timezone: "Europe/Berlin"}, {Name: "cairo", Timezone: "Africa/Cairo", Workdays: []scope.Day{scope.Day(time.Sunday), scope.Day(time.Monday)}}}
	if edit != nil {
		edit(&p)
	}
	return p
}

func TestDueDatesFollowTheCalendarOfWhoeverOwnsIt(t *testing.T) {
	tests := []struct {
		name string
		p    priority.Policy
		edit func(*priority.Inputs)
		want string
		says string
	}{
		{"without a calendar by the clock", priority.DefaultPolicy(), nil, "2026-03-30T08:00:00Z", "due 2026-03-30:"},
		{"at the end of a working day", berlin(nil), nil, "2026-03-30T15:00:00Z", "by the calendar berlin"},
		{"in business days", berlin(func(p *priority.Policy) { p.Business = []exposure.DecisionOutcome{exposure.Attend} }), nil, "2026-04-03T15:00:00Z", "in business days"},
		{"by the team's own calendar", berlin(nil), func(in *priority.Inputs) { in.Calendar = "cairo" }, "2026-03-30T15:00:00Z", "by the calendar cairo"},
		{"a wait doesn't count", priority.DefaultPolicy(), func(in *priority.Inputs) {
			in.Waits = []exposure.Wait{{For: exposure.WaitVendor, From: monday.AddDate(0, 0, 2), Until: monday.AddDate(0, 0, 12)}}
		}, "2026-04-09T08:00:00Z", "waiting for a vendor"},
		{"a wait of before doesn't count either", priority.DefaultPolicy(), func(in *priority.Inputs) {
			in.Waits = []exposure.Wait{{For: exposure.WaitVendor, From: monday.AddDate(0, -2, 0), Until: monday.AddDate(0, -1, 0)}}
		}, "2026-03-30T08:00:00Z", "due"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Empty(t, tt.p.Validate())
			in := attended()
			if tt.edit != nil {
				tt.edit(&in)
			}
			decision, due := priority.Decide(in, tt.p, monday)
			require.Equal(t, exposure.Attend, decision.Outcome)
			require.Equal(t, tt.want, due.Format(time.RFC3339))
			require.Contains(t, strings.Join(decision.Why, "\n"), tt.says)
		})
	}
}

func TestWhatIsKnownToBeExploitedWaitsOnlyWhereAnApproverSaysSo(t *testing.T) {
	in := attended()
	in.KEV, in.KEVAdded = priority.Fact{Value: priority.Yes}, monday
	_, plain := priority.Decide(in, priority.DefaultPolicy(), monday)
	in.Waits = []exposure.Wait{{For: exposure.WaitVendor, From: monday, Until: monday.AddDate(0, 0, 5)}}
	_, unapproved := priority.Decide(in, priority.DefaultPolicy(), monday)
	require.Equal(t, plain, unapproved)
	in.Waits[0].Approved = true
	_, approved := priority.Decide(in, priority.DefaultPolicy(), monday)
	require.Equal(t, plain.AddDate(0, 0, 5), approved)
}

// TestEqualDigestsAreDueAlike holds what reassessments rely on: whatever changes the due
// date changes the digest.
func TestEqualDigestsAreDueAlikeWithCalendarsAndWaits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (exposure.Decision, time.Time) {
			in := attended()
			in.Calendar = rapid.SampledFrom([]string{"", "cairo", "berlin", "none"}).Draw(t, label)
			if rapid.Bool().Draw(t, label+" waits") {
				from := monday.AddDate(0, 0, rapid.IntRange(0, 2).Draw(t, label+" from"))
				in.Waits = []exposure.Wait{{For: exposure.WaitVendor, From: from, Until: from.AddDate(0, 0, rapid.IntRange(1, 2).Draw(t, label+" days")), Approved: rapid.Bool().Draw(t, label+" approved")}}
			}
			return priority.Decide(in, berlin(nil), monday)
		}
		a, dueA := draw("a")
		b, dueB := draw("b")
		if a.Digest == b.Digest {
			require.Equal(t, dueA, dueB)
		}
	})
}

func TestAPolicyWithoutACalendarHasTheDigestThatItHad(t *testing.T) {
	p := priority.DefaultPolicy()
	p.Exceptions.SelfApproval, p.Pauses.Approver = true, true
	require.Equal(t, priority.DefaultPolicy().Digest(), p.Digest(), "what exceptions and pauses take decides nothing")
	require.NotEqual(t, priority.DefaultPolicy().Digest(), berlin(nil).Digest())
}
