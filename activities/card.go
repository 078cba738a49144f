package activities

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// cardOf is a remediation as it is shown on a phone. It is a function of its members
// alone, so that equal members give an equal card.
func cardOf(r *lifecycle.Remediation, members []member) connectors.Card {
	s, lead := stand(members), leading(members)
	const reasons = 4
	c := connectors.Card{
		Title: titleOf(r, members, lead), Where: whereOf(members), Why: lead.why[:min(len(lead.why), reasons)], Due: s.due, Owner: r.Owner,
		State: stateWords(members), Decision: string(lead.outcome), Severity: string(lead.severity), Ticket: r.Ticket, URL: r.TicketURL,
		Proof: verifiedBy(members), Done: s.live == 0 && len(members) > 0,
	}
	return c
}

// cardOfExposure is one exposure as it is shown on a phone.
func cardOfExposure(e *exposure.Exposure) *connectors.Card {
	const reasons = 4
	owner := e.Owner.Team
	if owner == "" {
		owner = "nobody"
	}
	return &connectors.Card{Title: e.Title, Where: e.AssetName, Why: e.Decision.Why[:min(len(e.Decision.Why), reasons)], Due: e.Due, Owner: owner,
		State: word(string(e.State), "tracked"), Decision: string(e.Decision.Outcome), Severity: string(e.Severity), Ticket: e.Ticket, Done: !e.State.Live()}
}

// settle gives a message about a remediation what can be decided on it, and its urgency.
func settle(m *connectors.Message) {
	m.Actions = actionsFor(m.Kind, "remediation:"+m.Thread)
	m.Urgent = pressing(m.Kind, exposure.DecisionOutcome(m.Card.Decision))
}

// whereOf names the one asset, or says how many there are.
func whereOf(members []member) string {
	assets := map[string]bool{}
	for i := range members {
		assets[members[i].asset] = true
	}
	switch len(assets) {
	case 0:
		return ""
	case 1:
		return members[0].asset
	}
	return members[0].asset + " and " + strconv.Itoa(len(assets)-1) + " more"
}

// stateWords counts the members by where they stand: "3 of 5 live, 2 closed with proof".
func stateWords(members []member) string {
	live, claimed, closed, other := 0, 0, 0, 0
	for i := range members {
		switch m := &members[i]; {
		case m.state.Live():
			live++
			if m.claimed {
				claimed++
			}
		case m.state == exposure.Closed:
			closed++
		default:
			other++
		}
	}
	parts := []string{fmt.Sprintf("%d of %d live", live, len(members))}
	for _, p := range []struct {
		n    int
		word string
	}{{claimed, "claimed fixed"}, {closed, "closed with proof"}, {other, "accepted, mitigated or dismissed"}} {
		if p.n > 0 {
			parts = append(parts, strconv.Itoa(p.n)+" "+p.word)
		}
	}
	return strings.Join(parts, ", ")
}

// actionsFor are what can be decided from a message of a kind about a remediation, the
// likeliest first. See docs/notifications.md for the table.
func actionsFor(kind string, subject string) []connectors.Action {
	table := map[string][]string{
		"ticket":     {"fix_claimed", "not_ours", "accept_risk", "snooze", "mark_false_positive"},
		"reminder":   {"fix_claimed", "snooze", "accept_risk", "not_ours", "retest"},
		"escalation": {"fix_claimed", "reassign", "accept_risk", "retest"},
		"reopened":   {"fix_claimed", "retest", "accept_risk", "mark_false_positive", "not_ours"},
		"unowned":    {"claim", "reassign", "not_ours"},
		"uncovered":  {"retest", "fix_claimed"},
		"ending":     {"accept_risk", "retest", "fix_claimed"},
	}
	labels := map[string]string{"fix_claimed": "Fixed", "not_ours": "Not ours", "accept_risk": "Accept risk…", "snooze": "Snooze…",
		"mark_false_positive": "False positive…", "retest": "Re-test", "reassign": "Reassign…", "claim": "Claim"}
	out := make([]connectors.Action, 0, len(table[kind]))
	for i, action := range table[kind] {
		out = append(out, connectors.Action{Kind: action, Subject: subject, Label: labels[action], Primary: i == 0,
			Danger: action == "accept_risk" || action == "mark_false_positive"})
	}
	return out
}

// pressing reports whether a message about what was decided so is urgent: what must be
// acted on now, and is new, back, overdue or nobody's.
func pressing(kind string, outcome exposure.DecisionOutcome) bool {
	switch kind {
	case "breaker", "approval":
		return true
	case "ticket", "escalation", "reopened", "unowned":
		return outcome == exposure.Act
	}
	return false
}

// show brings the card of a remediation up to date where it is talked about.
func (a *Activities) show(ctx context.Context, rem *lifecycle.Remediation, members []member) error {
	shower, ok := a.Notifier.(Shower)
	if !ok || len(members) == 0 {
		return nil
	}
	var actions []connectors.Action
	card := cardOf(rem, members)
	if !card.Done {
		actions = actionsFor("ticket", "remediation:"+rem.ID)
	}
	err := shower.Show(ctx, rem.ID, card, actions)
	return fault.Wrap(fault.KindOf(err), err, "showing how remediation "+rem.ID+" stands")
}
