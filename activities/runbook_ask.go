package activities

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// AskRun asks for a run of a runbook for a remediation. Errors are of kind not_found (no
// such runbook or remediation), invalid (no reason), or conflict (nothing of it is what the
// runbook is for, nobody owns it, or another run is under way).
func (a *Activities) AskRun(ctx context.Context, in lifecycle.RunRequest) (runbook.Run, error) {
	book, ok := a.Runbooks.Named(in.Runbook)
	if !ok {
		return runbook.Run{}, fault.New(fault.NotFound, "there is no runbook %s in the configuration", lifecycle.Plain(in.Runbook, 80))
	}
	known, err := a.Runbooks.Store.RunbookRun(ctx, runbook.RunID(in.Remediation, book.Name, in.Cause))
	if err == nil || !fault.Is(err, fault.NotFound) {
		return known, fault.Wrap(fault.KindOf(err), err, "reading a run")
	}
	rem, err := a.remediation(ctx, in.Remediation)
	if err != nil {
		return runbook.Run{}, err
	}
	switch {
	case strings.TrimSpace(in.Reason) == "":
		return runbook.Run{}, fault.New(fault.Invalid, "a reason is required: whoever approves reads it")
	case rem.Owner == "":
		return runbook.Run{}, fault.New(fault.Conflict, "nobody owns remediation %s: a runbook is run for an owner", rem.ID)
	}
	if other, err := a.underWay(ctx, &rem); err != nil {
		return runbook.Run{}, err
	} else if other != "" {
		return runbook.Run{}, fault.New(fault.Conflict, "run %s is under way for it: one at a time", other)
	}
	targets, err := a.fitting(ctx, book, rem.ID)
	if err != nil {
		return runbook.Run{}, err
	}
	if len(targets) == 0 {
		return runbook.Run{}, fault.New(fault.Conflict, "runbook %s is for none of the exposures of remediation %s that are live and not claimed fixed", book.Name, rem.ID)
	}
	r, err := a.beginRun(ctx, book.Ask(runbook.Wish{Cause: in.Cause, Remediation: rem.ID, Team: rem.Owner, By: in.By, Reason: in.Reason, Targets: targets}, a.now()))
	if err == nil && r.State == runbook.Void {
		err = fault.New(fault.Conflict, "%s: one at a time", r.Log[len(r.Log)-1].Text)
	}
	return r, err
}

// beginRun stores a run, makes it the one of its remediation, and has it followed. Dying in
// between is healed by the sweep: what is stored has something to be done.
func (a *Activities) beginRun(ctx context.Context, r runbook.Run) (runbook.Run, error) {
	r, _, err := a.Runbooks.Store.ClaimRun(ctx, r)
	if err != nil {
		return r, fault.Wrap(fault.KindOf(err), err, "storing a run of runbook "+r.Runbook)
	}
	if r.State.UnderWay() && !r.Entered {
		if err := a.enter(ctx, &r); err != nil {
			return r, err
		}
		if r, err = a.runbookRun(ctx, r.ID); err != nil {
			return r, err
		}
	}
	a.wakeRun(ctx, r.ID, "asked for")
	return r, nil
}

// underWay names the run that is under way for a remediation.
func (a *Activities) underWay(ctx context.Context, rem *lifecycle.Remediation) (string, error) {
	if rem.Run == "" {
		return "", nil
	}
	r, err := a.runbookRun(ctx, rem.Run)
	if fault.Is(err, fault.NotFound) || err == nil && !r.State.UnderWay() {
		return "", nil
	}
	return rem.Run, err
}

// fitting are the members of a remediation that a runbook may be offered for, the most
// pressing first.
func (a *Activities) fitting(ctx context.Context, book *runbook.Runbook, remediation string) ([]exposure.Exposure, error) {
	var found []exposure.Exposure
	err := a.Records.EachExposure(ctx, exposure.Filter{Remediation: remediation}, func(e exposure.Exposure) error {
		if e.State.Live() {
			found = append(found, e)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading the members of remediation "+remediation)
	}
	ids := make([]asset.ID, len(found))
	for i := range found {
		ids[i] = found[i].Asset
	}
	slices.Sort(ids)
	assets, err := a.Records.Assets(ctx, slices.Compact(ids))
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "reading the assets of remediation "+remediation)
	}
	found = slices.DeleteFunc(found, func(e exposure.Exposure) bool {
		of := assets[e.Asset]
		fits, err := book.Fits(&e, &of)
		if err != nil {
			a.Log.WarnContext(ctx, "a runbook's condition failed; it isn't offered", "runbook", book.Name, "exposure", e.ID, "error", err)
		}
		return !fits
	})
	slices.SortFunc(found, func(x, y exposure.Exposure) int {
		return cmp.Or(compareDue(x.Due, y.Due), strings.Compare(string(x.ID), string(y.ID)))
	})
	return found, nil
}

