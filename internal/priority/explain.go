package priority

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

const day = "2006-01-02"

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// reasons says what the decision is made of, one line for each fact that is known and one
// for all that aren't.
func reasons(in *Inputs, outcome exposure.DecisionOutcome, timeline Timeline) []string {
	lines := make([]string, 0, 10)
	if in.excused != "" {
		lines = append(lines, in.excused)
		outcome, timeline = worst(*in) // what it would be without
	}
	lines = append(lines, "SSVC Coordinator 2.0.3 says "+string(outcome)+", BOD 26-04 says "+string(timeline))
	full := completed(*in)
	var unknown []string
	for i, each := range inputs {
		fact := in.fact(i)
		name := strings.ReplaceAll(each.key, "_", " ")
		if !fact.Known() {
			unknown = append(unknown, name+" "+string(full.fact(i).Value))
			continue
		}
		line := name + " " + string(fact.Value)
		if fact.From != "" {
			line += ": " + fact.From
		}
		lines = append(lines, line)
	}
	if len(unknown) > 0 {
		lines = append(lines, "unknown, so taken at the worst: "+strings.Join(unknown, ", "))
	}
	return lines
}

// due is the earlier of the directive's timeline and the policy's time for the outcome.
// Both run from when the exposure was seen, or from when it came into KEV if that was
// later, since nobody can be late for what wasn't known.
func (d Decider) due(in *Inputs, outcome exposure.DecisionOutcome, timeline Timeline) (time.Time, string) {
	start, from := in.Since, "when it was seen"
	if in.KEV.Value == Yes && in.KEVAdded.After(start) {
		start, from = in.KEVAdded, "when it came into KEV"
	}
	length := d.policy.Due.of(outcome)
	limit, limited := timeline.Length()
	paused, waiting := in.paused(start)
	begin := start.Add(paused)
	rule := "the policy gives " + length.String() + " for " + string(outcome)
	bod := "BOD 26-04 gives " + string(timeline)
	office := d.Calendar(in.Calendar)
	if office == nil {
		span := length.Std()
		if limited && limit <= span {
			span, rule = limit, bod
		}
		due := begin.Add(span).UTC().Truncate(time.Millisecond)
		return due, "due " + due.Format(day) + ": " + rule + " from " + start.UTC().Format(day) + ", " + from + waiting
	}
	business := slices.Contains(d.policy.Business, outcome)
	due := office.Due(begin, length.Std(), business)
	if business {
		rule += " in business days"
	}
	if limited {
		if first := office.Due(begin, limit, false); !first.After(due) {
			due, rule = first, bod
		}
	}
	return due.UTC(), "due " + due.In(office.Zone()).Format("2006-01-02 15:04 MST") + " by the calendar " + office.Name() + ": " + rule + " from " +
		start.In(office.Zone()).Format(day) + ", " + from + waiting
}

// paused is for how long the clock stood still since a time, or will, and why in words.
// What is known to be exploited waits only where an approver said so.
func (in *Inputs) paused(since time.Time) (sum time.Duration, why string) {
	var told strings.Builder
	for i := range in.Waits {
		w := &in.Waits[i]
		from := w.From
		if from.Before(since) {
			from = since
		}
		if span := w.Until.Sub(from); span > 0 && (in.KEV.Value != Yes || w.Approved) {
			sum += span
			told.WriteString("; its clock stands still from " + from.UTC().Format(day) + " to " + w.Until.UTC().Format(day) + ", waiting for a " + strings.ReplaceAll(w.For, "_", " "))
		}
	}
	return sum, told.String()
}

// hasten brings a due date forward to the deadline of a campaign. Nothing puts it off: what
// the policy wants earlier is due earlier.
func (d Decider) hasten(in *Inputs, due time.Time, why string) (time.Time, string) {
	m := in.Campaign
	if m == nil || !due.IsZero() && !m.Until.Before(due) {
		return due, why
	}
	when := m.Until.UTC().Format(day)
	if office := d.Calendar(in.Calendar); office != nil {
		when = m.Until.In(office.Zone()).Format("2006-01-02 15:04 MST")
	}
	return m.Until.UTC(), "due " + when + ": the campaign " + m.Name + " wants it fixed by then; without it, " + why
}

// admits says whether the exposure is to be worked on, and why. Every scope of the asset
// is asked, and one that wants it is enough.
func (d Decider) admits(in *Inputs, outcome exposure.DecisionOutcome, timeline Timeline) (admitted bool, why string) {
	length, timed := timeline.Length()
	if timed && timeline.Rank() >= Days3.Rank() {
		return true, "worked on: a timeline of three days never waits"
	}
	scopes := in.Tolerances
	if len(scopes) == 0 {
		scopes = []exposure.DecisionOutcome{""}
	}
	for _, tolerance := range scopes {
		switch {
		case tolerance != "" && outcome.Rank() > tolerance.Rank():
			return true, "worked on: a scope tolerates " + string(tolerance) + " at most"
		case tolerance != "":
		case outcome.Rank() >= d.policy.AdmitFrom.Rank():
			return true, "worked on: the policy admits from " + string(d.policy.AdmitFrom)
		case timed && length <= d.policy.AdmitWithin.Std():
			return true, "worked on: the policy admits timelines up to " + d.policy.AdmitWithin.String()
		}
	}
	if in.Campaign != nil && in.excused == "" {
		return true, "worked on: it is part of the campaign " + in.Campaign.Name
	}
	return false, "tracked: neither the policy nor a scope asks for work on " + string(outcome) + " with " + string(timeline)
}
