package campaign

import (
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/calendar"
)

// Office is the calendar that campaigns go by where none is configured: Monday to Friday,
// 09:00 to 17:00 in UTC.
func Office() *calendar.Calendar {
	set, _ := calendar.Compile([]calendar.Config{{Name: "utc"}}) // it is valid
	return set.Named("utc")
}

// Deadline reads a deadline: a time as in RFC 3339, or a day. A day ends with the working
// day of a calendar, or at midnight in UTC without one; a day on which nobody works is the
// working day before it.
func Deadline(text string, now time.Time, office *calendar.Calendar) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC().Truncate(time.Millisecond), true
	}
	if office == nil {
		day, err := time.Parse(time.DateOnly, text)
		return day.AddDate(0, 0, 1), err == nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, office.Zone())
	if err != nil {
		return time.Time{}, false
	}
	noon := day.Add(12 * time.Hour)
	if noon.Before(now) && day.AddDate(0, 0, 1).Before(now) {
		return day.UTC(), true // which is in the past, and refused as such
	}
	return office.Due(now, max(noon.Sub(now), 0), false).UTC(), true
}

// Beat is the last time, not after now, at which a digest was due: the beginning of a
// working day. Zero: there was none in the last fortnight.
func Beat(now time.Time, office *calendar.Calendar) time.Time {
	const back = 14
	y, m, d := now.In(office.Zone()).Date()
	for n := range back {
		midnight := time.Date(y, m, d-n, 0, 0, 0, 0, office.Zone())
		begin := office.Next(midnight)
		if begin.Before(midnight.AddDate(0, 0, 1)) && !begin.After(now) {
			return begin.UTC()
		}
	}
	return time.Time{}
}

// NextBeat is the first time after now at which a digest is due.
func NextBeat(now time.Time, office *calendar.Calendar) time.Time {
	const ahead = 3 * 366
	y, m, d := now.In(office.Zone()).Date()
	for n := range ahead {
		midnight := time.Date(y, m, d+n, 0, 0, 0, 0, office.Zone())
		begin := office.Next(midnight)
		if begin.Before(midnight.AddDate(0, 0, 1)) && begin.After(now) {
			return begin.UTC()
		}
	}
	return now.Add(24 * time.Hour)
}

// late is how long after its time a digest is still worth sending.
const late = 12 * time.Hour

// Digest is the beat for which a digest is due now, if members' counts have changed since
// people were told last, or the deadline has passed; zero: none is.
func (c *Campaign) Digest(now time.Time, office *calendar.Calendar) (beat time.Time, worth bool) {
	beat = Beat(now, office)
	if c.Over() || c.Began.IsZero() || beat.IsZero() || !beat.After(c.BeatAt) || !beat.After(c.CreatedAt) {
		return time.Time{}, false
	}
	return beat, now.Sub(beat) <= late && c.Now() != c.Told
}

// The occasions on which people are told of a campaign, beside its digests.
const (
	OccasionStarted   = "started"
	OccasionNear      = "near"    // near/72h, near/24h
	OccasionMissed    = "missed"  // missed/0, missed/1 …: a week apart
	OccasionMoved     = "moved"   // moved/1, moved/2 …: the deadline was moved
	OccasionEnded     = "ended"   // met, closed or cancelled
	OccasionTicket    = "ticket"  // its ticket was deleted twice
	OccasionDigest    = "digest"  // digest/2026-11-27
	OccasionNoParents = "parents" // its tracker puts no ticket below another
	OccasionByHand    = "by_hand" // somebody closed its ticket
	OccasionRecreated = "recreated"
)

// Nearing are how long before its deadline people are told that it nears.
func Nearing() []time.Duration { return []time.Duration{72 * time.Hour, 24 * time.Hour} }

// again is how long after a missed deadline, and after each word on that, people hear of
// it once more.
const again = 7 * 24 * time.Hour

// Occasions are what people are to be told of by now, and when to look next. Of several
// words on the nearing deadline the newest stands for all; the causes are the same however
// often one looks.
func (c *Campaign) Occasions(now time.Time) (due []string, next time.Time) {
	if !c.Began.IsZero() {
		due = append(due, OccasionStarted)
	}
	if c.Over() {
		return append(due, OccasionEnded), time.Time{}
	}
	for n := range c.Moves {
		due = append(due, OccasionMoved+"/"+digits(int64(n+1)))
	}
	if c.Overdue(now) {
		weeks := int64(now.Sub(c.Until) / again)
		return append(due, c.deadlined(OccasionMissed+"/"+digits(weeks))), c.Until.Add(time.Duration(weeks+1) * again)
	}
	next = c.Until
	nearest := ""
	for _, before := range Nearing() {
		at := c.Until.Add(-before)
		switch {
		case at.Before(c.setAt().Add(before)): // of a short campaign everybody knows
		case at.After(now):
			if at.Before(next) {
				next = at
			}
		default:
			nearest = c.deadlined(OccasionNear + "/" + digits(int64(before/time.Hour)) + "h")
		}
	}
	if nearest != "" {
		due = append(due, nearest)
	}
	return due, next
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }
