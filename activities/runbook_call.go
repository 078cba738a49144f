package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/runbook"
)

const (
	// callTime is how long a runbook may take to answer a call: less than a lease.
	callTime = 20 * time.Second
	// turnTime is how long a run waits that finds no place.
	turnTime = 15 * time.Second
)

// callRunbook calls the runbook once. What is sent is written down before the first
// attempt, and each attempt before it is made: an attempt that nobody knows the end of is
// made again under the same ID, by which the runbook knows it.
func (a *Activities) callRunbook(ctx context.Context, r *runbook.Run, book *runbook.Runbook) (bool, time.Time, error) {
	caller, ok := a.Runbooks.Call[r.Runbook]
	if !ok {
		return false, time.Time{}, fault.New(fault.Internal, "calling runbook %s: nothing reaches it", r.Runbook)
	}
	if place, err := a.enterRunbook(ctx, book, r.ID); err != nil || !place {
		r.Problem, r.Next = "it waits for its turn: "+strconv.Itoa(book.MaxRunning)+" runs of it are under way", a.now().Add(turnTime)
		if err != nil {
			return false, time.Time{}, err
		}
		return a.wrote(ctx, r)
	}
	if r.Body == nil {
		if did, err := a.freeze(ctx, r, book); err != nil || did {
			return did, time.Time{}, err
		}
	}
	r.Try(a.now())
	if ok, err := a.swapRun(ctx, r); err != nil || !ok { // lost: another look is at it, or somebody was heard
		return true, time.Time{}, err
	}
	calling, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	answer, err := caller.Call(calling, r.ID, r.Body)
	if err != nil && ctx.Err() != nil {
		return false, time.Time{}, fault.Wrap(fault.Unavailable, err, "calling runbook "+r.Runbook) // we are being stopped: the lease runs out, and it is sent again
	}
	if err != nil && calling.Err() != nil {
		err = fault.New(fault.Unavailable, "calling the runbook: it didn't answer within %s", callTime)
	}
	return true, time.Time{}, a.recordCall(ctx, r, answer, err)
}

// recordCall records how an attempt ended. Somebody may have been heard meanwhile.
func (a *Activities) recordCall(ctx context.Context, sent *runbook.Run, body []byte, cause error) error {
	_, err := a.editRun(ctx, sent.ID, func(r *runbook.Run) (bool, error) {
		now, kind := a.now(), fault.KindOf(cause)
		switch {
		case cause == nil || kind == fault.Conflict && sent.Attempts > 1: // it knows the run from an attempt whose answer was lost
			r.Take(now)
			if said, ok := runbook.AnswerOf(r.ID, body); ok && cause == nil {
				_, err := r.Hear(said, "", now)
				return true, err
			}
		case r.State != runbook.Approved:
			return false, nil // it was heard of: it came through
		case kind == fault.Throttled || kind == fault.Unavailable:
			r.Retry(cause.Error(), fault.RetryAfter(cause), now)
		default:
			r.Refuse(cause.Error(), now)
		}
		return true, nil
	})
	return err
}

// freeze writes down what a run sends: what it was asked for, as far as that is so still.
func (a *Activities) freeze(ctx context.Context, r *runbook.Run, book *runbook.Runbook) (bool, error) {
	left, err := a.standing(ctx, r)
	if err != nil {
		return false, err
	}
	if len(left) == 0 {
		r.Avoid("none of its exposures is as it was when it was asked for", a.now())
		_, err := a.swapRun(ctx, r)
		return true, err
	}
	rem, err := a.remediation(ctx, r.Remediation)
	if err != nil {
		return false, err
	}
	ids := make([]asset.ID, 0, len(left))
	for i := range left {
		ids = append(ids, left[i].Asset)
	}
	slices.Sort(ids)
	assets, err := a.Records.Assets(ctx, slices.Compact(ids))
	if err != nil {
		return false, fault.Wrap(fault.KindOf(err), err, "reading the assets of run "+r.ID)
	}
	items := make([]runbook.OrderedItem, len(left))
	targets := make([]runbook.Target, len(left))
	for i := range left {
		of := assets[left[i].Asset]
		items[i] = runbook.ItemOf(&left[i], &of)
		targets[i] = runbook.Target{ID: left[i].ID, Key: runbook.KeyOf(&left[i])}
	}
	r.Targets = targets // what it claims is what it was told of
	err = r.Freeze(runbook.OrderFor{ID: rem.ID, Owner: rem.Owner, Fix: rem.Fix, Ticket: rem.Ticket, TicketURL: rem.TicketURL}, items, a.callback(r.Runbook), book.Timeout, a.now())
	return false, fault.Wrap(fault.Internal, err, "writing a call")
}

// callback is where a runbook answers; empty: it can't, as nobody said how we are reached.
func (a *Activities) callback(name string) string {
	if a.Policy.PublicURL == "" {
		return ""
	}
	return strings.TrimRight(a.Policy.PublicURL, "/") + "/hooks/runbooks/" + name
}

// The places at a runbook: the runs that have one, kept as one document of the store, so
// that all workers together give no more of them than there are.

func placesOf(name string) string { return "runbook/" + name }

