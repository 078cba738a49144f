package activities

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Escalation is whom a message goes to that no team can act on.
const Escalation = "escalation"

// NudgeInput asks to tell somebody that an exposure waits. Nudge is the rung as the view
// named it.
type NudgeInput struct {
	ID    exposure.ID `json:"id"`
	Nudge string      `json:"nudge"`
}

// Nudge tells somebody that an exposure waits: for an owner, for a run that could prove
// its claimed fix, or for its exception to end. Once for each rung.
func (a *Activities) Nudge(ctx context.Context, in NudgeInput) (lifecycle.ExposureView, error) {
	e, err := a.exposure(ctx, in.ID)
	if err != nil {
		return lifecycle.ExposureView{}, err
	}
	v := a.Policy.view(&e, a.now())
	if e.Mode != exposure.ModeWorkflow || v.Nudge != in.Nudge {
		return v, nil // it was done, or no longer applies
	}
	switch rung(in.Nudge) {
	case rungTell, rungApproval, rungExpire, rungResume:
		if v.NudgeAt.After(a.now()) {
			return v, nil
		}
		res, err := a.exceptionNudge(ctx, &e, in.Nudge)
		if err != nil {
			return v, err
		}
		return a.viewAfter(&res), nil
	}
	kind, m := exposure.EventEscalated, connectors.Message{}
	var told []connectors.Message
	switch rung(in.Nudge) {
	case "unowned":
		if told, err = a.unownedMessages(ctx, &e, in.Nudge, 1); err != nil {
			return v, err
		}
		m = told[0]
	case "uncovered":
		m = connectors.Message{Cause: string(e.ID) + "|" + in.Nudge, To: orEscalation(e.Owner.Team), Kind: "escalation",
			Subject: "Claimed fixed, never looked at since: " + lifecycle.Plain(e.Title, 120),
			Actions: actionsFor("uncovered", "exposure:"+string(e.ID)),
			Text: fmt.Sprintf("%s on %s was claimed fixed by %s on %s, and no complete run of %s has looked since. Run the scan, or reopen it.",
				text(e.Title), text(e.AssetName), text(e.Claim.By), e.Claim.At.Format(time.DateOnly), text(strings.Join(e.Sources, " or ")))}
	case "ending":
		kind, m = exposure.EventReminded, endingMessage(&e, in.Nudge)
	}
	if len(told) == 0 {
		told = []connectors.Message{m}
	}
	for i := range told {
		if err := a.notify(ctx, told[i], &e); err != nil {
			return v, err
		}
	}
	res, err := a.apply(ctx, ledger.Change{ID: e.ID, Event: exposure.Event{Kind: kind, Actor: system("lifecycle"), Cause: in.Nudge, Reason: m.Subject}})
	if err != nil {
		return v, err
	}
	return a.viewAfter(&res), nil
}

// notify sends a message about an exposure.
func (a *Activities) notify(ctx context.Context, m connectors.Message, e *exposure.Exposure) error {
	m.Subjects = append(m.Subjects, string(e.ID))
	if a.Policy.PublicURL != "" {
		m.Links = map[string]string{"exposure": a.link(e.ID)}
	}
	err := a.Notifier.Notify(ctx, m)
	return fault.Wrap(fault.KindOf(err), err, "telling "+m.To)
}

func (a *Activities) link(id exposure.ID) string {
	return strings.TrimRight(a.Policy.PublicURL, "/") + "/exposures/" + string(id)
}

func endingMessage(e *exposure.Exposure, nudge string) connectors.Message {
	x := e.Exception
	finding := "It has not been tested lately."
	if v := e.Verdict; v != nil && v.CheckedAt.After(x.At) {
		switch v.Outcome {
		case exposure.Confirmed:
			finding = "A re-test on " + v.CheckedAt.Format(time.DateOnly) + " found it still there."
		case exposure.Refuted:
			finding = "A re-test on " + v.CheckedAt.Format(time.DateOnly) + " no longer found it: when the exception ends it will be validated and can close."
		case exposure.Inconclusive:
			finding = "A re-test on " + v.CheckedAt.Format(time.DateOnly) + " could not tell: " + text(v.Reason)
		}
	}
	return connectors.Message{Cause: string(e.ID) + "|" + nudge, To: orEscalation(e.Owner.Team), Kind: "reminder",
		Actions: actionsFor("ending", "exposure:"+string(e.ID)), Card: cardOfExposure(e),
		Subject: "An exception ends on " + x.Until.Format(time.DateOnly) + ": " + lifecycle.Plain(e.Title, 120),
		Text: fmt.Sprintf("%s on %s is %s until %s, decided by %s: %s. %s After that, work resumes.", text(e.Title), text(e.AssetName),
			strings.ReplaceAll(string(x.Kind), "_", " "), x.Until.Format(time.DateOnly), text(x.By), text(x.Reason), finding)}
}

func orEscalation(team string) string {
	if team == "" {
		return Escalation
	}
	return team
}

func date(t time.Time) string {
	if t.IsZero() {
		return "not set"
	}
	return t.Format(time.DateOnly)
}
