package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/store"
)

// What ingest should reach.
const (
	aimIngest     = 60  // seconds for a million new findings on five thousand assets
	aimIngestPeak = 400 // MB
	aimRepeat     = 10  // times faster than the first time
	aimRescan     = 5   // times faster: all is read and compared, a hundredth is written
)

// ingestFigures fill a store that the lists are then measured on.
func (b *bench) ingestFigures(ctx context.Context) error {
	if !b.wants("ingest") && !b.wants("list") {
		return nil
	}
	t := task{Kind: "ingest", Dir: filepath.Join(b.dir, "store"), Format: "nessus", Findings: b.scaled(1_000_000), Hosts: b.scaled(5000), At: reportTime}
	first, err := b.ingest(ctx, "first", t)
	if err != nil {
		return err
	}
	if !b.wants("ingest") {
		return nil
	}
	b.figure(Figure{Name: "ingest_1m", Value: first.Seconds, Unit: "s", Aim: aimIngest * b.scale, Most: true})
	peak := first.PeakMB
	for _, again := range []struct {
		name    string
		changed int
		days    int
		aim     float64
	}{
		{name: "repeat", aim: aimRepeat},
		{name: "unchanged", days: 1, aim: aimRepeat},
		{name: "rescan", days: 2, changed: 100, aim: aimRescan},
	} {
		next := t
		next.At, next.Changed = reportTime.AddDate(0, 0, again.days), again.changed
		o, err := b.ingest(ctx, again.name, next)
		if err != nil {
			return err
		}
		b.figure(Figure{Name: "ingest_" + again.name, Value: first.Seconds / o.Seconds, Unit: "times", Aim: again.aim})
		peak = max(peak, o.PeakMB)
	}
	b.figure(Figure{Name: "ingest_rss", Value: peak, Unit: "MB", Aim: aimIngestPeak, Most: true})
	return nil
}

func (b *bench) ingest(ctx context.Context, name string, t task) (outcome, error) {
	t.Profile = b.profile("ingest_" + name)
	o, err := inChild(ctx, t, 2, b.log)
	if err != nil {
		return o, err
	}
	b.note("ingest_%s took %.1f s, %.1f s of processor, peak %.0f MB: %.0f created, %.0f unchanged, %.0f absent, %.0f closed",
		name, o.Seconds, o.CPU, o.PeakMB, o.Values["created"], o.Values["unchanged"], o.Values["absent"], o.Values["closed"])
	return o, nil
}

// quiet is a log that nobody reads.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// benchSource is the source whose reports are ingested.
const benchSource = "bench"

// ingestOnce accepts one report, and measures its way into the store.
func ingestOnce(ctx context.Context, t task) (o outcome, err error) {
	s, err := store.Open(ctx, "sqlite:"+t.Dir, store.Options{})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	pipeline, err := newPipeline(s, t.Format)
	if err != nil {
		return o, err
	}
	received := time.Now().UTC().Truncate(time.Millisecond)
	d, _, err := s.AcceptDelivery(ctx, exposure.Delivery{ID: benchSource + "|" + received.Format(time.RFC3339Nano), Source: benchSource,
		Via: "upload", ReceivedAt: received}, t.report().Open())
	if err != nil {
		return o, err
	}
	watch, err := start()
	if err != nil {
		return o, err
	}
	done, err := pipeline.Process(ctx, d, heapOnce(t))
	if err != nil {
		return o, err
	}
	if o, err = watch.stop(); err != nil {
		return o, err
	}
	o.Values = map[string]float64{}
	for name, n := range done.Counts {
		o.Values[name] = float64(n)
	}
	return o, expect(t, done)
}

// heapOnce writes, if profiles are asked for, what is in memory when most of the report
// has been read.
func heapOnce(t task) func(ingest.Progress) {
	if t.Profile == "" {
		return nil
	}
	var once sync.Once
	return func(p ingest.Progress) {
		if p.Findings < int64(t.Findings)*3/4 {
			return
		}
		once.Do(func() {
			f, err := os.Create(t.Profile + ".heap")
			if err != nil {
				return // the CPU profile, in the same folder, has failed already
			}
			defer func() { _ = f.Close() }()       // likewise
			_ = pprof.Lookup("heap").WriteTo(f, 0) // likewise
		})
	}
}

func (t task) report() Report {
	return Report{Format: t.Format, Findings: t.Findings, Hosts: t.Hosts, At: t.At, Changed: t.Changed}
}

// expect fails where ingest did something else than was to be measured.
func expect(t task, d exposure.Delivery) error {
	if d.Status == exposure.DeliveryRepeated {
		return nil
	}
	if d.Status != exposure.DeliveryDone || d.Counts["findings"] != int64(t.Findings) {
		return fmt.Errorf("ingesting a report of ours: it ended %s with %v: %s", d.Status, d.Counts, d.Error)
	}
	changed := int64(t.report().changes())
	if changed > 0 && (d.Counts["created"] != changed || d.Counts["absent"] != changed || d.Counts["closed"] != changed) {
		return fmt.Errorf("ingesting a re-scan of ours: %d findings changed, and it counts %v", changed, d.Counts)
	}
	return nil
}

func newPipeline(s *store.Store, connector string) (*ingest.Pipeline, error) {
	decoder, err := open(connector, benchSource)
	if err != nil {
		return nil, err
	}
	now := func() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
	g, err := grounds(now())
	if err != nil {
		return nil, err
	}
	source := ingest.Source{Name: benchSource, Connector: connector, Zone: "dc1", Decode: func(ctx context.Context, body io.Reader, sink ingest.Sink) error {
		return decoder.Decode(ctx, body, decoderSink{sink})
	}}
	sources := func(string) (ingest.Source, error) { return source, nil }
	return ingest.New(s, sources, ingest.NewJudge(g), ledger.New(s, now), noWaker{}, now, quiet()), nil
}

// noWaker has no workflows to wake: nothing was admitted yet.
type noWaker struct{}

func (noWaker) WakeExposure(context.Context, exposure.ID, string) error { return nil }

// decoderSink lets a connector emit into ingest.
type decoderSink struct{ ingest.Sink }

// Skip implements connectors.Sink.
func (s decoderSink) Skip(reason string, at connectors.Position) {
	s.Sink.Skip(reason, at.Offset, at.Line)
}
