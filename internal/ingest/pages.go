package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// largestManifest is the size of a manifest of some million pages.
const largestManifest = 128 << 20

// decode streams the delivery's body into a sink: as it is, or page by page where it is
// the manifest of a sync.
func (j *job) decode(ctx context.Context, sink Sink) error {
	if j.d.Via != exposure.ViaPull {
		return j.decodeBlob(ctx, j.d.Body, sink)
	}
	m, err := j.manifest(ctx)
	if err != nil {
		return err
	}
	whole := pageSink{Sink: sink, run: m.Run}
	whole.run.Complete = false // until all of it is read
	if err := sink.Run(whole.run); err != nil {
		return err
	}
	for i, page := range m.Pages {
		if err := j.decodeBlob(ctx, page, &whole); err != nil {
			return fmt.Errorf("page %d of %d: %w", i+1, len(m.Pages), err)
		}
	}
	whole.run.Complete = m.Run.Complete && whole.veto == ""
	if whole.veto != "" {
		whole.run.Why = whole.veto
	}
	return sink.Run(whole.run)
}

// openError is a blob of ours that can't be had, as against a body that can't be read.
type openError struct{ err error }

func (e *openError) Error() string { return e.err.Error() }
func (e *openError) Unwrap() error { return e.err }

func (j *job) decodeBlob(ctx context.Context, sha string, sink Sink) error {
	body, err := j.store.Blob(ctx, sha)
	if err != nil {
		return &openError{fault.Wrap(fault.KindOf(err), err, "opening a body of delivery "+j.d.ID)}
	}
	defer func() { _ = body.Close() }() // it was only read
	return j.source.Decode(ctx, body, sink)
}

func (j *job) manifest(ctx context.Context) (m exposure.Manifest, err error) {
	body, err := j.store.Blob(ctx, j.d.Body)
	if err != nil {
		return m, &openError{fault.Wrap(fault.KindOf(err), err, "opening the manifest of delivery "+j.d.ID)}
	}
	defer func() { _ = body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(body, largestManifest))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return m, fault.Wrap(fault.Invalid, errors.Join(err), "reading the manifest of delivery "+j.d.ID)
	}
	return m, nil
}

// pageSink lets pages speak of findings and assets, but not of the run, which only the
// whole sync knows. A page that says why it is not complete, other than for being one
// page, has the last word: nothing can be absent then.
type pageSink struct {
	Sink
	run  exposure.Run
	veto string
}

// Run implements Sink.
func (s *pageSink) Run(run exposure.Run) error {
	if !run.Complete && run.Why != "" && run.Why != exposure.OnePage && s.veto == "" {
		s.veto = run.Why
	}
	if run.Tool != "" {
		s.run.Tool = run.Tool
	}
	if len(run.Counts) > 0 {
		s.run.Counts = maps.Clone(s.run.Counts)
		if s.run.Counts == nil {
			s.run.Counts = map[string]int{}
		}
		for what, n := range run.Counts {
			s.run.Counts[what] += n
		}
	}
	return nil
}
