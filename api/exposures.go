package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Exposures reads exposures.
type Exposures interface {
	Exposure(ctx context.Context, id exposure.ID) (exposure.Exposure, error)
	FindExposures(ctx context.Context, f exposure.Filter, l exposure.List) (exposure.Page[exposure.Exposure], error)
	EachExposure(ctx context.Context, f exposure.Filter, fn func(exposure.Exposure) error) error
	CountExposures(ctx context.Context, f exposure.Filter, by string) (map[string]int64, error)
}

// Sightings knows what each source last saw on an asset.
type Sightings interface {
	Sightings(ctx context.Context, source string, assets []asset.ID) (map[asset.ID]exposure.Sighting, error)
}

// Timeline gives an exposure's chain of events, verified: a broken chain is an error of
// kind internal, given with the events.
type Timeline interface {
	Timeline(ctx context.Context, id exposure.ID) ([]exposure.Event, error)
}

// Describe finds the latest workflow run of an exposure.
type Describe interface {
	Describe(ctx context.Context, id exposure.ID) (lifecycle.WorkflowLink, error)
}

// Summary is an exposure in a list: the fields of the whole one, without what sources say
// in detail.
type Summary struct {
	ID            exposure.ID         `json:"id"`
	Version       int64               `json:"version"`
	State         exposure.State      `json:"state"`
	Mode          exposure.Mode       `json:"mode"`
	Asset         asset.ID            `json:"asset"`
	AssetName     string              `json:"asset_name,omitempty"`
	Weakness      string              `json:"weakness"`
	Location      string              `json:"location,omitempty"`
	Fix           string              `json:"fix"`
	Title         string              `json:"title"`
	Severity      exposure.Severity   `json:"severity"`
	CVEs          []string            `json:"cves,omitempty"`
	Sources       []string            `json:"sources"`
	Scopes        []string            `json:"scopes,omitempty"`
	Presence      exposure.Presence   `json:"presence"`
	Decision      exposure.Decision   `json:"decision"`
	Due           time.Time           `json:"due,omitzero"`
	Owner         exposure.Owner      `json:"owner"`
	Verdict       *exposure.Verdict   `json:"verdict,omitempty"`
	Claim         *exposure.Claim     `json:"claim,omitempty"`
	Exception     *exposure.Exception `json:"exception,omitempty"`
	Request       *exposure.Request   `json:"request,omitempty"`
	RemediationID string              `json:"remediation_id,omitempty"`
	Ticket        string              `json:"ticket,omitempty"`
	Reopens       int                 `json:"reopens,omitempty"`
	FirstSeen     time.Time           `json:"first_seen"`
	LastSeen      time.Time           `json:"last_seen"`
	ClosedAt      time.Time           `json:"closed_at,omitzero"`
	Queued        time.Time           `json:"queued,omitzero"`
	UpdateAt      time.Time           `json:"updated_at"`
}

func summaryOf(e exposure.Exposure) Summary {
	return Summary{ID: e.ID, Version: e.Version, State: e.State, Mode: e.Mode, Asset: e.Asset, AssetName: e.AssetName, Weakness: e.Weakness,
		Location: e.Location, Fix: e.Fix, Title: e.Title, Severity: e.Severity, CVEs: e.CVEs, Sources: listed(e.Sources), Scopes: e.Scopes,
		Presence: e.Presence, Decision: e.Decision, Due: e.Due, Owner: e.Owner, Verdict: e.Verdict, Claim: e.Claim, Exception: e.Exception, Request: e.Request,
		RemediationID: e.RemediationID, Ticket: e.Ticket, Reopens: e.Reopens, FirstSeen: e.FirstSeen, LastSeen: e.LastSeen,
		ClosedAt: e.ClosedAt, Queued: e.Queued, UpdateAt: e.UpdateAt}
}

// Detail is one exposure with its story.
type Detail struct {
	exposure.Exposure
	Timeline Story `json:"timeline"`
	// Related are exposures of the same asset that speak of the same CVEs.
	Related  []exposure.Related  `json:"related"`
	Evidence []string            `json:"evidence"` // SHA-256 of what verdicts and events rest on: GET /api/v1/evidence/{sha256}
	Workflow *Link               `json:"workflow,omitempty"`
	Line     *lifecycle.Place    `json:"line,omitempty"`      // where it stands in its team's line, while it waits
	Runs     []RunView           `json:"runs,omitempty"`      // of runbooks, oldest first
	FollowUp *lifecycle.FollowUp `json:"follow_up,omitempty"` // what was sent, and what comes next
}

// Link says where the Temporal UI shows the exposure's workflow.
type Link struct {
	lifecycle.WorkflowLink
	URL string `json:"url,omitempty"`
}

// Story is an exposure's chain of events.
type Story struct {
	Items    []exposure.Event `json:"items"`
	Verified bool             `json:"verified"` // the chain is whole, and leads to the state
	Problem  string           `json:"problem,omitempty"`
}

