package activities

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// tellRun tells the ticket, and the people whom it concerns, of the next thing that happened
// to a run, then writes down that it did. Each word has a cause, so whoever dies in between
// says nothing twice.
func (a *Activities) tellRun(ctx context.Context, r *runbook.Run, book *runbook.Runbook) error {
	i := r.Told
	line := &r.Log[i]
	if line.State != runbook.Sent { // what it says of it follows
		if err := a.intend(ctx, r.Remediation, lifecycle.IntentComment, viaRunbook+"/"+r.ID+"/"+strconv.Itoa(i)); err != nil {
			return err
		}
		if err := a.wakeRemediation(ctx, r.Remediation, lifecycle.WakeRunbook, false); err != nil {
			return err
		}
	}
	cause := viaRunbook + "/" + r.ID + "/" + strconv.Itoa(i)
	for _, m := range a.runMessages(r, book, line, cause) {
		if err := a.notifyRun(ctx, m, r); err != nil {
			return err
		}
	}
	_, err := a.editRun(ctx, r.ID, func(now *runbook.Run) (bool, error) {
		if now.Told != i {
			return false, nil
		}
		now.Told++
		return true, nil
	})
	return err
}

// runMessages are what people are told of one thing that happened to a run: the owner and
// whoever asked where it came to nothing, the approvers where it waits for them.
func (a *Activities) runMessages(r *runbook.Run, book *runbook.Runbook, line *runbook.Line, cause string) []connectors.Message {
	if line.State == runbook.Requested {
		if book == nil || r.State != runbook.Requested {
			return nil
		}
		return a.runApprovals(r, book, cause, "Your approval is asked for: ", runActions(r))
	}
	switch line.State {
	case runbook.Refuted, runbook.Failed, runbook.TimedOut, runbook.Declined, runbook.Expired, runbook.Void:
	default:
		return nil
	}
	to := []string{orEscalation(r.Team)}
	if !r.Proposed && !exposure.SamePerson(r.By, line.By) {
		to = append(to, "@"+r.By)
	}
	out := make([]connectors.Message, 0, len(to))
	for _, address := range to {
		out = append(out, connectors.Message{Cause: cause + "|" + address, To: address, Kind: "runbook", Thread: r.Remediation,
			Subject: "Runbook " + r.Runbook + " " + runWords(line.State), Text: runTale(r, line)})
	}
	return out
}

// notifyRun sends a message about a run.
func (a *Activities) notifyRun(ctx context.Context, m connectors.Message, r *runbook.Run) error {
	m.Subjects = append(m.Subjects, r.Remediation)
	err := a.Notifier.Notify(ctx, m)
	return fault.Wrap(fault.KindOf(err), err, "telling "+m.To)
}

// runParagraph is one thing that happened to a run, on its ticket: "RUN/line".
func (a *Activities) runParagraph(ctx context.Context, name string) (string, error) {
	id, at, _ := strings.Cut(name, "/")
	i, err := strconv.Atoi(at)
	if a.Runbooks == nil || err != nil {
		return "", nil //nolint:nilerr // nothing of ours is called so
	}
	r, err := a.runbookRun(ctx, id)
	if fault.Is(err, fault.NotFound) || err == nil && i >= len(r.Log) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return runTale(&r, &r.Log[i]), nil
}

// runTale is one thing that happened to a run, in words.
func runTale(r *runbook.Run, line *runbook.Line) string {
	what, why := "Runbook **"+text(r.Runbook)+"** ", text(line.Text)
	of := counted(len(r.Targets), "exposure", "exposures")
	switch line.State {
	case runbook.Requested:
		asks := text(r.By) + " asks to run runbook **" + text(r.Runbook) + "** for " + of
		if r.Quorum == 0 {
			return asks + ". Reason: " + why
		}
		return asks + ": it takes " + counted(r.Quorum, "approval", "approvals") + " by " + text(strings.Join(r.Who, " or ")) + ", until " + r.Expires.Format(time.DateOnly) +
			". Until then the work goes on. Reason: " + why
	case runbook.Approved:
		if r.Quorum == 0 {
			return what + "is called: it takes no approval."
		}
		names := make([]string, len(r.Approvals))
		for i := range r.Approvals {
			names[i] = r.Approvals[i].By
		}
		slices.Sort(names)
		return what + "is approved by " + text(strings.Join(names, " and ")) + ", and is called. " + why
	case runbook.Started:
		return what + "has begun: " + why
	case runbook.Claimed:
		return what + "says that it is done with " + of + ": that is a claim, which is tested now. " + why
	case runbook.Proven:
		return what + "is done: " + why + "."
	case runbook.Refuted:
		return what + "is not done: " + why + "."
	case runbook.Declined, runbook.Withdrawn:
		return what + "is not run: " + runWords(line.State) + " by " + text(line.By) + ". The work goes on. " + why
	default:
		return what + runWords(line.State) + ": " + why + ". The work goes on."
	}
}

// runWords is a state in a sentence that begins with the runbook.
func runWords(s runbook.State) string {
	switch s {
	case runbook.TimedOut:
		return "wasn't heard of in time"
	case runbook.Refuted:
		return "is not done"
	case runbook.Expired:
		return "is not run, as the request expired"
	case runbook.Void:
		return "is not run"
	case runbook.Failed:
		return "failed"
	default:
		return word(string(s), "")
	}
}
