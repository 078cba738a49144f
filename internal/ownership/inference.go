package ownership

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/scope"
)

// EvidenceKind is a sort of evidence for or against a team. What is of one kind depends on
// the rest of it (three tools that repeat one CMDB), so of each kind only the weightiest
// counts for a team.
type EvidenceKind string

// The kinds of evidence.
const (
	EvidenceTag       EvidenceKind = "tag"       // a tag that names the team, or one of its people
	EvidenceLabel     EvidenceKind = "label"     // a label or annotation in Kubernetes
	EvidenceInventory EvidenceKind = "inventory" // a field of a CMDB or an inventory
	EvidenceCatalogue EvidenceKind = "catalogue" // a software catalogue, such as Backstage
	EvidenceCode      EvidenceKind = "code"      // CODEOWNERS
	EvidencePerson    EvidenceKind = "person"    // somebody who worked on something there: an assignee, a creator, a user
	EvidenceScope     EvidenceKind = "scope"     // the owner of a scope that the asset is in
	EvidenceNetwork   EvidenceKind = "network"   // who owns the neighbours in its network
	EvidenceDomain    EvidenceKind = "domain"    // who owns the neighbours in its DNS domain
	EvidenceAccount   EvidenceKind = "account"   // who owns the neighbours in its cloud account, namespace or organization
	EvidenceFixed     EvidenceKind = "fixed"     // tickets of the team that closed with proof
	EvidenceClaimed   EvidenceKind = "claimed"   // the team said that it owns it, or was given it by a person
	EvidenceRefused   EvidenceKind = "refused"   // "not ours", or it was taken from the team
	EvidenceSilent    EvidenceKind = "silent"    // the team was asked and never answered
)

// sort is a kind of evidence as an index of the model.
type sort int

const (
	sortTag sort = iota
	sortLabel
	sortInventory
	sortCatalogue
	sortCode
	sortPerson
	sortScope
	sortNetwork
	sortDomain
	sortAccount
	sortFixed
	sortClaimed
	sortRefused
	sortSilent
	sorts
)

// EvidenceKinds are all of them, in the order of the documentation and of the sorts.
func EvidenceKinds() []EvidenceKind {
	return []EvidenceKind{EvidenceTag, EvidenceLabel, EvidenceInventory, EvidenceCatalogue, EvidenceCode, EvidencePerson, EvidenceScope,
		EvidenceNetwork, EvidenceDomain, EvidenceAccount, EvidenceFixed, EvidenceClaimed, EvidenceRefused, EvidenceSilent}
}

// Inference is how owners are inferred where no route names one.
type Inference struct {
	Confidence float64                   `yaml:"confidence" json:"confidence,omitempty" doc:"How sure, from 0 to 1, the likeliest team must be to own an exposure; below it stays unowned, with the likely teams listed. 0.6 if unset."`
	Keep       float64                   `yaml:"keep" json:"keep,omitempty" doc:"How sure it must still be for the team that owns it already to keep it, so that owners don't change to and fro. 0.45 if unset, and never above confidence."`
	Prior      float64                   `yaml:"prior" json:"prior,omitempty" doc:"How likely a team is of which there is no evidence: what old evidence decays to. 0.05 if unset."`
	Weights    map[string]float64        `yaml:"weights" json:"weights,omitempty" doc:"Weight of each kind of evidence at its best, as a log-likelihood ratio from 0 to 20, by kind: tag, label, inventory, catalogue, code, person, scope, network, domain, account, fixed, claimed, refused, silent. What isn't named keeps its default."`
	HalfLife   map[string]scope.Duration `yaml:"half_life" json:"half_life,omitempty" doc:"After how long evidence of a kind weighs half, by kind. What isn't named keeps its default."`
	Silence    int                       `yaml:"silence" json:"silence,omitempty" doc:"How many reminders and escalations in a row a team must have left unanswered, a day after the last step of a ladder, for its manager to be told and its confidence to decay; all of them where the ladder has fewer. 3 if unset."`
}

// What counts where the configuration says nothing.
const (
	defaultConfidence = 0.6
	defaultKeep       = 0.45
	defaultPrior      = 0.05
	defaultSilence    = 3
	maxWeight         = 20
)

