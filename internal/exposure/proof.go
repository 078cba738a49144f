package exposure

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Validate says why a proof doesn't allow an exposure to close: nil if it does. A proof
// is checked against what the exposure itself knows of its sources' last sights, never
// against the proof's own word for them.
func Validate(p *Proof, e Exposure) error {
	if p == nil {
		return errors.New("there is no proof")
	}
	switch p.Kind {
	case ProofVerdict:
		return validVerdict(p.Verdict, &e)
	case ProofAbsence:
		return validAbsence(p, &e)
	}
	return fmt.Errorf("unknown kind of proof %q", p.Kind)
}

func validVerdict(v *Verdict, e *Exposure) error {
	switch {
	case v == nil || v.Outcome != Refuted:
		return errors.New("the proof has no refuting verdict")
	case len(v.Evidence) == 0:
		return errors.New("the refuting verdict has no evidence")
	}
	for i := range e.Sights {
		if s := &e.Sights[i]; !v.CheckedAt.After(s.LastSeen) {
			return fmt.Errorf("the check that refutes it isn't newer than its last sight by %s", s.Source)
		}
	}
	return afterClaim(v.CheckedAt, e)
}

func validAbsence(p *Proof, e *Exposure) error {
	if len(e.Sights) == 0 {
		return errors.New("no source has reported it, so none can prove its absence")
	}
	for i := range e.Sights {
		s := &e.Sights[i]
		at := slices.IndexFunc(p.Absences, func(a SourceProof) bool { return a.Source == s.Source })
		if at < 0 {
			return fmt.Errorf("%s reports it too and hasn't said that it is gone", s.Source)
		}
		a := &p.Absences[at]
		switch {
		case s.Presence != VerifiedAbsent:
			return fmt.Errorf("%s hasn't verified that it is gone", s.Source)
		case !a.Explicit && a.Run == "":
			return fmt.Errorf("the proof names neither a covering run of %s nor an explicit fix", s.Source)
		case a.CheckedAt.After(s.CheckedAt):
			return fmt.Errorf("%s hasn't made the check that the proof names", s.Source)
		case !a.CheckedAt.After(s.LastSeen):
			return fmt.Errorf("the check by %s isn't newer than its last sight", s.Source)
		}
		if err := afterClaim(a.CheckedAt, e); err != nil {
			return err
		}
	}
	return nil
}

func afterClaim(checked time.Time, e *Exposure) error {
	if e.Claim != nil && !checked.After(e.Claim.At) {
		return errors.New("the check isn't newer than the claim that it is fixed")
	}
	return nil
}

// AbsenceProof builds the proof that an exposure is gone out of its sights, if every
// reporting source has verified it: in a complete covering run, or by saying "fixed".
func AbsenceProof(e Exposure) (Proof, bool) {
	p := Proof{Kind: ProofAbsence, Absences: make([]SourceProof, 0, len(e.Sights))}
	for _, s := range e.Sights {
		if s.Presence != VerifiedAbsent {
			return Proof{}, false
		}
		p.Absences = append(p.Absences, SourceProof{Source: s.Source, Run: s.Run, Explicit: s.Explicit,
			CheckedAt: s.CheckedAt, LastSeen: s.LastSeen, ApprovedBy: s.ApprovedBy})
		if s.CheckedAt.After(p.At) {
			p.At = s.CheckedAt
		}
	}
	if err := validAbsence(&p, &e); err != nil {
		return Proof{}, false
	}
	return p, true
}

// AbsentEvent is the event that closes an exposure that no source sees any more, with
// what its sights prove: without an actor, a time and a cause, which are the writer's.
func AbsentEvent(e Exposure) (Event, bool) {
	proof, ok := AbsenceProof(e)
	if !ok {
		return Event{}, false
	}
	ev := Event{Kind: EventAbsent, CheckedAt: proof.At, Proof: &proof, Reason: "no source that reported it sees it any more"}
	var approvers []string
	for i := range proof.Absences {
		approvers = addSorted(approvers, proof.Absences[i].ApprovedBy)
	}
	if len(approvers) > 0 {
		by := strings.Join(approvers, ", ")
		ev.Reason += "; the breaker held the run that says so, and " + by + " approved it"
		ev.Data = map[string]string{DataApprovedBy: by}
	}
	return ev, true
}
