package cloud

import (
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// Tag adds a tag to a description, and a hint to its owner where the tag names one.
func Tag(d *asset.Description, key, value string) {
	const most = 100
	key, value = connectors.Ident(key), strings.TrimSpace(value)
	if key == "" || len(d.Tags) >= most {
		return
	}
	if d.Tags == nil {
		d.Tags = map[string]string{}
	}
	d.Tags[key] = value
	if connectors.OwnerClue(key, value) {
		Owner(d, value, "tag "+key)
	}
}

// Tags adds those of the tags that have a text, in the order of their names.
func Tags(d *asset.Description, tags map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if text, ok := tags[key].(string); ok {
			Tag(d, key, text)
		}
	}
}

// Owner adds a clue to the owner, once.
func Owner(d *asset.Description, value, from string) {
	value = connectors.Ident(value)
	if value == "" {
		return
	}
	for _, h := range d.OwnerHints {
		if h.From == from && h.Value == value {
			return
		}
	}
	d.OwnerHints = append(d.OwnerHints, asset.OwnerHint{Value: value, From: from})
}
