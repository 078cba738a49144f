package ingest

import (
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Assessor places assets into scopes and decides on exposures. It is pure for one
// snapshot of policy, scopes, owners and intelligence.
type Assessor interface {
	// Place sets the asset's scopes and owner, and reports whether anything changed that
	// decisions on its exposures depend on.
	Place(a *asset.Asset) (changed bool)
	// Assess decides on an exposure of the asset.
	Assess(e exposure.Exposure, a asset.Asset, at time.Time) Assessment
}

// Assessment is what is decided about an exposure in bulk, without a workflow.
type Assessment struct {
	Decision exposure.Decision
	Due      time.Time
	Owner    exposure.Owner
	Scopes   []string
	Excluded bool   // its exposures are out of scope: a scope excludes the asset, or it retired
	Out      string // why it is excluded; empty: a scope says so
	Released string // why what a person said of the owner no longer holds; empty: it does
}

// Reassigns reports whether the exposure gets another owner. What a person decided stands,
// as long as the team does.
func (a *Assessment) Reassigns(now *exposure.Owner) bool {
	return (!now.Manual || a.Released != "") && a.Owner.Team != now.Team
}

// Successor is the new owner, with why the last one isn't any more where that team is
// dissolved.
func (a *Assessment) Successor() exposure.Owner {
	o := a.Owner
	if a.Released != "" {
		o.How = a.Released + " > " + o.How
	}
	return o
}

// apply writes an assessment's attributes on an exposure that is not yet stored.
func (a *Assessment) apply(e *exposure.Exposure, at time.Time) {
	e.Decision, e.Due, e.Scopes = a.Decision, a.Due, a.Scopes
	e.Owner = a.Owner
	e.Owner.Since = at
	if a.Decision.Admit {
		e.Queued = at
	}
}

// OutOfScope says why the exposure is out of scope.
func (a *Assessment) OutOfScope() string {
	if a.Out != "" {
		return a.Out
	}
	return "a scope excludes the asset"
}
