package asset

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Event is one line of an asset's history. A merge keeps both assets as they were, so
// that it can be undone.
type Event struct {
	Asset       ID        `json:"asset"`
	Seq         int64     `json:"seq"` // the version that the asset has by it
	Kind        EventKind `json:"kind"`
	Other       ID        `json:"other,omitempty"`
	Why         string    `json:"why"`
	At          time.Time `json:"at"`
	Actor       string    `json:"actor,omitempty"` // "source:nessus-dc1", "person:ann"
	Cause       string    `json:"cause,omitempty"` // idempotency key
	Before      *Asset    `json:"before,omitempty"`
	OtherBefore *Asset    `json:"other_before,omitempty"`
}

// EventKind is what happened to an asset.
type EventKind string

// The asset events.
const (
	EventCreated  EventKind = "created"
	EventMerged   EventKind = "merged"   // Other was merged into Asset
	EventRefused  EventKind = "refused"  // Other was not, although something pointed to it
	EventUnmerged EventKind = "unmerged" // a merge was undone
	EventSplit    EventKind = "split"    // Other was taken out of Asset
	EventRetired  EventKind = "retired"
	EventRevived  EventKind = "revived" // seen again after it had retired
)

// EventID is the _id of an asset event in the store: the same cause, on the same pair, is
// the same event, however often an ingest is replayed.
func (e Event) EventID() string {
	cause := e.Cause
	if cause == "" {
		cause = fmt.Sprintf("seq:%d", e.Seq)
	}
	return strings.Join([]string{string(e.Asset), string(e.Kind), string(e.Other), cause}, "|")
}

// Created is the event of a new asset.
func Created(a Asset, why string, at time.Time) Event {
	return Event{Asset: a.ID, Seq: a.Version, Kind: EventCreated, Why: why, At: ms(at)}
}

// RefusedEvent is the event of a candidate that is not the asset although something
// points to it.
func RefusedEvent(a Asset, r Refusal, at time.Time) Event {
	return Event{Asset: a.ID, Seq: a.Version, Kind: EventRefused, Other: r.Asset, Why: r.Why, At: ms(at)}
}

// Merge makes two assets one. The survivor learns all that the other knows; the other
// points to it. Both versions go up by one. The caller adds Actor and Cause to the event.
func Merge(survivor, other Asset, why string, at time.Time) (Asset, Asset, Event) {
	before, otherBefore := survivor, other
	s := survivor
	newer := other.LastSeen.After(survivor.LastSeen)
	s.Identifiers = unionKnown(survivor.Identifiers, other.Identifiers)
	s.Tags = withTags(survivor.Tags, other.Tags, newer)
	s.Services = withServices(survivor.Services, other.Services, "", other.LastSeen)
	s.OwnerHints = (*Precedence)(nil).withHints(survivor.OwnerHints, other.OwnerHints, "", time.Time{})
	s.Words = unionWords(survivor.Words, other.Words, func(w *Word) bool { // a tag's word goes where its value is from
		key, tag := strings.CutPrefix(w.Field, "tag:")
		return !tag || s.Tags[key] == other.Tags[key]
	})
	s.Kind = cmp.Or(survivor.Kind, other.Kind)
	s.Name = cmp.Or(survivor.Name, other.Name)
	if other.Name != "" && s.nameless(survivor.Name) == stub && s.nameless(other.Name) != stub {
		s.Name = other.Name
	}
	s.OS = cmp.Or(survivor.OS, other.OS)
	s.Zone = cmp.Or(survivor.Zone, other.Zone)
	s.Owner = cmp.Or(survivor.Owner, other.Owner)
	s.Internet = worstInternet(survivor.Internet, other.Internet)
	s.Sources = union(survivor.Sources, other.Sources)
	s.Scopes = union(survivor.Scopes, other.Scopes)
	s.Aliases = union(union(survivor.Aliases, other.Aliases), []ID{other.ID})
	s.Former = union(survivor.Former, other.Former)
	if other.Born != "" {
		s.Former = union(s.Former, []ID{other.Born})
	}
	for _, w := range other.Apart {
		s.Apart = withApart(s.Apart, w)
	}
	if other.FirstSeen.Before(s.FirstSeen) && !other.FirstSeen.IsZero() {
		s.FirstSeen = other.FirstSeen
	}
	if newer {
		s.LastSeen = other.LastSeen
	}
	s.Retired = survivor.Retired && other.Retired
	s.Ephemeral = cmp.Or(survivor.Ephemeral, other.Ephemeral)
	if survivor.Gone.IsZero() != other.Gone.IsZero() { // what one of them is known to do, the one that they are does
		s.Gone = time.Time{}
	}
	s.Version++
	s.UpdatedAt = ms(at)
	o := other
	o.MergedInto = s.ID
	o.Version++
	o.UpdatedAt = ms(at)
	return s, o, Event{Asset: s.ID, Seq: s.Version, Kind: EventMerged, Other: o.ID, Why: why, At: ms(at),
		Before: &before, OtherBefore: &otherBefore}
}

