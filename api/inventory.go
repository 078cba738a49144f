package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/scope"
)

// Assets reads assets.
type Assets interface {
	Asset(ctx context.Context, id asset.ID) (asset.Asset, error)
	FindAssets(ctx context.Context, f asset.Filter, l exposure.List) (exposure.Page[asset.Asset], error)
	AssetEvents(ctx context.Context, id asset.ID) ([]asset.Event, error)
}

// Runs reads scans and syncs. An empty source means all.
type Runs interface {
	Runs(ctx context.Context, source string, l exposure.List) (exposure.Page[exposure.Run], error)
}

// Sources knows the configured sources and how they are doing.
type Sources interface {
	Sources(ctx context.Context) ([]SourceStatus, error)
	// Conditions gives what is wrong with each configured source; nil for a healthy one.
	Conditions(ctx context.Context) (map[string][]SourceCondition, error)
}

// Scopes knows the configured scopes.
type Scopes interface {
	Scopes(ctx context.Context) ([]ScopeStatus, error)
}

// Owners knows the teams, and how an asset finds its own.
type Owners interface {
	Owners(ctx context.Context) ([]ownership.Team, error)
	// TestOwner explains the owner of an asset, or of an exposure on it where one is named.
	TestOwner(ctx context.Context, id asset.ID, e exposure.ID) (OwnerTest, error)
	// Unowned counts the assets without an owner.
	Unowned(ctx context.Context, visible []string) (Unowned, error)
}

// SourceStatus is a source and how it is doing.
type SourceStatus struct {
	Name         string    `json:"name"`
	Connector    string    `json:"connector"`
	Webhook      string    `json:"webhook,omitempty"` // path to send to; empty = it takes none
	LastDelivery time.Time `json:"last_delivery,omitzero"`
	LastRun      time.Time `json:"last_run,omitzero"` // check time of the last complete one
	Pending      bool      `json:"pending,omitempty"` // deliveries wait to be ingested
	Silent       bool      `json:"silent,omitempty"`  // nothing came for longer than it should take
	Problem      string    `json:"problem,omitempty"` // why the last delivery failed, and what to do
	Owner        string    `json:"owner,omitempty"`   // the team that is told of it; empty = escalation
	Held         int       `json:"held,omitempty"`    // reports that wait for approval

	Conditions []SourceCondition `json:"conditions,omitempty"` // what is wrong with it
}

// SourceCondition is one thing that is wrong with a source.
type SourceCondition struct {
	Condition exposure.Condition `json:"condition"`
	Since     time.Time          `json:"since"`
	Why       string             `json:"why"`
	LastGood  time.Time          `json:"last_good,omitzero"` // check time of its last complete run by then
}

// ScopeStatus is a scope and what is in it.
type ScopeStatus struct {
	scope.Scope
	Exposures map[string]int64 `json:"exposures"`         // state → count
	Problem   string           `json:"problem,omitempty"` // a gap: no source reports on it
}

// OwnerTest says how an asset's owner is found.
type OwnerTest struct {
	Asset      asset.ID `json:"asset"`
	AssetName  string   `json:"asset_name,omitempty"`
	Team       string   `json:"team"` // empty: unowned
	Copies     []string `json:"copies,omitempty"`
	Confidence float64  `json:"confidence"`
	How        string   `json:"how,omitempty"`
	Line       string   `json:"line,omitempty"` // payments, 0.91: tag team=payments, fixed 7 of 8 on this asset
	Lines      []string `json:"lines"`          // every node asked, with its answer; what each piece of evidence weighs

	Candidates []OwnerCandidate `json:"candidates,omitempty"` // what inference makes of it, the likeliest first
}

// OwnerCandidate is a team that may own something.
type OwnerCandidate struct {
	Team       string          `json:"team"`
	Confidence float64         `json:"confidence"`
	Evidence   []OwnerEvidence `json:"evidence"`
}

