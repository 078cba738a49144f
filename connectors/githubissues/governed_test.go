package githubissues

import (
	"context"
	"time"
)

// governed is a governor that never makes anybody wait.
type governed struct{ *budgets }

// Take implements connectors.Governor.
func (g governed) Take(_ context.Context, budget string, points float64) error {
	g.taken[budget] += points
	return nil
}

// Hold implements connectors.Governor.
func (g governed) Hold(_ context.Context, budget string, until time.Time) error {
	g.held[budget] = until
	return nil
}

// Limit implements connectors.Governor.
func (governed) Limit(string, float64, float64) {}
