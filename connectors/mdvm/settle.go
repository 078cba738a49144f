package mdvm

import (
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
)

// settling is the sink behind a decoding: once all rows are known, and before the run is
// told, it lets go the fixes that nothing contradicts.
type settling struct {
	connectors.Sink
	d *decoding
}

// Run implements connectors.Sink. A body that broke off may hold what contradicts in the
// part that is missing: no fix of it is believed.
func (s *settling) Run(run exposure.Run) error {
	d := s.d
	if d.reader == nil || d.reader.Err() != nil {
		return s.Sink.Run(run)
	}
	at := d.reader.Position()
	for _, x := range d.fixes {
		switch _, open := d.open[x.key]; {
		case d.full || d.partial:
			s.Skip("fix_among_too_many_changes", at)
		case open:
			s.Skip("fix_that_is_open_elsewhere", at)
		default:
			if err := s.Observe(exposure.Observation{Asset: x.asset, Finding: x.finding}); err != nil {
				return err
			}
		}
	}
	d.fixes = nil
	return s.Sink.Run(run)
}
