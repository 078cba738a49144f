// Package metrics computes the figures of a programme out of its exposures: how long
// weaknesses stay open, how fast they are mended, and how many in time. Pure.
package metrics

import (
	"iter"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Window is how long the weakness has been there in all: the closed windows together and
// the current one up to now. Accepting a risk stops no window: the weakness is there.
func Window(e exposure.Exposure, now time.Time) time.Duration {
	return e.Window + Current(e, now)
}

// Current is how long the current window has been open; zero once it was proven closed,
// and for what never was an exposure of ours (false positive, out of scope, merged).
func Current(e exposure.Exposure, now time.Time) time.Duration {
	if !e.ClosedAt.IsZero() || !standing(e.State) {
		return 0
	}
	opened := e.OpenedAt
	if opened.IsZero() {
		opened = e.FirstSeen
	}
	if opened.IsZero() {
		return 0
	}
	return max(0, now.Sub(opened))
}

// standing reports whether the weakness counts as being there.
func standing(s exposure.State) bool {
	return s.Live() || s == exposure.Accepted || s == exposure.Mitigated
}

// Overdue reports whether a live exposure is past its due date.
func Overdue(e exposure.Exposure, now time.Time) bool {
	return e.State.Live() && !e.Due.IsZero() && now.After(e.Due)
}

// Figures are the figures over a set of exposures.
type Figures struct {
	Exposures   int64 `json:"exposures"`
	Live        int64 `json:"live"`
	Closed      int64 `json:"closed"`
	Unowned     int64 `json:"unowned"` // live ones
	Overdue     int64 `json:"overdue"` // live ones
	Reopened    int64 `json:"reopened"`
	ClosedLate  int64 `json:"closed_late"`
	Compliant   int64 `json:"compliant"` // with a due date: closed in time, or live and not yet due
	WithDueDate int64 `json:"with_due_date"`

	MTTR       time.Duration `json:"mttr"`        // mean over the closed ones of the whole time to remediate
	MedianTTR  time.Duration `json:"median_ttr"`  // the lower median
	Days       float64       `json:"days"`        // the windows of all exposures together, in days
	OldestLive time.Duration `json:"oldest_live"` // the longest current window of a live exposure

	ByState    map[exposure.State]int64           `json:"by_state"`
	ByDecision map[exposure.DecisionOutcome]int64 `json:"by_decision"` // live ones
}

// SLA is the part of the exposures with a due date that keep it, from 0 to 1; one where
// none has a due date.
func (f Figures) SLA() float64 {
	if f.WithDueDate == 0 {
		return 1
	}
	return float64(f.Compliant) / float64(f.WithDueDate)
}

// Compute goes over the exposures once. It holds eight bytes for each closed one.
func Compute(exposures iter.Seq[exposure.Exposure], now time.Time) Figures {
	f := Figures{ByState: map[exposure.State]int64{}, ByDecision: map[exposure.DecisionOutcome]int64{}}
	var times []time.Duration
	for e := range exposures {
		f.Exposures++
		f.ByState[e.State]++
		f.Days += Window(e, now).Hours() / 24 // a Duration can't hold the sum over a million
		if e.Reopens > 0 {
			f.Reopened++
		}
		switch {
		case e.State.Live():
			live(&f, &e, now)
		case e.State == exposure.Closed:
			f.Closed++
			times = append(times, e.Window)
			if !e.Due.IsZero() {
				f.WithDueDate++
				if e.ClosedAt.After(e.Due) {
					f.ClosedLate++
				} else {
					f.Compliant++
				}
			}
		}
	}
	if n := len(times); n > 0 {
		slices.Sort(times)
		f.MedianTTR = times[(n-1)/2]
		f.MTTR = mean(times)
	}
	return f
}

func live(f *Figures, e *exposure.Exposure, now time.Time) {
	f.Live++
	f.ByDecision[e.Decision.Outcome]++
	f.OldestLive = max(f.OldestLive, Current(*e, now))
	if e.Owner.Team == "" {
		f.Unowned++
	}
	overdue := Overdue(*e, now)
	if overdue {
		f.Overdue++
	}
	if !e.Due.IsZero() {
		f.WithDueDate++
		if !overdue {
			f.Compliant++
		}
	}
}

// mean divides before it adds, since the nanoseconds of a million years-long windows
// don't fit in an int64.
func mean(times []time.Duration) time.Duration {
	n := time.Duration(len(times))
	var whole, rest time.Duration
	for _, t := range times {
		whole += t / n
		rest += t % n
	}
	return whole + rest/n
}