// worstInternet is yes if either is: what one source could reach is reachable.
func worstInternet(a, b string) string {
	if a == InternetYes || b == InternetYes {
		return InternetYes
	}
	return cmp.Or(a, b)
}

// Undo takes a merge back: given both assets as they are now and the merge's event, it
// gives them as they were, with what was learned since. What the merge brought goes back
// to the other, with its newest dates; what came later stays with the survivor. Both
// versions go up by one.
func Undo(survivor, other Asset, merge Event, why string, at time.Time) (Asset, Asset, Event, error) {
	switch {
	case merge.Kind != EventMerged || merge.Before == nil || merge.OtherBefore == nil:
		return survivor, other, Event{}, errors.New("undoing a merge: the event isn't a merge")
	case merge.Asset != survivor.ID || merge.Other != other.ID:
		return survivor, other, Event{}, errors.New("undoing a merge: the event is about other assets")
	case other.MergedInto != survivor.ID:
		return survivor, other, Event{}, fmt.Errorf("undoing a merge: %s isn't merged into %s", other.ID, survivor.ID)
	}
	was, otherWas := *merge.Before, *merge.OtherBefore
	merged, _, _ := Merge(was, otherWas, merge.Why, merge.At)
	s, o := survivor, otherWas

	s.Identifiers, o.Identifiers = splitKnown(survivor.Identifiers, was.Identifiers, otherWas.Identifiers)
	s.Tags = splitTags(survivor.Tags, merged.Tags, was.Tags)
	s.Services = split(survivor.Services, merged.Services, was.Services, byPort)
	s.Words = split(survivor.Words, merged.Words, was.Words, byWord)
	s.OwnerHints = split(survivor.OwnerHints, merged.OwnerHints, was.OwnerHints, byOrigin)
	s.Sources = split(survivor.Sources, merged.Sources, was.Sources, strings.Compare)
	s.Scopes = split(survivor.Scopes, merged.Scopes, was.Scopes, strings.Compare)
	s.Aliases = split(survivor.Aliases, merged.Aliases, was.Aliases, byID)
	s.Former = split(survivor.Former, merged.Former, was.Former, byID)
	s.Apart = split(survivor.Apart, merged.Apart, was.Apart, func(a, b Apart) int { return byID(a.Asset, b.Asset) })
	for _, f := range []struct{ now, merged, was *string }{
		{&s.Name, &merged.Name, &was.Name}, {&s.OS, &merged.OS, &was.OS}, {&s.Zone, &merged.Zone, &was.Zone},
		{&s.Owner, &merged.Owner, &was.Owner}, {&s.Ephemeral, &merged.Ephemeral, &was.Ephemeral}, {&s.Internet, &merged.Internet, &was.Internet},
	} {
		if *f.now == *f.merged {
			*f.now = *f.was
		}
	}
	if s.Kind == merged.Kind {
		s.Kind = was.Kind
	}
	if s.FirstSeen.Equal(merged.FirstSeen) {
		s.FirstSeen = was.FirstSeen
	}
	if s.LastSeen.Equal(merged.LastSeen) {
		s.LastSeen = was.LastSeen
	}
	if s.Retired == merged.Retired {
		s.Retired = was.Retired
	}
	if s.Gone.Equal(merged.Gone) {
		s.Gone = was.Gone
	}
	o.Sources = union(o.Sources, sourcesOf(o.Identifiers))
	s.Sources = slices.DeleteFunc(slices.Clone(s.Sources), func(source string) bool { // they came for what the other has
		return slices.Contains(o.Sources, source) && !slices.Contains(was.Sources, source) && !slices.Contains(sourcesOf(s.Identifiers), source)
	})
	s.Version, o.Version = survivor.Version+1, other.Version+1
	s.UpdatedAt, o.UpdatedAt = ms(at), ms(at)
	return s, o, Event{Asset: s.ID, Seq: s.Version, Kind: EventUnmerged, Other: o.ID, Why: why, At: ms(at)}, nil
}

