package campaign

import (
	"math"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Counts are how a campaign's members stand.
type Counts struct {
	Total    int64 `json:"total"`
	Open     int64 `json:"open"`     // live
	Done     int64 `json:"done"`     // closed with proof
	Excepted int64 `json:"excepted"` // set aside: accepted, mitigated, a false positive, or out of scope
	Added    int64 `json:"added"`    // that joined after the campaign began
}

// Point is how they stood at a time.
type Point struct {
	At time.Time `json:"at"`
	Counts
}

// Tally makes counts of how many members are in which state. One that was merged into
// another is counted as that one.
func Tally(states map[string]int64) Counts {
	var out Counts
	for name, n := range states {
		s := exposure.State(name)
		switch {
		case s == exposure.Merged:
			continue
		case s.Live():
			out.Open += n
		case s == exposure.Closed:
			out.Done += n
		default:
			out.Excepted += n
		}
		out.Total += n
	}
	return out
}

// Reckon gives counts with how many were added since the campaign began.
func (c *Campaign) Reckon(counts Counts) Counts {
	counts.Added = 0
	if !c.Began.IsZero() {
		counts.Added = max(0, counts.Total-c.Baseline)
	}
	return counts
}

// maxPoints bounds a burn-down: a year of days, and some of being late.
const maxPoints = 500

// Record notes how the members stand. The first record is the campaign's baseline; of a day
// the last one is kept.
func (c *Campaign) Record(counts Counts, now time.Time) {
	if c.Began.IsZero() {
		c.Began, c.Baseline = now, counts.Total
	}
	p := Point{At: now, Counts: c.Reckon(counts)}
	points := slices.Clone(c.Points)
	if n := len(points); n > 0 && sameDay(points[n-1].At, now) {
		points = points[:n-1]
	}
	if points = append(points, p); len(points) > maxPoints {
		points = slices.Delete(points, 1, len(points)-maxPoints+1)
	}
	c.Points = points
}

// Advance records how the members stand, and ends the campaign where none is open any more:
// one in which nothing ever was ends with its deadline. Past the deadline it is missed, and
// stays open.
func (c *Campaign) Advance(counts Counts, now time.Time) {
	first := c.Began.IsZero()
	c.Record(counts, now)
	if first {
		c.Told = c.Now()
	}
	switch {
	case c.Over():
	case counts.Open == 0 && (counts.Total > 0 || !now.Before(c.Until)):
		c.End(Met, "quell", "", now)
	case c.Overdue(now) && c.MissedAt.IsZero():
		c.MissedAt = c.Until
	}
}

// End ends the campaign, and has it looked at without delay.
func (c *Campaign) End(as State, by, why string, now time.Time) {
	c.State, c.EndedBy, c.Reason, c.EndedAt, c.Look = as, by, why, now, now
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

// Now are the counts recorded last.
func (c *Campaign) Now() Counts {
	if len(c.Points) == 0 {
		return Counts{}
	}
	return c.Points[len(c.Points)-1].Counts
}

// Ideal is how many would be open at a time if they were fixed evenly until the deadline:
// all that there are, or were at the beginning if those were more.
func (c *Campaign) Ideal(counts Counts, at time.Time) int64 {
	all := max(c.Baseline, counts.Total) - counts.Excepted
	span := c.Until.Sub(c.Began)
	switch {
	case c.Began.IsZero() || !at.After(c.Began):
		return max(all, 0)
	case span <= 0 || !at.Before(c.Until):
		return 0
	}
	left := float64(all) * float64(c.Until.Sub(at)) / float64(span)
	return max(0, int64(math.Ceil(left)))
}

// pace is over how long a forecast looks back.
const pace = 14 * 24 * time.Hour

// Forecast is when no member will be open any more, at the pace of the last two weeks and
// counting what was added as it was; false: nobody can tell, or never at that pace.
func (c *Campaign) Forecast(now time.Time) (time.Time, bool) {
	counts := c.Now()
	if c.Over() || counts.Open == 0 || len(c.Points) < 2 {
		return time.Time{}, false
	}
	from := c.Points[0]
	for _, p := range c.Points {
		if from = p; now.Sub(p.At) <= pace {
			break
		}
	}
	last := c.Points[len(c.Points)-1]
	span, fixed := last.At.Sub(from.At), from.Open-last.Open
	const least = 12 * time.Hour // of less, nothing follows
	if span < least || fixed <= 0 {
		return time.Time{}, false
	}
	left := float64(counts.Open) / float64(fixed) * float64(span)
	if left > float64(maxTerm) {
		return time.Time{}, false
	}
	return last.At.Add(time.Duration(left)).Truncate(time.Second), true
}