func exposureRoutes() []route {
	list := slices.Concat(filterParams(), searchParams(), pageParams(), []param{choice("sort", "The order; ties are broken by ID.", sorts())})
	return slices.Concat([]route{
		{method: http.MethodGet, path: prefix + "/exposures", name: "exposures", tag: "exposures", summary: "Find exposures",
			access: needs(RoleViewer), query: list, out: exposure.Page[Summary]{}, handle: (*Server).listExposures},
		{method: http.MethodGet, path: prefix + "/exposures.ndjson", name: "exportExposures", tag: "exposures",
			summary: "Export exposures whole, one JSON object a line", doc: "A connection that ends without a final chunk means that the export is not complete.",
			access: needs(RoleViewer), query: slices.Concat(filterParams(), searchParams()), outType: ndjsonType, handle: (*Server).export},
		{method: http.MethodGet, path: prefix + "/exposures/{id}", name: "exposure", tag: "exposures", summary: "One exposure with its story",
			access: needs(RoleViewer), out: Detail{}, etag: true, handle: (*Server).getExposure},
		{method: http.MethodGet, path: prefix + "/exposures/{id}/timeline", name: "timeline", tag: "exposures", summary: "What happened to an exposure, verified",
			access: needs(RoleViewer), out: Story{}, handle: (*Server).timeline},
		{method: http.MethodGet, path: prefix + "/findings", name: "findings", tag: "exposures", summary: "Find what sources say, finding by finding",
			doc:    "The filter chooses exposures, and limit counts them: a page has all findings of its exposures.",
			access: needs(RoleViewer), query: list, out: exposure.Page[Reported]{}, handle: (*Server).listFindings},
	}, decisionRoutes(), approvalRoutes(), statsRoutes())
}

// find reads one page of exposures that the caller may see.
func (s *Server) find(c *call) (exposure.Page[exposure.Exposure], error) {
	f, err := filterOf(c.QueryParams(), c.visible())
	if err != nil {
		return exposure.Page[exposure.Exposure]{}, err
	}
	page, err := s.deps.Exposures.FindExposures(c.Request().Context(), f, listOf(c.QueryParams()))
	return page, fault.Wrap(fault.KindOf(err), err, "finding exposures")
}

func (s *Server) listExposures(c *call) error {
	page, err := s.find(c)
	if err != nil {
		return err
	}
	out := exposure.Page[Summary]{Items: make([]Summary, len(page.Items)), Next: page.Next}
	for i := range page.Items {
		out.Items[i] = summaryOf(page.Items[i])
	}
	return c.json(http.StatusOK, out)
}

// Reported is one finding with the exposure that it belongs to.
type Reported struct {
	Exposure  exposure.ID      `json:"exposure"`
	State     exposure.State   `json:"state"`
	Asset     asset.ID         `json:"asset"`
	AssetName string           `json:"asset_name,omitempty"`
	Finding   exposure.Finding `json:"finding"`
}

func (s *Server) listFindings(c *call) error {
	page, err := s.find(c)
	if err != nil {
		return err
	}
	out := exposure.Page[Reported]{Items: []Reported{}, Next: page.Next}
	sources := c.QueryParams()["source"]
	for i := range page.Items {
		e := &page.Items[i]
		for _, f := range e.Findings {
			if len(sources) == 0 || slices.Contains(sources, f.Source) {
				out.Items = append(out.Items, Reported{Exposure: e.ID, State: e.State, Asset: e.Asset, AssetName: e.AssetName, Finding: f})
			}
		}
	}
	return c.json(http.StatusOK, out)
}

// exposure reads one exposure that the caller may see. One that he may not is not there.
func (s *Server) exposure(c *call) (exposure.Exposure, error) {
	return s.exposureOf(c, exposure.ID(c.param("id")))
}

// exposureOf reads one exposure that the caller may see.
func (s *Server) exposureOf(c *call, id exposure.ID) (exposure.Exposure, error) {
	e, err := s.deps.Exposures.Exposure(c.Request().Context(), id)
	if err == nil && !c.sees(e.Scopes) || fault.Is(err, fault.NotFound) {
		return exposure.Exposure{}, fault.New(fault.NotFound, "there is no exposure %s", shown(string(id)))
	}
	return e, fault.Wrap(fault.KindOf(err), err, "reading an exposure")
}

