package activities

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// label writes the ticket's key on the members that don't have it. Their workflows need
// not look: it is for people.
func (a *Activities) label(ctx context.Context, rem *lifecycle.Remediation, members []member) error {
	lacking := make([]member, 0, len(members))
	for i := range members {
		if members[i].ticket != rem.Ticket {
			lacking = append(lacking, members[i])
		}
	}
	written, err := a.touch(ctx, lacking, func(e *exposure.Exposure) bool {
		changed := e.RemediationID == rem.ID && e.Ticket != rem.Ticket
		if changed {
			e.Ticket = rem.Ticket
		}
		return changed
	})
	if err != nil {
		return err
	}
	return a.letSleep(ctx, written)
}

// letSleep takes back the wakes of exposures on which something was written that their
// workflows need not act on: only those that this very write left.
func (a *Activities) letSleep(ctx context.Context, written []exposure.Exposure) error {
	for i := range written {
		e := &written[i]
		if !e.Wake || !e.WakeAt.Equal(e.UpdateAt) {
			continue
		}
		if _, err := a.Ledger.ClearWake(ctx, e.ID, e.Version); err != nil {
			return err
		}
	}
	return nil
}

// touchBatch is how many members are written together.
const touchBatch = 200

// touch writes on members what their ticket says, in batches, and gives those that were
// written.
func (a *Activities) touch(ctx context.Context, members []member, fn func(*exposure.Exposure) bool) ([]exposure.Exposure, error) {
	var all []exposure.Exposure
	for len(members) > 0 {
		n := min(len(members), touchBatch)
		ids := make([]exposure.ID, n)
		for i := range ids {
			ids[i] = members[i].id
		}
		members = members[n:]
		written, err := a.Ledger.TouchMany(ctx, ids, fn)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "writing on the members of a remediation")
		}
		all = append(all, written...)
		beat(ctx, len(all))
	}
	return all, nil
}

// wakeAll wakes the workflows of many exposures, several at a time.
func (a *Activities) wakeAll(ctx context.Context, es []exposure.Exposure, reason string) {
	var group errgroup.Group
	group.SetLimit(8)
	for i := range es {
		group.Go(func() error {
			a.wakeExposure(ctx, &es[i], reason)
			beat(ctx, reason)
			return nil
		})
	}
	_ = group.Wait() // no member of the group fails
}
