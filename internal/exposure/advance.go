package exposure

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// RefusedError is an event that the exposure's state doesn't allow. Its message says in
// plain words what state that is and what can be done instead.
type RefusedError struct {
	Kind  EventKind
	State State
	Why   string
}

// Error implements error.
func (e *RefusedError) Error() string {
	return "applying " + string(e.Kind) + " to this exposure: " + e.Why
}

// InvalidError is an event that lacks what its kind needs, in whatever state.
type InvalidError struct {
	Kind EventKind
	Why  string
}

// Error implements error.
func (e *InvalidError) Error() string { return "applying " + string(e.Kind) + ": " + e.Why }

// maxText is how long, in bytes, an event's reason and cause may be.
const maxText = 8 << 10

// Advance applies an event: it runs Next, folds what the event carries into the
// attributes, and links the event to the chain. The caller gives the event's kind,
// content, At, Actor and Cause; the event as recorded is the new exposure's LastEvent.
// The error is a *RefusedError or an *InvalidError, and then nothing has changed.
//
// The caller's values are left alone: nothing that e or ev points to is written to.
func Advance(e Exposure, ev Event) (Exposure, Step, error) {
	ev = canonical(ev)
	if why := incomplete(&e, &ev); why != "" {
		return e, Step{To: e.State, Outcome: Refused, Why: why}, &InvalidError{Kind: ev.Kind, Why: why}
	}
	step := next(&e, &ev)
	if step.Outcome == Refused {
		return e, step, &RefusedError{Kind: ev.Kind, State: e.State, Why: step.Why}
	}
	ev.Exposure, ev.Seq, ev.Prev = e.ID, e.LastEvent.Seq+1, e.Head
	ev.From, ev.To = e.State, step.To
	askedBy(&e, &ev)
	if step.Outcome == Moves {
		complete(&e, &ev)
		seal(&ev)
		move(&e, &ev)
	} else {
		// A proof or exception that did not come to anything has no place in the chain,
		// where it could be taken for one that did.
		ev.Proof, ev.Exception = nil, nil
		if step.Why != "" {
			ev.Request, ev.Wait = nil, nil
		}
		seal(&ev)
	}
	attributes(&e, &ev)
	if step.Why == "" {
		request(&e, &ev)
		wait(&e, &ev)
		untold(&e, &ev, step.Outcome == Moves)
	}
	e.LastEvent, e.Head = ev, ev.Hash
	e.State, e.UpdateAt = step.To, ev.At
	queue(&e, ev.At)
	e.Version++
	return e, step, nil
}

// askedBy names, in an event that ends a request or an exception, who had asked for it.
func askedBy(e *Exposure, ev *Event) {
	by := ""
	switch ev.Kind {
	case EventDeclined, EventWithdrawn, EventExpired:
		if e.Request != nil {
			by = e.Request.By
		}
	case EventLapse:
		if e.Exception != nil && e.State.Excepted() {
			by = e.Exception.By
		}
	default:
	}
	if by == "" {
		return
	}
	ev.Data = maps.Clone(ev.Data)
	if ev.Data == nil {
		ev.Data = map[string]string{}
	}
	ev.Data[DataAsked] = by
}

// queue keeps the exposure's place in the admission queue: it waits there while it is
// tracked and policy wants it worked on.
func queue(e *Exposure, at time.Time) {
	switch {
	case e.State != Tracked || !e.Decision.Admit:
		e.Queued = time.Time{}
	case e.Queued.IsZero():
		e.Queued = at
	}
}

// incomplete says what an event lacks to be recorded at all.
func incomplete(e *Exposure, ev *Event) string {
	switch {
	case ev.Cause == "" || len(ev.Cause) > maxText:
		return "a cause is required, of at most 8 KiB"
	case ev.Actor.Kind == "":
		return "an actor is required"
	case ev.At.IsZero():
		return "a time is required"
	case ev.Request != nil && len(ev.Request.Reason) > maxText || ev.Wait != nil && len(ev.Wait.Reason)+len(ev.Wait.Reference) > maxText:
		return "the reason is longer than 8 KiB"
	case len(ev.Reason) > maxText || ev.Exception != nil && len(ev.Exception.Reason) > maxText:
		return "the reason is longer than 8 KiB"
	}
	if due := ev.Data[DataDue]; due != "" {
		if _, err := time.Parse(time.RFC3339, due); err != nil {
			return "the due date isn't an RFC 3339 time"
		}
	}
	return malformed(e, ev)
}