func (s *Server) getExposure(c *call) error {
	e, err := s.exposure(c)
	if err != nil {
		return err
	}
	// A report that says the same again touches the sighting, not the exposure: its last
	// sight is brought up to date here, and told apart in the tag.
	if e, err = s.hydrated(c.Request().Context(), e); err != nil {
		return err
	}
	line, err := s.place(c, &e)
	if err != nil {
		return err
	}
	beside := strconv.FormatInt(e.LastSeen.UnixMilli(), 36)
	if line != nil {
		beside += "." + strconv.Itoa(line.Place) + "." + strconv.Itoa(line.Of)
	}
	runs, err := s.runsAbout(c, &e)
	if err != nil {
		return err
	}
	versions := make([]string, 0, 1+len(runs))
	for i := range runs {
		versions = append(versions, strconv.FormatInt(runs[i].Version, 36))
	}
	beside = strings.Join(append(versions, beside), ".")
	if c.unchanged(etag(e.Version, beside)) {
		return c.NoContent(http.StatusNotModified)
	}
	story, err := s.story(c.Request().Context(), e.ID)
	if err != nil {
		return err
	}
	related, err := s.related(c, &e)
	if err != nil {
		return err
	}
	e.Sources, e.Findings, e.Sights = listed(e.Sources), listed(e.Findings), listed(e.Sights)
	detail := Detail{Exposure: e, Timeline: story, Related: related, Evidence: evidenceOf(&e, story.Items), Workflow: s.link(c.Request().Context(), &e), Line: line, Runs: runs}
	if s.deps.FollowUp != nil {
		next, err := s.deps.FollowUp(c.Request().Context(), e)
		if err != nil {
			return err
		}
		detail.FollowUp = &next
	}
	return c.json(http.StatusOK, detail)
}

// mostRelated bounds the CVEs that are asked about, and what is found of each.
const mostRelated = 50

// related finds the exposures of the same asset that speak of the same CVEs.
func (s *Server) related(c *call, e *exposure.Exposure) ([]exposure.Related, error) {
	var others []exposure.Exposure
	for _, cve := range e.CVEs[:min(len(e.CVEs), mostRelated)] {
		page, err := s.deps.Exposures.FindExposures(c.Request().Context(), exposure.Filter{Assets: []asset.ID{e.Asset}, CVE: cve, Visible: c.visible()},
			exposure.List{Sort: exposure.SortID, Limit: mostRelated})
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "finding related exposures")
		}
		others = append(others, page.Items...)
	}
	return exposure.RelatedTo(*e, others), nil
}

func (s *Server) hydrated(ctx context.Context, e exposure.Exposure) (exposure.Exposure, error) {
	if s.deps.Sightings == nil {
		return e, nil
	}
	for _, sight := range e.Sights {
		found, err := s.deps.Sightings.Sightings(ctx, sight.Source, []asset.ID{e.Asset})
		if err != nil {
			return e, fault.Wrap(fault.KindOf(err), err, "reading the last sights of an exposure")
		}
		if g, ok := found[e.Asset]; ok {
			e = exposure.Hydrate(e, g)
		}
	}
	return e, nil
}

func (s *Server) timeline(c *call) error {
	e, err := s.exposure(c)
	if err != nil {
		return err
	}
	story, err := s.story(c.Request().Context(), e.ID)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, story)
}

// story is the chain of an exposure. A broken one is shown, and said to be broken: an
// auditor has to see it.
func (s *Server) story(ctx context.Context, id exposure.ID) (Story, error) {
	events, err := s.deps.Timeline.Timeline(ctx, id)
	switch {
	case err == nil:
		return Story{Items: listed(events), Verified: true}, nil
	case fault.Is(err, fault.Internal) && len(events) > 0:
		s.log.Error("the chain of an exposure is broken", "exposure", id, "error", err)
		return Story{Items: events, Problem: err.Error()}, nil
	}
	return Story{}, fault.Wrap(fault.KindOf(err), err, "reading the events of an exposure")
}

// evidenceOf gathers the hashes of all that an exposure's verdicts and events rest on.
func evidenceOf(e *exposure.Exposure, events []exposure.Event) []string {
	out := []string{}
	if e.Verdict != nil {
		out = append(out, e.Verdict.Evidence...)
	}
	for i := range events {
		ev := &events[i]
		out = append(out, ev.Evidence...)
		if ev.Verdict != nil {
			out = append(out, ev.Verdict.Evidence...)
		}
		if ev.Proof != nil && ev.Proof.Verdict != nil {
			out = append(out, ev.Proof.Verdict.Evidence...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// link finds the exposure's workflow. An exposure can be read while Temporal is down, or
// has forgotten it, so there may be none.
func (s *Server) link(ctx context.Context, e *exposure.Exposure) *Link {
	const patience = time.Second
	if s.deps.Describe == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := s.deps.Describe.Describe(ctx, e.ID)
	if err != nil {
		if !fault.Is(err, fault.NotFound) {
			s.log.Debug("finding the workflow of an exposure", "exposure", e.ID, "error", err)
		}
		return nil
	}
	out := &Link{WorkflowLink: found}
	if s.deps.WorkflowURL != "" {
		out.URL = strings.NewReplacer("{workflow}", url.PathEscape(found.WorkflowID), "{run}", url.PathEscape(found.RunID)).Replace(s.deps.WorkflowURL)
	}
	return out
}

// listed is a list that is one even when it is empty.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
