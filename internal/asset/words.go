package asset

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// The fields that sources may say different things about, as precedence names them. A
// tag's field is "tag:" and its key.
const (
	FieldName     = "name"
	FieldOS       = "os"
	FieldZone     = "zone"
	FieldInternet = "internet"
	FieldKind     = "kind"
	FieldOwner    = "owner"
	FieldTags     = "tags"
)

// Fields are all of them, in the order of the documentation.
func Fields() []string {
	return []string{FieldName, FieldKind, FieldOwner, FieldOS, FieldZone, FieldInternet, FieldTags}
}

// Word is what one source last said of one field. Of a tag only the word that holds is
// kept, without its value, which is the asset's own.
type Word struct {
	Field  string    `json:"field"`
	Source string    `json:"source"`
	Value  string    `json:"value,omitempty"`
	At     time.Time `json:"at"`
}

// maxWords bounds the words of one asset: five fields, and its tags.
const maxWords = maxTags + 256

// Precedence says whose word on a field holds. The zero value knows nothing of sources:
// the newest word holds.
type Precedence struct {
	Lists   map[string][]string // field → sources or connectors, the first first; all others come after
	Sources map[string]Origin   // by name
}

// Origin is what precedence needs to know of a source.
type Origin struct {
	Connector string
	Inventory bool // it is there to know what there is, not what is wrong with it
}

// rank orders sources for a field, the best first. Where no list says otherwise, an
// inventory knows better than a scanner what a thing is, how it is called and whose it is.
func (p *Precedence) rank(field, source string) int {
	if p == nil {
		return 0
	}
	if strings.HasPrefix(field, "tag:") {
		field = FieldTags
	}
	origin := p.Sources[source]
	if list := p.Lists[field]; len(list) > 0 {
		for i, name := range list {
			if name == source || name == origin.Connector && name != "" {
				return i
			}
		}
		return len(list)
	}
	switch field {
	case FieldName, FieldKind, FieldOwner:
		if len(p.Sources) > 0 && !origin.Inventory {
			return 1
		}
	}
	return 0
}

// better reports whether a word holds against another.
func (p *Precedence) better(a, b *Word) bool {
	x, y := p.rank(a.Field, a.Source), p.rank(b.Field, b.Source)
	return x < y || x == y && a.At.After(b.At)
}

func byField(a, b Word) int {
	if c := strings.Compare(a.Field, b.Field); c != 0 {
		return c
	}
	return strings.Compare(a.Source, b.Source)
}

// byWord orders words as they are kept: one for each field and source, and one for a tag.
func byWord(a, b Word) int {
	if strings.HasPrefix(a.Field, "tag:") {
		return strings.Compare(a.Field, b.Field)
	}
	return byField(a, b)
}

// field gives a field of text.
func (a *Asset) field(name string) *string {
	switch name {
	case FieldName:
		return &a.Name
	case FieldOS:
		return &a.OS
	case FieldZone:
		return &a.Zone
	case FieldInternet:
		return &a.Internet
	}
	return nil
}

// listen makes the words the asset's own, with room for those of a description: hear and
// hearTags write into them.
func (a *Asset) listen(d *Description) {
	room := len(d.Tags)
	for _, value := range [...]string{d.Name, d.OS, d.Zone, d.Internet, string(d.Kind)} {
		if value != "" {
			room++
		}
	}
	a.Words = withRoom(a.Words, room)
}

// withRoom copies a list into one that takes so many more without being copied again. None
// stays none: an asset that is told nothing new is the very same.
func withRoom[T any](list []T, more int) []T {
	if len(list)+more == 0 {
		return nil
	}
	return append(make([]T, 0, len(list)+more), list...)
}

// hear takes a source's words on the fields of an asset, and lets those hold that have
// precedence. Newer says whether nothing of the asset is known to be said later: it
// decides against values of which it isn't known who said them.
func (a *Asset) hear(p *Precedence, d *Description, source string, seen time.Time, newer bool) {
	for _, f := range [...]struct{ name, value string }{{FieldName, d.Name}, {FieldOS, d.OS}, {FieldZone, d.Zone}, {FieldInternet, d.Internet}, {FieldKind, string(d.Kind)}} {
		if f.value == "" {
			continue
		}
		if a.unheard(f.name) && !newer {
			continue // nobody knows whose the value is, and this is no newer word
		}
		w := Word{Field: f.name, Source: source, Value: f.value, At: seen}
		i, found := slices.BinarySearchFunc(a.Words, w, byField)
		switch {
		case found && seen.Before(a.Words[i].At):
			continue
		case found:
			a.Words[i] = w
		case len(a.Words) < maxWords:
			a.Words = slices.Insert(a.Words, i, w)
		}
		a.settle(p, f.name, source)
	}
}

