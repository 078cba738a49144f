package store

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// exposures are found by what lists, sweeps and ingest ask for. Ranks stand in worst
// first order, so that every list is in one direction.
//
//nolint:gochecknoglobals // a constant declaration, as the others below
var exposures = engine.Collection{
	Name: "exposures",
	Fields: []engine.Field{
		{Name: "state"}, {Name: "decision", Kind: engine.Int}, {Name: "severity", Kind: engine.Int}, {Name: "owner"},
		{Name: "scope", Kind: engine.Texts}, {Name: "source", Kind: engine.Texts}, {Name: "cve", Kind: engine.Texts},
		{Name: "asset"}, {Name: "weakness"}, {Name: "remediation"}, {Name: "title"},
		{Name: "due", Kind: engine.Int}, {Name: "first_seen", Kind: engine.Int}, {Name: "updated", Kind: engine.Int},
		{Name: "workflow", Kind: engine.Int}, {Name: "queued", Kind: engine.Int}, {Name: "wake", Kind: engine.Int}, {Name: "timer", Kind: engine.Int},
		// The line: whose it is, the place in it, whose work it is, and from when on it is urgent.
		{Name: "line"}, {Name: "turn", Kind: engine.Int}, {Name: "work"}, {Name: "presses", Kind: engine.Int},
		{Name: "requested", Kind: engine.Int}, {Name: "untold", Kind: engine.Int}, {Name: "learn", Kind: engine.Int},
		{Name: "campaign", Kind: engine.Texts}, {Name: "kev", Kind: engine.Int},
	},
	Indexes: []engine.Index{
		{Fields: []string{"state", "due"}}, {Fields: []string{"decision", "due"}}, {Fields: []string{"owner", "due"}},
		{Fields: []string{"severity"}}, {Fields: []string{"first_seen"}}, {Fields: []string{"updated"}},
		{Fields: []string{"scope", "due"}}, {Fields: []string{"source", "due"}}, {Fields: []string{"cve"}},
		{Fields: []string{"asset"}}, {Fields: []string{"remediation"}, Sparse: true},
		{Fields: []string{"workflow"}, Sparse: true}, {Fields: []string{"queued", "due"}, Sparse: true},
		{Fields: []string{"wake"}, Sparse: true}, {Fields: []string{"timer"}, Sparse: true},
		{Fields: []string{"line", "turn", "work"}, Sparse: true}, {Fields: []string{"work", "turn"}, Sparse: true}, {Fields: []string{"presses"}, Sparse: true},
		{Fields: []string{"requested"}, Sparse: true}, {Fields: []string{"untold"}, Sparse: true}, {Fields: []string{"learn"}, Sparse: true},
		{Fields: []string{"campaign", "due"}}, {Fields: []string{"kev", "due"}, Sparse: true},
	},
	Cube: []string{"state", "decision", "severity", "owner", "scope", "source"},
}

func (s *Store) exposures() of[exposure.Exposure] {
	return of[exposure.Exposure]{Collection: &exposures, e: s.engine,
		id: func(x *exposure.Exposure) string { return string(x.ID) },
		at: func(x *exposure.Exposure) int64 { return x.Version },
		values: func(x *exposure.Exposure) []any {
			return []any{string(x.State), urgency(x.Decision.Outcome), badness(x.Severity), x.Owner.Team,
				x.Scopes, x.Sources, weaknesses(x),
				string(x.Asset), x.Weakness, optional(x.RemediationID), strings.ToLower(x.Title),
				due(x.Due), x.FirstSeen.UnixMilli(), x.UpdateAt.UnixMilli(),
				flag(x.Mode == exposure.ModeWorkflow), flag(!x.Queued.IsZero()), wake(x), ms(x.TimerAt),
				line(x), turn(x), work(x), pressing(x),
				flag(x.Request != nil), flag(len(x.Untold) > 0), flag(x.Learn),
				campaignsOf(x), flag(x.KEV())}
		}}
}

// weaknesses are the CVEs and the weakness, which mostly is the CVE: both filters use one index.
func weaknesses(x *exposure.Exposure) []string {
	if slices.Contains(x.CVEs, x.Weakness) {
		return x.CVEs
	}
	return append(slices.Clone(x.CVEs), x.Weakness)
}

func campaignsOf(x *exposure.Exposure) []string {
	ids := make([]string, len(x.Campaigns))
	for i := range x.Campaigns {
		ids[i] = x.Campaigns[i].Campaign
	}
	return ids
}

func urgency(o exposure.DecisionOutcome) int64 { return int64(exposure.Act.Rank() - o.Rank()) }

func badness(s exposure.Severity) int64 { return int64(exposure.SeverityCritical.Rank() - s.Rank()) }

// due is a due date as an indexed value: what has none comes last.
func due(t time.Time) int64 {
	if t.IsZero() {
		return math.MaxInt64
	}
	return t.UnixMilli()
}

func wake(x *exposure.Exposure) any {
	if !x.Wake {
		return nil
	}
	return x.WakeAt.UnixMilli()
}

// Exposure gives one exposure; fault.NotFound.
func (s *Store) Exposure(ctx context.Context, id exposure.ID) (exposure.Exposure, error) {
	return s.exposures().one(ctx, string(id))
}

// Exposures gives those that exist.
func (s *Store) Exposures(ctx context.Context, ids []exposure.ID) (map[exposure.ID]exposure.Exposure, error) {
	xs, err := s.exposures().get(ctx, texts(ids))
	found := make(map[exposure.ID]exposure.Exposure, len(xs))
	for _, x := range xs {
		found[x.ID] = x
	}
	return found, err
}

// InsertExposures inserts those that are not there yet, by ID, and says which.
func (s *Store) InsertExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error) {
	return s.exposures().insert(ctx, xs...)
}

// SwapExposures writes each exposure whose stored version is Version-1, since the caller
// has counted Version up already, and says which; the others lost a race.
func (s *Store) SwapExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error) {
	return s.exposures().swap(ctx, xs...)
}

// FindExposures gives one page. Exposures without a due date come last by SortDue and
// first by SortDueDesc. A sort or cursor that is none is fault.Invalid.
func (s *Store) FindExposures(ctx context.Context, f exposure.Filter, l exposure.List) (exposure.Page[exposure.Exposure], error) {
	order, ok := sorts[l.Sort]
	if !ok {
		return exposure.Page[exposure.Exposure]{}, fault.New(fault.Invalid, "listing exposures: there is no sort %q", l.Sort)
	}
	if f.Searches() {
		return s.exposures().search(ctx, conditions(f), order, l, f.Finds)
	}
	return s.exposures().page(ctx, conditions(f), order, l)
}

//nolint:gochecknoglobals // a constant table
var sorts = map[exposure.Sort]ordering{
	"":                     {name: "due", fields: []string{"due"}},
	exposure.SortDue:       {name: "due", fields: []string{"due"}},
	exposure.SortDueDesc:   {name: "-due", fields: []string{"due"}, desc: true},
	exposure.SortSeverity:  {name: "severity", fields: []string{"severity"}},
	exposure.SortDecision:  {name: "decision", fields: []string{"decision", "due"}},
	exposure.SortFirstSeen: {name: "first_seen", fields: []string{"first_seen"}},
	exposure.SortNewest:    {name: "-first_seen", fields: []string{"first_seen"}, desc: true},
	exposure.SortUpdated:   {name: "updated", fields: []string{"updated"}},
	exposure.SortID:        {name: "id", fields: []string{engine.ID}},
}

