package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
)

// anchored is the root over all chains at a time. It goes to the log, which is shipped to
// where we can't write: a chain that nobody anchors proves only accidents.
type anchored struct {
	Root      string    `json:"root"`
	Exposures int64     `json:"exposures"`
	At        time.Time `json:"at"`
}

const (
	anchorKey   = "anchor"
	anchorEvery = 24 * time.Hour
)

// anchor logs the root of all heads once a day, over restarts, until ctx ends.
func (a *app) anchor(ctx context.Context) error {
	for {
		wait, err := a.untilAnchor(ctx)
		if err != nil {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if err := a.anchorNow(ctx); err != nil {
			return err
		}
	}
}

func (a *app) untilAnchor(ctx context.Context) (time.Duration, error) {
	raw, err := a.store.Setting(ctx, anchorKey)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return 0, err
	}
	var last anchored
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &last); err != nil {
			return 0, fault.Wrap(fault.Internal, err, "reading when the chains were last anchored")
		}
	}
	return max(0, last.At.Add(anchorEvery).Sub(now())), nil
}

func (a *app) anchorNow(ctx context.Context) error {
	var root ledger.RootHash
	out := anchored{At: now()}
	list := exposure.List{Sort: exposure.SortID, Limit: 1000}
	for {
		page, err := a.store.FindExposures(ctx, exposure.Filter{}, list)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "anchoring the chains")
		}
		for i := range page.Items {
			if err := root.Add(page.Items[i].ID, page.Items[i].Head); err != nil {
				return err
			}
		}
		out.Exposures += int64(len(page.Items))
		if list.Cursor = page.Next; list.Cursor == "" {
			break
		}
	}
	out.Root = root.Sum()
	raw, err := json.Marshal(out)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "anchoring the chains")
	}
	a.log.Info("the history is anchored", "root", out.Root, "exposures", out.Exposures, "at", out.At)
	return a.store.PutSetting(ctx, anchorKey, raw)
}
