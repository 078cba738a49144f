package activities

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Syncs is where the steps of a sync are recorded, and what its pages become.
type Syncs interface { //nolint:interfacebloat // one record with its steps, and the delivery that it ends in
	BeginSync(ctx context.Context, x exposure.Sync) (exposure.Sync, error)
	Sync(ctx context.Context, source, name string) (exposure.Sync, error)
	PutSync(ctx context.Context, x exposure.Sync) error
	Syncs(ctx context.Context, source string, l exposure.List) (exposure.Page[exposure.Sync], error)
	AddStep(ctx context.Context, x exposure.SyncStep, page io.Reader, limit int64) (exposure.SyncStep, error)
	LastStep(ctx context.Context, x exposure.Sync) (exposure.SyncStep, bool, error)
	EachStep(ctx context.Context, x exposure.Sync, fn func(exposure.SyncStep) error) error
	DropSteps(ctx context.Context, x exposure.Sync) error
	AcceptDelivery(ctx context.Context, d exposure.Delivery, body io.Reader) (exposure.Delivery, bool, error)
	Blob(ctx context.Context, sha string) (io.ReadCloser, error)
	Setting(ctx context.Context, key string) ([]byte, error)
	PutSetting(ctx context.Context, key string, value []byte) error
}

// Pulls finds the puller of a source; fault.NotFound for one that isn't pulled.
type Pulls func(source string) (connectors.Puller, error)

// Importer takes in threat intelligence. The same snapshot twice is one.
type Importer func(ctx context.Context, kind string, body io.Reader, by string) error

const (
	pullBudget  = 5 * time.Minute // after which an activity ends, so that the history shows how far a sync is
	pullSteps   = 500             // likewise
	pullBeat    = 15 * time.Second
	mostAnew    = 3              // how often a sync may begin anew
	mostSteps   = 1_000_000      // of one sync: no vendor has so many pages, and a cursor that goes round in circles has
	largestPage = int64(1) << 30 // bytes
	lookback    = 10 * time.Minute
)

// BackfillKey is the setting that asks the next sync of a source for everything since a
// time, in RFC 3339.
func BackfillKey(source string) string { return "backfill/" + source }

// BeginSync records that a sync begins and what it asks for: everything, or what changed
// since the last good one, where the connector can ask so and all was asked for recently
// enough. The same sync begins once.
func (a *Activities) BeginSync(ctx context.Context, in lifecycle.SyncInput) (exposure.Sync, error) {
	if known, err := a.Syncs.Sync(ctx, in.Source, in.Sync); err == nil || !fault.Is(err, fault.NotFound) {
		return known, err
	}
	puller, err := a.Pulls(in.Source)
	if err != nil {
		return exposure.Sync{}, err
	}
	x := exposure.Sync{Source: in.Source, Name: in.Sync, Status: exposure.SyncRunning, Started: a.now()}
	if incremental, ok := puller.(connectors.Incremental); ok {
		if x.Since, err = a.since(ctx, in.Source, incremental.FullEvery(), x.Started); err != nil {
			return x, err
		}
	}
	return a.Syncs.BeginSync(ctx, x)
}

// since is from when on a sync has to ask; zero for everything.
func (a *Activities) since(ctx context.Context, source string, fullEvery time.Duration, now time.Time) (time.Time, error) {
	text, err := a.Syncs.Setting(ctx, BackfillKey(source))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return time.Time{}, err
	}
	if from, err := time.Parse(time.RFC3339, string(text)); err == nil {
		return from, nil
	}
	const looked = 200 // syncs; one that isn't among them is long ago
	page, err := a.Syncs.Syncs(ctx, source, exposure.List{Limit: looked})
	if err != nil {
		return time.Time{}, err
	}
	var good, full time.Time
	for _, x := range page.Items {
		if x.Status != exposure.SyncDone {
			continue
		}
		if good.IsZero() {
			good = x.Started
		}
		if x.Full() {
			full = x.Started
			break
		}
	}
	if full.IsZero() || fullEvery > 0 && !now.Before(full.Add(fullEvery)) {
		return time.Time{}, nil
	}
	return good.Add(-lookback), nil
}

// PullReport is how far one call of Pull came.
type PullReport struct {
	Done      bool          `json:"done,omitempty"`
	Throttled bool          `json:"throttled,omitempty"` // the vendor refused for now; Wait is what it said, zero for nothing
	Wait      time.Duration `json:"wait,omitempty"`
	Steps     int           `json:"steps"` // of the whole sync so far
	Pages     int           `json:"pages"`
	Bytes     int64         `json:"bytes"`
}

