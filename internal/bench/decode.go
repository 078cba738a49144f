package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/exposure"
)

// What decoding should reach on one core.
const (
	aimDecode     = 300_000 // findings a second
	aimDecodePeak = 100     // MB
	// MB more for ten times the findings: the texts of checks that a decoder remembers, at
	// most 16 MiB, with as much garbage again. Findings add nothing.
	aimGrowth = 33
)

// decodeFigures measures decoding and normalizing alone, on one core. The rate is per
// second of processor, so that what else the machine does stays out of it.
func (b *bench) decodeFigures(ctx context.Context) error {
	for _, format := range []string{"nuclei", "nessus", "trivy", "nmap"} {
		if !b.wants("decode_" + format) {
			continue
		}
		var peaks []float64
		for _, size := range []int{10_000, 100_000} {
			findings := b.scaled(size)
			file := filepath.Join(b.dir, format)
			if err := writeReport(file, Report{Format: format, Findings: findings, Hosts: max(1, findings/200), At: reportTime}); err != nil {
				return err
			}
			o, err := inChild(ctx, task{Kind: "decode", Dir: b.dir, Format: format, Findings: findings, Profile: b.profile("decode_" + format)}, 1, b.log)
			if err != nil {
				return err
			}
			b.figure(Figure{Name: fmt.Sprintf("decode_%s_%dk", format, size/1000), Value: float64(findings) / o.CPU, Unit: "findings/s", Aim: aimDecode})
			peaks = append(peaks, o.PeakMB)
		}
		b.figure(Figure{Name: "decode_" + format + "_rss", Value: slices.Max(peaks), Unit: "MB", Aim: aimDecodePeak, Most: true})
		b.figure(Figure{Name: "decode_" + format + "_rss_growth", Value: max(0, peaks[1]-peaks[0]), Unit: "MB", Aim: aimGrowth, Most: true})
	}
	return nil
}

// reportTime is when generated scans ran; any time in the past.
var reportTime = time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

func writeReport(path string, r Report) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := io.Copy(w, r.Open()); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return f.Close()
}

// decode reads a report as often as it takes to measure it, and tells the median.
func decode(ctx context.Context, t task) (outcome, error) {
	decoder, err := open(t.Format, t.Format)
	if err != nil {
		return outcome{}, err
	}
	var rounds []outcome
	for range 5 {
		f, err := os.Open(filepath.Join(t.Dir, t.Format))
		if err != nil {
			return outcome{}, fmt.Errorf("opening a report: %w", err)
		}
		watch, err := start()
		if err != nil {
			return outcome{}, err
		}
		var sink counting
		if err := decoder.Decode(ctx, f, &sink); err != nil {
			return outcome{}, fmt.Errorf("decoding a report of ours: %w", err)
		}
		o, err := watch.stop()
		if err != nil {
			return outcome{}, err
		}
		if err := f.Close(); err != nil {
			return outcome{}, err
		}
		if sink.findings != t.Findings {
			return outcome{}, fmt.Errorf("decoding a report of ours: %d findings out of %d, %v skipped", sink.findings, t.Findings, sink.skipped)
		}
		rounds = append(rounds, o)
	}
	slices.SortFunc(rounds, func(a, b outcome) int { return int(1e9 * (a.CPU - b.CPU)) })
	return rounds[len(rounds)/2], nil
}

// open makes a connector's instance with its defaults.
func open(connector, source string) (connectors.Decoder, error) {
	reg, err := builtin.Find(connector)
	if err != nil {
		return nil, err
	}
	instance, err := reg.Open(connectors.Env{Source: source, Log: slog.New(slog.DiscardHandler), Now: time.Now}, reg.Config())
	if err != nil {
		return nil, err
	}
	decoder, ok := instance.(connectors.Decoder)
	if !ok {
		return nil, fmt.Errorf("opening connector %s: it reads no reports", connector)
	}
	return decoder, nil
}

// counting is a sink that keeps nothing.
type counting struct {
	findings, assets, statements int
	skipped                      map[string]int
}

func (*counting) Run(exposure.Run) error { return nil }

func (c *counting) Cover(exposure.Coverage) error {
	c.assets++
	return nil
}

func (c *counting) Observe(exposure.Observation) error {
	c.findings++
	return nil
}

func (c *counting) Statement(exposure.Statement) error {
	c.statements++
	return nil
}

func (c *counting) Skip(reason string, _ connectors.Position) {
	if c.skipped == nil {
		c.skipped = map[string]int{}
	}
	c.skipped[reason]++
}