// complete writes into a moving event what the invariants want it to carry, so that the
// chain alone shows that they hold.
func complete(e *Exposure, ev *Event) {
	switch to := ev.To; {
	case to == Closed && ev.Kind == EventRefuted:
		ev.Proof = &Proof{Kind: ProofVerdict, At: ev.Verdict.CheckedAt, Verdict: ev.Verdict}
	case to == Closed && ev.Kind == EventAbsent:
		ev.Proof = trimmed(ev.Proof, e.Sights)
	case to == Closed: // unmerge: the guard has held the old proof to the sights of today
		ev.Proof = e.Proof
	case to.Excepted() && ev.Kind == EventUnmerge:
		ev.Exception = e.Exception
	case to.Excepted() && ev.Kind == EventRefuted:
		ev.Exception = &Exception{Kind: to, By: ev.Actor.Name, Reason: "refuted: " + ev.Verdict.Reason, At: ev.At,
			EndsOn: []string{EndsOnEvidence}, Digest: EvidenceDigest(*e)}
	case to.Excepted():
		x := *ev.Exception
		x.Kind, x.At = to, ev.At
		if x.By == "" {
			x.By = ev.Actor.Name
		}
		if slices.Contains(x.EndsOn, EndsOnEvidence) {
			x.Digest = EvidenceDigest(*e)
		}
		ev.Exception = &x
	}
}

// trimmed is the proof with one entry for each reporting source, its last sights as the
// exposure knows them, and the latest check as its time.
func trimmed(p *Proof, sights []Sight) *Proof {
	out := Proof{Kind: p.Kind, Absences: make([]SourceProof, 0, len(sights))}
	for i := range sights {
		at := slices.IndexFunc(p.Absences, func(a SourceProof) bool { return a.Source == sights[i].Source })
		a := p.Absences[at] // validAbsence found one for each
		a.LastSeen = sights[i].LastSeen
		out.Absences = append(out.Absences, a)
		if a.CheckedAt.After(out.At) {
			out.At = a.CheckedAt
		}
	}
	return &out
}

// canonical makes an event such that every store engine gives back what it was given,
// or its hash would not hold: UTC, whole milliseconds. What it points to is copied.
func canonical(ev Event) Event {
	ev.At, ev.CheckedAt, ev.Until = ms(ev.At), ms(ev.CheckedAt), ms(ev.Until)
	ev.Verdict = canonicalVerdict(ev.Verdict)
	if ev.Proof != nil {
		p := *ev.Proof
		p.At, p.Verdict, p.Absences = ms(p.At), canonicalVerdict(p.Verdict), slices.Clone(p.Absences)
		for i := range p.Absences {
			a := &p.Absences[i]
			a.CheckedAt, a.LastSeen = ms(a.CheckedAt), ms(a.LastSeen)
		}
		ev.Proof = &p
	}
	if ev.Exception != nil {
		x := *ev.Exception
		x.At, x.Until, x.Asked, x.Approvals = ms(x.At), ms(x.Until), ms(x.Asked), canonicalApprovals(x.Approvals)
		ev.Exception = &x
	}
	if ev.Request != nil {
		r := *ev.Request
		r.At, r.Until, r.Expires, r.Approvals = ms(r.At), ms(r.Until), ms(r.Expires), canonicalApprovals(r.Approvals)
		ev.Request = &r
	}
	if ev.Wait != nil {
		w := *ev.Wait
		w.From, w.Until = ms(w.From), ms(w.Until)
		ev.Wait = &w
	}
	if ev.Owner != nil {
		o := *ev.Owner
		o.Since = ms(o.Since)
		ev.Owner = &o
	}
	if ev.Decision != nil {
		d := *ev.Decision
		d.At = ms(d.At)
		ev.Decision = &d
	}
	return ev
}

func canonicalApprovals(list []Approval) []Approval {
	out := slices.Clone(list)
	for i := range out {
		out[i].At = ms(out[i].At)
	}
	return out
}

func canonicalVerdict(v *Verdict) *Verdict {
	if v == nil {
		return nil
	}
	c := *v
	c.CheckedAt = ms(c.CheckedAt)
	return &c
}

func ms(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

// seal hashes the event. Text that isn't UTF-8 would be written differently once stored,
// and the hash with it, so it goes through JSON once, which mends it.
func seal(ev *Event) {
	ev.Hash = ""
	b, err := json.Marshal(ev)
	if err == nil && bytes.Contains(b, []byte(`\ufffd`)) {
		var mended Event
		if err = json.Unmarshal(b, &mended); err == nil {
			*ev = mended
			b, err = json.Marshal(ev)
		}
	}
	if err != nil { // as in Digest: only a broken type could get here
		panic("hashing an event: " + err.Error())
	}
	sum := sha256.Sum256(b)
	ev.Hash = hex.EncodeToString(sum[:])
}
