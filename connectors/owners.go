package connectors

import (
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// ownerWords are what the names of tags, labels and custom fields contain that say who is
// responsible for a thing. "Steam" and the like are not worth a dictionary: a wrong hint
// names no team and is passed over.
var ownerWords = []string{
	"owner", "team", "squad", "contact", "responsible", "maintainer", "custodian", "steward", "supportgroup", "assignmentgroup",
	"department", "businessunit", "costcenter", "costcentre",
}

// OwnerTag reports whether a tag of this name says who is responsible for what bears it.
func OwnerTag(key string) bool {
	key = strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "", ".", "", ":", "", "/", "").Replace(key))
	return slices.ContainsFunc(ownerWords, func(word string) bool { return strings.Contains(key, word) })
}

// SplitTags sorts tags into those that are clues to an owner, by name, and the rest. Tags
// without a value are left out of the clues.
func SplitTags(tags map[string]string) (rest map[string]string, hints []asset.OwnerHint) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := strings.TrimSpace(tags[key])
		if value != "" && OwnerTag(key) {
			hints = append(hints, asset.OwnerHint{Value: value, From: "tag " + key})
			continue
		}
		if rest == nil {
			rest = map[string]string{}
		}
		rest[key] = value
	}
	return rest, hints
}
