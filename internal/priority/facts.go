package priority

import (
	"slices"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Facts collects what is known about an exposure, its asset and the asset's scopes, each
// fact with where it is from. Where two say different things, the worse counts.
func Facts(e exposure.Exposure, a asset.Asset, scopes []scope.Scope, intel Intel) Inputs {
	in := Inputs{
		CVE: len(e.CVEs) > 0, Intel: intel.digest, KEVTaken: intel.kevTaken,
		Waits: e.Waits, Campaign: e.Hastened(), Since: e.FirstSeen, MissionImpact: missionImpact(scopes), PubliclyExposed: publiclyExposed(&a, scopes),
	}
	if len(e.Stated) > 0 {
		in.CVEs, in.Stated = e.CVEs, e.Stated
	}
	if e.OpenedAt.After(in.Since) { // a regression has a window of its own
		in.Since = e.OpenedAt
	}
	for i := range scopes {
		if t := exposure.DecisionOutcome(scopes[i].Tolerance); !slices.Contains(in.Tolerances, t) {
			in.Tolerances = append(in.Tolerances, t)
		}
	}
	in.known(&e, intel)
	in.reported(&e)
	in.catalogued(&e, intel.nvd)
	in.rated(&e)
	return in
}

// ranks orders the values of every input, the best first. It is never written to.
var ranks = [...]Value{Unknown, None, PoC, Active, No, Yes, Partial, Total, Low, Medium, High}

// worsen takes a value that is worse than what is known so far.
func worsen(f *Fact, v Value, from string) {
	if worse(v, *f) {
		*f = Fact{v, from}
	}
}

// known asks the intelligence about each CVE.
func (in *Inputs) known(e *exposure.Exposure, intel Intel) {
	switch {
	case !in.CVE:
		in.KEV = Fact{No, "no CVE, and KEV lists nothing else"}
	case intel.kev != nil:
		in.KEV = Fact{No, "not in KEV"} // which release is said by the digest
	}
	assessed := 0
	for _, text := range e.CVEs {
		c, ok := ParseCVE(text)
		if !ok {
			continue
		}
		if entry, listed := intel.kev.Find(c); listed && (in.KEVAdded.IsZero() || entry.Added.Before(in.KEVAdded)) {
			in.KEVAdded = entry.Added
			in.KEV = Fact{Yes, "in KEV since " + entry.Added.Format(day)}
			if entry.Ransomware {
				in.KEV.From += ", used for ransomware"
			}
		}
		if score, ok := intel.epss.Find(c); ok {
			in.EPSS = max(in.EPSS, score)
		}
		if p, ok := intel.assessed.Find(c); ok {
			assessed++
			worsen(&in.Exploitation, p.Exploitation, "CISA Vulnrichment")
			worsen(&in.Automatable, p.Automatable, "CISA Vulnrichment")
			worsen(&in.TechnicalImpact, p.TechnicalImpact, "CISA Vulnrichment")
		}
	}
	// What is said about one CVE of several says nothing reassuring about the others.
	if assessed < len(e.CVEs) {
		for _, f := range [...]*Fact{&in.Exploitation, &in.Automatable, &in.TechnicalImpact} {
			if f.Value == None || f.Value == No || f.Value == Partial {
				*f = Fact{}
			}
		}
	}
}

// reported asks the findings. CISA's word on automatable and technical impact counts
// before what a vector suggests.
func (in *Inputs) reported(e *exposure.Exposure) {
	auto, impact := in.Automatable.Known(), in.TechnicalImpact.Known()
	for i := range e.Findings {
		f := &e.Findings[i]
		source := f.Source
		if source == "" {
			source = f.Connector
		}
		switch f.Exploit {
		case "active":
			worsen(&in.Exploitation, Active, source+" says that it is exploited")
		case "poc":
			worsen(&in.Exploitation, PoC, source+" knows an exploit")
		}
		if f.EPSS > 0 && f.EPSS <= 1 {
			in.EPSS = max(in.EPSS, float32(f.EPSS))
		}
		for k := range f.CVSS {
			c := &f.CVSS[k]
			if auto && impact || c.Vector == "" {
				continue
			}
			a, t := fromVector(c.Vector)
			if !auto && worse(a, in.Automatable) {
				in.Automatable = Fact{a, said(c, source)}
			}
			if !impact && worse(t, in.TechnicalImpact) {
				in.TechnicalImpact = Fact{t, said(c, source)}
			}
		}
	}
	if e.Verdict != nil && e.Verdict.Outcome == exposure.Confirmed && e.Verdict.Method.Probes() {
		worsen(&in.Exploitation, PoC, "a probe confirmed it")
	}
}

// catalogued draws on the NVD's vectors where neither CISA nor a source says how easily a
// weakness is used and what it gives.
func (in *Inputs) catalogued(e *exposure.Exposure, nvd *NVD) {
	auto, impact := in.Automatable.Known(), in.TechnicalImpact.Known()
	if auto && impact {
		return
	}
	for _, text := range e.CVEs {
		c, ok := ParseCVE(text)
		if !ok {
			continue
		}
		entry, ok := nvd.Find(c)
		if !ok || entry.Vector == "" || entry.Rejected {
			continue
		}
		a, t := fromVector(entry.Vector)
		from := "NVD, " + entry.Vector
		if !auto {
			worsen(&in.Automatable, a, from)
		}
		if !impact {
			worsen(&in.TechnicalImpact, t, from)
		}
	}
}

// rated draws on the reported severity where nothing better is known. What every source
// calls informational without naming a CVE gives an attacker nothing to automate, and low
// is no total loss. A higher severity says neither.
func (in *Inputs) rated(e *exposure.Exposure) {
	if !in.CVE {
		worsen(&in.Exploitation, PoC, "the check itself matched")
	}
	from := "severity " + string(e.Severity)
	if e.Severity == exposure.SeverityInfo && !in.CVE && !in.Automatable.Known() {
		in.Automatable = Fact{No, from}
	}
	if (e.Severity == exposure.SeverityInfo || e.Severity == exposure.SeverityLow) && !in.TechnicalImpact.Known() {
		in.TechnicalImpact = Fact{Partial, from}
	}
}

func worse(v Value, f Fact) bool {
	return slices.Index(ranks[:], v) > slices.Index(ranks[:], f.or())
}

// missionImpact is the worst that a scope of the asset states. A scope without a word on
// it states nothing; unknown is what none of them states.
func missionImpact(scopes []scope.Scope) Fact {
	var out Fact
	for i := range scopes {
		s := &scopes[i]
		if s.MissionImpact.Rank() > 0 && worse(Value(s.MissionImpact), out) {
			out = Fact{Value(s.MissionImpact), "scope " + s.Name}
		}
	}
	return out
}

// publiclyExposed is yes where the asset's sources or one of its scopes say so, no where
// one of them says no and none says yes.
func publiclyExposed(a *asset.Asset, scopes []scope.Scope) Fact {
	out := answer(a.Internet, "asset ", a.Name)
	for i := range scopes {
		if said := answer(scopes[i].Internet, "scope ", scopes[i].Name); worse(said.or(), out) {
			out = said
		}
	}
	return out
}

func answer(text, what, name string) Fact {
	switch text {
	case asset.InternetYes:
		return Fact{Yes, what + name}
	case asset.InternetNo:
		return Fact{No, what + name}
	}
	return Fact{}
}
