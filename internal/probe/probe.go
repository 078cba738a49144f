// Package probe verifies exposures from a vantage point: with nuclei templates and with
// checks of its own. It re-checks the rules of engagement itself, never leaves the
// address that it was allowed to probe, tells "not there" from "could not look", and
// gives signed verdicts that rest on redacted evidence. Nothing else imports nuclei.
package probe

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
)

// Options make a Prober. Vantage, Index, StateDir, Key and Evidence have no default.
type Options struct {
	Vantage  string
	Index    *Index
	StateDir string // private to the process; holds the engine's files while it runs
	Key      ed25519.PrivateKey
	Evidence EvidenceStore

	Resolver       Resolver                             // nil: the system's
	NameServers    []string                             // "ip:port"; asked by DNS templates, which are inconclusive without
	Timeout        time.Duration                        // for one probe; zero: a minute
	RequestTimeout time.Duration                        // for one connection and for one answer; zero: 5 s
	Grace          time.Duration                        // for an engine to stop when told to; zero: 10 s
	MaxResponse    int                                  // bytes read of one response; zero: 1 MiB
	Heartbeat      func(ctx context.Context, at string) // called every few seconds with what is going on; nil: none
	Now            func() time.Time                     // nil: time.Now
	Log            *slog.Logger                         // nil: none
}

// EvidenceStore keeps evidence under its SHA-256. Putting it twice is putting it once.
type EvidenceStore interface {
	Put(ctx context.Context, sum string, body []byte) error
}

// Prober runs probes; several at a time, but one at a time on one address.
type Prober struct {
	opts  Options
	hosts hosts
}

// maxClaims is how many templates that claim a CVE are run for it.
const maxClaims = 3

// beat is how often a probe says that it is alive.
const beat = 5 * time.Second

// New checks the options and fills in the defaults.
func New(o Options) (*Prober, error) {
	switch {
	case o.Vantage == "":
		return nil, fault.New(fault.Invalid, "starting a probe: no vantage is named")
	case o.Index == nil || o.Evidence == nil:
		return nil, fault.New(fault.Invalid, "starting a probe: it needs templates and a place for evidence")
	case len(o.Key) != ed25519.PrivateKeySize:
		return nil, fault.New(fault.Invalid, "starting a probe: it needs an Ed25519 key to sign with")
	}
	if info, err := os.Stat(o.StateDir); err != nil || !info.IsDir() {
		return nil, fault.New(fault.Invalid, "starting a probe: state directory %q is not there", o.StateDir)
	}
	const defaultTimeout, defaultRequest, defaultGrace, defaultResponse = time.Minute, 5 * time.Second, 10 * time.Second, 1 << 20
	o.Timeout = orElse(o.Timeout, defaultTimeout)
	o.RequestTimeout = orElse(o.RequestTimeout, defaultRequest)
	o.Grace = orElse(o.Grace, defaultGrace)
	o.MaxResponse = orElse(o.MaxResponse, defaultResponse)
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	tame()
	return &Prober{opts: o}, nil
}

func orElse[T int | time.Duration](value, otherwise T) T {
	if value > 0 {
		return value
	}
	return otherwise
}

// Probe verifies one exposure. What the rules of engagement forbid is a result with
// Refused set. What could not be looked at is an inconclusive verdict. An error means
// that there is no result and the probe should be made again, unless its kind is
// fault.Invalid. When Probe returns a verdict, its evidence is stored.
func (p *Prober) Probe(ctx context.Context, req lifecycle.ProbeRequest) (lifecycle.ProbeResult, error) {
	at := p.opts.Now().UTC().Truncate(time.Millisecond)
	stop := p.beatWhile(ctx, "probing "+string(req.Exposure))
	defer stop()
	found, err := p.verify(ctx, &req, at)
	var refused *scope.RefusedError
	switch {
	case errors.As(err, &refused):
		p.opts.Log.InfoContext(ctx, "probe refused", "exposure", req.Exposure, "reason", refused.Reason)
		return lifecycle.ProbeResult{Refused: refused.Reason}, nil
	case err != nil:
		return lifecycle.ProbeResult{}, err
	}
	verdict, err := p.seal(ctx, &req, found, at)
	if err != nil {
		return lifecycle.ProbeResult{}, err
	}
	p.opts.Log.InfoContext(ctx, "probe done", "exposure", req.Exposure, "outcome", verdict.Outcome, "reason", verdict.Reason)
	return lifecycle.ProbeResult{Verdict: verdict}, nil
}

// plan is what a probe will do.
type plan struct {
	protocols []string
	run       func(v *visit, ctx context.Context) finding
}

