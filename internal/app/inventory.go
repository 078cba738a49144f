package app

import (
	"context"
	"slices"
	"time"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
	"github.com/quellsec/quell/internal/store"
)

// inventory tells the API about what is configured and how it is doing.
type inventory struct {
	store   *store.Store
	sources *sources
	judge   *ingest.Judge
	now     func() time.Time
}

// Sources implements api.Sources.
func (i *inventory) Sources(ctx context.Context) ([]api.SourceStatus, error) {
	pending, err := i.store.PendingSources(ctx)
	if err != nil {
		return nil, err
	}
	conditions, err := i.Conditions(ctx)
	if err != nil {
		return nil, err
	}
	held, err := i.store.FindDeliveries(ctx, "", string(exposure.DeliveryParked), exposure.List{Limit: 1000})
	if err != nil {
		return nil, err
	}
	out := make([]api.SourceStatus, 0, len(i.sources.order))
	for _, c := range i.sources.order {
		status := api.SourceStatus{Name: c.Name, Connector: c.Connector, Pending: slices.Contains(pending, c.Name),
			Owner: c.Owner, Conditions: conditions[c.Name]}
		for n := range held.Items {
			if held.Items[n].Source == c.Name {
				status.Held++
			}
		}
		info := i.sources.byName[c.Name].info
		if len(info.Bearer) > 0 || info.HMAC != nil || info.Verifier != nil {
			status.Webhook = "/hooks/" + c.Name
		}
		deliveries, err := i.store.FindDeliveries(ctx, c.Name, "", exposure.List{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(deliveries.Items) > 0 {
			last := deliveries.Items[0]
			status.LastDelivery, status.Problem = last.ReceivedAt, last.Error
		}
		if status.LastRun, err = i.lastCompleteRun(ctx, c.Name); err != nil {
			return nil, err
		}
		quiet := c.Quiet.Std()
		status.Silent = quiet > 0 && i.now().Sub(status.LastDelivery) > quiet
		out = append(out, status)
	}
	return out, nil
}

// Conditions implements api.Sources: what the sweep has found and told of.
func (i *inventory) Conditions(ctx context.Context) (map[string][]api.SourceCondition, error) {
	healths, err := i.store.Healths(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]api.SourceCondition, len(i.sources.order))
	for _, c := range i.sources.order {
		out[c.Name] = nil
	}
	for n := range healths {
		h := &healths[n]
		if _, configured := out[h.Source]; !configured {
			continue
		}
		for _, a := range h.Ails() {
			out[h.Source] = append(out[h.Source], api.SourceCondition{Condition: a.Condition, Since: a.Since, Why: a.Why, LastGood: a.LastGood})
		}
	}
	return out, nil
}

// lastCompleteRun looks among a source's newest runs for one that could prove absence.
func (i *inventory) lastCompleteRun(ctx context.Context, source string) (time.Time, error) {
	runs, err := i.store.Runs(ctx, source, exposure.List{Limit: 20})
	if err != nil {
		return time.Time{}, err
	}
	return exposure.LastGood(runs.Items), nil
}

// Scopes implements api.Scopes.
func (i *inventory) Scopes(ctx context.Context) ([]api.ScopeStatus, error) {
	var out []api.ScopeStatus
	for _, s := range i.judge.Grounds().Scopes.Scopes() {
		counts, err := i.store.CountExposures(ctx, exposure.Filter{Scopes: []string{s.Name}}, "state")
		if err != nil {
			return nil, err
		}
		status := api.ScopeStatus{Scope: s, Exposures: counts}
		assets, err := i.store.FindAssets(ctx, asset.Filter{Scope: s.Name}, exposure.List{Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(assets.Items) == 0 {
			status.Problem = "no source reports an asset in it: check its rules with quell assets, or add a source"
		}
		out = append(out, status)
	}
	return out, nil
}

// Owners implements api.Owners.
func (i *inventory) Owners(context.Context) ([]ownership.Team, error) {
	return i.judge.Owners().Teams(), nil
}

// TestOwner implements api.Owners.
func (i *inventory) TestOwner(ctx context.Context, id asset.ID, of exposure.ID) (api.OwnerTest, error) {
	a, err := i.store.Asset(ctx, id)
	if err != nil {
		return api.OwnerTest{}, err
	}
	g := i.judge.Grounds()
	var e exposure.Exposure
	if of != "" {
		if e, err = i.store.Exposure(ctx, of); err != nil {
			return api.OwnerTest{}, err
		}
	}
	x := g.Owners.Explain(a, g.Scopes.Named(a.Scopes), e)
	out := api.OwnerTest{Line: x.Route.Line(), Asset: a.ID, AssetName: a.Name, Team: x.Route.Team, Copies: x.Route.Copies,
		Confidence: x.Route.Confidence, How: x.Route.Owner().How, Lines: x.Lines}
	if e.Owner.Manual && g.Owners.Gone(e.Owner.Team) == "" {
		out.Team, out.Confidence, out.How, out.Line = e.Owner.Team, 1, e.Owner.How, e.Owner.Team+", 1.00: "+e.Owner.How
		out.Lines = append(out.Lines, "but a person decided: "+e.Owner.How)
	}
	for _, c := range x.Candidates {
		candidate := api.OwnerCandidate{Team: c.Team, Confidence: c.Confidence, Evidence: []api.OwnerEvidence{}}
		for _, ev := range c.Evidence {
			candidate.Evidence = append(candidate.Evidence, api.OwnerEvidence{Kind: ev.Kind, What: ev.What, Weight: ev.Weight, At: ev.At, Source: ev.Source, Counts: ev.Counts})
		}
		out.Candidates = append(out.Candidates, candidate)
	}
	return out, nil
}

// Unowned implements api.Owners.
func (i *inventory) Unowned(ctx context.Context, visible []string) (api.Unowned, error) {
	within := i.judge.Owners().OwnerWithin()
	out := api.Unowned{Within: scope.Duration(within).String()}
	for before, into := range map[time.Time]*int64{{}: &out.Assets, i.now().Add(-within): &out.Overdue} {
		counts, err := i.store.CountAssets(ctx, asset.Filter{Unowned: true, UnownedBefore: before, Visible: visible}, "")
		if err != nil {
			return out, err
		}
		*into = counts[""]
	}
	return out, nil
}
