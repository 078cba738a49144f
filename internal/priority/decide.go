package priority

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exposure"
)

// Decider decides under one policy. It is immutable, and safe for concurrent use.
type Decider struct {
	policy    Policy
	digest    string
	calendars calendar.Set
}

// NewDecider makes a decider of a policy that is valid.
func NewDecider(policy Policy) Decider {
	calendars, _ := calendar.Compile(policy.Calendars) // Validate has found what is wrong with them
	return Decider{policy: policy, digest: policy.Digest(), calendars: calendars}
}

// Calendar gives the calendar of that name, or the policy's own; nil: time is counted by
// the clock.
func (d Decider) Calendar(name string) *calendar.Calendar {
	if name == "" {
		name = d.policy.Calendar
	}
	return d.calendars.Named(name)
}

// Policy is the policy that it decides under.
func (d Decider) Policy() Policy { return d.policy }

// Decide decides on one exposure under a policy, see Decider.Decide.
func Decide(in Inputs, policy Policy, at time.Time) (exposure.Decision, time.Time) {
	return NewDecider(policy).Decide(in, at)
}

// Decide gives the decision and the due date. Where there is no fresh KEV snapshot, what
// would be worked on is held instead: Admit is false and Held says why. That stops new
// admissions; it is no reason to stop work that is under way.
//
// Two decisions with equal digests are equal, with equal due dates, but for At and Intel:
// new intelligence that changes nothing about an exposure need not be written down, and
// the old Intel is still what it was decided on.
func (d Decider) Decide(in Inputs, at time.Time) (exposure.Decision, time.Time) {
	snapshot := d.freshness(&in, at)
	d.settle(&in, snapshot)
	outcome, timeline := worst(in)
	if in.excused != "" { // an opinion, so the exposure stays; but nobody is sent after it
		outcome, timeline = exposure.Track, Upgrade
	}
	due, dueWhy := d.due(&in, outcome, timeline)
	due, dueWhy = d.hasten(&in, due, dueWhy)
	admit, admitWhy := d.admits(&in, outcome, timeline)
	held := ""
	// What KEV lists is known to be exploited, however old the list.
	if admit && snapshot != freshSnapshot && (snapshot == noSnapshot || in.KEV.Value != Yes) {
		admit, held = false, d.held(snapshot)
	}
	return exposure.Decision{
		Outcome: outcome,
		Why:     append(reasons(&in, outcome, timeline), dueWhy, admitWhy),
		Inputs:  values(&in),
		Missing: missing(in, outcome, timeline),
		BOD:     string(timeline),
		Policy:  d.digest,
		Intel:   in.Intel,
		Digest:  d.sum(&in, held),
		Admit:   admit,
		Held:    held,
		At:      at.UTC().Truncate(time.Millisecond),
	}, due
}

// freshness says what the KEV snapshot is worth.
type freshness string

const (
	noSnapshot    freshness = "none"
	staleSnapshot freshness = "stale"
	freshSnapshot freshness = "fresh"
)

func (d Decider) freshness(in *Inputs, at time.Time) freshness {
	switch {
	case in.KEVTaken.IsZero():
		return noSnapshot
	case at.Sub(in.KEVTaken) > d.policy.IntelMaxAge.Std():
		return staleSnapshot
	}
	return freshSnapshot
}

func (d Decider) held(f freshness) string {
	if f == noSnapshot {
		return "no KEV snapshot is loaded: run quell intel import with CISA's known_exploited_vulnerabilities.json"
	}
	return "the KEV snapshot was loaded more than " + d.policy.IntelMaxAge.String() + " ago: run quell intel import with a newer one"
}

// settle draws the conclusions that take the policy or the time: an old KEV snapshot
// doesn't say what isn't exploited, KEV is evidence of exploitation, and a high EPSS
// probability counts as a proof of concept but never as exploitation.
func (d Decider) settle(in *Inputs, f freshness) {
	for i := range inputs {
		fact := in.fact(i)
		if *fact = (Fact{fact.or(), fact.From}); !fact.Known() {
			fact.From = ""
		}
	}
	in.excused = d.excuse(in)
	if f != freshSnapshot && in.CVE && in.KEV.Value == No {
		in.KEV = Fact{Value: Unknown}
	}
	if in.KEV.Value == Yes && in.Exploitation.Value != Active {
		in.Exploitation = Fact{Active, in.KEV.From}
	}
	if in.EPSS > 0 && float64(in.EPSS) >= d.policy.EPSSPoC && (in.Exploitation.Value == Unknown || in.Exploitation.Value == None) {
		in.Exploitation = Fact{PoC, "EPSS of " + number(d.policy.EPSSPoC) + " or more"}
	}
}

