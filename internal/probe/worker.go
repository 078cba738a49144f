package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/secret"
)

// ErrRecycle is how Work ends when the process has made its number of probes and should
// be replaced by a fresh one.
var ErrRecycle = errors.New("enough probes: time for a fresh process")

// Work polls the vantage's task queue and probes until the context ends (nil) or the
// process is to be replaced (ErrRecycle). Either way it takes no new task and lets the
// running probes end first.
func Work(ctx context.Context, c Config, log *slog.Logger) error {
	debug.SetMemoryLimit(int64(c.MemoryLimit) << 20)
	p, err := fromConfig(c, log)
	if err != nil {
		return err
	}
	tlsConfig, err := c.Temporal.tls()
	if err != nil {
		return err
	}
	var key secret.String
	if c.Temporal.APIKeyFile != "" {
		if key, err = readSecret(c.Temporal.APIKeyFile); err != nil {
			return err
		}
	}
	temporalClient, err := lifecycle.Dial(ctx, lifecycle.Options{Address: c.Temporal.Address, Namespace: c.Temporal.Namespace,
		TLS: tlsConfig, APIKey: key, Log: log, Identity: "quell-probe@" + c.Vantage})
	if err != nil {
		return err
	}
	defer temporalClient.Close()

	fatal := make(chan error, 1)
	w := worker.New(temporalClient, lifecycle.ProbeQueue(c.Vantage), worker.Options{
		DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: c.Concurrency, WorkerStopTimeout: c.Drain,
		OnFatalError: func(err error) {
			select {
			case fatal <- err:
			default: // the first says enough
			}
		},
	})
	tasks := &tasks{prober: p, left: int64(c.MaxProbes), spent: make(chan struct{}), log: log}
	w.RegisterActivityWithOptions(tasks.Probe, activity.RegisterOptions{Name: lifecycle.ActivityProbe})
	if err := w.Start(); err != nil {
		return fault.Wrap(fault.Unavailable, err, "polling for probes")
	}
	log.InfoContext(ctx, "probe is ready", "vantage", c.Vantage, "templates", p.opts.Index.Len(), "refused", len(p.opts.Index.refused), "key", p.KeyID())
	defer w.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-tasks.spent:
		return ErrRecycle
	case err := <-fatal:
		return fault.Wrap(fault.Unavailable, err, "polling for probes")
	}
}

// tasks is the activity, and counts.
type tasks struct {
	prober interface {
		Probe(context.Context, lifecycle.ProbeRequest) (lifecycle.ProbeResult, error)
	}
	left  int64 // written by atomic
	spent chan struct{}
	log   *slog.Logger
}

// Probe is the activity lifecycle.ActivityProbe.
func (t *tasks) Probe(ctx context.Context, req lifecycle.ProbeRequest) (lifecycle.ProbeResult, error) {
	defer func() {
		if atomic.AddInt64(&t.left, -1) == 0 {
			t.log.InfoContext(ctx, "recycling", "goroutines", runtime.NumGoroutine())
			close(t.spent)
		}
	}()
	result, err := t.prober.Probe(ctx, req)
	if fault.Is(err, fault.Invalid) {
		return result, temporal.NewNonRetryableApplicationError(err.Error(), string(fault.Invalid), nil)
	}
	return result, err
}

func fromConfig(c Config, log *slog.Logger) (*Prober, error) {
	key, err := LoadKey(c.KeyFile)
	if err != nil {
		return nil, err
	}
	index, err := LoadIndex(c.Templates...)
	if err != nil {
		return nil, err
	}
	for _, r := range index.Refused() {
		log.Warn("template refused", "path", r.Path, "id", r.ID, "reason", r.Why)
	}
	token, err := readSecret(c.Evidence.TokenFile)
	if err != nil {
		return nil, err
	}
	uploader, err := NewUploader(c.Evidence.URL, token, c.Evidence.Plain)
	if err != nil {
		return nil, err
	}
	servers := c.NameServers
	if len(servers) == 0 {
		servers = systemNameServers("/etc/resolv.conf")
	}
	return New(Options{Vantage: c.Vantage, Index: index, StateDir: os.TempDir(), Key: key, Evidence: uploader, NameServers: servers,
		Timeout: c.Timeout, Log: log, Heartbeat: func(ctx context.Context, at string) { activity.RecordHeartbeat(ctx, at) }})
}

func (t TemporalConfig) tls() (*tls.Config, error) {
	if !t.TLS && t.CAFile == "" && t.CertFile == "" {
		return nil, nil //nolint:nilnil // no TLS is how the client spells plain
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "reading temporal's CA")
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "reading temporal's CA: %s holds no certificate", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.TLSKeyFile)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "reading temporal's client certificate")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
