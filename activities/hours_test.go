package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/runbook"
)

// worksBy are the hours of two offices: payments works in Pune, all others in Berlin.
func worksBy(t *testing.T) Hours {
	t.Helper()
	set, errs := calendar.Compile([]calendar.Config{{Name: "berlin", Timezone: "Europe/Berlin"}, {Name: "pune", Timezone: "Asia/Kolkata"}})
	require.Empty(t, errs)
	return func(team string) *calendar.Calendar {
		if team == "payments" {
			return set.Named("pune")
		}
		return set.Named("berlin")
	}
}

func atOffice(t *testing.T) *Activities {
	t.Helper()
	rules := exception.NewRules(exception.DefaultPolicy(), ownership.Config{
		Teams:  []ownership.Team{{Name: "payments", Manager: "mia"}, {Name: "web", Members: []string{"wim"}}},
		People: []ownership.Person{{Name: "mia"}, {Name: "wim", Aliases: []string{"wim@acme.example"}}, {Name: "ann", Role: "approver"}}}, nil)
	p := DefaultPolicy()
	p.Unowned, p.RemindRequest = []time.Duration{time.Hour}, day
	return New(Deps{Rules: rules, Hours: worksBy(t), Policy: p, Now: func() time.Time { return friday }})
}

// friday is one evening after work in both offices.
var friday = time.Date(2026, 3, 20, 20, 0, 0, 0, time.UTC)

func TestTeamsAreAskedAboutWhatNobodyOwnsWhenTheyWork(t *testing.T) {
	const berlin, pune, atOnce = "Mon 08:00", "Mon 03:30", "Fri 21:00"
	for _, tt := range []struct {
		name, to string
		likely   []string
		outcome  exposure.DecisionOutcome
		want     string
	}{
		{"a likely team", ownership.ToLikely, []string{"payments"}, exposure.Attend, pune},
		{"of two the first that works", ownership.ToLikely, []string{"web", "payments"}, exposure.Attend, pune},
		{"a manager, with the team", ownership.ToManagers, []string{"payments"}, exposure.Attend, pune},
		{"a team by its name", "payments", nil, exposure.Attend, pune},
		{"a person in a team", "@mia", nil, exposure.Attend, pune},
		{"a person by another name", "@wim@acme.example", nil, exposure.Attend, berlin},
		{"nobody in particular: the policy's", ownership.ToLikely, nil, exposure.Attend, berlin},
		{"the escalation: the policy's", Escalation, []string{"payments"}, exposure.Attend, berlin},
		{"what has to be acted on: at once", ownership.ToLikely, []string{"payments"}, exposure.Act, atOnce},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := atOffice(t)
			a.Policy.UnownedTo = []string{tt.to}
			e := exposure.Exposure{State: exposure.Open, Decision: exposure.Decision{Outcome: tt.outcome}, Owner: exposure.Owner{Since: friday}}
			for _, team := range tt.likely {
				e.Owner.Likely = append(e.Owner.Likely, exposure.Guess{Team: team})
			}
			require.Equal(t, tt.want, a.Policy.view(&e, friday.Add(2*time.Hour)).NudgeAt.UTC().Format("Mon 15:04"))
		})
	}
}

func TestApproversAreRemindedWhenOneOfThemWorksAndARequestExpiresWhenItDoes(t *testing.T) {
	a := atOffice(t)
	e := exposure.Exposure{State: exposure.Open, Decision: exposure.Decision{Outcome: exposure.Attend}, Owner: exposure.Owner{Team: "payments"},
		Request: &exposure.Request{Seq: 7, By: "ann", At: friday, Expires: friday.Add(5 * day)}}
	view := func(now time.Time) (string, string) {
		v := a.Policy.view(&e, now)
		return v.Nudge, v.NudgeAt.UTC().Format("Mon 15:04")
	}
	nudge, at := view(friday)
	require.Equal(t, "approval/7/1 Mon 03:30", nudge+" "+at, "of mia, in Pune")
	monday := friday.Add(2*day + 8*time.Hour)
	nudge, at = view(monday)
	require.Equal(t, "approval/7/2 Mon 03:30", nudge+" "+at, "those of the weekend are one")
	e.Decision.Outcome = exposure.Act
	_, at = view(friday)
	require.Equal(t, "Sat 20:00", at)
	e.Decision.Outcome, e.Request.Expires = exposure.Attend, friday.Add(36*time.Hour)
	nudge, at = view(friday)
	require.Equal(t, "expire/7 Sun 08:00", nudge+" "+at)
}

func TestARunOfARunbookKeepsTheHoursOfItsApprovers(t *testing.T) {
	a := atOffice(t)
	book, err := runbook.New(runbook.Definition{Name: "patch", Approvers: []string{exception.OwnerManager}, Remind: day},
		ownership.Config{Teams: []ownership.Team{{Name: "payments", Manager: "mia"}}, People: []ownership.Person{{Name: "mia"}}}, nil)
	require.NoError(t, err)
	r := &runbook.Run{Team: "payments", By: "ann", At: friday}
	left := []exposure.Exposure{{Decision: exposure.Decision{Outcome: exposure.Attend}}}
	require.Equal(t, "Mon 03:30", a.reminderOf(r, book, left, 1, friday).UTC().Format("Mon 15:04"))
	left[0].Decision.Outcome = exposure.Act
	require.Equal(t, friday.Add(day), a.reminderOf(r, book, left, 1, friday))
}

func TestTheSweepLeavesApproversAloneOnAWeekend(t *testing.T) {
	r := newRig(t, nil)
	staffed(r)
	r.Policy.hours, r.clock = worksBy(t), friday
	id := r.unworked("web1", exposure.Attend)
	require.NoError(t, r.says(id, "ann", lifecycle.DecideAcceptRisk, func(d *lifecycle.Decision) { d.Until = r.clock.Add(60 * day) }))
	r.Policy.RemindRequest = day
	updated := r.sweeps(time.Time{})
	r.clock = friday.Add(day + time.Hour)
	updated = r.sweeps(updated)
	require.Len(t, r.mail("@mia"), 1, "asked, and left alone on Saturday")
	r.clock = friday.Add(2*day + 8*time.Hour)
	r.sweeps(updated)
	require.Len(t, r.mail("@mia"), 2)
}
