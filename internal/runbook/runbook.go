// Package runbook says which runbook may be offered for which exposures, who has to agree
// before it is called, and what its answers mean. Pure.
//
// A runbook is somebody else's automation. What it says is never proof: that it is done is
// a claim, like that of a person who closes a ticket, and leads to a re-test. Nothing closes
// by it, and nothing is approved by waiting.
package runbook

import (
	"slices"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

// Definition is what the configuration says of a runbook, but for how it is reached.
type Definition struct {
	Name       string
	When       string // CEL over an exposure and its asset; empty: any
	Quorum     int    // how many people have to approve; zero: none
	Approvers  []string
	Expires    time.Duration // of a request that nobody answers
	Remind     time.Duration // how often approvers are reminded
	Propose    bool          // it is asked for by itself
	Timeout    time.Duration // within which it must have said that it is done
	MaxRunning int           // so many at a time
}

// The figures of those who configure none.
const (
	DefaultQuorum     = 1
	DefaultExpires    = 3 * 24 * time.Hour
	DefaultRemind     = 24 * time.Hour
	DefaultTimeout    = 4 * time.Hour
	DefaultMaxRunning = 5
)

// DefaultApprovers may approve where nobody is named.
func DefaultApprovers() []string { return []string{exception.OwnerManager, exception.RoleApprover} }

// Runbook is a definition that is ready to be asked. It is immutable, and safe for
// concurrent use.
type Runbook struct {
	Definition
	when  cel.Program
	rules *exception.Rules
}

// New makes a runbook of a definition, the people and the scopes.
func New(d Definition, owners ownership.Config, scopes []scope.Scope) (*Runbook, error) {
	when, err := compile(d.When)
	if err != nil {
		return nil, err
	}
	return &Runbook{Definition: d, when: when, rules: exception.NewRules(exception.Policy{Approvers: d.Approvers}, owners, scopes)}, nil
}

// Fits reports whether a runbook may be offered for an exposure. A condition that can't be
// evaluated fits nothing, and says why.
func (b *Runbook) Fits(e *exposure.Exposure, a *asset.Asset) (bool, error) {
	if e.Owner.Team == "" || !e.State.Live() || e.Claim != nil || e.State == exposure.FixClaimed || e.State == exposure.Verifying {
		return false, nil // whose owner isn't known, who has it mended already, or tests it
	}
	return fits(b.when, e, a)
}

// Approvers are the people, by name, who may approve a run, but whoever asked for it.
func (b *Runbook) Approvers(r *Run, now time.Time) []string {
	return slices.DeleteFunc(b.rules.Approvers(r.subject(), r.By, now), r.ApprovedBy)
}

// InWords says who may approve a run.
func (b *Runbook) InWords(r *Run) []string { return b.rules.InWords(r.subject()) }

// MayApprove reports whether a run waits for somebody, with the role that he has where he
// decides; empty: as people are configured.
func (b *Runbook) MayApprove(r *Run, name, role string, now time.Time) bool {
	name = b.rules.Person(name)
	return r.State == Requested && b.rules.MayApprove(r.subject(), name, role, now) && !r.ApprovedBy(name) && !exposure.SamePerson(r.By, name)
}

// Person gives the one name that a person has here.
func (b *Runbook) Person(name string) string { return b.rules.Person(name) }
