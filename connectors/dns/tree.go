package dns

import "strings"

// tree are the names of a zone that was read whole, with the names above them: a name
// that has none but names below it exists too, and so can't be registered.
type tree struct {
	names     map[string]bool
	delegated map[string]bool // to other name servers, below the zone's own name
	full      bool            // there were more than are kept
}

// add notes the name of a record of a zone.
func (t *tree) add(zone, name, kind string) {
	if t.names == nil {
		t.names, t.delegated = map[string]bool{}, map[string]bool{}
	}
	if kind == "NS" && name != zone || kind == "DNAME" {
		t.delegated[name] = true
	}
	for inside(name, zone) && !t.names[name] {
		if len(t.names) >= mostNames {
			t.full = true
			return
		}
		t.names[name] = true
		if name == zone {
			return
		}
		_, name, _ = strings.Cut(name, ".")
	}
}

// look says whether a name inside the zone exists; nothing where that is for others to say.
func (t *tree) look(zone, name string) string {
	if t.full {
		return ""
	}
	if t.names[name] {
		return found
	}
	for at := name; inside(at, zone) && at != zone; {
		_, above, _ := strings.Cut(at, ".")
		if t.delegated[at] || t.delegated[above] {
			return ""
		}
		if t.names["*."+above] {
			return found
		}
		at = above
	}
	return missing
}

// inside reports whether a name is a zone's own or below it.
func inside(name, zone string) bool {
	return zone != "" && (name == zone || strings.HasSuffix(name, "."+zone))
}