// OwnerEvidence is one thing that speaks for a team, or against it.
type OwnerEvidence struct {
	Kind   ownership.EvidenceKind `json:"kind"`
	What   string                 `json:"what"`
	Weight float64                `json:"weight"` // log-likelihood ratio, aged and discounted
	At     time.Time              `json:"at,omitzero"`
	Source string                 `json:"source,omitempty"`
	Counts bool                   `json:"counts"` // whether it is the weightiest of its kind for its team, which alone counts
}

// Unowned is what has no owner.
type Unowned struct {
	Exposures int64  `json:"exposures"` // live ones
	Assets    int64  `json:"assets"`
	Overdue   int64  `json:"overdue"` // assets that should have had one by now
	Within    string `json:"within"`  // how long an asset may be without one
}

// OwnerTestRequest names an asset, or an exposure.
type OwnerTestRequest struct {
	Asset    asset.ID    `json:"asset,omitempty"`
	Exposure exposure.ID `json:"exposure,omitempty"`
}

// Items is a whole list, for what is never long.
type Items[T any] struct {
	Items []T `json:"items"`
}

// AssetDetail is one asset with what is known about it.
type AssetDetail struct {
	asset.Asset
	Exposures map[string]int64 `json:"exposures"` // state → count
	// Provenance says of each field who said it and when, why it holds, and what others say.
	Provenance []asset.Provenance `json:"provenance"`
	Events     []AssetEvent       `json:"events"` // why it is one asset: what was merged, what was refused
}

// AssetEvent is one line of an asset's history.
type AssetEvent struct {
	Seq   int64           `json:"seq"`
	Kind  asset.EventKind `json:"kind"`
	Other asset.ID        `json:"other,omitempty"`
	Why   string          `json:"why"`
	At    time.Time       `json:"at"`
	Actor string          `json:"actor,omitempty"`
	Cause string          `json:"cause,omitempty"`
}

func assetKinds() []asset.Kind {
	return []asset.Kind{asset.Host, asset.CloudResource, asset.WebApplication, asset.API, asset.ContainerImage, asset.Repository,
		asset.SaaSApplication, asset.Domain, asset.Identity}
}

func inventoryRoutes() []route {
	get := func(path, name, summary string, a access, out any, handle func(*Server, *call) error, query ...param) route {
		return route{method: http.MethodGet, path: prefix + path, name: name, tag: "inventory", summary: summary, access: a, query: query, out: out, handle: handle}
	}
	test := route{method: http.MethodPost, path: prefix + "/owners/test", name: "testOwner", tag: "inventory", summary: "Explain how the owner of an asset or an exposure is found",
		access: needs(RoleViewer), in: OwnerTestRequest{}, out: OwnerTest{}, handle: (*Server).testOwner}
	return []route{
		get("/assets", "assets", "Find assets", needs(RoleViewer), exposure.Page[asset.Asset]{}, (*Server).listAssets, append(pageParams(),
			choice("kind", "The kind.", assetKinds()), text("owner", "The owning team."), text("scope", "A scope it is in."),
			text("source", "A source that reports it."), text("text", "Part of the name, in any case."),
			yesNo("unscoped", "True: only those in no scope."))...),
		get("/assets/{id}", "asset", "One asset with its names and history", needs(RoleViewer), AssetDetail{}, (*Server).getAsset),
		get("/runs", "runs", "List scans and syncs, newest first", needs(RoleViewer).entirely(), exposure.Page[exposure.Run]{}, (*Server).listRuns,
			append(pageParams(), text("source", "The source."))...),
		get("/sources", "sources", "List sources and how they are doing", needs(RoleViewer).entirely(), Items[SourceStatus]{}, (*Server).listSources),
		get("/scopes", "scopes", "List scopes and what is in them", needs(RoleViewer), Items[ScopeStatus]{}, (*Server).listScopes),
		get("/owners", "owners", "List teams", needs(RoleViewer), Items[ownership.Team]{}, (*Server).listOwners),
		test,
	}
}

