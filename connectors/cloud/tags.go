package cloud

import (
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// owning are the names of tags and labels by which people say whose a resource is, in
// lower case without separators.
var owning = map[string]bool{ //nolint:gochecknoglobals // a constant table
	"owner": true, "owners": true, "ownedby": true, "owneremail": true, "ownerteam": true, "resourceowner": true, "serviceowner": true,
	"appowner": true, "applicationowner": true, "technicalowner": true, "techowner": true, "businessowner": true, "productowner": true,
	"team": true, "teamname": true, "squad": true, "tribe": true, "contact": true, "contactemail": true, "maintainer": true, "managedby": true,
	"responsible": true, "department": true, "businessunit": true, "costcenter": true, "costcentre": true, "createdby": true, "creator": true,
	"supportgroup": true, "assignmentgroup": true,
}

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
	plain := key
	if i := strings.LastIndexAny(plain, "/:"); i >= 0 { // "company.example/owner"
		plain = plain[i+1:]
	}
	plain = strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(strings.ToLower(plain))
	// An infrastructure tool's own mark names no team.
	if owning[plain] && value != "" && !strings.EqualFold(value, "terraform") && !strings.EqualFold(value, "helm") {
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
