package connectors

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// Report is what a body came to, in figures.
type Report struct {
	Connector string         `json:"connector"`
	Findings  int            `json:"findings"`
	Assets    int            `json:"assets"` // distinct, by their strongest identifier
	Stated    int            `json:"statements,omitempty"`
	Run       exposure.Run   `json:"run"`
	Skipped   map[string]int `json:"skipped"` // reason → count
}

// Summary is a sink that counts what passes through it to the next one.
type Summary struct {
	next   Sink
	report Report
	assets map[string]struct{}
	last   *asset.Description // counted already: decoders share descriptions
}

// NewSummary makes a sink that counts and hands on to next, or only counts if that is nil.
func NewSummary(connector string, next Sink) *Summary {
	return &Summary{
		next:   next,
		report: Report{Connector: connector, Skipped: map[string]int{}},
		assets: map[string]struct{}{},
	}
}

// Report gives the figures so far. Targets of the run is the number of distinct assets
// where the decoder named none.
func (s *Summary) Report() Report {
	r := s.report
	r.Assets = len(s.assets)
	if r.Run.Targets == 0 {
		r.Run.Targets = r.Assets
	}
	return r
}

// Run implements Sink.
func (s *Summary) Run(run exposure.Run) error {
	s.report.Run = run
	if s.next == nil {
		return nil
	}
	return s.next.Run(run)
}

// Cover implements Sink.
func (s *Summary) Cover(cov exposure.Coverage) error {
	s.count(&cov.Asset)
	if s.next == nil {
		return nil
	}
	return s.next.Cover(cov)
}

// Observe implements Sink.
func (s *Summary) Observe(obs exposure.Observation) error {
	s.report.Findings++
	if obs.Asset != s.last {
		s.count(obs.Asset)
		s.last = obs.Asset
	}
	if s.next == nil {
		return nil
	}
	return s.next.Observe(obs)
}

// Statement implements Sink.
func (s *Summary) Statement(st exposure.Statement) error {
	s.report.Stated++
	if s.next == nil {
		return nil
	}
	return s.next.Statement(st)
}

// Skip implements Sink.
func (s *Summary) Skip(reason string, at Position) {
	s.report.Skipped[reason]++
	if s.next != nil {
		s.next.Skip(reason, at)
	}
}

func (s *Summary) count(d *asset.Description) {
	key := string(d.Kind) + "|" + d.Name
	if len(d.Identifiers) > 0 { // decoders give the strongest first
		key = d.Identifiers[0].Key()
	}
	s.assets[key] = struct{}{}
}

// Lines is a sink that writes each observation as a line of JSON and drops the rest.
type Lines struct{ encoder *json.Encoder }

// NewLines makes a sink that writes to w. Markup in a vendor's text is escaped, so that a
// line is safe wherever JSON is.
func NewLines(w io.Writer) *Lines { return &Lines{json.NewEncoder(w)} }

// Run implements Sink.
func (*Lines) Run(exposure.Run) error { return nil }

// Cover implements Sink.
func (*Lines) Cover(exposure.Coverage) error { return nil }

// Observe implements Sink.
func (l *Lines) Observe(obs exposure.Observation) error {
	if err := l.encoder.Encode(obs); err != nil {
		return fmt.Errorf("writing a finding: %w", err)
	}
	return nil
}

// Statement implements Sink.
func (l *Lines) Statement(st exposure.Statement) error {
	if err := l.encoder.Encode(st); err != nil {
		return fmt.Errorf("writing a statement: %w", err)
	}
	return nil
}

// Skip implements Sink.
func (*Lines) Skip(string, Position) {}
