package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/store"
)

const (
	aimReclock    = 60 // seconds
	reclocked     = 100_000
	reclockOthers = 100_000 // exposures that the new entry says nothing of
	reclockedCVE  = "CVE-2026-31337"
)

// reclockFigures measures how long it takes until every exposure of a CVE that has just
// come into KEV is decided anew and has its new due date, among as many others.
func (b *bench) reclockFigures(ctx context.Context) error {
	if !b.wants("reclock") {
		return nil
	}
	dir, err := b.folder("reclock")
	if err != nil {
		return err
	}
	o, err := inChild(ctx, task{Kind: "reclock", Dir: filepath.Join(dir, "store"), Findings: b.scaled(reclocked), Changed: b.scaled(reclockOthers), Profile: b.profile("reclock")}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("reclock: %.0f exposures decided anew out of %.0f looked at, %.1f s of processor, peak %.0f MB", o.Values["changed"], o.Values["looked"], o.CPU, o.PeakMB)
	b.figure(Figure{Name: "reclock_100k", Value: o.Seconds, Unit: "s", Aim: aimReclock, Most: true})
	return nil
}

func reclock(ctx context.Context, t task) (o outcome, err error) {
	s, err := store.Open(ctx, "sqlite:"+t.Dir, store.Options{})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	now := func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
	g, err := grounds(now())
	if err != nil {
		return o, err
	}
	judge := ingest.NewJudge(g)
	if err := populate(ctx, s, judge, t.Findings, t.Changed, now()); err != nil {
		return o, err
	}
	p := ingest.New(s, func(string) (ingest.Source, error) { return ingest.Source{}, nil }, judge, ledger.New(s, now), noWaker{}, now, quiet())
	kev, err := withEntry(now())
	if err != nil {
		return o, err
	}
	clock, err := start()
	if err != nil {
		return o, err
	}
	g.Intel = priority.NewIntel(kev, now(), nil, nil)
	judge.Change(g)
	done, err := p.Reassess(ctx, exposure.Filter{}, "intel/bench", nil)
	if err != nil {
		return o, err
	}
	if o, err = clock.stop(); err != nil {
		return o, err
	}
	o.Values = map[string]float64{"looked": float64(done.Looked), "changed": float64(done.Changed)}
	return o, reclockedAll(ctx, s, t.Findings)
}

// reclockedAll counts in the store, not in what the reassessment says of itself.
func reclockedAll(ctx context.Context, s *store.Store, want int) error {
	n := 0
	err := s.EachExposure(ctx, exposure.Filter{CVE: reclockedCVE}, func(e exposure.Exposure) error {
		if e.Decision.Inputs[priority.KeyKEV] == string(priority.Yes) && e.LastEvent.Kind == exposure.EventDecided {
			n++
		}
		return nil
	})
	if err == nil && n != want {
		err = fmt.Errorf("counting what was decided anew: %d of %d", n, want)
	}
	return err
}

// perMachine is how many exposures a machine has.
const perMachine = 20

// populate fills a store with exposures of the CVE and with others, ten batches of which
// are on one machine each, decided as ingest decides.
func populate(ctx context.Context, s *store.Store, judge *ingest.Judge, affected, others int, at time.Time) error {
	const batch = 1000
	var assets []asset.Asset
	var exposures []exposure.Exposure
	flush := func() error {
		_, err := s.InsertAssets(ctx, assets)
		if err == nil {
			_, err = s.InsertExposures(ctx, exposures)
		}
		assets, exposures = assets[:0], exposures[:0]
		return err
	}
	of := asset.Asset{}
	for i := range affected + others {
		if i%perMachine == 0 {
			machine := i / perMachine
			of = asset.Asset{ID: asset.ID(fmt.Sprintf("asset-%d", machine)), Version: 1, Kind: asset.Host, Name: fmt.Sprintf("host-%d.bench.example.com", machine), OS: "linux",
				Identifiers: []asset.Known{{Identifier: asset.Identifier{Kind: asset.IP, Scope: "dc1", Value: address(machine)}}}}
			judge.Place(&of)
			assets = append(assets, of)
		}
		cve := fmt.Sprintf("CVE-2025-%d", 10000+i%perMachine)
		if i%2 == 0 && i/2 < affected || i-affected >= others {
			cve = reclockedCVE
		}
		e := exposure.NewExposure(exposure.BornInput{Asset: of, Source: benchSource, Run: "run", CheckedAt: at.Add(-time.Hour), At: at, Cause: "delivery",
			Actor: exposure.Actor{Kind: exposure.Source, Name: benchSource},
			Finding: exposure.Finding{UID: strconv.Itoa(i), Connector: "nessus", Class: exposure.ClassVulnerability, Check: fmt.Sprintf("nessus:%d", 100000+i%perMachine), CVEs: []string{cve},
				Title: "A library that is to be updated", Severity: exposure.SeverityHigh, Status: exposure.StatusOpen, Location: fmt.Sprintf("%d/tcp", 1000+i%perMachine),
				CVSS: []exposure.CVSS{{Version: "3.1", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Score: 9.8}}}})
		a := judge.Assess(e, of, at)
		e.Decision, e.Due, e.Owner, e.Scopes = a.Decision, a.Due, a.Owner, a.Scopes
		exposures = append(exposures, e)
		if len(exposures) == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// withEntry is a catalogue that lists the CVE since today.
func withEntry(now time.Time) (*priority.KEV, error) {
	body, err := generatedKEV(now)
	if err != nil {
		return nil, err
	}
	var list map[string]any
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	entries, _ := list["vulnerabilities"].([]any)
	list["vulnerabilities"] = append(entries, map[string]string{"cveID": reclockedCVE, "dateAdded": now.Format(time.DateOnly),
		"dueDate": now.AddDate(0, 0, 21).Format(time.DateOnly), "knownRansomwareCampaignUse": "Known"})
	list["count"] = len(entries) + 1
	if body, err = json.Marshal(list); err != nil {
		return nil, err
	}
	return priority.ReadKEV(bytes.NewReader(body))
}