// enterRunbook gives a run a place, if there is one. Places of runs that are over, whose
// worker died before it gave them back, are taken.
func (a *Activities) enterRunbook(ctx context.Context, book *runbook.Runbook, id string) (has bool, err error) {
	err = a.editPlaces(ctx, book.Name, func(runs []string) ([]string, bool, error) {
		if has = slices.Contains(runs, id); has {
			return runs, false, nil
		}
		kept := make([]string, 0, len(runs)+1)
		for _, other := range runs {
			r, err := a.runbookRun(ctx, other)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, false, err
			}
			if err == nil && r.State.Running() {
				kept = append(kept, other)
			}
		}
		if has = len(kept) < book.MaxRunning; has {
			kept = append(kept, id)
		}
		return kept, has || len(kept) != len(runs), nil
	})
	return has && err == nil, err
}

func (a *Activities) leaveRunbook(ctx context.Context, name, id string) error {
	return a.editPlaces(ctx, name, func(runs []string) ([]string, bool, error) {
		i := slices.Index(runs, id)
		if i < 0 {
			return nil, false, nil
		}
		return slices.Delete(slices.Clone(runs), i, i+1), true, nil
	})
}

func (a *Activities) editPlaces(ctx context.Context, name string, fn func(runs []string) ([]string, bool, error)) error {
	for range swapAttempts {
		runs, version, err := a.places(ctx, name)
		if err != nil {
			return err
		}
		runs, changed, err := fn(runs)
		if err != nil || !changed {
			return err
		}
		state, err := json.Marshal(runs)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "writing who has a place at runbook "+name)
		}
		if ok, err := a.Runbooks.Store.SwapBudget(ctx, placesOf(name), version, state); ok || err != nil {
			return fault.Wrap(fault.KindOf(err), err, "writing who has a place at runbook "+name)
		}
	}
	return fault.New(fault.Unavailable, "writing who has a place at runbook %s: lost %d races", name, swapAttempts)
}

func (a *Activities) places(ctx context.Context, name string) (runs []string, version int64, err error) {
	state, version, err := a.Runbooks.Store.Budget(ctx, placesOf(name))
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, 0, nil
	case err != nil:
		return nil, 0, fault.Wrap(fault.KindOf(err), err, "reading who has a place at runbook "+name)
	}
	err = json.Unmarshal(state, &runs)
	return runs, version, fault.Wrap(fault.Internal, err, "reading who has a place at runbook "+name)
}

// testClaim writes a runbook's claim on what it was told of, and follows what comes of it.
// A claim closes nothing: each exposure is tested as if a person had closed its ticket.
func (a *Activities) testClaim(ctx context.Context, r *runbook.Run) (bool, time.Time, error) {
	if !r.Written {
		if err := a.claimTargets(ctx, r); err != nil {
			return false, time.Time{}, err
		}
		r.Written = true
		return a.wrote(ctx, r)
	}
	if err := a.leaveRunbook(ctx, r.Runbook, r.ID); err != nil { // it is no longer at work
		return false, time.Time{}, err
	}
	var proven, refuted, waiting int
	for chunk := range slices.Chunk(r.Targets, touchBatch) {
		for _, t := range chunk {
			e, err := a.exposure(ctx, t.ID)
			switch {
			case fault.Is(err, fault.NotFound):
			case err != nil:
				return false, time.Time{}, err
			case e.State == exposure.Closed && e.Proof != nil, e.State == exposure.FalsePositive && e.Verdict != nil && e.Verdict.Outcome == exposure.Refuted:
				proven++
			case !e.State.Live(): // excepted, out of scope, merged
			case contradicted(&e, r.ClaimedAt):
				refuted++
			case e.RemediationID == r.Remediation:
				waiting++
			}
		}
		beat(ctx, r.ID)
	}
	now := a.now()
	switch {
	case refuted > 0:
		r.Judge(runbook.Refuted, counted(refuted, "exposure was found again after the runbook said that it is done", "exposures were found again after the runbook said that it is done")+
			": "+strconv.Itoa(proven)+" proven fixed, "+strconv.Itoa(waiting)+" not tested yet. It is not called again for them by itself", now)
		return a.wrote(ctx, r)
	case waiting > 0:
		return false, now.Add(followClaims), nil
	case proven > 0:
		r.Judge(runbook.Proven, counted(proven, "exposure is proven fixed", "exposures are proven fixed"), now)
	default:
		r.Avoid("nothing of it is left to be tested", now)
	}
	return a.wrote(ctx, r)
}

// followClaims is how often the exposures of a claim are looked at: they wake the run, too.
const followClaims = 5 * time.Minute

func (a *Activities) claimTargets(ctx context.Context, r *runbook.Run) error {
	members, err := a.members(ctx, r.Remediation)
	if err != nil {
		return err
	}
	members = slices.DeleteFunc(members, func(m member) bool { return !r.About(m.id) })
	claim := exposure.Claim{By: "runbook " + r.Runbook, At: r.ClaimedAt, Note: cmp.Or(r.Detail, "run "+r.ID+" says that it is done"), Via: viaRunbook}
	_, _, err = a.claim(ctx, r.Remediation, members, claim)
	return err
}

// viaRunbook is how a claim came that a runbook made.
const viaRunbook = "runbook"

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
