package activities

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/runbook"
)

// runApprovals ask those who may approve a run and haven't. The run has a thread of its own
// at each of their addresses, headed by its card, so that it can be rewritten once somebody
// has decided. Only the head has buttons: what is said below it can't be rewritten.
func (a *Activities) runApprovals(r *runbook.Run, book *runbook.Runbook, cause, subject string, actions []connectors.Action) []connectors.Message {
	to := approversAt(book.Approvers(r, a.now()))
	card := cardOfRun(r)
	out := make([]connectors.Message, 0, len(to))
	for _, address := range to {
		out = append(out, connectors.Message{Cause: cause + "|approval|" + address, To: address, Kind: "approval", Thread: r.ID,
			Subject: subject + "runbook " + r.Runbook, Text: runRequestText(r), Card: &card, Actions: actions})
	}
	return out
}

// runRequestText is what an approver has to know.
func runRequestText(r *runbook.Run) string {
	return fmt.Sprintf("%s asks that runbook **%s** be run for %s of %s. Reason: %s\n\n%d of %d approvals are there. Without an answer the request expires on %s; nothing is approved by waiting.\n\n"+
		"Decide with the buttons where there are some, or with `quell runbooks approve %s` and `quell runbooks decline --reason … %s`.",
		text(r.By), text(r.Runbook), aboutRun(r), text(r.Team), text(r.Reason), len(r.Approvals), r.Quorum, r.Expires.Format(time.DateOnly), r.ID, r.ID)
}

// aboutRun counts what a run was asked for.
func aboutRun(r *runbook.Run) string { return counted(len(r.Targets)+r.More, "exposure", "exposures") }

// runActions are what can be decided on a run: nothing once somebody has.
func runActions(r *runbook.Run) []connectors.Action {
	if r.State != runbook.Requested {
		return nil
	}
	about := lifecycle.SubjectRun + ":" + r.ID
	return []connectors.Action{{Kind: string(runbook.Approve), Subject: about, Label: "Approve", Primary: true}, {Kind: string(runbook.Decline), Subject: about, Label: "Decline…", Danger: true}}
}

// cardOfRun is a run as it is shown to those who are asked to approve it. It tells of the
// decision and of nothing that follows, so that it is rewritten once.
func cardOfRun(r *runbook.Run) connectors.Card {
	c := connectors.Card{Title: "Runbook " + r.Runbook, Where: aboutRun(r), Why: []string{r.Reason}, Owner: r.Team + "; asked for by " + r.By, State: runStands(r), Done: r.State != runbook.Requested}
	if !c.Done {
		c.Due = r.Expires
	}
	return c
}

// runStands says who has approved a run, or what was decided on it and by whom.
func runStands(r *runbook.Run) string {
	names := make([]string, len(r.Approvals))
	for i := range r.Approvals {
		names[i] = r.Approvals[i].By
	}
	by := strings.Join(names, " and ")
	line, decided := r.Decided()
	switch {
	case !decided && by != "":
		return "waits for approval: " + strconv.Itoa(len(names)) + " of " + strconv.Itoa(r.Quorum) + " are there, by " + by
	case !decided:
		return "waits for approval: 0 of " + strconv.Itoa(r.Quorum) + " are there"
	case line.State == runbook.Approved:
		return "approved by " + by + " on " + minute(line.At)
	case line.State == runbook.Declined, line.State == runbook.Withdrawn:
		return runWords(line.State) + " by " + line.By + " on " + minute(line.At) + because(line.Text)
	}
	return runWords(line.State) + because(line.Text)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

func because(why string) string {
	if strings.TrimSpace(why) == "" {
		return ""
	}
	return ": " + why
}

// showRun brings a run up to date where approvers were asked.
func (a *Activities) showRun(ctx context.Context, r *runbook.Run) error {
	shower, ok := a.Notifier.(Shower)
	if !ok || r.Quorum == 0 { // nobody was asked
		return nil
	}
	err := shower.Show(ctx, r.ID, cardOfRun(r), runActions(r))
	return fault.Wrap(fault.KindOf(err), err, "showing how run "+r.ID+" stands")
}
