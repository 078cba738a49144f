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

// ownerNames are further names that say so where they are all that a key has behind its
// prefix.
var ownerNames = []string{"tribe", "managedby", "createdby", "creator"}

// tools are what such tags name as well, and what is nobody's name.
var tools = []string{"terraform", "opentofu", "pulumi", "cloudformation", "crossplane", "ansible", "helm", "kustomize"}

// OwnerTag reports whether a tag of this name says who is responsible for what bears it.
func OwnerTag(key string) bool {
	if strings.HasPrefix(key, "app.kubernetes.io/") { // there, managed-by is a tool
		return false
	}
	last := squeeze(key[strings.LastIndexAny(key, "/:")+1:])
	key = squeeze(key)
	return slices.Contains(ownerNames, last) || slices.ContainsFunc(ownerWords, func(word string) bool { return strings.Contains(key, word) })
}

var separators = strings.NewReplacer("-", "", "_", "", " ", "", ".", "", ":", "", "/", "")

// squeeze takes case and separators out of a name.
func squeeze(name string) string {
	return strings.ToLower(separators.Replace(name))
}

// OwnerClue reports whether a tag with its value says who is responsible for what bears
// it. The mark of an infrastructure tool doesn't.
func OwnerClue(key, value string) bool {
	return value != "" && OwnerTag(key) && !slices.Contains(tools, squeeze(value))
}

// SplitTags sorts tags into those that are clues to an owner, by name, and the rest. Tags
// without a value are left out of the clues.
func SplitTags(tags map[string]string) (rest map[string]string, hints []asset.OwnerHint) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := strings.TrimSpace(tags[key])
		if OwnerClue(key, value) {
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
