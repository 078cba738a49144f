// Package priority decides: out of what is known about an exposure, its asset and the
// world it makes a CISA SSVC decision, a BOD 26-04 due date, and the reasons. Pure.
//
// What isn't known is a value of its own and is decided on the worst that it could be, so
// that learning more can only calm things down; the decision says which missing fact
// would move it most.
package priority

import (
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Value is the value of one input of a decision.
type Value string

// The values. Each input takes some of them, see Inputs.
const (
	Unknown Value = "unknown"
	No      Value = "no"
	Yes     Value = "yes"
	None    Value = "none"
	PoC     Value = "poc"
	Active  Value = "active"
	Partial Value = "partial"
	Total   Value = "total"
	Low     Value = "low"
	Medium  Value = "medium"
	High    Value = "high"
)

// Fact is a value with where it is from, in words. The zero Fact is unknown.
type Fact struct {
	Value Value
	From  string // "in KEV since 2025-08-25", "CVSS 3.1 9.8 by nvd"
}

// or gives the value, Unknown for the zero Fact.
func (f Fact) or() Value {
	if f.Value == "" {
		return Unknown
	}
	return f.Value
}

// Known reports whether the fact is known.
func (f Fact) Known() bool { return f.or() != Unknown }

// The keys of the inputs in exposure.Decision.Inputs.
const (
	KeyExploitation    = "exploitation"
	KeyAutomatable     = "automatable"
	KeyTechnicalImpact = "technical_impact"
	KeyMissionImpact   = "mission_impact"
	KeyKEV             = "kev"
	KeyPubliclyExposed = "publicly_exposed"
)

// Inputs are everything that a decision rests on, as known now; see Facts.
type Inputs struct {
	Exploitation    Fact // none, poc, active
	Automatable     Fact // no, yes
	TechnicalImpact Fact // partial, total
	MissionImpact   Fact // low, medium, high
	KEV             Fact // no, yes: in CISA's catalogue of known exploited vulnerabilities
	PubliclyExposed Fact // no, yes

	CVE      bool      // it names a CVE, so that KEV and EPSS can speak of it
	EPSS     float32   // the highest EPSS probability of its CVEs; zero where there is none
	KEVAdded time.Time // when the first of its CVEs came into KEV; zero where none is
	KEVTaken time.Time // when the KEV snapshot was loaded; zero where there is none
	Intel    string    // digest of the intelligence snapshot
	Since    time.Time // start of the exposure's window: first seen, or seen again

	// Tolerances are what the asset's scopes say about waiting, each once; the empty one
	// leaves it to the policy. None is the same as an empty one.
	Tolerances []exposure.DecisionOutcome

	// CVEs and Stated are what it is about and what authors of VEX say of that. Whose word
	// counts is the policy's, see Decider.Decide.
	CVEs   []string
	Stated []exposure.Stated

	// Calendar is that of whoever owns it; empty: the policy's. Waits are when its clock
	// stood still.
	Calendar string
	Waits    []exposure.Wait
	// Campaign is the running one that wants it fixed first; nil: none does.
	Campaign *exposure.Membership

	excused string // why it is said not to be affected, once that is settled
}

// input is one of the six facts, for those who treat them alike.
type input struct {
	key   string
	words string
	best  Value
	worst Value  // without evidence, for exploitation
	hint  string // what to do to make it known
}

// inputs are the six facts in the order in which a missing one is asked for, other things
// being equal: first what is the least work to find out. It is never written to.
var inputs = [...]input{
	{KeyKEV, "whether it is in KEV", No, Yes, "load a KEV snapshot with quell intel import"},
	{KeyMissionImpact, "mission impact", Low, High, "set mission_impact on a scope of the asset"},
	{KeyPubliclyExposed, "whether the asset is publicly exposed", No, Yes, "set internet on a scope of the asset"},
	{KeyExploitation, "exploitation", None, PoC, "load CISA's Vulnrichment record of the CVE"},
	{KeyAutomatable, "whether exploitation can be automated", No, Yes, "a CVSS vector or Vulnrichment would tell"},
	{KeyTechnicalImpact, "technical impact", Partial, Total, "a CVSS vector or Vulnrichment would tell"},
}

// fact gives the fact of an index into inputs.
func (in *Inputs) fact(i int) *Fact {
	switch inputs[i].key {
	case KeyKEV:
		return &in.KEV
	case KeyMissionImpact:
		return &in.MissionImpact
	case KeyPubliclyExposed:
		return &in.PubliclyExposed
	case KeyExploitation:
		return &in.Exploitation
	case KeyAutomatable:
		return &in.Automatable
	}
	return &in.TechnicalImpact
}
