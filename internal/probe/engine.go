package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/projectdiscovery/fastdialer/fastdialer"
	"github.com/projectdiscovery/gologger"
	"github.com/projectdiscovery/gologger/levels"
	nuclei "github.com/projectdiscovery/nuclei/v3/lib"
	"github.com/projectdiscovery/nuclei/v3/pkg/catalog/disk"
	"github.com/projectdiscovery/nuclei/v3/pkg/output"
	"github.com/projectdiscovery/nuclei/v3/pkg/protocols/common/protocolstate"
	engineopts "github.com/projectdiscovery/nuclei/v3/pkg/types"
	"github.com/projectdiscovery/tlsx/pkg/tlsx/openssl"
	updateutils "github.com/projectdiscovery/utils/update"
)

// tame switches off, once in a process, what the engine would do on its own: it asks its
// maker for new versions with an identifier of the machine, falls back on an openssl
// program, and logs to standard error.
var tame = sync.OnceFunc(func() {
	updateutils.DefaultHttpClient.Transport = muted{}
	openssl.BinaryPath = ""
	gologger.DefaultLogger.SetMaxLevel(levels.LevelSilent)
	nuclei.DefaultConfig.DisableUpdateCheck()
	nuclei.DefaultConfig.Logger = gologger.DefaultLogger
})

// muted answers the version check from here: nothing is sent.
type muted struct{}

// RoundTrip implements http.RoundTripper.
func (muted) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close() // it isn't read
	}
	return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// errAbandoned is an engine that did not come to an end when it was told to.
var errAbandoned = errors.New("the engine did not stop in time")

// run has the engine run one template against targets, all of them on the wall's
// address. Each run has an engine of its own: engines keep state, and leak some.
func (p *Prober) run(ctx context.Context, t Template, host string, inputs []string, w *wall, gap time.Duration) (record, error) {
	body, err := t.read()
	if err != nil {
		return record{}, err
	}
	dir, err := os.MkdirTemp(p.opts.StateDir, "run-")
	if err != nil {
		return record{}, fmt.Errorf("making a directory for the engine: %w", err)
	}
	file := filepath.Join(dir, t.ID+".yaml")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return record{}, errors.Join(err, os.RemoveAll(dir))
	}
	names, err := startNameServer(ctx, host, w)
	if err != nil {
		return record{}, errors.Join(err, os.RemoveAll(dir))
	}
	seen := newTranscript(p.opts.MaxResponse)
	ended := make(chan error, 1)
	go func() {
		err := p.execute(ctx, dir, file, inputs, w, names.address(), gap, seen)
		ended <- errors.Join(err, names.close(), os.RemoveAll(dir))
	}()
	select {
	case err = <-ended:
		return seen.read(), err
	case <-ctx.Done():
	}
	w.close()
	grace := time.NewTimer(p.opts.Grace)
	defer grace.Stop()
	select {
	case <-ended: // its error is only that of the context
		return seen.read(), ctx.Err()
	case <-grace.C:
		return seen.read(), errAbandoned
	}
}

// execute runs the engine to its end.
func (p *Prober) execute(ctx context.Context, dir, file string, inputs []string, w *wall, resolver string, gap time.Duration, seen *transcript) (err error) {
	defer func() {
		if r := recover(); r != nil { // a template that makes the engine panic is a template that errors
			err = fmt.Errorf("the engine panicked: %v", r)
		}
	}()
	opts := p.engineOptions(dir, file, gap)
	engine, err := nuclei.NewNucleiEngineCtx(ctx, nuclei.WithOptions(opts),
		nuclei.WithCatalog(disk.NewCatalog(dir)), nuclei.UseOutputWriter(seen), nuclei.WithTemporaryDirectory(dir),
		nuclei.WithInteractshOptions(nuclei.InteractshOpts{NoInteractsh: true, CacheSize: 1}))
	if err != nil {
		return fmt.Errorf("starting the engine: %w", err)
	}
	defer engine.Close()
	if err := wallIn(engine, w, resolver, p.opts.RequestTimeout); err != nil {
		return err
	}
	if err := engine.LoadAllTemplates(); err != nil {
		return fmt.Errorf("loading the template: %w", err)
	}
	if n := len(engine.GetTemplates()); n != 1 {
		return fmt.Errorf("the engine does not accept the template (%d loaded)", n)
	}
	engine.LoadTargets(inputs, false)
	// Without a callback the engine prints results to standard output.
	return engine.ExecuteCallbackWithCtx(ctx, func(*output.ResultEvent) {})
}

// wallIn replaces the engine's dialer, through which its four protocols connect, by one
// that resolves at our name server and whose every socket passes the wall.
func wallIn(engine *nuclei.NucleiEngine, w *wall, resolver string, timeout time.Duration) error {
	opts := fastdialer.DefaultOptions
	opts.BaseResolvers = []string{resolver}
	opts.HostsFile, opts.ResolversFile, opts.EnableFallback = false, false, false
	opts.MaxRetries = 1
	opts.DialerTimeout = timeout
	opts.Dialer = w.dialer(timeout)
	dialer, err := fastdialer.NewDialer(opts)
	if err != nil {
		return fmt.Errorf("making the engine's dialer: %w", err)
	}
	dialers := protocolstate.GetDialersWithId(engine.Options().ExecutionId)
	if dialers == nil {
		dialer.Close()
		return errors.New("making the engine's dialer: the engine has none to replace")
	}
	dialers.Lock()
	dialers.Fastdialer.Close()
	dialers.Fastdialer = dialer
	dialers.Unlock()
	engine.GetExecuterOptions().CustomFastdialer = dialer
	return nil
}

func (p *Prober) engineOptions(dir, file string, gap time.Duration) *engineopts.Options {
	opts := engineopts.DefaultOptions()
	opts.Logger = &gologger.Logger{}
	opts.Templates = []string{file}
	opts.NewTemplatesDirectory = dir
	opts.RateLimit, opts.RateLimitDuration = 1, gap
	opts.BulkSize, opts.TemplateThreads, opts.PayloadConcurrency, opts.ProbeConcurrency = 1, 1, 1, 1
	opts.HeadlessBulkSize, opts.HeadlessTemplateThreads, opts.JsConcurrency = 1, 1, 1
	opts.TemplateLoadingConcurrency = 1
	opts.Timeout = max(int(p.opts.RequestTimeout/time.Second), 1)
	opts.Retries = 0
	opts.NoHostErrors = true
	opts.ResponseReadSize, opts.ResponseSaveSize = p.opts.MaxResponse, p.opts.MaxResponse
	opts.MatcherStatus = true // have it say so when nothing matched
	opts.StoreResponse = true // hand every request and response to the transcript
	opts.OmitTemplate = true
	opts.NoColor = true
	opts.NoInteractsh = true
	opts.DisableStdin = true
	opts.DisableClustering = true
	opts.DisableHTTPProbe = true
	opts.InternalResolversList = p.opts.NameServers // of DNS templates; our own server stands in for the rest
	opts.AllowLocalFileAccess = false
	opts.PublicTemplateDisableDownload = true
	opts.GitHubTemplateDisableDownload, opts.GitLabTemplateDisableDownload = true, true
	opts.AwsTemplateDisableDownload, opts.AzureTemplateDisableDownload = true, true
	return opts
}
