package lifecycle

import (
	"slices"
	"strings"
	"unicode"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
)

// The search attributes of Exposure workflows, so that an auditor finds one in the
// Temporal UI by CVE, owner or state.
var (
	KeyState    = temporal.NewSearchAttributeKeyKeyword("ExposureState")
	KeyDecision = temporal.NewSearchAttributeKeyKeyword("Decision")
	KeySeverity = temporal.NewSearchAttributeKeyKeyword("Severity")
	KeyOwner    = temporal.NewSearchAttributeKeyKeyword("Owner")
	KeyDue      = temporal.NewSearchAttributeKeyTime("DueDate")
	KeyScope    = temporal.NewSearchAttributeKeyKeywordList("Scope")
	KeyCVE      = temporal.NewSearchAttributeKeyKeywordList("CVE")
	KeySource   = temporal.NewSearchAttributeKeyKeywordList("Source")
)

// SearchAttributeTypes are the attributes that a namespace must know, by name.
func SearchAttributeTypes() map[string]enumspb.IndexedValueType {
	types := map[string]enumspb.IndexedValueType{}
	for _, key := range []temporal.SearchAttributeKey{KeyState, KeyDecision, KeySeverity, KeyOwner, KeyDue, KeyScope, KeyCVE, KeySource} {
		types[key.GetName()] = key.GetValueType()
	}
	return types
}

// Unowned is the value of the Owner attribute of what nobody owns.
const Unowned = "unowned"

// maxListed bounds the keyword lists: a plugin may name hundreds of CVEs.
const maxListed = 20

// SearchUpdates are the updates that bring a workflow's search attributes from what they
// are to what the view says: none where nothing changed.
func SearchUpdates(now temporal.SearchAttributes, v *ExposureView) []temporal.SearchAttributeUpdate {
	var updates []temporal.SearchAttributeUpdate
	word := func(key temporal.SearchAttributeKeyKeyword, want string) {
		if have, ok := now.GetKeyword(key); want != "" && (!ok || have != want) {
			updates = append(updates, key.ValueSet(want))
		}
	}
	list := func(key temporal.SearchAttributeKeyKeywordList, want []string) {
		want = want[:min(len(want), maxListed)]
		have, _ := now.GetKeywordList(key) // absent is empty
		if !slices.Equal(have, want) {
			updates = append(updates, key.ValueSet(want))
		}
	}
	word(KeyState, string(v.State))
	word(KeyDecision, string(v.Decision))
	word(KeySeverity, string(v.Severity))
	owner := v.Owner
	if owner == "" {
		owner = Unowned
	}
	word(KeyOwner, owner)
	if have, ok := now.GetTime(KeyDue); !v.Due.IsZero() && (!ok || !have.Equal(v.Due)) {
		updates = append(updates, KeyDue.ValueSet(v.Due))
	}
	list(KeyScope, v.Scopes)
	list(KeyCVE, v.CVEs)
	list(KeySource, v.Sources)
	return updates
}

// Plain makes a line of text from outside fit for a summary: one line of at most limit
// bytes (eight or more), without what a Markdown renderer or a terminal would act on.
func Plain(text string, limit int) string {
	var b strings.Builder
	space := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case !unicode.IsPrint(r), strings.ContainsRune("`*[]<>|\\!", r):
			continue
		}
		if b.Len()+8 > limit { // a space, the longest rune, and the mark that something is missing
			b.WriteString("…")
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
