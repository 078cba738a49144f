package bench

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
)

const (
	sampled        = 100_000 // findings or assets to decode of each connector's largest sample
	aimSampled     = 10_000  // a second: an hour's worth of any vendor's API in less than a minute
	aimSampledPeak = 150     // MB, of which the sample itself may be a few
)

// samplesFigures measures each decoder on the largest sample that there is for it, over
// and over until it has come to a hundred thousand findings or assets.
func (b *bench) samplesFigures(ctx context.Context) error {
	if !b.wants("samples") {
		return nil
	}
	var errs []error
	for _, reg := range builtin.List() {
		path, items := largestSample(reg)
		if path == "" {
			continue
		}
		o, err := inChild(ctx, task{Kind: "samples", Dir: path, Format: reg.Name, Findings: b.scaled(sampled), Profile: b.profile("samples_" + reg.Name)}, 1, b.log)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		b.note("samples_%s is %s with %d items", reg.Name, filepath.Base(path), items)
		b.figure(Figure{Name: "samples_" + reg.Name, Value: o.Values["items"] / o.CPU, Unit: "items/s", Aim: aimSampled})
		b.figure(Figure{Name: "samples_" + reg.Name + "_rss", Value: o.PeakMB, Unit: "MB", Aim: aimSampledPeak, Most: true})
	}
	return errors.Join(errs...)
}

// largestSample is the body with the most in it: of the shared samples that the connector
// has counted, else of its own.
func largestSample(reg connectors.Registration) (path string, most int) {
	in, err := reg.Open(connectors.Env{Source: "bench"}, reg.Config())
	if _, decodes := in.(connectors.Decoder); err != nil || !decodes {
		return "", 0
	}
	folder := filepath.Join("connectors", reg.Name, "testdata")
	if f, err := os.Open(filepath.Join(folder, "counts.csv")); err == nil {
		rows, err := csv.NewReader(f).ReadAll()
		if errClose := f.Close(); err != nil || errClose != nil {
			return "", 0
		}
		for _, row := range rows[1:] {
			shared := filepath.Join("..", "shared", "samples", row[0])
			if n := number10(row[3]) + number10(row[4]) + number10(row[5]); n > most && exists(shared) {
				path, most = shared, n
			}
		}
	}
	if path != "" {
		return path, most
	}
	for _, s := range reg.Samples {
		if n := s.Findings + s.Assets + s.Statements; n > most {
			path, most = filepath.Join(folder, s.File), n
		}
	}
	return path, most
}

func number10(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0 // "-" stands for what is no body
	}
	return n
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// decodeSample decodes a body as often as it takes to come to so many items.
func decodeSample(ctx context.Context, t task) (outcome, error) {
	decoder, err := open(t.Format, t.Format)
	if err != nil {
		return outcome{}, err
	}
	body, err := os.ReadFile(t.Dir)
	if err != nil {
		return outcome{}, fmt.Errorf("reading a sample: %w", err)
	}
	watch, err := start()
	if err != nil {
		return outcome{}, err
	}
	var sink counting
	for sink.items() < t.Findings {
		before := sink.items()
		if err := decoder.Decode(ctx, bytes.NewReader(body), &sink); err != nil {
			return outcome{}, fmt.Errorf("decoding %s: %w", filepath.Base(t.Dir), err)
		}
		if sink.items() == before {
			return outcome{}, fmt.Errorf("decoding %s: there is nothing in it", filepath.Base(t.Dir))
		}
	}
	o, err := watch.stop()
	o.Values = map[string]float64{"items": float64(sink.items())}
	return o, err
}

// items is all that a sink was told.
func (c *counting) items() int { return c.findings + c.assets + c.statements }
