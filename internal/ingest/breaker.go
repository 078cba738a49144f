package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Breaker says how much of what a source holds one run may take away before a person is
// asked. The zero Breaker is the default one.
type Breaker struct {
	Share float64       // of the exposures that the source holds; 1 and more: never ask
	Least int           // fewer than so many are never asked about
	Wait  time.Duration // how long a held run waits for a decision
}

// DefaultBreaker counts where nothing else is configured.
func DefaultBreaker() Breaker { return Breaker{Share: 0.2, Least: 25, Wait: 7 * 24 * time.Hour} }

func (b Breaker) filled() Breaker {
	d := DefaultBreaker()
	if b.Share <= 0 {
		b.Share = d.Share
	}
	if b.Least <= 0 {
		b.Least = d.Least
	}
	if b.Wait <= 0 {
		b.Wait = d.Wait
	}
	return b
}

// trips reports whether so many of so many are too many to be believed unasked.
func (b Breaker) trips(gone, present int64) bool {
	return b.Share < 1 && gone >= int64(b.Least) && float64(gone) > b.Share*float64(present)
}

// parked reports whether the breaker holds the delivery.
func (j *job) parked() bool { return j.d.Hold != nil && j.d.Hold.Outcome == "" }

// weigh has the breaker look at what the run takes away: exposures that it no longer sees
// though it looked, and those that it says are fixed. Nothing of either has been written.
// That it holds the run is recorded before anything follows from it; a run that it let
// pass and that is cut short passes again, since what is left takes away a smaller share.
func (j *job) weigh(ctx context.Context) error {
	b := j.source.Breaker.filled()
	if j.parked() || j.d.Approver() != "" {
		return nil
	}
	// At most so many: first without reading anything.
	var fixed, absent int64
	for _, s := range j.seen {
		fixed += int64(len(j.saidFixed(s)))
		absent += int64(len(j.unreported(s)))
	}
	if !b.trips(fixed+absent, 0) {
		return nil
	}
	var present int64
	err := j.store.EachSighting(ctx, j.source.Name, func(s exposure.Sighting) error {
		present += int64(exposure.CountKeys(s.Keys) + exposure.CountKeys(s.Told))
		return nil
	})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting what "+j.source.Name+" holds")
	}
	if !b.trips(fixed+absent, present) {
		return nil
	}
	if absent, err = j.provenAbsent(ctx); err != nil || !b.trips(fixed+absent, present) {
		return err
	}
	j.d.Hold = &exposure.Hold{Present: present, Absent: absent, Fixed: fixed, At: j.at, Until: j.at.Add(b.Wait)}
	j.d.Status = exposure.DeliveryWorking
	err = j.store.PutDelivery(ctx, j.d)
	return fault.Wrap(fault.KindOf(err), err, "holding delivery "+j.d.ID)
}

// saidFixed are the exposures of an asset that the source held and now says are fixed.
func (j *job) saidFixed(s *seen) []exposure.ID {
	var ids []exposure.ID
	exposure.EachKey(s.said.fixed, func(k exposure.SeenKey) {
		if exposure.HasKey(s.old.Keys, k.ID) || exposure.HasKey(s.old.Told, k.ID) {
			ids = append(ids, k.ID)
		}
	})
	return ids
}

// unreported are the exposures of an asset that the source held and says nothing of, in a
// run that may prove by it that they are gone.
func (j *job) unreported(s *seen) []exposure.ID {
	if j.run.Kind != exposure.RunFull || !j.run.Complete || s.cover == nil || s.cover.Outcome != exposure.TargetOK ||
		j.outdated(s) || j.checkedAt(s).Equal(s.old.CheckedAt) {
		return nil
	}
	var ids []exposure.ID
	for _, before := range [...][]byte{s.old.Keys, s.old.Told} {
		exposure.EachKey(before, func(k exposure.SeenKey) {
			if _, spoken := s.said.digest(k.ID); !spoken {
				ids = append(ids, k.ID)
			}
		})
	}
	return ids
}

// takesAway reports whether the run takes anything away on an asset.
func (j *job) takesAway(s *seen) bool { return len(j.saidFixed(s))+len(j.unreported(s)) > 0 }

// provenAbsent counts the exposures that the run's silence would prove to be gone.
func (j *job) provenAbsent(ctx context.Context) (int64, error) {
	var n int64
	for _, s := range j.seen {
		ids := j.unreported(s)
		if len(ids) == 0 {
			continue
		}
		stored, err := j.store.Exposures(ctx, ids)
		if err != nil {
			return 0, fault.Wrap(fault.KindOf(err), err, "reading exposures")
		}
		for _, e := range stored {
			if j.presence(s, e) == exposure.VerifiedAbsent {
				n++
			}
		}
	}
	return n, nil
}

// park ends a delivery that the breaker holds. What it saw is in the store.
func (j *job) park(ctx context.Context) (exposure.Delivery, error) {
	h := j.d.Hold
	j.run.Complete, j.run.Why = false, "the breaker holds it until somebody decides"
	if err := j.store.PutRun(ctx, j.run); err != nil {
		return j.d, fault.Wrap(fault.KindOf(err), err, "recording the run")
	}
	return j.end(ctx, exposure.DeliveryParked, fmt.Sprintf(
		"held: %d of the %d exposures that %s reports would be gone by it (%d no longer seen, %d said to be fixed); approve or reject it before %s",
		h.Absent+h.Fixed, h.Present, j.source.Name, h.Absent, h.Fixed, h.Until.Format(time.RFC3339)))
}

// supersede ends parked deliveries of the source whose every asset has had a later look by
// now: they have nothing left to say. One with the same body hands on that people were told.
func (j *job) supersede(ctx context.Context) error {
	resumed := j.d.Status == exposure.DeliveryWorking // whoever died may have overtaken some
	if len(j.overtaken) == 0 && !resumed {
		return nil
	}
	parked, err := j.store.FindDeliveries(ctx, j.source.Name, string(exposure.DeliveryParked), exposure.List{Limit: 100})
	if err != nil || len(parked.Items) == 0 {
		return fault.Wrap(fault.KindOf(err), err, "reading the parked deliveries of "+j.source.Name)
	}
	left := map[string]bool{}
	err = j.store.EachSighting(ctx, j.source.Name, func(s exposure.Sighting) error {
		left[s.Parked] = true
		return nil
	})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading what "+j.source.Name+" saw")
	}
	for _, d := range parked.Items {
		if d.ID == j.d.ID || !d.Waits() || left[d.ID] {
			continue
		}
		if j.parked() && d.Body == j.d.Body && j.d.Hold.Told.IsZero() {
			j.d.Hold.Told = d.Hold.Told
		}
		// Lost to a person who decides at this moment: then there is nothing to supersede.
		if _, err := j.store.SwapDelivery(ctx, d.Decide(exposure.HoldSuperseded, j.d.ID, "a later report looked at the same", j.at)); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "superseding delivery "+d.ID)
		}
	}
	return nil
}
