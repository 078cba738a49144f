package exposure

import (
	"slices"
	"strings"
)

// The keys of Event.Data that the lifecycle reads.
const (
	DataTo          = "to"          // unmerge: the state to go to; admit: "open" where nothing can probe it
	DataDue         = "due"         // due date, RFC 3339
	DataVia         = "via"         // claim: ticket, api, chat
	DataTrigger     = "trigger"     // lapse: what ended it, as in Exception.EndsOn
	DataRemediation = "remediation" // ticketed: the remediation joined; empty = left
	DataTicket      = "ticket"      // ticketed: its ticket's key
	DataYield       = "yield"       // demote: it gives its place to more urgent work, and keeps its ticket
	DataMergedInto  = "merged_into" // merge: the surviving exposure
	DataRefused     = "refused"     // assigned: the team that says it isn't theirs
	DataSilent      = "silent"      // noted: the team that was asked again and again and never answered
	DataAnswered    = "answered"    // noted: the team that was silent, and has done something on its ticket
	DataTested      = "tested"      // noted: the exception that is to be tested before its end, by when it ends, RFC 3339
	DataTold        = "told"        // reminded: the ID of the event that people were told of
	DataAsked       = "asked"       // lapse, and what ends a request: who had asked for the exception; filled in
	DataApprovedBy  = "approved_by" // who approved the run that the event follows from, where the breaker held it
)

// guard says where an event leads from the exposure's state, or why it doesn't apply.
type guard func(e *Exposure, ev *Event) (to State, why string)

// rule is one line of the lifecycle table. A rule with one destination and no guard
// always applies.
type rule struct {
	event EventKind
	from  []State // none: there is no exposure yet
	to    []State
	when  string // the guard in words
	guard guard
}

// table is DESIGN's lifecycle table. Nothing else in the code says which moves exist.
// It is never written to.
var table = []rule{
	{EventDiscovered, nil, []State{Tracked}, "", nil},
	{EventAdmit, []State{Tracked}, []State{Validating, Open}, "open if nothing can probe it", admitted},
	{EventDemote, []State{Validating, Open}, []State{Tracked}, "no ticket, or it gives its place to more urgent work before anybody began", ticketless},
	{EventConfirmed, []State{Validating, Verifying}, []State{Open}, "", nil},
	{EventInconclusive, []State{Validating}, []State{Open}, "", nil},
	{EventInconclusive, []State{Verifying}, []State{FixClaimed, Open}, "open without a claim", unproven},
	{EventRefuted, []State{Validating}, []State{FalsePositive}, "with evidence, by a check newer than the last sight and any claim", refuted(FalsePositive)},
	{EventRefuted, []State{Verifying}, []State{Closed}, "with evidence, by a check newer than the last sight and any claim", refuted(Closed)},
	{EventAbsent, append(live(), Accepted, Mitigated, FalsePositive), []State{Closed}, "every reporting source, by checks newer than their last sights and any claim", absent},
	{EventClaim, []State{Validating, Open}, []State{FixClaimed}, "", nil},
	{EventVerify, []State{Open, FixClaimed}, []State{Verifying}, "", nil},
	{EventObserved, []State{FixClaimed, Verifying}, []State{Open}, "by a check newer than the claim", seenAfterClaim},
	{EventObserved, []State{Closed}, []State{Validating, Tracked}, "by a check newer than claim and proof; where to says the decision; reopens + 1", seenAfterProof},
	{EventAccept, live(), []State{Accepted}, "an end is required", nil},
	{EventMitigate, live(), []State{Mitigated}, "an end is required", nil},
	{EventDismiss, live(), []State{FalsePositive}, "an end is required", nil},
	{EventLapse, []State{Accepted, Mitigated, FalsePositive}, []State{Validating, Tracked}, "the end, a trigger, a failed control or changed evidence; where to says the decision", lapsed},
	{EventReopen, []State{Closed, Accepted, Mitigated, FalsePositive}, []State{Validating}, "", nil},
	{EventScopeOut, except(Merged, OutOfScope), []State{OutOfScope}, "excluded, or the asset retired", nil},
	{EventScopeIn, []State{OutOfScope}, []State{Tracked}, "", nil},
	{EventMerge, except(Merged), []State{Merged}, "", nil},
	{EventUnmerge, []State{Merged}, except(Merged), "the state named in the event, if what it needs is still there", unmerged},
}

func live() []State { return []State{Tracked, Validating, Open, FixClaimed, Verifying} }

func except(out ...State) []State {
	return slices.DeleteFunc(States(), func(s State) bool { return slices.Contains(out, s) })
}

// ruleFor finds the rule for an event in a state; State "" is an exposure not yet born.
func ruleFor(kind EventKind, from State) *rule {
	for i := range table {
		r := &table[i]
		if r.event == kind && (slices.Contains(r.from, from) || from == "" && len(r.from) == 0) {
			return r
		}
	}
	return nil
}

// Row is one line of the lifecycle table, for the documentation.
type Row struct {
	Event EventKind
	From  []State // none: the exposure is born
	To    []State
	Guard string // in words; empty: always
}

// Table is the lifecycle table in the order of DESIGN.
func Table() []Row {
	rows := make([]Row, len(table))
	for i, r := range table {
		rows[i] = Row{Event: r.event, From: slices.Clone(r.from), To: slices.Clone(r.to), Guard: r.when}
	}
	return rows
}

// Markdown writes rows as a table of GitHub's Markdown.
func Markdown(rows []Row) string {
	var b strings.Builder
	b.WriteString("| event | from | to | guard |\n|---|---|---|---|\n")
	for _, r := range rows {
		b.WriteString("| " + string(r.Event) + " | " + names(r.From) + " | " + names(r.To) + " | " + r.Guard + " |\n")
	}
	return b.String()
}

func names(states []State) string {
	if len(states) == 0 {
		return "–"
	}
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// EventKinds are all the kinds: those of the table, then those that change attributes only.
func EventKinds() []EventKind {
	var kinds []EventKind
	for _, r := range table {
		if !slices.Contains(kinds, r.event) {
			kinds = append(kinds, r.event)
		}
	}
	return append(kinds, EventDecided, EventAssigned, EventSnoozed, EventTicketed, EventReminded,
		EventEscalated, EventProbeRefused, EventRetest, EventNoted, EventRequested, EventApproved, EventDeclined, EventWithdrawn, EventExpired,
		EventWaiting, EventResumed)
}

// Moves reports whether events of this kind can move the lifecycle at all.
func (k EventKind) Moves() bool {
	for i := range table {
		if table[i].event == k {
			return true
		}
	}
	return false
}
