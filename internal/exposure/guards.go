package exposure

import "time"

// The guards of the lifecycle table. Each looks at the exposure as it is and at the
// event, and says where the event leads, or in words why it doesn't apply.

func admitted(e *Exposure, ev *Event) (State, string) {
	// The method may be one that a probe could run while the rules of engagement forbid
	// it, or no template is installed: only the caller knows, and says so.
	if e.Verification.Method.Probes() && ev.Data[DataTo] != string(Open) {
		return Validating, ""
	}
	return Open, ""
}

func ticketless(e *Exposure, ev *Event) (State, string) {
	// Work that nobody has begun gives its place to what is more urgent. It keeps its
	// ticket: when its turn comes again, that is the one.
	if ev.Data[DataYield] != "" {
		return Tracked, ""
	}
	// A remediation without a ticket is one whose ticket is being created right now.
	if e.Ticket != "" || e.RemediationID != "" {
		return "", "it has a ticket"
	}
	return Tracked, ""
}

func unproven(e *Exposure, _ *Event) (State, string) {
	if e.Claim == nil {
		return Open, ""
	}
	return FixClaimed, ""
}

func refuted(to State) guard {
	return func(e *Exposure, ev *Event) (State, string) {
		if err := validVerdict(ev.Verdict, e); err != nil {
			return "", err.Error()
		}
		return to, ""
	}
}

func absent(e *Exposure, ev *Event) (State, string) {
	if err := Validate(ev.Proof, *e); err != nil {
		return "", err.Error()
	}
	return Closed, ""
}

func seenAfterClaim(e *Exposure, ev *Event) (State, string) {
	if e.Claim != nil && !ev.CheckedAt.After(e.Claim.At) {
		return "", "the check that saw it isn't newer than the claim"
	}
	return Open, ""
}

func seenAfterProof(e *Exposure, ev *Event) (State, string) {
	if e.Proof != nil && !ev.CheckedAt.After(proofBy(e.Proof, &ev.Actor)) {
		return "", "the check that saw it isn't newer than the proof of its fix"
	}
	if e.Claim != nil && !ev.CheckedAt.After(e.Claim.At) {
		return "", "the check that saw it isn't newer than the claim"
	}
	return byDecision(e, ev), ""
}

// proofBy is when the proof was made, as far as an observer is concerned. Where sources
// proved the absence one after the other, what a source sees after its own check is news
// even if it is older than another's: its next, equal report would not tell it again.
func proofBy(p *Proof, observer *Actor) time.Time {
	if observer.Kind == Source {
		for i := range p.Absences {
			if p.Absences[i].Source == observer.Name {
				return p.Absences[i].CheckedAt
			}
		}
	}
	return p.At
}

func lapsed(e *Exposure, ev *Event) (State, string) {
	ended := e.Exception != nil && !e.Exception.Until.IsZero() && !ev.At.Before(e.Exception.Until)
	if !ended && ev.Data[DataTrigger] == "" && ev.Reason == "" {
		return "", "its end hasn't come, and the event names nothing that ends it early"
	}
	return byDecision(e, ev), ""
}

// byDecision is where work resumes: in a workflow if policy wants it there.
func byDecision(e *Exposure, ev *Event) State {
	d := &e.Decision
	if ev.Decision != nil {
		d = ev.Decision
	}
	if d.Admit {
		return Validating
	}
	return Tracked
}

func unmerged(e *Exposure, ev *Event) (State, string) {
	to := State(ev.Data[DataTo])
	switch {
	case to == Closed:
		// What closed it may have been overtaken while it was merged away.
		if err := Validate(e.Proof, *e); err != nil {
			return "", err.Error()
		}
	case to.Excepted():
		if e.Exception == nil || e.Exception.Kind != to {
			return "", "the decision that it was " + string(to) + " by isn't there any more"
		}
	}
	return to, ""
}