func (s *Server) listAssets(c *call) error {
	f := asset.Filter{Kind: asset.Kind(c.QueryParam("kind")), Owner: c.QueryParam("owner"), Scope: c.QueryParam("scope"),
		Source: c.QueryParam("source"), Text: c.QueryParam("text"), Unscoped: c.QueryParam("unscoped") == "true", Visible: c.visible()}
	page, err := s.deps.Assets.FindAssets(c.Request().Context(), f, listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding assets")
	}
	return c.json(http.StatusOK, paged(page))
}

// asset reads one asset that the caller may see.
func (s *Server) asset(c *call, id asset.ID) (asset.Asset, error) {
	a, err := s.deps.Assets.Asset(c.Request().Context(), id)
	if err == nil && !c.sees(a.Scopes) || fault.Is(err, fault.NotFound) {
		return asset.Asset{}, fault.New(fault.NotFound, "there is no asset %s", shown(string(id)))
	}
	return a, fault.Wrap(fault.KindOf(err), err, "reading an asset")
}

func (s *Server) getAsset(c *call) error {
	ctx := c.Request().Context()
	a, err := s.asset(c, asset.ID(c.param("id")))
	if err != nil {
		return err
	}
	counts, err := s.deps.Exposures.CountExposures(ctx, exposure.Filter{Assets: []asset.ID{a.ID}, Visible: c.visible()}, "state")
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting the exposures of an asset")
	}
	events, err := s.deps.Assets.AssetEvents(ctx, a.ID)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the events of an asset")
	}
	out := AssetDetail{Asset: a, Exposures: counts, Provenance: listed(s.deps.Precedence.Explain(a)), Events: make([]AssetEvent, len(events))}
	if out.Exposures == nil {
		out.Exposures = map[string]int64{}
	}
	for i := range events {
		ev := &events[i]
		out.Events[i] = AssetEvent{Seq: ev.Seq, Kind: ev.Kind, Other: ev.Other, Why: ev.Why, At: ev.At, Actor: ev.Actor, Cause: ev.Cause}
	}
	return c.json(http.StatusOK, out)
}

func (s *Server) listRuns(c *call) error {
	page, err := s.deps.Runs.Runs(c.Request().Context(), c.QueryParam("source"), listOf(c.QueryParams()))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding runs")
	}
	return c.json(http.StatusOK, paged(page))
}

func (s *Server) listSources(c *call) error {
	all, err := s.deps.Sources.Sources(c.Request().Context())
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the state of the sources")
	}
	return c.json(http.StatusOK, Items[SourceStatus]{Items: listed(all)})
}

func (s *Server) listScopes(c *call) error {
	all, err := s.deps.Scopes.Scopes(c.Request().Context())
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the state of the scopes")
	}
	if visible := c.visible(); visible != nil {
		all = slices.DeleteFunc(slices.Clone(all), func(sc ScopeStatus) bool { return !slices.Contains(visible, sc.Name) })
	}
	for i := range all {
		all[i].Include = listed(all[i].Include)
		if all[i].Exposures == nil {
			all[i].Exposures = map[string]int64{}
		}
	}
	return c.json(http.StatusOK, Items[ScopeStatus]{Items: listed(all)})
}

func (s *Server) listOwners(c *call) error {
	all, err := s.deps.Owners.Owners(c.Request().Context())
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the teams")
	}
	return c.json(http.StatusOK, Items[ownership.Team]{Items: listed(all)})
}

func (s *Server) testOwner(c *call) error {
	var in OwnerTestRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.Exposure != "" {
		e, err := s.exposureOf(c, in.Exposure)
		if err != nil {
			return err
		}
		in.Asset = e.Asset
	}
	a, err := s.asset(c, in.Asset)
	if err != nil {
		return err
	}
	out, err := s.deps.Owners.TestOwner(c.Request().Context(), a.ID, in.Exposure)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding the owner of an asset")
	}
	out.Lines = listed(out.Lines)
	return c.json(http.StatusOK, out)
}