// unionWords joins what was said of two assets: of one source the newer word, of a tag the
// one whose value holds.
func unionWords(a, b []Word, holds func(*Word) bool) []Word {
	out := slices.Clone(a)
	for _, w := range b {
		i, found := slices.BinarySearchFunc(out, w, byField)
		if strings.HasPrefix(w.Field, "tag:") {
			i, found = slices.BinarySearchFunc(out, w.Field, func(x Word, field string) int { return strings.Compare(x.Field, field) })
		}
		switch {
		case !holds(&w):
		case !found && len(out) < maxWords:
			out = slices.Insert(out, i, w)
		case found && w.At.After(out[i].At):
			out[i] = w
		}
	}
	return out
}

func byID(a, b ID) int { return strings.Compare(string(a), string(b)) }

func unionKnown(a, b []Known) []Known {
	out := slices.Clone(a)
	for _, k := range b {
		out = withIdentifiers(out, []Identifier{k.Identifier}, k.Source, k.FirstSeen)
		out = withIdentifiers(out, []Identifier{k.Identifier}, k.Source, k.LastSeen)
	}
	return out
}

// splitKnown divides the identifiers of a merged asset: each goes to whom it belonged, to
// both if both had it, whoever says so by now, and to the survivor if it came later.
func splitKnown(now, was, otherWas []Known) (survivor, other []Known) {
	other = slices.Clone(otherWas)
	has := func(list []Known, id Identifier) bool {
		return slices.ContainsFunc(list, func(k Known) bool { return k.Identifier == id })
	}
	for _, k := range now {
		i, mine := slices.BinarySearchFunc(was, k, byKey)
		j, theirs := slices.BinarySearchFunc(otherWas, k, byKey)
		switch {
		case mine:
			if theirs { // the union of their dates was never one thing's
				k.FirstSeen, k.LastSeen = later(k, was[i], otherWas[j])
			}
			survivor = append(survivor, k)
		case theirs:
			at, _ := slices.BinarySearchFunc(other, k, byKey)
			other[at].LastSeen = k.LastSeen
		case has(otherWas, k.Identifier) && !has(was, k.Identifier): // another source's word for it came later
			at, _ := slices.BinarySearchFunc(other, k, byKey)
			other = slices.Insert(other, at, k)
		default:
			survivor = append(survivor, k)
		}
	}
	return survivor, other
}

// later gives the dates of an identifier that both had: what was known before the merge,
// and a newer sight if there was one since.
func later(now, was, otherWas Known) (first, last time.Time) {
	last = was.LastSeen
	if now.LastSeen.After(was.LastSeen) && now.LastSeen.After(otherWas.LastSeen) {
		last = now.LastSeen
	}
	return was.FirstSeen, last
}

func splitTags(now, merged, was map[string]string) map[string]string {
	out := maps.Clone(now)
	for k, v := range now {
		old, had := was[k]
		switch {
		case merged[k] != v: // changed since: the newest word stays
		case had:
			out[k] = old
		default:
			delete(out, k)
		}
	}
	if len(out) == 0 && was == nil {
		return nil
	}
	return out
}

// split takes back from a list what a merge brought: what is now as the merge left it
// becomes as it was before, or goes; what changed or came since stays.
func split[T comparable](now, merged, was []T, order func(a, b T) int) []T {
	var out []T
	for _, v := range now {
		same := func(o T) bool { return order(o, v) == 0 }
		m, b := slices.IndexFunc(merged, same), slices.IndexFunc(was, same)
		switch {
		case m < 0 || merged[m] != v:
			out = append(out, v)
		case b >= 0:
			out = append(out, was[b])
		}
	}
	return out
}

func byOrigin(a, b OwnerHint) int {
	return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.From, b.From))
}

func union[T cmp.Ordered](a, b []T) []T {
	if len(b) == 0 {
		return a
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