// unheard reports whether a field has a value that is nobody's word: it is older than
// words are. A name that was taken from an identifier is none.
func (a *Asset) unheard(field string) bool {
	value := a.value(field)
	if value == "" || slices.ContainsFunc(a.Words, func(w Word) bool { return w.Field == field }) {
		return false
	}
	return field != FieldName || !slices.ContainsFunc(a.Identifiers, func(k Known) bool { return k.Value == value })
}

func (a *Asset) value(field string) string {
	if field == FieldKind {
		return string(a.Kind)
	}
	if at := a.field(field); at != nil {
		return *at
	}
	return ""
}

// settle lets the word with precedence hold. Of equals the latest speaker's does; but a
// thing doesn't turn from a host into an application and back with every scan, so what it
// is stays while a source of the first rank says so. And a name is more than an identifier
// said again, see nameless.
func (a *Asset) settle(p *Precedence, field, speaker string) {
	var best *Word
	current := a.value(field)
	for i := range a.Words {
		w := &a.Words[i]
		if w.Field != field {
			continue
		}
		if field == FieldKind && best != nil && p.rank(field, w.Source) == p.rank(field, best.Source) && (w.Value == string(a.Kind)) != (best.Value == string(a.Kind)) {
			if w.Value == string(a.Kind) {
				best = w
			}
			continue
		}
		if field == FieldName && best != nil {
			if c := p.moreOfAName(a.nameless(w.Value), a.nameless(best.Value), w, best); c != 0 {
				if c > 0 {
					best = w
				}
				continue
			}
		}
		prefer := w.Source == speaker || speaker == "" && w.Value == current // among equals
		if best == nil || p.better(w, best) || prefer && !p.better(best, w) {
			best = w
		}
	}
	switch {
	case best == nil:
	case field == FieldKind:
		a.Kind = Kind(best.Value)
	default:
		*a.field(field) = best.Value
	}
}

// How much a name is a name. A stub is a number or a path that no person calls a thing by:
// the value of an identifier such as a SID, a serial number or an address. A spare one
// repeats an identifier that people do use, a host name for one.
const (
	named = iota
	spare
	stub
)

// nameless says how little a name says beside what the identifiers say.
func (a *Asset) nameless(name string) int {
	name = strings.TrimSuffix(name, ".")
	level := named
	for i := range a.Identifiers {
		k := &a.Identifiers[i]
		if !strings.EqualFold(k.Value, name) {
			continue
		}
		switch k.Kind {
		case FQDN, Hostname, RepositoryName, URLOrigin, Label:
			return spare
		case CloudResourceID, CloudInstanceID, AgentID, SourceAssetID, BIOSUUID, SerialNumber, ImageDigest, MAC, IP:
			level = stub
		}
	}
	return level
}

// moreOfAName compares two words on the name by how much of a name they are: positive where
// the first is more, zero where precedence and time decide. A stub never holds against what
// is none, whoever says so; of one rank, a name that repeats a host name doesn't either.
func (p *Precedence) moreOfAName(x, y int, a, b *Word) int {
	if (x == stub) == (y == stub) && p.rank(FieldName, a.Source) != p.rank(FieldName, b.Source) {
		return 0
	}
	return y - x
}

// hearTags takes a source's tags. The word that holds is the one that is kept.
func (a *Asset) hearTags(p *Precedence, given map[string]string, source string, seen time.Time, newer bool) {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		w := Word{Field: "tag:" + key, Source: source, At: seen}
		i, holder := slices.BinarySearchFunc(a.Words, w.Field, func(x Word, field string) int { return strings.Compare(x.Field, field) })
		old, has := a.Tags[key]
		switch {
		case holder && a.Words[i].Source != source && p.better(&a.Words[i], &w), holder && a.Words[i].Source == source && seen.Before(a.Words[i].At):
			continue
		case !holder && has && !newer && old != given[key]:
			continue
		case !has && len(a.Tags) >= maxTags, !holder && len(a.Words) >= maxWords:
			continue
		}
		if !has || old != given[key] {
			a.Tags = maps.Clone(a.Tags)
			if a.Tags == nil {
				a.Tags = map[string]string{}
			}
			a.Tags[key] = given[key]
		}
		if holder {
			a.Words[i] = w
		} else {
			a.Words = slices.Insert(a.Words, i, w)
		}
	}
}