// propose asks for approval of the first runbook that is for members of a remediation and
// wasn't asked for them as they are: what was declined, failed or refuted isn't asked for
// again by itself. The members make the cause, so that the same look twice is one run.
func (a *Activities) propose(ctx context.Context, rem *lifecycle.Remediation) error {
	if a.Runbooks == nil || rem.Ticket == "" || rem.Owner == "" || rem.Status != lifecycle.RemediationOpen {
		return nil
	}
	if !slices.ContainsFunc(a.Runbooks.All, func(b *runbook.Runbook) bool { return b.Propose }) {
		return nil
	}
	other, err := a.underWay(ctx, rem)
	if err != nil || other != "" {
		return err
	}
	runs, err := a.Runbooks.Store.RunsOf(ctx, rem.ID)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the runs for remediation "+rem.ID)
	}
	for _, book := range a.Runbooks.All {
		if !book.Propose {
			continue
		}
		targets, err := a.fitting(ctx, book, rem.ID)
		if err != nil {
			return err
		}
		targets = slices.DeleteFunc(targets, func(e exposure.Exposure) bool {
			return slices.ContainsFunc(runs, func(r runbook.Run) bool { return r.Runbook == book.Name && !overtakenRun(&r) && r.Covers(&e) })
		})
		if len(targets) == 0 {
			continue
		}
		_, err = a.beginRun(ctx, book.Ask(runbook.Wish{Cause: "propose/" + strconv.Itoa(len(runs)) + "/" + digestOfTargets(targets), Remediation: rem.ID, Team: rem.Owner, By: "quell", Proposed: true,
			Reason: "it matches what the configuration says the runbook is for", Targets: targets}, a.now()))
		return err
	}
	return nil
}

// overtakenRun reports whether a run ended before it was told of, as another was faster: it
// was never asked for.
func overtakenRun(r *runbook.Run) bool { return r.State == runbook.Void && !r.Entered }

func digestOfTargets(targets []exposure.Exposure) string {
	keys := make([]string, len(targets))
	for i := range targets {
		keys[i] = string(targets[i].ID) + "/" + runbook.KeyOf(&targets[i])
	}
	slices.Sort(keys)
	sum := sha256.Sum256([]byte(strings.Join(keys, "\n")))
	return hex.EncodeToString(sum[:16])
}

// DecideRun carries out what somebody decides on a run that waits. The same decision by the
// same person again changes nothing. Errors are of kind not_found, denied or conflict.
func (a *Activities) DecideRun(ctx context.Context, in lifecycle.RunDecision) (runbook.Run, error) {
	r, err := a.editRunNamed(ctx, in.Run, func(r *runbook.Run) (bool, error) {
		book, ok := a.Runbooks.Named(r.Runbook)
		if !ok {
			return false, fault.New(fault.Conflict, "there is no runbook %s in the configuration any more", r.Runbook)
		}
		changed, err := book.Decide(r, in.Decision, in.Decider, a.now())
		return changed, refusedRun(err)
	})
	if err == nil || fault.Is(err, fault.Conflict) { // what it was pressed on may not show yet that it is decided
		a.wakeRun(ctx, r.ID, string(in.Decision))
	}
	return r, err
}

// RunAnswered takes what a runbook says of a run of its own, by the ID of its call. Once it
// is stored nothing is lost. Errors are of kind not_found, for other runbooks' runs too, or
// conflict.
func (a *Activities) RunAnswered(ctx context.Context, name, call string, answer runbook.Answer) (runbook.Run, error) {
	r, err := a.editRunNamed(ctx, answer.Run, func(r *runbook.Run) (bool, error) {
		if r.Runbook != name {
			return false, noRun(answer.Run)
		}
		changed, err := r.Hear(answer, call, a.now())
		return changed, refusedRun(err)
	})
	if err == nil {
		a.wakeRun(ctx, r.ID, "the runbook says "+string(answer.Status))
	}
	return r, err
}

func (a *Activities) editRunNamed(ctx context.Context, id string, fn func(*runbook.Run) (bool, error)) (runbook.Run, error) {
	if a.Runbooks == nil {
		return runbook.Run{}, noRun(id)
	}
	r, err := a.editRun(ctx, id, fn)
	if fault.Is(err, fault.NotFound) {
		return r, noRun(id)
	}
	return r, err
}

func noRun(id string) error {
	return fault.New(fault.NotFound, "there is no run %s", lifecycle.Plain(id, 80))
}

func refusedRun(err error) error {
	var refusal *exception.RefusedError
	switch {
	case !errors.As(err, &refusal):
		return err
	case refusal.Denied:
		return fault.New(fault.Denied, "deciding on a run: %s", refusal.Why)
	}
	return fault.New(fault.Conflict, "deciding on a run: %s", refusal.Why)
}

// RunbooksNow are the configured runbooks, and how many runs of each have a place.
func (a *Activities) RunbooksNow(ctx context.Context) ([]lifecycle.RunbookStatus, error) {
	if a.Runbooks == nil {
		return nil, nil
	}
	out := make([]lifecycle.RunbookStatus, 0, len(a.Runbooks.All))
	for _, b := range a.Runbooks.All {
		runs, _, err := a.places(ctx, b.Name)
		if err != nil {
			return nil, err
		}
		running := 0
		for _, id := range runs {
			r, err := a.runbookRun(ctx, id)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			if err == nil && r.State.Running() {
				running++
			}
		}
		out = append(out, lifecycle.RunbookStatus{Name: b.Name, When: b.When, Quorum: b.Quorum, Approvers: b.Definition.Approvers, Propose: b.Propose,
			Timeout: b.Timeout.String(), MaxRunning: b.MaxRunning, Running: running})
	}
	return out, nil
}

// MayApproveRun reports whether a run waits for somebody, with the role that he has where
// he decides.
func (a *Activities) MayApproveRun(r *runbook.Run, name, role string) bool {
	book, ok := a.Runbooks.Named(r.Runbook)
	return ok && book.MayApprove(r, name, role, a.now())
}
