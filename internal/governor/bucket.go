package governor

import (
	"time"
)

// state is what all workers share of one budget. It is a token bucket whose leases are
// remembered: what was handed out and may not be spent yet still counts against what the
// bucket may hold, so that level and leases together never exceed the burst.
type state struct {
	Rate   float64   `json:"rate"`  // points a second; zero: not limited
	Burst  float64   `json:"burst"` // points that may be spent at once
	Level  float64   `json:"level"` // points that are there to be taken
	At     time.Time `json:"at"`    // when Level was true
	Held   time.Time `json:"held,omitzero"`
	Leases []lease   `json:"leases,omitempty"`
}

// lease is points that a worker has taken beyond what it spent at once.
type lease struct {
	Points float64   `json:"points"`
	Until  time.Time `json:"until"` // what isn't spent by then is lost
}

// reserved is the share of the burst that only urgent callers may take.
const reserved = 0.2

// outstanding is how much is leased.
func (s *state) outstanding() float64 {
	sum := 0.0
	for i := range s.Leases {
		sum += s.Leases[i].Points
	}
	return sum
}

// settle brings the state to a time. A clock that is behind another worker's adds nothing.
func (s *state) settle(now time.Time) {
	kept := s.Leases[:0:0]
	for _, l := range s.Leases {
		if l.Until.After(now) {
			kept = append(kept, l)
		}
	}
	s.Leases = kept
	grown := s.Level
	if now.After(s.At) {
		grown += s.Rate * now.Sub(s.At).Seconds()
		s.At = now
	}
	s.Level = min(grown, s.Burst-s.outstanding())
}

// limit changes the figures from now on. What was saved up stays, as far as it fits. A
// budget that was not limited begins full. It says whether anything changed.
func (s *state) limit(now time.Time, rate, burst float64) bool {
	if s.Rate == rate && s.Burst == burst {
		return false
	}
	fresh := s.Rate == 0
	s.settle(now)
	s.Rate, s.Burst = rate, burst
	if fresh {
		s.Level, s.At = burst, now
	}
	s.Level = min(s.Level, s.Burst-s.outstanding())
	return true
}

// take takes points, and up to extra more as a lease, or says how long to wait until it
// is worth asking again. It wants a settled state.
func (s *state) take(now time.Time, points, extra float64, life time.Duration, urgent bool) (leased float64, wait time.Duration) {
	if wait := s.Held.Sub(now); wait > 0 {
		return 0, wait
	}
	if s.Rate == 0 {
		return 0, 0
	}
	reserve := min(s.Burst*reserved, max(0, s.Burst-points)) // what costs nearly all must be affordable
	floor := reserve
	if urgent {
		floor = 0
	}
	if short := points + floor - s.Level; short > 0 {
		wait = time.Duration(short / s.Rate * float64(time.Second))
		if len(s.Leases) > 0 && s.Burst-s.outstanding() < points+floor {
			wait = max(wait, s.Leases[0].Until.Sub(now)) // until then it can't fill up so far
		}
		return 0, max(wait, time.Millisecond)
	}
	s.Level -= points
	// The reserve is not lent out, and a rest that would not do for another call is no use.
	if leased = min(extra, s.Level-reserve); leased < points {
		return 0, 0
	}
	s.Level -= leased
	s.Leases = append(s.Leases, lease{Points: leased, Until: now.Add(life)})
	return leased, 0
}