// EachExposure streams all that match, in no particular order. fn may write; exposures
// that are written meanwhile may be left out if they no longer match, and none comes twice.
func (s *Store) EachExposure(ctx context.Context, f exposure.Filter, fn func(exposure.Exposure) error) error {
	if f.Searches() {
		return s.exposures().each(ctx, conditions(f), func(e exposure.Exposure) error {
			if !f.Finds(&e) {
				return nil
			}
			return fn(e)
		})
	}
	return s.exposures().each(ctx, conditions(f), fn)
}

// CountExposures counts by "", state, decision, severity, owner, scope or source; ""
// counts all under "". An exposure of several scopes or sources counts in each.
func (s *Store) CountExposures(ctx context.Context, f exposure.Filter, by string) (map[string]int64, error) {
	if !slices.Contains([]string{"", "state", "decision", "severity", "owner", "scope", "source"}, by) {
		return nil, fault.New(fault.Invalid, "counting exposures: there is no grouping by %q", by)
	}
	if f.Searches() {
		return nil, fault.New(fault.Invalid, "counting exposures: a search can't be counted; list or export what it finds")
	}
	counts, err := s.engine.Count(ctx, &exposures, conditions(f), by)
	if err != nil || by != "decision" && by != "severity" {
		return counts, err
	}
	named := make(map[string]int64, len(counts))
	for text, n := range counts {
		order, err := strconv.Atoi(text)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "counting exposures")
		}
		named[nameOf(by, order)] += n
	}
	return named, nil
}

func nameOf(by string, order int) string {
	if by == "decision" {
		for _, o := range []exposure.DecisionOutcome{exposure.Track, exposure.TrackStar, exposure.Attend, exposure.Act} {
			if urgency(o) == int64(order) {
				return string(o)
			}
		}
		return ""
	}
	for _, v := range []exposure.Severity{exposure.SeverityInfo, exposure.SeverityLow, exposure.SeverityMedium, exposure.SeverityHigh, exposure.SeverityCritical} {
		if badness(v) == int64(order) {
			return string(v)
		}
	}
	return string(exposure.SeverityUnknown)
}

// conditions translates a filter.
func conditions(f exposure.Filter) []engine.Cond {
	var w where
	in(&w, "state", f.States, func(v exposure.State) any { return string(v) })
	in(&w, "decision", f.Decisions, func(v exposure.DecisionOutcome) any { return urgency(v) })
	in(&w, "severity", f.Severities, func(v exposure.Severity) any { return badness(v) })
	in(&w, "owner", f.Owners, asText)
	in(&w, "scope", f.Scopes, asText)
	in(&w, "source", f.Sources, asText)
	in(&w, "asset", f.Assets, func(v asset.ID) any { return string(v) })
	w.equal("cve", f.CVE)
	w.equal("cve", f.Weakness)
	w.equal("weakness", f.Weakness)
	w.equal("remediation", f.Remediation)
	w.equal("campaign", f.Campaign)
	if f.KEV {
		w.add("kev", engine.In, int64(1))
	}
	w.visible("scope", f.Visible)
	if f.Text != "" {
		w.add("title", engine.Contains, valid(strings.ToLower(f.Text)))
	}
	switch f.Mode {
	case "":
	case exposure.ModeWorkflow:
		w.add("workflow", engine.In, int64(1))
	default:
		w.add("workflow", engine.Lacks)
	}
	if f.Learn {
		w.add("learn", engine.In, int64(1))
	}
	if f.Queued {
		w.add("queued", engine.In, int64(1))
	}
	if f.Requested {
		w.add("requested", engine.In, int64(1))
	}
	if f.Untold {
		w.add("untold", engine.In, int64(1))
	}
	if !f.DueAfter.IsZero() {
		w.add("due", engine.From, f.DueAfter.UnixMilli()+1)
		w.add("due", engine.Below, int64(math.MaxInt64))
	}
	w.before("due", f.DueBefore)
	w.before("timer", f.TimerBefore)
	w.before("wake", f.WakeBefore)
	if !f.Updated.IsZero() {
		w.add("updated", engine.From, f.Updated.UnixMilli())
	}
	return w
}
