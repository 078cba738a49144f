package exposure

import (
	"fmt"
	"slices"
)

// Replay verifies an exposure's events from the first on, and gives the state that they
// alone lead to. It holds the chain (sequence, hashes, continuity), every move to the
// lifecycle table, and every end to the invariants that the events themselves can show:
// a close carries its proof, an exception carries its end.
func Replay(events []Event) (State, error) {
	if len(events) == 0 {
		return "", fmt.Errorf("replaying: there are no events")
	}
	var state State
	var prev string
	for i := range events {
		ev := &events[i]
		if err := linked(ev, events[0].Exposure, int64(i)+1, prev); err != nil {
			return state, fmt.Errorf("replaying event %d: %w", i+1, err)
		}
		if err := allowed(ev, state); err != nil {
			return state, fmt.Errorf("replaying event %d: %w", i+1, err)
		}
		state, prev = ev.To, ev.Hash
	}
	return state, nil
}

func linked(ev *Event, id ID, seq int64, prev string) error {
	switch {
	case ev.Exposure != id:
		return fmt.Errorf("it belongs to exposure %s", ev.Exposure)
	case ev.Seq != seq:
		return fmt.Errorf("it has sequence number %d", ev.Seq)
	case ev.Prev != prev:
		return fmt.Errorf("it doesn't follow the event before it")
	case ev.Digest() != ev.Hash:
		return fmt.Errorf("its content doesn't match its hash")
	}
	return nil
}

func allowed(ev *Event, state State) error {
	if ev.From != state {
		return fmt.Errorf("it starts from %q where the exposure is %q", ev.From, state)
	}
	r := ruleFor(ev.Kind, state)
	switch {
	case ev.From == ev.To && state != "":
		return nil // attributes only
	case r == nil || !slices.Contains(r.to, ev.To):
		return fmt.Errorf("%s doesn't lead from %q to %q", ev.Kind, state, ev.To)
	case ev.To == Closed:
		return selfProven(ev.Proof)
	case ev.To.Excepted():
		x := ev.Exception
		if x == nil || x.Kind != ev.To || x.Until.IsZero() && len(x.EndsOn) == 0 {
			return fmt.Errorf("it leads to %s without an end", ev.To)
		}
	}
	return nil
}

// selfProven checks what a proof shows by itself; Validate checks it against the
// exposure when the event is made.
func selfProven(p *Proof) error {
	switch {
	case p == nil:
		return fmt.Errorf("it closes without a proof")
	case p.Kind == ProofVerdict && p.Verdict != nil && p.Verdict.Outcome == Refuted && len(p.Verdict.Evidence) > 0:
		return nil
	case p.Kind != ProofAbsence || len(p.Absences) == 0:
		return fmt.Errorf("it closes with an empty proof")
	}
	for _, a := range p.Absences {
		if !a.CheckedAt.After(a.LastSeen) || !a.Explicit && a.Run == "" {
			return fmt.Errorf("it closes on a proof by %s that isn't one", a.Source)
		}
	}
	return nil
}
