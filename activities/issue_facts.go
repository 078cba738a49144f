package activities

import (
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/internal/lifecycle"
)

// maxFact bounds how many of a list a fact names.
const maxFact = 30

// factsOf are what templates of custom fields may use.
func factsOf(r *lifecycle.Remediation, members []member, lead member) map[string]string {
	var scopes, cves, sources []string
	assets := make([]string, 0, len(members))
	for i := range members {
		m := &members[i]
		scopes, cves, sources, assets = append(scopes, m.scopes...), append(cves, m.cves...), append(sources, m.sources...), append(assets, m.asset)
	}
	s := stand(members)
	facts := map[string]string{
		"owner": r.Owner, "severity": string(lead.severity), "decision": string(lead.outcome), "fix": lifecycle.Plain(r.Fix, 400), "remediation": r.ID,
		"live": strconv.Itoa(s.live), "members": strconv.Itoa(len(members)),
	}
	for name, values := range map[string][]string{"scopes": scopes, "cves": cves, "sources": sources, "assets": assets} {
		slices.Sort(values)
		values = slices.Compact(values)
		facts[name+"_count"] = strconv.Itoa(len(values))
		for i := range values[:min(len(values), maxFact)] {
			values[i] = lifecycle.Plain(values[i], 120)
		}
		facts[name] = strings.Join(values[:min(len(values), maxFact)], ", ")
	}
	return facts
}
