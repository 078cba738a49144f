package exposure

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// RefreshInput is what one source says of one exposure in one run.
type RefreshInput struct {
	Asset     asset.Asset // as it is now: name, scopes and addresses are copied from it
	Findings  []Finding   // all of one exposure
	Source    string
	Run       string
	CheckedAt time.Time // when the check ran
	SeenAt    time.Time // when it was last seen, where the source says that this was before the check; zero: by the check
	At        time.Time // now
	// Adds is set where the findings given are not all that there is to say of the exposure:
	// the run says more of it elsewhere, which is known already, or it is an event, or tells
	// what changed. They join the source's others, of which it says nothing.
	Adds       bool
	ApprovedBy string // who approved the run, where the breaker held it
}

// Refresh replaces what a source says of an exposure and leaves alone what people
// decided. A newer run replaces the source's findings; the same run adds to them, since
// a run may come in several deliveries. An older run is history and changes nothing. It
// reports whether anything changed, and leaves Version to whoever writes.
func Refresh(e Exposure, in RefreshInput) (Exposure, bool) {
	in.CheckedAt, in.SeenAt, in.At = ms(in.CheckedAt), ms(in.SeenAt), ms(in.At)
	if i, known := sightOf(e.Sights, in.Source); known && in.CheckedAt.Before(e.Sights[i].CheckedAt) {
		return e, false
	}
	before := e
	e = refresh(e, &in)
	e.UpdateAt = before.UpdateAt
	if reflect.DeepEqual(before, e) {
		return before, false
	}
	e.UpdateAt = in.At
	return e, true
}

func refresh(e Exposure, in *RefreshInput) Exposure {
	e.Sights = slices.Clone(e.Sights)
	i, known := sightOf(e.Sights, in.Source)
	if !known {
		e.Sights = slices.Insert(e.Sights, i, Sight{Source: in.Source})
	}
	s := &e.Sights[i]
	e.Findings = mergeFindings(e.Findings, in, known && (in.Adds || s.Run == in.Run && in.Run != ""))
	look(s, e.Findings, in)

	e.Asset, e.AssetName = in.Asset.ID, in.Asset.Name
	e.Sources = addSorted(e.Sources, in.Source)
	summarize(&e)
	e.Verification = VerificationOf(in.Asset, e.Findings)
	e.Presence = PresenceOf(e.Sights)
	return e
}

// mergeFindings gives the findings with the source's replaced, sorted by source and UID.
func mergeFindings(old []Finding, in *RefreshInput, sameRun bool) []Finding {
	out := make([]Finding, 0, len(old)+len(in.Findings))
	for i := range old {
		f := &old[i]
		if f.Source != in.Source || sameRun && !slices.ContainsFunc(in.Findings, func(n Finding) bool { return n.UID == f.UID }) {
			out = append(out, *f)
		}
	}
	for i := range in.Findings {
		f := in.Findings[i]
		f.Source = in.Source
		f.FirstSeen, f.LastSeen = ms(f.FirstSeen), ms(f.LastSeen)
		if f.LastSeen.IsZero() {
			f.LastSeen = in.CheckedAt
		}
		if f.FirstSeen.IsZero() || f.FirstSeen.After(f.LastSeen) {
			f.FirstSeen = f.LastSeen
		}
		for j := range old {
			if old[j].Source == f.Source && old[j].UID == f.UID && old[j].FirstSeen.Before(f.FirstSeen) {
				f.FirstSeen = old[j].FirstSeen
			}
		}
		out = append(out, f)
	}
	if len(out) > 1 {
		slices.SortStableFunc(out, func(a, b Finding) int {
			return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.UID, b.UID))
		})
	}
	return out
}

// look records in the source's sight what the run says: seen where any finding of it is a
// sight, gone where every one is explicitly fixed. All else is a word about the finding and
// none about the weakness: it proves nothing, and it undoes what was proven before, since
// a source's last word counts.
func look(s *Sight, findings []Finding, in *RefreshInput) {
	seen, fixed, said := false, true, false
	for i := range findings {
		if f := &findings[i]; f.Source == in.Source {
			said = true
			seen = seen || f.Status.Sees()
			fixed = fixed && f.Status == StatusFixed
		}
	}
	s.CheckedAt, s.Run, s.Explicit, s.ApprovedBy = in.CheckedAt, in.Run, false, ""
	switch {
	case seen:
		at := in.CheckedAt
		if !in.SeenAt.IsZero() {
			at = in.SeenAt
		}
		s.Presence = Observed
		if in.Adds && !slices.ContainsFunc(in.Findings, func(f Finding) bool { return f.Status.Sees() }) {
			return // another finding is still there, and was not seen just now
		}
		if at.After(s.LastSeen) || in.SeenAt.IsZero() {
			s.LastSeen = at
		}
	case said && fixed:
		s.Presence, s.Explicit, s.ApprovedBy = VerifiedAbsent, true, in.ApprovedBy
	default:
		s.Presence = NotObserved
	}
}

// summarize recomputes what is a view over the findings: the worst severity and its
// title, all the CVEs, and since when and until when it was seen.
func summarize(e *Exposure) {
	worst := -1
	e.Severity, e.CVEs = SeverityUnknown, nil
	for i := range e.Findings {
		f := &e.Findings[i]
		if worst == -1 || weight(f) > weight(&e.Findings[worst]) {
			worst = i
		}
		for _, cve := range f.CVEs {
			e.CVEs = addSorted(e.CVEs, cve)
		}
		if e.FirstSeen.IsZero() || f.FirstSeen.Before(e.FirstSeen) {
			e.FirstSeen = f.FirstSeen
		}
	}
	if worst >= 0 {
		f := &e.Findings[worst]
		e.Severity, e.Title = f.Severity, f.Title
		if e.Severity == "" {
			e.Severity = SeverityUnknown
		}
	}
	for i := range e.Sights {
		if e.Sights[i].LastSeen.After(e.LastSeen) {
			e.LastSeen = e.Sights[i].LastSeen
		}
	}
}

// weight orders findings by severity; one that isn't seen speaks only where none is that
// is, and a fixed one only where no other does.
func weight(f *Finding) int {
	w := f.Severity.Rank()
	const below = 6 // more than there are severities
	switch {
	case f.Status == StatusFixed:
		w -= 2 * below
	case !f.Status.Sees():
		w -= below
	}
	return w
}

func sightOf(sights []Sight, source string) (int, bool) {
	return slices.BinarySearchFunc(sights, source, func(s Sight, source string) int { return strings.Compare(s.Source, source) })
}
