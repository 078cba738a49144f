package whole

import (
	"github.com/quellsec/quell/connectors/jira/jiratest"
	"github.com/quellsec/quell/internal/exposure"
)

// Count is one thing that was counted. Want is what it must come to.
type Count struct {
	Name      string
	Count, Of int
	Want      int
}

// Good reports whether it came to what it must.
func (c Count) Good() bool { return c.Count == c.Want }

// audit counts out of the vendors' ledgers, and out of what the exposures' chains say.
func (h *house) audit(o *Options) []Count {
	tickets := markers(h.people.jira)
	known, proofless, broken, lost := map[string]bool{}, 0, 0, 0
	closed, decided, twice := 0, map[string]int{}, 0
	for i := range h.exposures {
		e, story := &h.exposures[i], &h.stories[i]
		if e.State == exposure.Closed {
			closed++
			if e.Proof == nil || e.Proof.Verdict == nil || len(e.Proof.Verdict.Evidence) == 0 {
				proofless++
			}
		}
		if !story.Verified {
			broken++
		}
		known[e.RemediationID] = true
		for k := range story.Items {
			decided[story.Items[k].Reason]++
		}
	}
	for _, reason := range h.people.asked {
		if decided[reason] > 1 {
			twice++
		}
	}
	twins := 0
	for _, n := range tickets {
		twins += n - 1
	}
	for id := range known {
		if id == "" || tickets[id] == 0 {
			lost++
		}
	}
	taken := 0
	for _, reason := range h.people.asked {
		if decided[reason] > 0 {
			taken++
		}
	}
	messages, repeated := 0, 0
	for _, n := range h.people.slack.Causes() {
		messages++
		repeated += n - 1
	}
	kills := 0
	for _, n := range h.killer.kills {
		kills += n
	}
	return []Count{
		{"whole/lifecycles_closed", closed, o.Lifecycles(), o.Lifecycles()},
		{"whole/closed_without_proof", proofless, closed, 0},
		{"whole/broken_chains", broken, len(h.exposures), 0},
		{"whole/duplicate_tickets", twins, len(tickets), 0},
		{"whole/lost_tickets", lost, len(known), 0},
		{"whole/decisions_taken_twice", twice, len(h.people.asked), 0},
		{"whole/decisions_taken", taken, len(h.people.asked), taken}, // some find nobody, or nothing that is open
		{"whole/messages_told_twice", repeated, messages, 0},
		{"whole/teams_told_nothing", h.deaf(o), o.Teams, 0},
		{"whole/processes_killed", kills, kills, kills},
	}
}

// markers counts the issues that were created for each remediation.
func markers(jira *jiratest.Server) map[string]int {
	const prefix = "quell-"
	out := map[string]int{}
	for label, n := range jira.Labelled() {
		if len(label) > len(prefix) && label[:len(prefix)] == prefix {
			out[label[len(prefix):]] += n
		}
	}
	return out
}

// deaf counts the teams that were told nothing at all.
func (h *house) deaf(o *Options) int {
	none := 0
	for team := range o.Teams {
		if len(h.people.slack.Messages(channelOf(team))) == 0 {
			none++
		}
	}
	return none
}
