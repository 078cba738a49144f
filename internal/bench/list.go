package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store"
)

const (
	aimList      = 20 // ms, the 99th of a hundred
	listRequests = 200
	pageSize     = 50
	deepPage     = 1000
)

// listFigures measures lists and counts over the exposures that ingestFigures left.
func (b *bench) listFigures(ctx context.Context) error {
	if !b.wants("list") {
		return nil
	}
	o, err := inChild(ctx, task{Kind: "list", Dir: filepath.Join(b.dir, "store"), Profile: b.profile("list")}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("lists are over %.0f exposures, page %d of %d each", o.Values["exposures"], int(o.Values["deep"]), pageSize)
	for _, name := range []string{"list_page_1", "list_page_1000", "list_groups"} {
		b.figure(Figure{Name: name, Value: o.Values[name], Unit: "ms", Aim: aimList, Most: true})
	}
	return nil
}

// list asks a store for what the dashboard and the CLI ask for, one request after the
// other, and tells the 99th percentile of each kind.
func list(ctx context.Context, t task) (o outcome, err error) {
	s, err := store.Open(ctx, "sqlite:"+t.Dir, store.Options{})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	total, err := s.CountExposures(ctx, exposure.Filter{}, "")
	if err != nil {
		return o, err
	}
	deep, reached, err := pages(ctx, s)
	if err != nil {
		return o, err
	}
	o.Values = map[string]float64{"exposures": float64(total[""]), "deep": float64(reached)}
	for name, ask := range map[string]func(n int) error{
		"list_page_1":    func(n int) error { return page(ctx, s, listed(n), "") },
		"list_page_1000": func(n int) error { return page(ctx, s, listed(0), deep[n%len(deep)]) },
		"list_groups": func(n int) error {
			by := []string{"state", "decision", "severity", "owner", "scope", "source"}[n%6]
			_, err := s.CountExposures(ctx, listed(n), by)
			return err
		},
	} {
		if o.Values[name], err = slowest(ask); err != nil {
			return o, fmt.Errorf("measuring %s: %w", name, err)
		}
	}
	return o, nil
}

// listed are the filters that are asked for in turn: a state and a scope, as a team does,
// and more besides.
func listed(n int) exposure.Filter {
	f := exposure.Filter{States: []exposure.State{exposure.Tracked, exposure.Open}, Scopes: []string{"datacenter"}}
	switch n % 4 {
	case 1:
		f.Scopes = []string{"shop"}
	case 2:
		f.Severities = []exposure.Severity{exposure.SeverityHigh, exposure.SeverityCritical}
	case 3:
		f.Scopes, f.Visible = nil, []string{"office", "shop"}
	}
	return f
}

func page(ctx context.Context, s *store.Store, f exposure.Filter, cursor string) error {
	_, err := s.FindExposures(ctx, f, exposure.List{Sort: exposure.SortDue, Limit: pageSize, Cursor: cursor})
	return err
}

// pages walks through the list as a reader would, and keeps the cursors of the last ten
// pages up to the thousandth.
func pages(ctx context.Context, s *store.Store) (cursors []string, reached int, err error) {
	cursors, reached = []string{""}, 1
	for reached < deepPage {
		p, err := s.FindExposures(ctx, listed(0), exposure.List{Sort: exposure.SortDue, Limit: pageSize, Cursor: cursors[len(cursors)-1]})
		if err != nil {
			return nil, 0, err
		}
		if p.Next == "" {
			break
		}
		cursors, reached = append(cursors, p.Next), reached+1
	}
	return cursors[max(0, len(cursors)-10):], reached, nil
}

// slowest runs a request often and gives the 99th percentile in milliseconds. The first
// ones warm up and aren't counted.
func slowest(ask func(n int) error) (float64, error) {
	const warm = 8
	took := make([]time.Duration, 0, listRequests)
	for n := range warm + listRequests {
		begun := time.Now()
		if err := ask(n); err != nil {
			return 0, err
		}
		if n >= warm {
			took = append(took, time.Since(begun))
		}
	}
	return milliseconds(quantile(took, 0.99)), nil
}
