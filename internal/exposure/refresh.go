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
	At        time.Time // now
}

// Refresh replaces what a source says of an exposure and leaves alone what people
// decided. A newer run replaces the source's findings; the same run adds to them, since
// a run may come in several deliveries. An older run is history and changes nothing. It
// reports whether anything changed, and leaves Version to whoever writes.
func Refresh(e Exposure, in RefreshInput) (Exposure, bool) {
	in.CheckedAt, in.At = ms(in.CheckedAt), ms(in.At)
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
	e.Findings = mergeFindings(e.Findings, in, known && s.Run == in.Run && in.Run != "")
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

// look records in the source's sight what the run says: gone where every finding of it
// is explicitly fixed, else seen. "Suppressed" is opinion, and the weakness is still
// there; "not affected" is opinion too, but not a sight of the weakness.
func look(s *Sight, findings []Finding, in *RefreshInput) {
	seen, fixed, said := false, true, false
	for i := range findings {
		if f := &findings[i]; f.Source == in.Source {
			said = true
			seen = seen || f.Status != StatusFixed && f.Status != StatusNotAffected
			fixed = fixed && f.Status == StatusFixed
		}
	}
	s.CheckedAt, s.Run, s.Explicit = in.CheckedAt, in.Run, false
	switch {
	case seen:
		s.Presence, s.LastSeen = Observed, in.CheckedAt
	case said && fixed:
		s.Presence, s.Explicit = VerifiedAbsent, true
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

// weight orders findings by severity; a fixed one speaks only where no other does.
func weight(f *Finding) int {
	w := f.Severity.Rank()
	if f.Status == StatusFixed {
		w -= SeverityCritical.Rank() + 1
	}
	return w
}

func sightOf(sights []Sight, source string) (int, bool) {
	return slices.BinarySearchFunc(sights, source, func(s Sight, source string) int { return strings.Compare(s.Source, source) })
}
