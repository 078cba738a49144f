package chatops

import (
	"context"
	"strconv"
	"strings"
	"time"

	kit "github.com/slack-go/slack"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/slack"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// Runs knows the runs of runbooks, and decides on them.
type Runs interface {
	Run(ctx context.Context, id string) (runbook.Run, error)
	FindRuns(ctx context.Context, book string, state runbook.State, l exposure.List) (exposure.Page[runbook.Run], error)
	DecideRun(ctx context.Context, in lifecycle.RunDecision) (runbook.Run, error)
	MayApproveRun(r *runbook.Run, name, role string) bool
}

// runbookRun reads a run that a person may see: one who sees all that its ticket is about.
func (c *Chat) runbookRun(ctx context.Context, p *person, id string) (runbook.Run, error) {
	gone := fault.New(fault.NotFound, "there is no run %s", shown(id))
	if c.Runs == nil {
		return runbook.Run{}, gone
	}
	r, err := c.Runs.Run(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return runbook.Run{}, gone
	}
	if err != nil {
		return r, fault.Wrap(fault.KindOf(err), err, "reading a run")
	}
	ok, err := c.seesAllOf(ctx, p, r.Remediation)
	if err == nil && !ok {
		err = gone
	}
	return r, err
}

// seesAllOf reports whether a person sees every exposure of a remediation.
func (c *Chat) seesAllOf(ctx context.Context, p *person, remediation string) (bool, error) {
	if p.visible == nil {
		return true, nil
	}
	var counts [2]int64
	for i, visible := range [][]string{nil, p.visible} {
		n, err := c.Exposures.CountExposures(ctx, exposure.Filter{Remediation: remediation, Visible: visible}, "")
		if err != nil {
			return false, fault.Wrap(fault.KindOf(err), err, "counting what a ticket is about")
		}
		counts[i] = sum(n)
	}
	return counts[0] > 0 && counts[0] == counts[1], nil
}

// decideRun approves or declines a run. The same again by the same person changes nothing,
// so that it is safe to repeat.
func (c *Chat) decideRun(ctx context.Context, who *person, o *order, id string) (string, error) {
	r, err := c.runbookRun(ctx, who, id)
	if err != nil {
		return "", err
	}
	what := runbook.Decision(o.Kind)
	if what != runbook.Approve && what != runbook.Decline {
		return "", fault.New(fault.Invalid, "a run can be approved or declined here")
	}
	if err := who.allowed(o.Kind, r.Team, ""); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, decideTime)
	defer cancel()
	r, err = c.Runs.DecideRun(ctx, lifecycle.RunDecision{Run: id, Decision: what, Decider: runbook.Decider{Name: who.name, Role: who.role, Via: "chat", Reason: o.Reason}})
	if fault.Is(err, fault.Conflict) { // somebody was faster, or it is too late
		now, readErr := c.runbookRun(ctx, who, id)
		if readErr != nil {
			return "", readErr
		}
		if early := first(&now, who); early != nil {
			err = early
		}
	}
	if err != nil {
		return "", err //nolint:wrapcheck // it says what was being decided
	}
	return runDecided(&r, what), nil
}

// first is the refusal of a press on a run that is decided: who did what, and when. Nil: it
// waits.
func first(r *runbook.Run, who *person) error {
	line, decided := r.Decided()
	if !decided {
		return nil
	}
	words := map[runbook.State]string{runbook.Approved: "approved it", runbook.Declined: "declined it", runbook.Withdrawn: "withdrew it"}
	did, person := words[line.State]
	switch {
	case !person:
		return fault.New(fault.Conflict, "the request is %s: %s", strings.ReplaceAll(string(line.State), "_", " "), shown(line.Text))
	case exposure.SamePerson(line.By, who.name):
		return fault.New(fault.Conflict, "you %s at %s", did, clockTime(line.At, who.zone))
	}
	return fault.New(fault.Conflict, "%s was first: %s %s at %s", shown(line.By), shown(line.By), did, clockTime(line.At, who.zone))
}

// runDecided says what came of a decision that was taken.
func runDecided(r *runbook.Run, what runbook.Decision) string {
	line, _ := r.Decided()
	switch {
	case what == runbook.Decline:
		return "Declined: runbook " + shown(r.Runbook) + " is not run, and " + shown(r.By) + " is told why."
	case r.State == runbook.Requested:
		return "Approved: " + strconv.Itoa(len(r.Approvals)) + " of " + strconv.Itoa(r.Quorum) + " approvals are there."
	case line.State == runbook.Approved:
		return "Approved: runbook " + shown(r.Runbook) + " is called."
	}
	return "Your approval was there, and the request is " + strings.ReplaceAll(string(r.State), "_", " ") + " now."
}

// aboutRun says in a form which run is decided on. One that is decided has no form.
func (c *Chat) aboutRun(ctx context.Context, p *person, id string) ([]kit.Block, error) {
	r, err := c.runbookRun(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if err := first(&r, p); err != nil {
		return nil, err
	}
	return slack.Sections(runAsked(&r)), nil
}

// runAsked says in a line what is asked for.
func runAsked(r *runbook.Run) string {
	n := len(r.Targets) + r.More
	of := strconv.Itoa(n) + " exposures"
	if n == 1 {
		of = "1 exposure"
	}
	return escaped(r.By) + " asks to run runbook **" + escaped(r.Runbook) + "** for " + of + " of " + escaped(r.Team) + ", until " + r.Expires.UTC().Format(time.DateOnly) + ": " + escaped(cut(r.Reason, 300))
}

// waitingRuns are the runs that wait for somebody's approval, with their buttons.
func (c *Chat) waitingRuns(ctx context.Context, p *person) ([]kit.Block, error) {
	if c.Runs == nil {
		return nil, nil
	}
	const looked = 200
	page, err := c.Runs.FindRuns(ctx, "", runbook.Requested, exposure.List{Limit: looked})
	if err != nil {
		return nil, fault.Wrap(fault.KindOf(err), err, "finding runs that wait")
	}
	var out []kit.Block
	for i := range page.Items {
		r := &page.Items[i]
		if !c.Now().Before(r.Expires) || !c.Runs.MayApproveRun(r, p.name, p.role) {
			continue
		}
		ok, err := c.seesAllOf(ctx, p, r.Remediation)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if len(out) == 2*mostListed {
			break
		}
		about := lifecycle.SubjectRun + ":" + r.ID
		out = append(append(out, slack.Sections(runAsked(r))...), slack.Buttons([]connectors.Action{
			{Kind: string(runbook.Approve), Subject: about, Primary: true}, {Kind: string(runbook.Decline), Subject: about, Danger: true}})...)
	}
	return out, nil
}
