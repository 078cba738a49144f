package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Stats are counts of exposures, and what stands in the way of better ones.
type Stats struct {
	Total   int64                       `json:"total"`
	By      map[string]map[string]int64 `json:"by"`                // group → value → count; an empty owner is unowned
	Queued  int64                       `json:"queued"`            // of those, in the admission queue
	Waiting map[string]int64            `json:"waiting,omitempty"` // exposures in each team's line; an empty team is nobody's
	Unowned Unowned                     `json:"unowned"`
	Intel   []IntelStatus               `json:"intel"`
	Silent  []string                    `json:"silent"`  // sources that have gone quiet
	Pending []string                    `json:"pending"` // sources with deliveries that wait
	Missing []string                    `json:"missing"` // what is missing, and what to do about it
}

func groups() []string { return []string{"state", "decision", "severity", "owner", "scope", "source"} }

func statsRoutes() []route {
	return []route{{
		method: http.MethodGet, path: prefix + "/stats", name: "stats", tag: "exposures", summary: "Count exposures, and say what is missing",
		access: needs(RoleViewer), query: append(filterParams(), choice("by", "Which groups to count; all if absent.", groups()).repeated()),
		out: Stats{}, handle: (*Server).stats,
	}}
}

func (s *Server) stats(c *call) error {
	ctx := c.Request().Context()
	f, err := filterOf(c.QueryParams(), c.visible())
	if err != nil {
		return err
	}
	by := c.QueryParams()["by"]
	if len(by) == 0 {
		by = groups()
	}
	out := Stats{By: map[string]map[string]int64{}, Intel: []IntelStatus{}, Silent: []string{}, Pending: []string{}, Missing: []string{}}
	for _, group := range by {
		counts, err := s.deps.Exposures.CountExposures(ctx, f, group)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "counting exposures by "+group)
		}
		if counts == nil {
			counts = map[string]int64{}
		}
		out.By[group] = counts
	}
	all, err := s.deps.Exposures.CountExposures(ctx, f, "")
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting exposures")
	}
	out.Total = total(all)
	queued := f
	queued.Queued = true
	waiting, err := s.deps.Exposures.CountExposures(ctx, queued, "")
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "counting the admission queue")
	}
	out.Queued = total(waiting)
	if out.Unowned, err = s.unowned(ctx, c, f); err != nil {
		return err
	}
	if n := out.Unowned.Overdue; n > 0 {
		out.Missing = append(out.Missing, strconv.FormatInt(n, 10)+" assets have had no owner for longer than "+out.Unowned.Within+": see /api/v1/gaps?gap=unowned")
	}
	if s.deps.Queue != nil && c.visible() == nil {
		if out.Waiting, err = s.deps.Queue.Waiting(ctx); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "counting each team's line")
		}
	}
	if err := s.gaps(ctx, c, &out); err != nil {
		return err
	}
	return c.json(http.StatusOK, out)
}

// unowned counts what nobody owns: exposures as the filter says, and assets.
func (s *Server) unowned(ctx context.Context, c *call, f exposure.Filter) (Unowned, error) {
	out, err := s.deps.Owners.Unowned(ctx, c.visible())
	if err != nil {
		return out, fault.Wrap(fault.KindOf(err), err, "counting what nobody owns")
	}
	if len(f.Owners) == 0 || slices.Contains(f.Owners, "") {
		f.Owners = []string{""}
		if len(f.States) == 0 {
			for _, state := range exposure.States() {
				if state.Live() {
					f.States = append(f.States, state)
				}
			}
		}
		counts, err := s.deps.Exposures.CountExposures(ctx, f, "")
		if err != nil {
			return out, fault.Wrap(fault.KindOf(err), err, "counting what nobody owns")
		}
		out.Exposures = total(counts)
	}
	return out, nil
}

// gaps says what is missing. Sources are told only to who sees everything.
func (s *Server) gaps(ctx context.Context, c *call, out *Stats) error {
	intel, err := s.deps.Intel.Status(ctx)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the state of the intelligence")
	}
	for _, i := range intel {
		out.Intel = append(out.Intel, i)
		if i.Missing != "" {
			out.Missing = append(out.Missing, i.Missing)
		}
	}
	if c.visible() != nil {
		return nil
	}
	if out.Pending, err = s.deps.Deliveries.PendingSources(ctx); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading which sources have deliveries waiting")
	}
	out.Pending = listed(out.Pending)
	sources, err := s.deps.Sources.Sources(ctx)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading the state of the sources")
	}
	for _, source := range sources {
		if source.Silent {
			out.Silent = append(out.Silent, source.Name)
		}
	}
	if len(out.Silent) > 0 {
		out.Missing = append(out.Missing, "some sources have gone quiet: see /api/v1/sources")
	}
	unscoped, err := s.deps.Assets.FindAssets(ctx, asset.Filter{Unscoped: true}, exposure.List{Limit: 1})
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "finding assets in no scope")
	}
	if len(unscoped.Items) > 0 {
		out.Missing = append(out.Missing, "some assets are in no scope: see /api/v1/assets?unscoped=true")
	}
	slices.Sort(out.Silent)
	return nil
}
