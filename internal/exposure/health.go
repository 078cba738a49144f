package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Condition is what can be wrong with a source.
type Condition string

// The conditions of a source.
const (
	SourceLate      Condition = "late"      // no complete run within its objective
	SourceFailing   Condition = "failing"   // what came last failed, again and again
	SourceShrinking Condition = "shrinking" // its last complete run is much smaller than those before
	SourceSilent    Condition = "silent"    // nothing came at all
)

// Conditions are all of them, in the order of the documentation.
func Conditions() []Condition {
	return []Condition{SourceLate, SourceFailing, SourceShrinking, SourceSilent}
}

// Health is how a source is doing: since when it is watched, and what is wrong with it.
type Health struct {
	Source     string    `json:"source"`
	Version    int64     `json:"version"`
	Watched    time.Time `json:"watched"` // since when; a source that never came is measured from here
	Conditions []Ailment `json:"conditions,omitempty"`
}

// Ailment is one condition that a source has, or had until people are told that it ended.
type Ailment struct {
	Condition Condition `json:"condition"`
	Since     time.Time `json:"since"`
	Why       string    `json:"why"`
	LastGood  time.Time `json:"last_good,omitzero"` // check time of the last complete run
	Told      bool      `json:"told,omitempty"`     // that it began
	Ended     time.Time `json:"ended,omitzero"`     // people are still to be told that it ended
}

// Attempt is a delivery or a sync that has ended, and how it failed; no Problem: it didn't.
type Attempt struct {
	At      time.Time
	Problem string
}

// Look is what is known of a source at one time. Lists are newest first.
type Look struct {
	At       time.Time
	Fresh    time.Duration // how old the last complete run may be; zero: any age
	Quiet    time.Duration // how long nothing may come; zero: for ever
	Came     time.Time     // when something came last
	Runs     []Run
	Attempts []Attempt // deliveries
	Syncs    []Attempt // what of a failed sync was got is delivered and may well be read
}

// What makes a source ail.
const (
	failingAttempts = 3 // as many in a row
	shrinkingAmong  = 5 // runs before the last, whose median counts
	shrinkingLeast  = 3 // … of which there must be as many
)

// LastGood is the check time of the newest complete run; zero if there is none.
func LastGood(runs []Run) time.Time {
	var last time.Time
	for i := range runs {
		if r := &runs[i]; r.Complete && r.Finished.After(last) {
			last = r.Finished
		}
	}
	return last
}

// Seen is the health after a look: conditions that begin are added, those that last stay
// as they began, and those that ended are marked. It reports whether anything changed,
// and leaves Version to whoever writes.
func (h Health) Seen(look *Look) (Health, bool) {
	changed := h.Watched.IsZero()
	if changed {
		h.Watched = ms(look.At)
	}
	found := look.ailments(h.Watched)
	var kept []Ailment //nolint:prealloc // nil for a source that is well
	for _, a := range h.Conditions {
		i := slices.IndexFunc(found, func(f Ailment) bool { return f.Condition == a.Condition })
		switch {
		case !a.Ended.IsZero(): // told first; if it is back by then, it is another one
		case i < 0 && !a.Told: // over before anybody was told
			changed = true
			continue
		case i < 0:
			a.Ended, changed = ms(look.At), true
		}
		if i >= 0 {
			found = slices.Delete(found, i, i+1)
		}
		kept = append(kept, a)
	}
	changed = changed || len(found) > 0
	h.Conditions = slices.Concat(kept, found)
	slices.SortStableFunc(h.Conditions, func(a, b Ailment) int { return cmp.Compare(a.Condition, b.Condition) })
	return h, changed
}

// Ails are the conditions that the source has now.
func (h Health) Ails() []Ailment {
	var out []Ailment
	for _, a := range h.Conditions {
		if a.Ended.IsZero() {
			out = append(out, a)
		}
	}
	return out
}

// ailments is what is wrong at one look, without regard to what was before.
func (l *Look) ailments(watched time.Time) []Ailment {
	var out []Ailment
	good := LastGood(l.Runs)
	add := func(c Condition, since time.Time, why string) {
		out = append(out, Ailment{Condition: c, Since: ms(since), Why: why, LastGood: good})
	}
	if base := later(good, watched); l.Fresh > 0 && l.At.Sub(base) > l.Fresh {
		add(SourceLate, base.Add(l.Fresh), fmt.Sprintf("no complete run since %s, and one is expected within %s", day(base), l.Fresh))
	}
	switch {
	case failed(l.Syncs):
		add(SourceFailing, l.At, fmt.Sprintf("its last %d syncs failed, the newest with: %s", failingAttempts, l.Syncs[0].Problem))
	case failed(l.Attempts):
		add(SourceFailing, l.At, fmt.Sprintf("its last %d deliveries failed, the newest with: %s", failingAttempts, l.Attempts[0].Problem))
	}
	if why := l.shrunk(); why != "" {
		add(SourceShrinking, l.At, why)
	}
	if last := later(watched, l.Came); l.Quiet > 0 && l.At.Sub(last) > l.Quiet {
		add(SourceSilent, last.Add(l.Quiet), fmt.Sprintf("nothing has come since %s, and something is expected within %s", day(last), l.Quiet))
	}
	return out
}

// failed reports whether the newest attempts all failed.
func failed(attempts []Attempt) bool {
	return len(attempts) >= failingAttempts && !slices.ContainsFunc(attempts[:failingAttempts], func(a Attempt) bool { return a.Problem == "" })
}

// shrunk says in words that the last complete run has less than half of the targets or
// findings of those before it.
func (l *Look) shrunk() string {
	var complete []*Run
	for i := range l.Runs {
		if l.Runs[i].Complete && l.Runs[i].Kind == RunFull {
			complete = append(complete, &l.Runs[i])
		}
	}
	if len(complete) <= shrinkingLeast {
		return ""
	}
	last, before := complete[0], complete[1:min(len(complete), 1+shrinkingAmong)]
	for _, size := range []struct {
		what string
		of   func(*Run) int
	}{{"targets", func(r *Run) int { return r.Targets }}, {"findings", func(r *Run) int { return r.Counts["received"] }}} {
		sizes := make([]int, len(before))
		for i, r := range before {
			sizes[i] = size.of(r)
		}
		slices.Sort(sizes)
		if usual, now := sizes[len(sizes)/2], size.of(last); now*2 < usual {
			return fmt.Sprintf("its last complete run has %d %s, and the ones before had %d", now, size.what, usual)
		}
	}
	return ""
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func day(t time.Time) string { return t.Format("2006-01-02 15:04") }
