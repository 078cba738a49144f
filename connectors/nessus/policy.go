package nessus

import (
	"strconv"

	"github.com/quellsec/quell/connectors/xmlpull"
)

// policy is what the report's policy says about which plugins ran. Without that, the
// absence of a plugin's finding means nothing.
type policy struct {
	set      []uint32 // the plugins named, as long as they are few
	plugins  int      // how many are named
	families int
	partial  bool // a family is off, or on in part
}

// maxSet is up to how many plugins a run names each one. A policy for one weakness names
// a handful, and there it matters; one that leaves everything on names a hundred
// thousand, which "nessus:*" says better.
const maxSet = 20_000

// checks gives the run's checks:
//   - a short list of plugins is given as it is;
//   - a long one, or none, with all families of plugins on, is "nessus:*";
//   - otherwise it isn't known what ran, and nothing can be absent. (A long list with a
//     family off would be exact, but megabytes long in every run.)
func (p *policy) checks(all bool) []string {
	switch {
	case all:
		return []string{"nessus:*"}
	case p.plugins > 0 && p.plugins <= maxSet:
		out := make([]string, len(p.set))
		for i, id := range p.set {
			out[i] = "nessus:" + strconv.FormatUint(uint64(id), 10)
		}
		return out
	case p.families > 0 && !p.partial:
		return []string{"nessus:*"}
	}
	return nil
}

// read reads <Policy>.
func (p *policy) read(r *xmlpull.Reader) {
	for depth := r.Depth(); r.Child(depth); {
		switch string(r.Name()) {
		case "Preferences":
			p.readPreferences(r)
		case "FamilySelection":
			p.readFamilies(r)
		}
	}
}

func (p *policy) readPreferences(r *xmlpull.Reader) {
	depth := r.Depth()
	for r.Child(depth) {
		if string(r.Name()) != "ServerPreferences" {
			continue
		}
		for r.Child(depth + 1) {
			set := false
			for r.Child(depth + 2) { // <name>, then <value>
				switch string(r.Name()) {
				case "name":
					set = string(r.Text(64)) == "plugin_set"
				case "value":
					if set {
						p.readSet(r)
					}
				}
			}
		}
	}
}

// readSet reads "19506;10180;…" piece by piece: it can be megabytes long.
func (p *policy) readSet(r *xmlpull.Reader) {
	var id uint32
	digits := 0
	end := func() {
		if digits > 0 && digits <= 9 {
			p.plugins++
			if len(p.set) < maxSet {
				p.set = append(p.set, id)
			}
		}
		id, digits = 0, 0
	}
	for depth := r.Depth(); r.Depth() >= depth; {
		switch r.Next() {
		case xmlpull.None:
			return
		case xmlpull.Text:
			for _, c := range r.Chunk() {
				if c < '0' || c > '9' {
					end()
					continue
				}
				if digits++; digits <= 9 {
					id = 10*id + uint32(c-'0') // nine digits fit
				}
			}
		case xmlpull.Start, xmlpull.End:
		}
	}
	end()
}

// apart are the families that default policies leave off or choose one by one, so that
// "all plugins" doesn't mean them: port scanners find no weakness, and the other two have
// check schemes of their own.
var apart = map[string]bool{"Port scanners": true, familyAudit: true, familyOT: true}

// The families whose checks are not "nessus:…".
const (
	familyAudit = "Policy Compliance"
	familyOT    = "Tenable.ot"
)

// readFamilies looks for a family of plugins that is off.
func (p *policy) readFamilies(r *xmlpull.Reader) {
	depth := r.Depth()
	for r.Child(depth) {
		var name, status string
		for r.Child(depth + 1) {
			switch string(r.Name()) {
			case "FamilyName":
				name = string(r.Text(256))
			case "Status":
				status = string(r.Text(32))
			}
		}
		p.families++
		if status != "enabled" && !apart[name] {
			p.partial = true
		}
	}
}