// Pull fetches pages, records each before it asks for the next, and comes back when there
// is something to wait for, when it is done, or after a while. Its heartbeat holds the
// cursor; what it goes on from after a crash is the store's record.
func (a *Activities) Pull(ctx context.Context, in lifecycle.SyncInput) (PullReport, error) {
	puller, err := a.Pulls(in.Source)
	if err != nil {
		return PullReport{}, err
	}
	x, err := a.Syncs.Sync(ctx, in.Source, in.Sync)
	if err != nil {
		return PullReport{}, err
	}
	p := &pulling{Activities: a, puller: puller, sync: x}
	if p.last, p.any, err = a.Syncs.LastStep(ctx, x); err != nil {
		return PullReport{}, err
	}
	defer p.beating(ctx)()
	began := a.now()
	for range pullSteps {
		if p.done() {
			return p.report(), nil
		}
		if err := p.step(ctx); err != nil {
			if fault.Is(err, fault.Throttled) {
				a.Log.InfoContext(ctx, "a vendor asks to wait", "source", in.Source, "wait", fault.RetryAfter(err))
				report := p.report()
				report.Throttled, report.Wait = true, fault.RetryAfter(err)
				return report, nil
			}
			return p.report(), err
		}
		if p.last.Wait > 0 || a.now().Sub(began) > pullBudget {
			break
		}
	}
	report := p.report()
	report.Wait = p.last.Wait
	return report, nil
}

// pulling is one call of Pull.
type pulling struct {
	*Activities
	puller connectors.Puller
	sync   exposure.Sync
	last   exposure.SyncStep
	any    bool // there is a last step
}

func (p *pulling) done() bool { return p.any && p.last.Next == "" }

func (p *pulling) report() PullReport {
	return PullReport{Done: p.done(), Steps: p.last.N, Pages: p.sync.Pages, Bytes: p.sync.Bytes}
}

// beating tells Temporal that we are alive, as long as a vendor may take to answer.
func (p *pulling) beating(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	cursor := p.last.Next
	go func() {
		tick := time.NewTicker(pullBeat)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-tick.C:
				beat(ctx, cursor)
			}
		}
	}()
	return func() { close(done) }
}

// step makes one call and records what it brought. The page goes to the store as it
// comes; the rest is known only when the call has ended, and is recorded then.
func (p *pulling) step(ctx context.Context) error {
	var spool spool
	defer spool.drop()
	pulled, err := p.puller.Pull(ctx, connectors.PullRequest{Cursor: p.last.Next, Since: p.sync.Since}, &spool)
	if errors.Is(err, connectors.ErrExpired) {
		return p.anew(ctx)
	}
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "pulling "+p.sync.Source)
	}
	switch {
	case len(pulled.Next) > connectors.MaxCursor:
		return fault.New(fault.Internal, "pulling %s: the connector made a cursor of %d bytes", p.sync.Source, len(pulled.Next))
	case pulled.Next != "" && pulled.Next == p.last.Next && pulled.Wait == 0, p.last.N >= mostSteps:
		return fault.New(fault.Invalid, "pulling %s: its pages go round in circles", p.sync.Source)
	}
	step := exposure.SyncStep{Source: p.sync.Source, Sync: p.sync.Name, Attempt: p.sync.Attempt, N: p.last.N + 1,
		Next: pulled.Next, Wait: pulled.Wait, At: p.now()}
	if pulled.Next == "" {
		step.Run = pulled.Run
	}
	body, err := spool.body()
	if err != nil {
		return err
	}
	if p.last, err = p.Syncs.AddStep(ctx, step, body, largestPage); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "recording a page of "+p.sync.Source)
	}
	p.any = true
	p.sync.Steps = p.last.N
	if p.last.Body != "" {
		p.sync.Pages++
		p.sync.Bytes += p.last.Size
	}
	beat(ctx, p.last.Next)
	return p.Syncs.PutSync(ctx, p.sync)
}

// anew begins the sync again from its first page: an export or a link has expired.
func (p *pulling) anew(ctx context.Context) error {
	if p.sync.Attempt+1 >= mostAnew {
		return fault.New(fault.Invalid, "pulling %s: the vendor forgot where we were %d times; pull less at a time, or more often", p.sync.Source, mostAnew)
	}
	if err := p.Syncs.DropSteps(ctx, p.sync); err != nil {
		return err
	}
	p.sync.Attempt++
	p.sync.Steps, p.sync.Pages, p.sync.Bytes = 0, 0, 0
	p.last, p.any = exposure.SyncStep{}, false
	return p.Syncs.PutSync(ctx, p.sync)
}