// completed puts the worst possible value in the place of each unknown one. Both tables
// rise with every input, so that this is the worst of all combinations. Exploitation is
// active only on evidence; without a word from KEV there may be evidence.
func completed(in Inputs) Inputs {
	for i := range inputs {
		if fact := in.fact(i); !fact.Known() {
			fact.Value = inputs[i].worst
		}
	}
	if in.KEV.Value == Yes {
		in.Exploitation.Value = Active
	}
	return in
}

func worst(in Inputs) (exposure.DecisionOutcome, Timeline) {
	in = completed(in)
	outcome, ok := SSVC(in.Exploitation.Value, in.Automatable.Value, in.TechnicalImpact.Value, in.MissionImpact.Value)
	timeline, ok2 := BOD(in.KEV.Value, in.PubliclyExposed.Value, in.Automatable.Value, in.TechnicalImpact.Value)
	if !ok || !ok2 {
		// A value that the input doesn't take is a defect of the caller's. The most urgent
		// is the one wrong answer that somebody looks at.
		return exposure.Act, Days3Forensic
	}
	return outcome, timeline
}

// missing says which unknown fact would lower the outcome most, were it at its best; then
// which would lengthen the timeline most. Empty where none of them alone would do either.
func missing(in Inputs, outcome exposure.DecisionOutcome, timeline Timeline) string {
	var text string
	var most int
	if in.excused != "" {
		return "" // no fact would move it
	}
	for i, each := range inputs {
		if in.fact(i).Known() {
			continue
		}
		better := in
		better.fact(i).Value = each.best
		o, t := worst(better)
		// An outcome's step weighs more than all steps of timelines together.
		drop := (outcome.Rank()-o.Rank())*len(timelines()) + timeline.Rank() - t.Rank()
		if drop <= most {
			continue
		}
		most = drop
		text = each.words + " is unknown: were it " + string(each.best) + ", "
		if o != outcome {
			text += "the decision would be " + string(o) + " instead of " + string(outcome)
		} else {
			text += "the timeline would be " + string(t) + " instead of " + string(timeline)
		}
		text += "; " + each.hint
	}
	return text
}

// values are the inputs for the record.
func values(in *Inputs) map[string]string {
	out := make(map[string]string, 6)
	for i, each := range inputs {
		out[each.key] = string(in.fact(i).Value)
	}
	return out
}

// sum hashes everything that the decision and the due date depend on, as settled: a new
// EPSS score on the same side of the threshold, or a new KEV release without a word on
// this CVE, is the same.
func (d Decider) sum(in *Inputs, held string) string {
	b := make([]byte, 0, 512)
	text := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	text(d.digest)
	text(held)
	for i := range inputs {
		fact := in.fact(i)
		text(string(fact.Value))
		text(fact.From)
	}
	b = binary.AppendVarint(b, in.Since.UnixMilli())
	b = binary.AppendVarint(b, in.KEVAdded.UnixMilli())
	for _, t := range tolerances(in) {
		text(string(t))
	}
	if in.excused != "" {
		text(in.excused)
	}
	if c := d.Calendar(in.Calendar); c != nil {
		text("calendar " + c.Name())
	}
	if in.Campaign != nil {
		text("campaign " + in.Campaign.Campaign)
		b = binary.AppendVarint(b, in.Campaign.Until.UnixMilli())
	}
	for i := range in.Waits {
		w := &in.Waits[i]
		text("waits " + strconv.FormatBool(w.Approved))
		b = binary.AppendVarint(b, w.From.UnixMilli())
		b = binary.AppendVarint(b, w.Until.UnixMilli())
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}

// tolerances gives what the scopes say in a fixed order, each once.
func tolerances(in *Inputs) []exposure.DecisionOutcome {
	if len(in.Tolerances) < 2 {
		return in.Tolerances
	}
	out := slices.Clone(in.Tolerances)
	slices.Sort(out)
	return slices.Compact(out)
}
