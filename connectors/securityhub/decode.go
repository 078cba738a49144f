package securityhub

import (
	"bytes"
	"context"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/awsapi"
	"github.com/quellsec/quell/connectors/ocsfmap"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

func contains(head []byte, text string) bool { return bytes.Contains(head, []byte(text)) }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &awsapi.Envelope{Connector: Name, Source: in.source, Format: format, Tool: "AWS Security Hub", Why: "findings of a hub don't say what else was looked at"}
	d.Object = func(e *report.Emitter, raw []byte) (bool, error) {
		var f wireFinding
		if !wire.Unmarshal(raw, &f) || !f.is() {
			return false, nil
		}
		found, skip := in.observations(&f, raw)
		if skip != "" {
			e.Skip(skip)
		}
		for _, obs := range found {
			d.Saw(obs.Finding.LastSeen)
			if err := e.Observe(obs.Asset, obs.Finding); err != nil {
				return true, err
			}
		}
		return true, nil
	}
	return d.Decode(ctx, body, sink) //nolint:wrapcheck // it says what was read
}

// is reports whether an object is a finding, of either version.
func (f *wireFinding) is() bool {
	return f.Class.OK || f.ID != "" && (f.ProductARN != "" || f.Schema != "" || len(f.Resources) > 0)
}

func (in *Instance) observations(f *wireFinding, raw []byte) ([]ocsfmap.Observation, string) {
	if !f.Class.OK {
		return f.observations(raw)
	}
	var o ocsfmap.Object
	if !wire.Unmarshal(raw, &o) {
		return nil, "finding_without_id"
	}
	return in.mapper.Map(raw, &o)
}