// EndSync makes one delivery of a sync's pages, or hands them over as intelligence, and
// records how it ended. A sync that failed is delivered as far as it came: what it saw was
// seen, and what it didn't see proves nothing. The same end twice is one.
func (a *Activities) EndSync(ctx context.Context, in lifecycle.SyncEnd) (exposure.Sync, error) {
	x, err := a.Syncs.Sync(ctx, in.Source, in.Sync)
	if err != nil || x.Status != exposure.SyncRunning {
		return x, err
	}
	manifest, err := a.manifest(ctx, x, in.Error)
	if err != nil {
		return x, err
	}
	puller, err := a.Pulls(in.Source)
	if err != nil && in.Error == "" {
		return x, err
	}
	feed, isFeed := puller.(connectors.Feed)
	switch {
	case isFeed && in.Error == "":
		err = a.importPages(ctx, feed.FeedKind(), manifest, in.Source)
	case !isFeed && (in.Error == "" || len(manifest.Pages) > 0):
		x.Delivery, err = a.deliver(ctx, x, manifest)
	}
	if err != nil {
		return x, err
	}
	x.Status, x.Error, x.Ended = exposure.SyncDone, lifecycle.Plain(in.Error, 1000), a.now()
	if in.Error != "" {
		x.Status = exposure.SyncFailed
	}
	if err := a.Syncs.PutSync(ctx, x); err != nil {
		return x, err
	}
	if in.Error == "" {
		if err := a.Syncs.PutSetting(ctx, BackfillKey(in.Source), nil); err != nil {
			return x, err
		}
	}
	return x, a.Syncs.DropSteps(ctx, x)
}

// manifest says what a sync came to.
func (a *Activities) manifest(ctx context.Context, x exposure.Sync, failure string) (exposure.Manifest, error) {
	m := exposure.Manifest{Sync: x.Name, Pages: []string{}}
	err := a.Syncs.EachStep(ctx, x, func(s exposure.SyncStep) error {
		if s.Body != "" {
			m.Pages = append(m.Pages, s.Body)
		}
		if s.Next == "" {
			m.Run = s.Run
		}
		return nil
	})
	r := &m.Run
	r.ID = "sync/" + x.Name
	r.Started = x.Started
	if r.Finished.IsZero() || r.Finished.Before(x.Started.Add(-lookback)) || r.Finished.After(a.now()) {
		r.Finished = x.Started // what changed while we read may be missing
	}
	if !x.Full() && r.Kind == exposure.RunFull {
		r.Kind, r.Complete, r.Why = exposure.RunPartial, false, "only what changed since "+x.Since.Format(time.RFC3339)+" was asked for"
	}
	if failure != "" {
		r.Kind, r.Complete, r.Why = cmp.Or(r.Kind, exposure.RunPartial), false, "the sync ended early: "+lifecycle.Plain(failure, 300)
	}
	return m, err
}

func (a *Activities) deliver(ctx context.Context, x exposure.Sync, m exposure.Manifest) (string, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "writing the manifest of a sync")
	}
	d, _, err := a.Syncs.AcceptDelivery(ctx, exposure.Delivery{
		ID: x.Source + "|sync/" + x.Name, Source: x.Source, VendorID: "sync/" + x.Name, Via: exposure.ViaPull, By: x.Source,
		ReceivedAt: x.Started, Status: exposure.DeliveryReceived,
	}, bytes.NewReader(body))
	if err != nil {
		return "", fault.Wrap(fault.KindOf(err), err, "delivering what was pulled of "+x.Source)
	}
	// What is lost here is found by the sweep, which looks for deliveries that wait.
	if err := a.Waker.WakeSource(ctx, x.Source); err != nil {
		a.Log.WarnContext(ctx, "waking the ingest of a source failed; the sweep will try again", "source", x.Source, "error", err)
	}
	return d.ID, nil
}

func (a *Activities) importPages(ctx context.Context, kind string, m exposure.Manifest, source string) error {
	body := &pages{open: func(sha string) (io.ReadCloser, error) { return a.Syncs.Blob(ctx, sha) }, rest: m.Pages}
	defer body.close()
	err := a.Import(ctx, kind, body, "source:"+source)
	return fault.Wrap(fault.KindOf(err), err, "importing what was pulled of "+source)
}
