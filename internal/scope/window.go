package scope

import (
	"slices"
	"time"
)

// open reports whether a window of these rules and of all that stand beside it is open.
func (e Engagement) open(at time.Time) bool {
	if len(e.Windows) > 0 && !slices.ContainsFunc(e.Windows, func(w Window) bool { return w.open(at) }) {
		return false
	}
	for i := range e.Also {
		if !e.Also[i].open(at) {
			return false
		}
	}
	return true
}

// NextOpening is the first time from at on, at itself included, when probes may run. It
// is zero where they never may.
func (e Engagement) NextOpening(at time.Time) time.Time {
	if !e.consents() {
		return time.Time{}
	}
	// Openings of all rules together are openings of one of them. Windows repeat weekly,
	// but for daylight saving; two weeks see what can be seen.
	t, end := at, at.Add(2*week)
	for !e.open(t) {
		if t = e.nextEdge(t); t.IsZero() || t.After(end) {
			return time.Time{}
		}
	}
	return t.UTC()
}

func (e Engagement) consents() bool {
	return e.Probe && len(e.Validate()) == 0 && !slices.ContainsFunc(e.Also, func(also Engagement) bool { return !also.consents() })
}

// nextEdge is the first time after t at which any window may open; zero for none.
func (e Engagement) nextEdge(t time.Time) time.Time {
	var next time.Time
	for i := range e.Windows {
		next = sooner(next, e.Windows[i].nextEdge(t))
	}
	for i := range e.Also {
		next = sooner(next, e.Also[i].nextEdge(t))
	}
	return next
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// hours is a Window made ready to be asked.
type hours struct {
	*Window
	loc      *time.Location
	from, to int // minutes since midnight
}

// hours gives false for a window that can't be understood, which never opens.
func (w *Window) hours() (hours, bool) {
	loc, err := location(w.Location)
	from, errFrom := parseClock(w.From)
	to, errTo := parseClock(w.To)
	return hours{w, loc, from, to}, err == nil && errFrom == nil && errTo == nil
}

func (w *Window) open(at time.Time) bool {
	h, ok := w.hours()
	return ok && h.open(at)
}

// open goes by the wall clock at the location, so that it is right on the days when the
// clock is changed.
func (h *hours) open(at time.Time) bool {
	local := at.In(h.loc)
	minute := local.Hour()*60 + local.Minute()
	today := Day(local.Weekday())
	yesterday := (today + 6) % 7
	if h.from < h.to {
		return h.on(today) && h.from <= minute && minute < h.to
	}
	return h.on(today) && minute >= h.from || h.on(yesterday) && minute < h.to
}

func (h *hours) on(d Day) bool { return len(h.Days) == 0 || slices.Contains(h.Days, d) }

// nextEdge is the first time after t, within eight days, at which the window may open: at
// its hour, or in the middle of it when a change of the clock leaps over the hour.
func (w *Window) nextEdge(t time.Time) time.Time {
	h, ok := w.hours()
	if !ok {
		return time.Time{}
	}
	var next time.Time
	consider := func(c time.Time) {
		if c.After(t) && h.open(c) {
			next = sooner(next, c)
		}
	}
	local := t.In(h.loc)
	for i := range 9 {
		year, month, dayOf := local.AddDate(0, 0, i).Date()
		edge := time.Date(year, month, dayOf, h.from/60, h.from%60, 0, 0, h.loc)
		// An hour, or half of one, that the clock passes twice: either may be meant.
		for _, shift := range [...]time.Duration{-time.Hour, -time.Hour / 2, 0, time.Hour / 2, time.Hour} {
			consider(edge.Add(shift))
		}
		midnight := time.Date(year, month, dayOf, 0, 0, 0, 0, h.loc)
		consider(midnight)
		if _, change := midnight.ZoneBounds(); !change.IsZero() {
			consider(change)
		}
	}
	return next
}
