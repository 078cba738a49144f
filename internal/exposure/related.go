package exposure

import (
	"slices"
	"strings"
)

// Related is another exposure of the same asset that speaks of the same CVEs: a check that
// names several of them, beside the exposures of each. They stay what they are, since
// mending one need not mend the other; but who works on one wants to know of the other.
type Related struct {
	ID       ID       `json:"id"`
	Weakness string   `json:"weakness"`
	Location string   `json:"location,omitempty"`
	Title    string   `json:"title"`
	State    State    `json:"state"`
	Severity Severity `json:"severity"`
	Sources  []string `json:"sources"`
	CVEs     []string `json:"cves"` // that both name
}

// RelatedTo gives what others of the same asset have to do with an exposure, those with
// most in common first.
func RelatedTo(e Exposure, others []Exposure) []Related {
	out := []Related{}
	for i := range others {
		o := &others[i]
		if o.ID == e.ID || o.Asset != e.Asset || o.State == Merged || slices.ContainsFunc(out, func(r Related) bool { return r.ID == o.ID }) {
			continue
		}
		var shared []string
		for _, cve := range o.CVEs {
			if slices.Contains(e.CVEs, cve) {
				shared = append(shared, cve)
			}
		}
		if len(shared) > 0 {
			out = append(out, Related{ID: o.ID, Weakness: o.Weakness, Location: o.Location, Title: o.Title, State: o.State, Severity: o.Severity, Sources: o.Sources, CVEs: shared})
		}
	}
	slices.SortFunc(out, func(a, b Related) int {
		if d := len(b.CVEs) - len(a.CVEs); d != 0 {
			return d
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return out
}
