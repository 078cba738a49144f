package app

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/secret"
)

// sources are the configured sources with their open connectors. Immutable after start.
type sources struct {
	order  []config.Source
	byName map[string]source
}

type source struct {
	config  config.Source
	decoder connectors.Decoder
	info    api.SourceInfo
}

func openSources(cfg []config.Source, now func() time.Time, log *slog.Logger) (*sources, error) {
	out := &sources{order: cfg, byName: make(map[string]source, len(cfg))}
	for _, c := range cfg {
		registration, err := builtin.Find(c.Connector)
		if err != nil {
			return nil, err
		}
		instance, err := registration.Open(connectors.Env{Source: c.Name, Log: log.With("source", c.Name), Now: now}, c.Config)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "opening source "+c.Name)
		}
		decoder, ok := instance.(connectors.Decoder)
		if !ok {
			return nil, fault.New(fault.Invalid, "opening source %s: connector %s reads no reports", c.Name, c.Connector)
		}
		out.byName[c.Name] = source{config: c, decoder: decoder, info: sourceInfo(c, instance)}
	}
	return out, nil
}

// sourceInfo says how a source's webhook calls are authenticated.
func sourceInfo(c config.Source, instance connectors.Instance) api.SourceInfo {
	w := c.Webhook
	info := api.SourceInfo{Name: c.Name, Connector: c.Connector, DeliveryHeader: w.IDHeader, Rate: w.Rate, Burst: w.Burst, MaxBody: int64(w.MaxBody)}
	verifier, verifies := instance.(connectors.WebhookVerifier)
	switch {
	case !w.Token.Empty():
		info.Bearer = []secret.String{w.Token}
	case !w.Secret.Empty():
		info.HMAC = &api.HMAC{Header: w.Header, Algorithm: w.Algorithm, Prefix: w.Prefix, Encoding: w.Encoding, Secrets: []secret.String{w.Secret}}
		if !w.Previous.Empty() {
			info.HMAC.Secrets = append(info.HMAC.Secrets, w.Previous)
		}
	case verifies:
		info.Verifier = verifier
	}
	return info
}

// Source gives what the API needs of a source.
func (s *sources) Source(name string) (api.SourceInfo, bool) {
	found, ok := s.byName[name]
	return found.info, ok
}

// names are those of the configured sources.
func (s *sources) names() []string {
	out := make([]string, len(s.order))
	for i := range s.order {
		out[i] = s.order[i].Name
	}
	return out
}

// ingest gives what the pipeline needs of a source.
func (s *sources) ingest(name string) (ingest.Source, error) {
	found, ok := s.byName[name]
	if !ok {
		return ingest.Source{}, fault.New(fault.NotFound, "there is no source %q in the configuration; add it and replay the delivery", name)
	}
	return ingest.Source{
		Name: name, Connector: found.config.Connector, Zone: found.config.Zone, Local: found.config.Local,
		Decode: func(ctx context.Context, body io.Reader, sink ingest.Sink) error {
			return found.decoder.Decode(ctx, body, decoderSink{sink})
		},
	}, nil
}

// decoderSink lets a connector emit into ingest, which knows nothing of connectors.
type decoderSink struct{ to ingest.Sink }

func (s decoderSink) Run(run exposure.Run) error             { return s.to.Run(run) }
func (s decoderSink) Cover(cov exposure.Coverage) error      { return s.to.Cover(cov) }
func (s decoderSink) Observe(obs exposure.Observation) error { return s.to.Observe(obs) }
func (s decoderSink) Statement(st exposure.Statement) error  { return s.to.Statement(st) }
func (s decoderSink) Skip(reason string, at connectors.Position) {
	s.to.Skip(reason, at.Offset, at.Line)
}