// Settle lets a changed precedence take effect on what sources have said. It reports
// whether anything came out differently.
func (p *Precedence) Settle(a Asset) (Asset, bool) {
	before := a
	for _, field := range []string{FieldName, FieldOS, FieldZone, FieldInternet, FieldKind} {
		a.settle(p, field, "")
	}
	hints := false
	a.OwnerHints = slices.Clone(a.OwnerHints)
	for i := range a.OwnerHints {
		rank := p.rank(FieldOwner, a.OwnerHints[i].Source)
		hints = hints || rank != a.OwnerHints[i].Rank
		a.OwnerHints[i].Rank = rank
	}
	return a, hints || a.Name != before.Name || a.OS != before.OS || a.Zone != before.Zone || a.Internet != before.Internet || a.Kind != before.Kind
}

// Provenance is who says what of one field, and whose word holds.
type Provenance struct {
	Field  string    `json:"field"`
	Value  string    `json:"value"`
	Source string    `json:"source,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Why    string    `json:"why"`
	Others []Word    `json:"others,omitempty"` // words that don't hold
}

// Explain says of each field of an asset who said it and when, and why it holds.
func (p *Precedence) Explain(a Asset) []Provenance {
	var out []Provenance
	for _, field := range []string{FieldName, FieldKind, FieldOS, FieldZone, FieldInternet} {
		value := a.value(field)
		if value == "" {
			continue
		}
		var words []Word
		for _, w := range a.Words {
			if w.Field == field {
				words = append(words, w)
			}
		}
		out = append(out, p.explain(field, value, words))
	}
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		field := "tag:" + key
		var words []Word
		if i, ok := slices.BinarySearchFunc(a.Words, field, func(x Word, f string) int { return strings.Compare(x.Field, f) }); ok {
			w := a.Words[i]
			w.Value = a.Tags[key]
			words = []Word{w}
		}
		out = append(out, p.explain(field, a.Tags[key], words))
	}
	for _, h := range a.OwnerHints {
		out = append(out, p.explain(FieldOwner, h.Value, []Word{{Field: FieldOwner, Source: h.Source, Value: h.Value, At: h.At}}).because(h.From))
	}
	return out
}

func (v Provenance) because(from string) Provenance {
	v.Why = from + "; " + v.Why
	return v
}

func (p *Precedence) explain(field, value string, words []Word) Provenance {
	slices.SortFunc(words, func(a, b Word) int {
		switch {
		case p.better(&a, &b):
			return -1
		case p.better(&b, &a):
			return 1
		}
		return strings.Compare(a.Source, b.Source)
	})
	v := Provenance{Field: field, Value: value, Why: "it is not known who said so"}
	for i, w := range words {
		if w.Value != value || v.Source != "" {
			v.Others = append(v.Others, w)
			continue
		}
		v.Source, v.At = w.Source, w.At
		v.Why = p.why(field, words, i)
	}
	return v
}

// why says by what a word holds against the others.
func (p *Precedence) why(field string, words []Word, i int) string {
	w := words[i]
	rank := p.rank(field, w.Source)
	lower := slices.ContainsFunc(words, func(o Word) bool { return p.rank(field, o.Source) > rank })
	switch {
	case len(words) == 1 && strings.HasPrefix(field, "tag:"):
		return "the word that holds"
	case len(words) == 1:
		return "nobody else says anything"
	case field == FieldName && slices.ContainsFunc(words, func(o Word) bool { return p.better(&o, &w) }):
		return "others only repeat an identifier"
	case lower && len(p.list(field)) > 0:
		return "precedence for " + field + " puts " + w.Source + " first"
	case lower:
		return "an inventory knows better than a scanner"
	}
	return "the newest word"
}

func (p *Precedence) list(field string) []string {
	if p == nil {
		return nil
	}
	return p.Lists[field]
}
