package outbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Quiet are hours in which nothing is told that can wait. The zero value is never quiet.
type Quiet struct {
	from, to int // minutes since midnight; equal: no hours
	days     []time.Weekday
	zone     *time.Location
}

// ParseQuiet reads hours such as "19:00-08:00 Europe/Berlin", with days that are quiet as
// a whole behind them: "19:00-08:00 Europe/Berlin sat sun". Without a zone they are of UTC.
// Empty is never quiet. zone finds a time zone by its name.
func ParseQuiet(text string, zone func(name string) (*time.Location, error)) (Quiet, error) {
	words := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' })
	if len(words) == 0 {
		return Quiet{}, nil
	}
	q := Quiet{zone: time.UTC}
	for i, word := range words {
		if d, ok := weekday(word); ok {
			q.days = append(q.days, d)
			continue
		}
		if from, to, ok := strings.Cut(word, "-"); ok && i == 0 {
			var err1, err2 error
			q.from, err1 = minutes(from)
			q.to, err2 = minutes(to)
			if err1 != nil || err2 != nil || q.from == q.to {
				return Quiet{}, fmt.Errorf("%q are no hours such as 19:00-08:00", word)
			}
			continue
		}
		loc, err := zone(word)
		if err != nil {
			return Quiet{}, fmt.Errorf("%q is neither hours such as 19:00-08:00, nor a time zone such as Europe/Berlin, nor a day such as sat", word)
		}
		q.zone = loc
	}
	const week = 7
	if slices.Sort(q.days); len(slices.Compact(q.days)) == week {
		return Quiet{}, fmt.Errorf("every day is quiet as a whole: then nothing would ever be told")
	}
	return q, nil
}

func weekday(word string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := d.String(); strings.EqualFold(word, name) || strings.EqualFold(word, name[:3]) {
			return d, true
		}
	}
	return 0, false
}

func minutes(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day: %w", text, err)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// Never reports whether it is never quiet.
func (q Quiet) Never() bool { return q.zone == nil }

// At reports whether it is quiet at a time.
func (q Quiet) At(at time.Time) bool {
	if q.zone == nil {
		return false
	}
	local := at.In(q.zone)
	if slices.Contains(q.days, local.Weekday()) {
		return true
	}
	m := local.Hour()*60 + local.Minute()
	switch {
	case q.from < q.to:
		return m >= q.from && m < q.to
	case q.from > q.to: // over midnight
		return m >= q.from || m < q.to
	}
	return false
}

// End is when it is no longer quiet: at itself where it isn't.
func (q Quiet) End(at time.Time) time.Time {
	const mostEdges = 32 // a week has fewer
	t := at
	for range mostEdges {
		if !q.At(t) {
			return t
		}
		t = q.edge(t)
	}
	return at
}

// edge is the next time after t at which it may end: the end of the hours, or midnight.
func (q Quiet) edge(t time.Time) time.Time {
	local := t.In(q.zone)
	y, m, d := local.Date()
	next := time.Date(y, m, d+1, 0, 0, 0, 0, q.zone)
	for _, day := range []int{d, d + 1} {
		// Where the clocks are put forward over it, the end is as much later as they are.
		if end := time.Date(y, m, day, q.to/60, q.to%60, 0, 0, q.zone); q.from != q.to && end.After(t) && end.Before(next) {
			next = end
		}
	}
	if !next.After(t) { // a midnight that doesn't exist
		next = t.Add(hour)
	}
	return next
}
