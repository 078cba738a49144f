package outbox

import (
	"slices"
	"time"
)

// Schedule is a time of day on some days of the week.
type Schedule struct {
	Minutes int            // since midnight
	Days    []time.Weekday // none: every day
	Zone    *time.Location
}

// Last is the last time at or before now that the schedule names; zero where it names none
// within two weeks. A time of day that the clocks skip is as much later as they are.
func (s Schedule) Last(now time.Time) time.Time {
	const fortnight = 14
	y, m, d := now.In(s.Zone).Date()
	for back := range fortnight {
		at := time.Date(y, m, d-back, s.Minutes/60, s.Minutes%60, 0, 0, s.Zone)
		if !at.After(now) && (len(s.Days) == 0 || slices.Contains(s.Days, at.Weekday())) {
			return at.UTC()
		}
	}
	return time.Time{}
}
