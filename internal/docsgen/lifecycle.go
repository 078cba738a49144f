package main

import (
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/exposure"
)

// stateDocs say in a sentence what each state means.
var stateDocs = map[exposure.State]string{
	exposure.Tracked:       "known, decided, with owner and due date, and not urgent enough to work on",
	exposure.Validating:    "admitted: a probe is to say whether it is really there",
	exposure.Open:          "there, and somebody has to mend it",
	exposure.FixClaimed:    "somebody says that it is mended",
	exposure.Verifying:     "the claim, or a person's doubt, is being tested",
	exposure.Closed:        "gone, with proof",
	exposure.Accepted:      "the risk is accepted, until an end",
	exposure.Mitigated:     "a control keeps it from harm, until an end",
	exposure.FalsePositive: "it never was there, by evidence or by a person's word until an end",
	exposure.OutOfScope:    "the asset is excluded or retired",
	exposure.Merged:        "found to be another exposure",
}

const lifecycleIntro = `# The lifecycle of an exposure

Nothing closes without proof, nothing waits without an owner, and nothing is done twice. This page is the table by which the code
moves an exposure; nothing else in it says which moves exist.

## States

`

func lifecyclePage() string {
	var b strings.Builder
	b.WriteString(lifecycleIntro)
	header(&b, "state", "live", "meaning")
	for _, state := range exposure.States() {
		live := ""
		if state.Live() {
			live = "yes"
		}
		row(&b, "`"+string(state)+"`", live, stateDocs[state])
	}
	b.WriteString("\n## The picture\n\nMoves from the five live states and from the exceptions. Left out, as they lead there from almost everywhere: " +
		"accept, mitigate and dismiss, scope_out and scope_in, merge and unmerge.\n\n")
	b.WriteString(diagram())
	b.WriteString("\n## The table\n\nAn event that its guard doesn't allow, or that has no line for the state, is refused if it comes from a person, " +
		"and changes attributes alone if it is a machine's fact.\n\n")
	b.WriteString(exposure.Markdown(exposure.Table()))
	b.WriteString("\nThese events change attributes and no state: ")
	var rest []string
	for _, kind := range exposure.EventKinds() {
		if !kind.Moves() {
			rest = append(rest, string(kind))
		}
	}
	b.WriteString(strings.Join(rest, ", ") + ".\n")
	return b.String()
}

// undrawn are the events that would cross the picture from everywhere.
var undrawn = []exposure.EventKind{exposure.EventAccept, exposure.EventMitigate, exposure.EventDismiss, exposure.EventScopeOut, exposure.EventScopeIn,
	exposure.EventMerge, exposure.EventUnmerge}

// diagram draws the table as GitHub shows it: one arrow for each pair of states, with all
// the events that lead along it.
func diagram() string {
	type arrow struct{ from, to string }
	labels := map[arrow][]string{}
	var order []arrow
	for _, line := range exposure.Table() {
		if slices.Contains(undrawn, line.Event) {
			continue
		}
		from := words(line.From)
		if len(from) == 0 {
			from = []string{"[*]"}
		}
		for _, f := range from {
			for _, to := range words(line.To) {
				a := arrow{f, to}
				if _, ok := labels[a]; !ok {
					order = append(order, a)
				}
				if !slices.Contains(labels[a], string(line.Event)) {
					labels[a] = append(labels[a], string(line.Event))
				}
			}
		}
	}
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, a := range order {
		b.WriteString("    " + a.from + " --> " + a.to + " : " + strings.Join(labels[a], ", ") + "\n")
	}
	b.WriteString("```\n")
	return b.String()
}

func words(states []exposure.State) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = string(s)
	}
	return out
}
