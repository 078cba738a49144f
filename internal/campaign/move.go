package campaign

import (
	"slices"
	"strings"
	"time"
)

// Move is one change of a campaign's deadline.
type Move struct {
	Cause  string    `json:"cause,omitempty"` // the caller's idempotency key
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// maxMoves bounds the record. Who moves a deadline more often has none.
const maxMoves = 50

// Move moves the deadline, and has the campaign looked at without delay. The same cause again
// changes nothing. What is wrong with the move is given instead; of field state it is where
// the campaign as it stands has no such move.
func (c *Campaign) Move(m Move) (moved bool, problem *Problem) {
	if slices.ContainsFunc(c.Moves, func(x Move) bool { return x.Cause == m.Cause }) {
		return false, nil
	}
	detail := untilProblem(m.To, m.At)
	switch {
	case c.Over():
		return false, &Problem{"state", "it is " + string(c.State) + " since " + c.EndedAt.Format(time.DateOnly) + ", and has no deadline any more"}
	case detail != "":
		return false, &Problem{"until", detail}
	case strings.TrimSpace(m.Reason) == "":
		return false, &Problem{"reason", "is required: it stands on its ticket"}
	case m.To.Equal(c.Until):
		return false, &Problem{"state", "that is its deadline already"}
	case len(c.Moves) >= maxMoves:
		return false, &Problem{"state", "it was moved 50 times: end it, and start another one"}
	}
	m.From = c.Until
	c.Moves = append(slices.Clone(c.Moves), m)
	c.Until, c.Outdated, c.Look = m.To, true, m.At
	c.MissedAt = time.Time{} // it has not missed this one
	return true, nil
}

// setAt is when the deadline was set as it is.
func (c *Campaign) setAt() time.Time {
	if n := len(c.Moves); n > 0 {
		return c.Moves[n-1].At
	}
	return c.CreatedAt
}

// deadlined makes an occasion one of the deadline as it is: people are told anew of one that
// was moved.
func (c *Campaign) deadlined(occasion string) string {
	if n := len(c.Moves); n > 0 {
		return occasion + "/moved-" + digits(int64(n))
	}
	return occasion
}
