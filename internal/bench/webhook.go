package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quellsec/quell/api"
	"github.com/quellsec/quell/internal/secret"
	"github.com/quellsec/quell/internal/store"
)

const (
	aimWebhook     = 20 // ms, the 99th of a hundred
	webhookRate    = 500
	webhookSeconds = 20
	webhookToken   = "the token of the benchmark's source"
)

// webhookFigures measure how long a webhook waits for its answer, which comes after its
// body and its delivery are on the disk.
func (b *bench) webhookFigures(ctx context.Context) error {
	if !b.wants("webhook") {
		return nil
	}
	dir, err := b.folder("webhook")
	if err != nil {
		return err
	}
	o, err := inChild(ctx, task{Kind: "webhook", Dir: dir, Findings: max(webhookRate, b.scaled(webhookRate*webhookSeconds)), Profile: b.profile("webhook")}, 2, b.log)
	if err != nil {
		return err
	}
	b.note("%.0f webhooks at %d a second took %.0f%% of a core, client included; half were answered within %.1f ms, %.0f were told to come again",
		o.Values["sent"], webhookRate, 100*o.CPU/o.Seconds, o.Values["p50"], o.Values["refused"])
	b.figure(Figure{Name: "webhook_ack_p99", Value: o.Values["p99"], Unit: "ms", Aim: aimWebhook, Most: true})
	return nil
}

// webhooks sends each call at its time, whether the ones before it were answered or not,
// and counts the wait from that time on.
func webhooks(ctx context.Context, t task) (o outcome, err error) {
	s, err := store.Open(ctx, "sqlite:"+filepath.Join(t.Dir, "store"), store.Options{})
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	server, url, err := serveHooks(ctx, s)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, server.Shutdown(context.WithoutCancel(ctx))) }()
	watch, err := start()
	if err != nil {
		return o, err
	}
	took, refused, err := fire(ctx, url, t.Findings)
	if err != nil {
		return o, err
	}
	if o, err = watch.stop(); err != nil {
		return o, err
	}
	pending, err := s.PendingDeliveries(ctx)
	if err != nil {
		return o, err
	}
	if stored := int(pending[benchSource]); stored != t.Findings-refused {
		return o, fmt.Errorf("sending webhooks: %d were accepted and %d are stored", t.Findings-refused, stored)
	}
	o.Values = map[string]float64{"sent": float64(len(took)), "refused": float64(refused),
		"p50": milliseconds(quantile(took, 0.5)), "p99": milliseconds(quantile(took, 0.99))}
	return o, nil
}

// serveHooks starts the real server, of which only webhooks are asked for here.
func serveHooks(ctx context.Context, s *store.Store) (*api.Server, string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("listening: %w", err)
	}
	source := api.SourceInfo{Name: benchSource, Connector: "nuclei", Bearer: []secret.String{secret.New(webhookToken)}, Rate: 2 * webhookRate}
	//nolint:contextcheck // each request brings its own
	server := api.New(api.Deps{Exposures: s, Assets: s, Runs: s, Deliveries: s, Evidence: s, Inbox: s, Waker: noHookWaker{},
		Source:   func(name string) (api.SourceInfo, bool) { return source, name == benchSource },
		Registry: prometheus.NewRegistry(), Log: quiet(), Now: utc})
	go func() { _ = server.Serve(l) }() // ended by Shutdown; a failure shows in the calls
	return server, "http://" + l.Addr().String() + "/hooks/" + benchSource, nil
}

// noHookWaker has no workflows to wake; the server sends one wake for many webhooks anyway.
type noHookWaker struct{}

// WakeSource implements api.Waker.
func (noHookWaker) WakeSource(context.Context, string) error { return nil }

// WakeRemediation implements api.Waker.
func (noHookWaker) WakeRemediation(context.Context, string, string) error { return nil }

// patience is how long a caller waits, and what a refused call counts as.
const patience = 30 * time.Second

// fire sends n calls at the rate, each with a body of its own, and gives their waits and
// how many were told to come again.
func fire(ctx context.Context, url string, n int) (took []time.Duration, refused int, err error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	took = make([]time.Duration, n)
	var failed firstError
	var again atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for i := range n {
		at := begun.Add(time.Duration(i) * time.Second / webhookRate)
		select {
		case <-ctx.Done():
			return nil, 0, fmt.Errorf("sending webhooks: %w", ctx.Err())
		case <-time.After(time.Until(at)):
		}
		group.Go(func() {
			accepted, err := call(ctx, client, url, i)
			took[i] = time.Since(at)
			failed.note(err)
			if !accepted {
				again.Add(1)
				took[i] = patience
			}
		})
	}
	group.Wait()
	return took, int(again.Load()), failed.err
}

// firstError keeps one error of many that are alike.
type firstError struct {
	once sync.Once
	err  error
}

func (f *firstError) note(err error) {
	if err != nil {
		f.once.Do(func() { f.err = err })
	}
}

func call(ctx context.Context, client *http.Client, url string, n int) (accepted bool, err error) {
	var body bytes.Buffer
	Report{Format: "nuclei", Findings: 1, Hosts: 1, At: reportTime}.nuclei(&body, n, n, n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, &body)
	if err != nil {
		return false, fmt.Errorf("sending a webhook: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+webhookToken)
	res, err := client.Do(req)
	if err != nil {
		return false, fmt.Errorf("sending a webhook: %w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return false, fmt.Errorf("reading the answer to a webhook: %w", err)
	}
	switch res.StatusCode {
	case http.StatusAccepted:
		return true, nil
	case http.StatusTooManyRequests:
		return false, nil
	}
	return false, fmt.Errorf("sending a webhook: %s: %s", res.Status, answer)
}
