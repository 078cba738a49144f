package activities

import (
	"context"
	"errors"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Rebuilt counts what a rebuild has started.
type Rebuilt struct {
	Exposures    int `json:"exposures"`
	Remediations int `json:"remediations"`
	Sources      int `json:"sources"`
	Campaigns    int `json:"campaigns"`
}

// Rebuild starts every workflow that the store says should run, after Temporal's data
// were lost: of the exposures in workflows' hands, the open remediations, and the sources
// with deliveries, and the campaigns. Those that run already are woken, so it is safe at any time. The sweep
// is started by whoever knows its figures.
func (a *Activities) Rebuild(ctx context.Context) (Rebuilt, error) {
	var out Rebuilt
	var batch []exposure.Exposure
	var problems []error
	flush := func() {
		for i := range batch {
			if err := a.Waker.Wake(ctx, &batch[i], "rebuilt"); err != nil {
				problems = append(problems, err)
				continue
			}
			out.Exposures++
		}
		batch = batch[:0]
	}
	err := a.Records.EachExposure(ctx, exposure.Filter{Mode: exposure.ModeWorkflow}, func(e exposure.Exposure) error {
		if batch = append(batch, e); len(batch) == sweepBatch {
			flush()
		}
		if len(problems) > sweepBatch {
			return errors.Join(problems...) // Temporal isn't there
		}
		return ctx.Err()
	})
	flush()
	if err != nil {
		return out, fault.Wrap(fault.KindOf(err), err, "rebuilding the workflows of exposures")
	}
	list := exposure.List{Limit: sweepBatch}
	for {
		page, err := a.Board.FindRemediations(ctx, lifecycle.RemediationFilter{Status: lifecycle.RemediationOpen}, list)
		if err != nil {
			return out, fault.Wrap(fault.KindOf(err), err, "rebuilding the workflows of remediations")
		}
		for i := range page.Items {
			if err := a.Waker.WakeRemediation(ctx, page.Items[i].ID, "rebuilt"); err != nil {
				problems = append(problems, err)
				continue
			}
			out.Remediations++
		}
		if list.Cursor = page.Next; list.Cursor == "" {
			break
		}
	}
	sources, err := a.Board.PendingSources(ctx)
	if err != nil {
		return out, fault.Wrap(fault.KindOf(err), err, "rebuilding the ingest of sources")
	}
	for _, source := range sources {
		if err := a.Waker.StartSource(ctx, source); err != nil {
			problems = append(problems, err)
			continue
		}
		out.Sources++
	}
	out.Campaigns, err = a.wakeCampaigns(ctx, time.Time{}, "rebuilt")
	return out, errors.Join(append(problems, err)...)
}