// weighting is what one kind of evidence weighs.
type weighting struct {
	kind     EvidenceKind
	group    group
	weight   float64        // log-likelihood ratio of the best evidence of its kind
	halfLife scope.Duration // zero: it doesn't age
}

// group is a set of kinds whose sum is capped, since they lean on each other.
type group int

const (
	stated  group = iota // what people wrote down, somewhere
	near                 // whose the neighbours are
	past                 // what happened before
	against              // what speaks against a team
	groups
)

// caps are how much the kinds of one group can weigh together.
func caps() [groups]float64 { return [groups]float64{stated: 8, near: 3.5, past: 8, against: 9} }

// defaultWeights were set so that one fresh tag, catalogue or CMDB entry alone passes the
// gate, an assignee or a neighbourhood alone doesn't, two teams named alike don't, one
// "not ours" outweighs any one clue, and eight proven fixes outweigh a wrong tag. They are
// checked against an organisation whose data decays: see the figures in
// docs/benchmarks.md.
func defaultWeights() [sorts]weighting {
	return [sorts]weighting{
		{EvidenceTag, stated, 4.5, scope.Days(180)},
		{EvidenceLabel, stated, 4.5, scope.Days(180)},
		{EvidenceInventory, stated, 4.2, scope.Days(180)},
		{EvidenceCatalogue, stated, 4.8, scope.Days(180)},
		{EvidenceCode, stated, 4.2, scope.Days(365)},
		{EvidencePerson, stated, 1.5, scope.Days(90)},
		{EvidenceScope, stated, 3.5, 0},
		{EvidenceNetwork, near, 2, 0},
		{EvidenceDomain, near, 2.5, 0},
		{EvidenceAccount, near, 3, 0},
		{EvidenceFixed, past, 6.5, scope.Days(270)},
		{EvidenceClaimed, past, 7, scope.Days(365)},
		{EvidenceRefused, against, 6, scope.Days(365)},
		{EvidenceSilent, against, 3, scope.Days(90)},
	}
}

// model is an Inference made ready.
type model struct {
	gate, keep float64
	odds       float64 // of a team without evidence, as a logarithm
	sorts      [sorts]weighting
	origins    []origin
	silence    int
}

func newModel(c Inference) *model {
	m := &model{gate: c.Confidence, keep: c.Keep, silence: c.Silence, sorts: defaultWeights(), origins: origins()}
	if m.gate == 0 {
		m.gate = defaultConfidence
	}
	if m.keep == 0 {
		m.keep = defaultKeep
	}
	m.keep = min(m.keep, m.gate)
	prior := c.Prior
	if prior == 0 {
		prior = defaultPrior
	}
	m.odds = math.Log(prior / (1 - prior))
	if m.silence == 0 {
		m.silence = defaultSilence
	}
	for i := range m.sorts {
		w := &m.sorts[i]
		if v, ok := c.Weights[string(w.kind)]; ok {
			w.weight = v
		}
		if v, ok := c.HalfLife[string(w.kind)]; ok {
			w.halfLife = v
		}
	}
	return m
}

// inference checks how owners are to be inferred.
func (c *checker) inference(in *Inference) {
	for _, share := range []struct {
		name  string
		value float64
	}{{"confidence", in.Confidence}, {"keep", in.Keep}, {"prior", in.Prior}} {
		if !(share.value >= 0 && share.value < 1) {
			c.add("inference."+share.name, "%v is not from 0 to 1", share.value)
		}
	}
	if in.Silence < 0 {
		c.add("inference.silence", "%d is less than none", in.Silence)
	}
	known := make([]string, 0, len(EvidenceKinds()))
	for _, k := range EvidenceKinds() {
		known = append(known, string(k))
	}
	for _, name := range slices.Sorted(maps.Keys(in.Weights)) {
		switch w := in.Weights[name]; {
		case !slices.Contains(known, name):
			c.add("inference.weights", "%q is no kind of evidence: they are %s", name, strings.Join(known, ", "))
		case !(w >= 0 && w <= maxWeight):
			c.add("inference.weights", "%s", fmt.Sprintf("%v of %s is not from 0 to %d", w, name, maxWeight))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.HalfLife)) {
		if !slices.Contains(known, name) {
			c.add("inference.half_life", "%q is no kind of evidence: they are %s", name, strings.Join(known, ", "))
		}
	}
}
