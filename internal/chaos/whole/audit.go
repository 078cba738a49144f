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
	ends, tickets, decisions := h.ends(), h.tickets(), h.decisions()
	messages, repeated := 0, 0
	for _, n := range h.people.slack.Causes() {
		messages++
		repeated += n - 1
	}
	kills := 0
	for _, n := range h.killer.kills {
		kills += n
	}
	asked := len(h.people.asked)
	return []Count{
		{"whole/lifecycles_closed", ends.closed, o.Lifecycles(), o.Lifecycles()},
		{"whole/closed_without_proof", ends.proofless, ends.closed, 0},
		{"whole/broken_chains", ends.broken, len(h.exposures), 0},
		{"whole/duplicate_tickets", tickets.twins, tickets.made, 0},
		{"whole/lost_tickets", tickets.lost, tickets.wanted, 0},
		{"whole/decisions_taken_twice", decisions.twice, asked, 0},
		{"whole/decisions_taken", decisions.taken, asked, decisions.taken}, // some find nobody, or nothing that is open
		{"whole/messages_told_twice", repeated, messages, 0},
		{"whole/teams_told_nothing", h.deaf(o), o.Teams, 0},
		{"whole/processes_killed", kills, kills, kills},
	}
}

// ends is what became of the exposures.
type ends struct{ closed, proofless, broken int }

func (h *house) ends() (out ends) {
	for i := range h.exposures {
		e := &h.exposures[i]
		if e.State == exposure.Closed {
			out.closed++
			if e.Proof == nil || e.Proof.Verdict == nil || len(e.Proof.Verdict.Evidence) == 0 {
				out.proofless++
			}
		}
		if !h.stories[i].Verified {
			out.broken++
		}
	}
	return out
}

// tickets is what the tracker holds, against what it should: wanted and made are counts of
// remediations, twins and lost of tickets too many and too few.
type tickets struct{ wanted, made, twins, lost int }

func (h *house) tickets() tickets {
	made, known := markers(h.people.jira), map[string]bool{}
	for i := range h.exposures {
		known[h.exposures[i].RemediationID] = true
	}
	out := tickets{wanted: len(known), made: len(made)}
	for _, n := range made {
		out.twins += n - 1
	}
	for id := range known {
		if id == "" || made[id] == 0 {
			out.lost++
		}
	}
	return out
}

// decisions is how often what people asked for, each with a reason of its own, was done.
type decisions struct{ taken, twice int }

func (h *house) decisions() (out decisions) {
	decided := map[string]int{}
	for i := range h.exposures {
		for k := range h.stories[i].Items {
			decided[h.stories[i].Items[k].Reason]++
		}
	}
	for _, reason := range h.people.asked {
		if decided[reason] > 0 {
			out.taken++
		}
		if decided[reason] > 1 {
			out.twice++
		}
	}
	return out
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
