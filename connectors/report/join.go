package report

import (
	"context"
	"fmt"
	"slices"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// Joined makes one finding of those that follow each other and differ in the CVE alone,
// as tables have them: a row for each. It holds back one finding, and lets it go with the
// run at the latest.
type Joined struct {
	connectors.Sink
	live func() error
	held *exposure.Observation
}

// JoinCVEs makes such a sink in front of another.
func JoinCVEs(ctx context.Context, sink connectors.Sink) *Joined {
	return &Joined{Sink: sink, live: ctx.Err}
}

// Observe implements connectors.Sink.
func (j *Joined) Observe(obs exposure.Observation) error {
	if h := j.held; h != nil && h.Asset == obs.Asset && h.Finding.UID == obs.Finding.UID {
		h.Finding.CVEs = connectors.CVEs(slices.Concat(h.Finding.CVEs, obs.Finding.CVEs))
		return nil
	}
	err := j.flush()
	j.held = &obs
	return err
}

// Run implements connectors.Sink.
func (j *Joined) Run(run exposure.Run) error {
	if err := j.flush(); err != nil {
		return err
	}
	return j.Sink.Run(run)
}

func (j *Joined) flush() error {
	if j.held == nil {
		return nil
	}
	held := *j.held
	j.held = nil
	if err := j.live(); err != nil {
		return fmt.Errorf("joining rows: %w", err)
	}
	return j.Sink.Observe(held)
}