// verify makes the probe. The error is a *scope.RefusedError, one of kind invalid, or
// that of a context that ended from outside.
func (p *Prober) verify(ctx context.Context, req *lifecycle.ProbeRequest, at time.Time) (finding, error) {
	todo, why, err := p.plan(req)
	if err != nil || why != "" {
		return inconclusive(why), err
	}
	t, err := parseTarget(req.Verification.Target, todo.protocols[0])
	if err != nil {
		return finding{}, fault.Wrap(fault.Invalid, err, "reading the probe's target")
	}
	addr, err := p.pin(ctx, req, t, todo.protocols[0], at)
	var dead *deadError
	if errors.As(err, &dead) {
		return inconclusive(dead.reason), ctx.Err()
	}
	if err != nil {
		return finding{}, err
	}
	v := &visit{Prober: p, at: at, t: t}
	host := p.hosts.of(addr)
	if err := host.take(ctx); err != nil {
		return finding{}, fault.Wrap(fault.Unavailable, err, "waiting for another probe of the same host")
	}
	defer host.release()
	// The wait may have outlasted the window, and a template may use several protocols.
	allows := func(port int) error {
		for _, protocol := range todo.protocols {
			err := req.Engagement.Allows(scope.ProbeRequest{At: p.opts.Now().UTC(), Addr: addr, Port: port, Protocol: protocol, Vantage: p.opts.Vantage})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := allows(t.port); err != nil {
		return finding{}, err
	}
	v.gap = host.pace.setRate(req.Engagement.Rate())
	v.wall = &wall{addr: addr, allows: allows, pace: host.pace}
	defer v.wall.close()
	inner, cancel := context.WithTimeout(ctx, p.opts.Timeout)
	defer cancel()
	found := todo.run(v, inner)
	if err := ctx.Err(); err != nil { // stopped from outside: not the target's doing
		return finding{}, fault.Wrap(fault.Unavailable, err, "probing")
	}
	if inner.Err() != nil && found.outcome != exposure.Confirmed {
		found.outcome, found.reason = exposure.Inconclusive, fmt.Sprintf("the probe timed out after %s: %s", p.opts.Timeout, found.reason)
	}
	return found, nil
}

// plan chooses what to run, or says why nothing can be.
func (p *Prober) plan(req *lifecycle.ProbeRequest) (todo plan, why string, err error) {
	check := req.Verification.Check
	switch req.Verification.Method {
	case exposure.MethodTemplate:
		tmpl, err := p.opts.Index.ByID(check)
		if err != nil {
			return plan{}, err.Error(), nil //nolint:nilerr // it is the verdict's reason
		}
		todo, why = p.planTemplates([]Template{tmpl})
		return todo, why, nil
	case exposure.MethodCVETemplate:
		claims := p.opts.Index.ByCVE(check)
		if len(claims) == 0 {
			return plan{}, fmt.Sprintf("no template that claims %q is installed at this probe", clip(check, 40)), nil
		}
		todo, why = p.planTemplates(claims[:min(len(claims), maxClaims)])
		return todo, why, nil
	case exposure.MethodConnect:
		return plan{[]string{"tcp"}, func(v *visit, ctx context.Context) finding { return v.connect(ctx) }}, "", nil
	case exposure.MethodTLS:
		return plan{[]string{"ssl"}, func(v *visit, ctx context.Context) finding { return v.tls(ctx, check) }}, "", nil
	case exposure.MethodHTTPHeader:
		return plan{[]string{"http"}, func(v *visit, ctx context.Context) finding { return v.header(ctx, check) }}, "", nil
	case exposure.MethodCoveringRun:
	}
	return plan{}, "", fault.New(fault.Invalid, "probing: method %q is not one that a probe can run", req.Verification.Method)
}

func (p *Prober) planTemplates(tmpls []Template) (plan, string) {
	todo := plan{run: func(v *visit, ctx context.Context) finding { return v.byCVE(ctx, tmpls) }}
	for _, tmpl := range tmpls {
		for _, protocol := range tmpl.Protocols {
			if !slices.Contains(todo.protocols, protocol) {
				todo.protocols = append(todo.protocols, protocol)
			}
		}
	}
	if slices.Contains(todo.protocols, "dns") && len(p.opts.NameServers) == 0 {
		return plan{}, "template " + tmpls[0].ID + " asks the DNS, and this probe has no name server for that"
	}
	return todo, ""
}

// seal stores the evidence and makes the signed verdict.
func (p *Prober) seal(ctx context.Context, req *lifecycle.ProbeRequest, found finding, at time.Time) (exposure.Verdict, error) {
	const longest = 1000
	verdict := exposure.Verdict{Outcome: found.outcome, Method: req.Verification.Method, Reason: redact(clip(found.reason, longest)),
		CheckedAt: at, Vantage: p.opts.Vantage, Template: found.template}
	if len(found.evidence) == 0 { // where nothing was looked at, the reason is the evidence
		found.evidence = []exposure.Evidence{{Kind: "none", Target: req.Verification.Target, Vantage: p.opts.Vantage, At: at, Note: found.reason}}
	}
	for _, e := range found.evidence {
		blob, err := seal(e)
		if err != nil {
			return exposure.Verdict{}, fault.Wrap(fault.Internal, err, "sealing evidence")
		}
		if err := p.opts.Evidence.Put(ctx, blob.sum, blob.body); err != nil {
			return exposure.Verdict{}, fmt.Errorf("storing evidence %s: %w", blob.sum, err)
		}
		if !slices.Contains(verdict.Evidence, blob.sum) {
			verdict.Evidence = append(verdict.Evidence, blob.sum)
		}
	}
	return exposure.SignVerdict(p.opts.Key, req.Exposure, verdict)
}

// beatWhile calls Heartbeat now and every few seconds until stopped.
func (p *Prober) beatWhile(ctx context.Context, doing string) (stop func()) {
	if p.opts.Heartbeat == nil {
		return func() {}
	}
	p.opts.Heartbeat(ctx, doing)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.opts.Heartbeat(ctx, doing)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// KeyID names the key that the verdicts are signed with.
func (p *Prober) KeyID() string {
	pub, ok := p.opts.Key.Public().(ed25519.PublicKey)
	if !ok { // New checked the key
		return ""
	}
	return exposure.VerdictKeyID(pub)
}
