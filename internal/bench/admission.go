package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/connectors/inbox"
	"github.com/quellsec/quell/internal/admission"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/store"
)

const (
	waitingInLine = 1_000_000
	teamsInLine   = 200
	fixesOfTeam   = 100
	looksAtLine   = 10
	aimLook       = 1000 // ms for one look over a million that wait; the sweep looks every ten seconds
	aimPlace      = 100  // ms
)

// admissionFigures measures a look over a line of a million exposures that wait, and
// finding one's place in it.
func (b *bench) admissionFigures(ctx context.Context) error {
	if !b.wants("admission") {
		return nil
	}
	n := b.scaled(waitingInLine)
	o, err := inChild(ctx, task{Kind: "admission", Dir: filepath.Join(b.dir, "line"), Findings: n, Profile: b.profile("admission")}, 1, b.log)
	if err != nil {
		return err
	}
	b.note("admission: %d exposures of %d teams wait, %.0f were admitted by %d looks; peak %.0f MB", n, teamsInLine, o.Values["admitted"], looksAtLine, o.PeakMB)
	b.figure(Figure{Name: "admission_look", Value: o.Values["look"], Unit: "ms", Aim: aimLook, Most: true})
	b.figure(Figure{Name: "admission_place", Value: o.Values["place"], Unit: "ms", Aim: aimPlace, Most: true})
	return nil
}

// lineUp is the task: it fills the line, then looks at it as the sweep does.
func lineUp(ctx context.Context, t task) (o outcome, err error) {
	s, err := store.Open(ctx, "sqlite:"+t.Dir, store.Options{})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := queueUp(ctx, s, t.Findings); err != nil {
		return o, err
	}
	acts := activities.New(activities.Deps{Ledger: ledger.New(s, utc), Records: s, Journal: s, Board: s, Lines: s, Waker: deafWaker{}, Notifier: inbox.New(s, utc),
		Budget: func(string) admission.Budget { return admission.Budget{WIP: looksAtLine, Intake: looksAtLine} }, Now: utc, Log: quiet()})
	o.Values = map[string]float64{}
	for range looksAtLine {
		begun := time.Now()
		report, err := acts.Sweep(ctx, activities.SweepRequest{Admit: 120, MaxOpen: 10_000})
		if err != nil {
			return o, err
		}
		if len(report.Problems) > 0 {
			return o, errors.New("looking over the line: " + report.Problems[0])
		}
		o.Values["look"] = max(o.Values["look"], milliseconds(time.Since(begun)))
		o.Values["admitted"] += float64(report.Admitted)
	}
	begun := time.Now()
	for n := range looksAtLine { // what the place of the last in a line asks for
		team := name(n)
		if _, err := s.Groups(ctx, team, utc().AddDate(1, 0, 0)); err != nil {
			return o, err
		}
		if _, err := s.Working(ctx); err != nil {
			return o, err
		}
	}
	o.Values["place"] = milliseconds(time.Since(begun)) / looksAtLine
	return o, nil
}

// queueUp puts so many exposures into the lines of the teams.
func queueUp(ctx context.Context, s *store.Store, n int) error {
	at := utc()
	batch := make([]exposure.Exposure, 0, 1000)
	for i := range n {
		of := asset.Asset{ID: asset.ID(fmt.Sprintf("asset-%d", i)), Name: fmt.Sprintf("host-%d", i)}
		e := exposure.NewExposure(exposure.BornInput{Asset: of, Source: benchSource, Run: "run", CheckedAt: at, At: at, Cause: "delivery",
			Actor:   exposure.Actor{Kind: exposure.Source, Name: benchSource},
			Finding: exposure.Finding{UID: "1", Check: fmt.Sprintf("nessus:%d", i/teamsInLine%fixesOfTeam), Title: "An old library", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen}})
		e.Owner.Team, e.Queued, e.Due = name(i%teamsInLine), at, at.AddDate(0, 0, 10+i%80)
		e.Decision = exposure.Decision{Outcome: exposure.Attend, Admit: true, Digest: "bench"}
		if batch = append(batch, e); len(batch) == cap(batch) || i == n-1 {
			if _, err := s.InsertExposures(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

// deafWaker wakes nobody.
type deafWaker struct{}

// Wake implements activities.Waker.
func (deafWaker) Wake(context.Context, *exposure.Exposure, string) error { return nil }

// WakeRemediation implements activities.Waker.
func (deafWaker) WakeRemediation(context.Context, string, string) error { return nil }

// StartSource implements activities.Waker.
func (deafWaker) StartSource(context.Context, string) error { return nil }

// WakeSource implements activities.Waker.
func (deafWaker) WakeSource(context.Context, string) error { return nil }
