package app

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quellsec/quell/activities"
	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/builtin"
	"github.com/quellsec/quell/internal/config"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
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
	decoder connectors.Decoder // nil for threat intelligence
	puller  connectors.Puller  // nil unless it is configured to be pulled
	every   time.Duration      // how often, where it is pulled and no times of day are given
	info    api.SourceInfo
}

func openSources(ctx context.Context, cfg []config.Source, metrics *callMetrics, now func() time.Time, log *slog.Logger) (*sources, error) {
	out := &sources{order: cfg, byName: make(map[string]source, len(cfg))}
	for _, c := range cfg {
		s, err := openSource(ctx, c, metrics, now, log)
		if err != nil {
			return nil, fault.Wrap(fault.KindOf(err), err, "opening source "+c.Name)
		}
		out.byName[c.Name] = s
	}
	return out, nil
}

func openSource(ctx context.Context, c config.Source, metrics *callMetrics, now func() time.Time, log *slog.Logger) (source, error) {
	registration, err := builtin.Find(c.Connector)
	if err != nil {
		return source{}, err
	}
	env := connectors.Env{Source: c.Name, Log: log.With("source", c.Name), Now: now}
	if registration.Reach != nil {
		env.HTTP = httpclient.New(httpclient.Options{Reach: registration.Reach(c.Config), Rate: c.Sync.Rate, Observe: metrics.of(c.Name), Now: now})
	}
	instance, err := registration.Open(env, c.Config)
	if err != nil {
		return source{}, err
	}
	s := source{config: c, info: sourceInfo(c, instance), every: cmp.Or(c.Sync.Every.Std(), registration.Every, defaultEvery)}
	decoder, decodes := instance.(connectors.Decoder)
	_, feeds := instance.(connectors.Feed)
	if !decodes && !feeds {
		return source{}, fault.New(fault.Invalid, "connector %s reads no reports", c.Connector)
	}
	s.decoder = decoder
	if puller, ok := instance.(connectors.Puller); ok && wouldCall(ctx, registration, env, c.Config) {
		s.puller = puller
	}
	return s, nil
}

// defaultEvery is how often a source is pulled that says nothing.
const defaultEvery = time.Hour

// wouldCall reports whether a source is configured to be pulled: whether it would call
// anybody. It is asked to, over a network that only tells whether it was used.
func wouldCall(ctx context.Context, registration connectors.Registration, env connectors.Env, config any) bool {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var watched dryRun
	env.HTTP, env.Log = &http.Client{Transport: &watched}, slog.New(slog.DiscardHandler)
	instance, err := registration.Open(env, config)
	if err != nil {
		return false
	}
	puller, ok := instance.(connectors.Puller)
	if !ok {
		return false
	}
	_, err = puller.Pull(ctx, connectors.PullRequest{}, io.Discard)
	return watched.used.Load() || err != nil && !fault.Is(err, fault.Invalid)
}

// dryRun is a network that carries nothing.
type dryRun struct{ used atomic.Bool }

// RoundTrip implements http.RoundTripper.
func (d *dryRun) RoundTrip(*http.Request) (*http.Response, error) {
	d.used.Store(true)
	return nil, fault.New(fault.Unavailable, "nothing is called yet")
}

// pulled gives the puller of a source, for its syncs.
func (s *sources) pulled(name string) (connectors.Puller, error) {
	found, ok := s.byName[name]
	if !ok || found.puller == nil {
		return nil, fault.New(fault.NotFound, "source %q is not pulled: it is not in the configuration, or has no address and credentials there", name)
	}
	return found.puller, nil
}

// sourceInfo says how a source's webhook calls are authenticated.
func sourceInfo(c config.Source, instance connectors.Instance) api.SourceInfo {
	w := c.Webhook
	info := api.SourceInfo{Name: c.Name, Connector: c.Connector, DeliveryHeader: w.IDHeader, Rate: w.Rate, Burst: w.Burst, MaxBody: int64(w.MaxBody)}
	info.Answerer, _ = instance.(connectors.Answerer)
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

// watched gives the sources as the sweep looks after them.
func (s *sources) watched() []activities.Watched {
	out := make([]activities.Watched, 0, len(s.order))
	for i := range s.order {
		c := &s.order[i]
		found := s.byName[c.Name]
		out = append(out, activities.Watched{Name: c.Name, Owner: c.Owner, Fresh: c.Freshness(found.wholeEvery()), Quiet: c.Quiet.Std(), Pulled: found.puller != nil})
	}
	return out
}

// names are those of the configured sources.
func (s *sources) names() []string {
	out := make([]string, len(s.order))
	for i := range s.order {
		out[i] = s.order[i].Name
	}
	return out
}

// wholeEvery is how often all of what a source has is pulled; zero where it is not pulled,
// or never as a whole, or pulled for threat intelligence, which makes no runs.
func (s *source) wholeEvery() time.Duration {
	if s.puller == nil || s.decoder == nil || s.config.Sync.Paused {
		return 0
	}
	every := s.every
	if len(s.config.Sync.At) > 0 {
		every = 24 * time.Hour
	}
	if incremental, ok := s.puller.(connectors.Incremental); ok {
		full := incremental.FullEvery()
		if full <= 0 {
			return 0
		}
		every = max(every, full)
	}
	return every
}

// ingest gives what the pipeline needs of a source.
func (s *sources) ingest(name string) (ingest.Source, error) {
	found, ok := s.byName[name]
	if !ok {
		return ingest.Source{}, fault.New(fault.NotFound, "there is no source %q in the configuration; add it and replay the delivery", name)
	}
	if found.decoder == nil {
		return ingest.Source{}, fault.New(fault.Invalid, "source %q brings threat intelligence: import its files with quell intel import", name)
	}
	return ingest.Source{
		Name: name, Connector: found.config.Connector, Zone: found.config.Zone, Local: found.config.Local,
		Breaker: ingest.Breaker{Share: found.config.Breaker.Share, Least: found.config.Breaker.Least, Wait: found.config.Breaker.Wait.Std()},
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
