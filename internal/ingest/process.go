package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Drain processes up to limit waiting deliveries of a source, in order of arrival. A
// delivery that can't be read is marked failed, keeps its body, and doesn't hold up the
// next; an error is returned only where trying again may help.
func (p *Pipeline) Drain(ctx context.Context, source string, limit int, beat func(Progress)) (Drained, error) {
	waiting, err := p.store.NextDeliveries(ctx, source, limit)
	if err != nil {
		return Drained{}, fault.Wrap(fault.KindOf(err), err, "reading the deliveries of "+source)
	}
	out := Drained{More: len(waiting) == limit}
	for _, d := range waiting {
		done, err := p.Process(ctx, d, beat)
		if err != nil {
			return out, err
		}
		out.Deliveries++
		out.Findings += done.Counts[countFindings]
		out.Created += done.Counts[countCreated]
		if done.Status == exposure.DeliveryFailed {
			out.Failed++
		}
	}
	return out, nil
}

// The names under which a delivery counts what became of its findings.
const (
	countFindings  = "findings"
	countAssets    = "assets"
	countCreated   = "created"   // new exposures
	countRefreshed = "refreshed" // known exposures that the source says something new about
	countUnchanged = "unchanged"
	countAbsent    = "absent" // exposures that a complete look no longer saw
	countClosed    = "closed" // … and that closed for it
	countReopened  = "reopened"
	countOlder     = "older" // said less recently than what is known: changed nothing
)

// lastSeen is what is remembered of a source's latest body, to know a repeat by.
type lastSeen struct {
	Body    string    `json:"body"`
	Run     string    `json:"run"`
	Checked time.Time `json:"checked"`
	OwnTime bool      `json:"own_time"` // the report states its time; else arrival is its time
}

func lastSeenKey(source string) string { return "ingest/" + source }

// Process works one delivery into the store and gives it back as it ended. It may be
// called again after a crash at any point.
func (p *Pipeline) Process(ctx context.Context, d exposure.Delivery, beat func(Progress)) (exposure.Delivery, error) {
	source, err := p.sources(d.Source)
	if err != nil {
		return p.fail(ctx, d, err)
	}
	var last lastSeen
	raw, err := p.store.Setting(ctx, lastSeenKey(d.Source))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return d, err
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &last); err != nil {
			return d, fault.Wrap(fault.Internal, err, "reading what was last seen of "+d.Source)
		}
	}
	j := newJob(p, source, d)
	if last.Body == d.Body && d.Checkpoint == 0 {
		return j.repeat(ctx, last)
	}
	if err := j.readAttentive(ctx); err != nil {
		return d, err
	}
	runErr := j.stream(ctx, beat)
	var broken *decodeError
	switch {
	case errors.As(runErr, &broken):
		j.run.Complete, j.run.Why = false, "the report could not be read to its end"
	case runErr != nil:
		return d, runErr
	}
	if err := j.settle(ctx, beat); err != nil {
		return d, err
	}
	if !j.parked() {
		if err := j.restate(ctx, broken == nil); err != nil {
			return d, err
		}
	}
	switch {
	case j.parked():
		return j.park(ctx)
	case broken != nil:
		return j.failed(ctx, broken.err)
	}
	return j.finish(ctx)
}

// decodeError is the decoder's own verdict on a body, as against a failure of ours.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return e.err.Error() }
func (e *decodeError) Unwrap() error { return e.err }

// job is one delivery being worked on.
type job struct {
	*Pipeline
	source    Source
	d         exposure.Delivery
	run       exposure.Run
	runID     string // fixed with the first batch: the sights of one delivery speak of one run
	resolver  *resolver
	attentive map[exposure.ID]struct{} // exposures of the source that even an unchanged sight matters to
	seen      map[asset.ID]*seen
	rehomed   map[exposure.ID]asset.ID // where exposures live that were born under another asset
	related   related
	stating   stating
	aloft     []*writing // batches on their way into the store, in order
	counts    map[string]int64
	skipped   map[string]int64
	at        time.Time

	again     bool            // the body is to be read once more, for what it says without seeing
	doubtful  []exposure.ID   // spoken of without being seen, and of the source's not known to exist
	nowhere   []byte          // … and don't: what was told of them is not remembered, or it would be no news once they do
	overtaken map[string]bool // parked deliveries that this one has a later look than
}

func newJob(p *Pipeline, source Source, d exposure.Delivery) *job {
	skipped := map[string]int64{}
	resolver := newResolver(p.store, source, p.assess, p.now, p.known, skipped)
	resolver.prefer, resolver.after = p.prefer, p.retire
	return &job{
		Pipeline: p, source: source, d: d, at: p.now(),
		resolver:  resolver,
		attentive: map[exposure.ID]struct{}{},
		related:   related{},
		stating:   newStating(),
		seen:      map[asset.ID]*seen{},
		counts:    map[string]int64{},
		skipped:   skipped,
		overtaken: map[string]bool{},
	}
}

// readAttentive finds the exposures of the source that have left tracked: for them a
// repeated sight is news (a claim is contradicted, a closed one is back), so they are
// refreshed even where the finding is unchanged.
func (j *job) readAttentive(ctx context.Context) error {
	filter := exposure.Filter{Sources: []string{j.source.Name}}
	for _, s := range exposure.States() {
		if s != exposure.Tracked {
			filter.States = append(filter.States, s)
		}
	}
	err := j.store.EachExposure(ctx, filter, func(e exposure.Exposure) error {
		j.attentive[e.ID] = struct{}{}
		return nil
	})
	return fault.Wrap(fault.KindOf(err), err, "reading the exposures of "+j.source.Name+" that are being worked on")
}

// stream decodes and persists side by side: while one batch is written the next is read.
func (j *job) stream(ctx context.Context, beat func(Progress)) error {
	defer j.ground()
	c, broken, err := j.each(ctx, func(b batch) error { return j.persist(ctx, b, beat) })
	if err == nil {
		err = j.land(ctx, 0, beat)
	}
	j.run = c.run
	for reason, n := range c.skipped {
		j.skipped[reason] += n
	}
	j.counts[countFindings] = c.findings
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return fault.Wrap(fault.Unavailable, ctx.Err(), "ingesting delivery "+j.d.ID)
	case broken != nil:
		return &decodeError{broken}
	}
	return nil
}

// each decodes the body and gives its batches to take, which works on one while the next
// is read. The decoder's own verdict on the body is given apart from a failure of ours.
func (j *job) each(ctx context.Context, take func(batch) error) (c *collector, broken, err error) {
	batches := make(chan batch) // the decoder fills one while another is persisted
	group, gctx := errgroup.WithContext(ctx)
	c = &collector{stop: gctx.Done(), out: batches, size: j.batch, source: j.source, received: j.d.ReceivedAt, skipped: map[string]int64{}}
	group.Go(func() error {
		defer close(batches)
		err := j.decode(gctx, c)
		var ours *openError
		if errors.Is(err, errStopped) || gctx.Err() != nil {
			return gctx.Err()
		}
		if errors.As(err, &ours) {
			return ours.err
		}
		if flushErr := c.handOver(); flushErr != nil {
			return gctx.Err()
		}
		broken = err
		return nil
	})
	for b := range batches {
		if err != nil {
			continue // the decoder is being stopped; take what it still hands over
		}
		if err = take(b); err != nil {
			failed := err
			group.Go(func() error { return failed }) // cancels gctx, and so the decoder
		}
	}
	if stopped := group.Wait(); err == nil {
		err = stopped
	}
	return c, broken, err
}

// checkpoint remembers how many batches are persisted, so that a worker that takes over
// needn't write them again.
func (j *job) checkpoint(ctx context.Context, number int64, beat func(Progress)) error {
	if beat != nil {
		beat(Progress{Delivery: j.d.ID, Batches: number, Findings: number * int64(j.batch)})
	}
	if number <= j.d.Checkpoint {
		return nil
	}
	j.d.Checkpoint, j.d.Status = number, exposure.DeliveryWorking
	err := j.store.PutDelivery(ctx, j.d)
	return fault.Wrap(fault.KindOf(err), err, "recording progress")
}

// finish records the run, then what was last seen, then the delivery as done.
func (j *job) finish(ctx context.Context) (exposure.Delivery, error) {
	status := exposure.DeliveryDone
	if j.counts[countOlder] > 0 && j.counts[countOlder] == j.counts[countFindings] {
		status = exposure.DeliveryHistory
	}
	if err := j.store.PutRun(ctx, j.run); err != nil {
		return j.d, fault.Wrap(fault.KindOf(err), err, "recording the run")
	}
	if status == exposure.DeliveryDone {
		raw, err := json.Marshal(lastSeen{Body: j.d.Body, Run: j.run.ID, Checked: j.run.Finished, OwnTime: j.run.Finished != j.d.ReceivedAt})
		if err != nil {
			return j.d, fault.Wrap(fault.Internal, err, "encoding what was last seen")
		}
		if err := j.store.PutSetting(ctx, lastSeenKey(j.source.Name), raw); err != nil {
			return j.d, fault.Wrap(fault.KindOf(err), err, "recording what was last seen of "+j.source.Name)
		}
	}
	return j.end(ctx, status, "")
}

func (j *job) failed(ctx context.Context, cause error) (exposure.Delivery, error) {
	if err := j.store.PutRun(ctx, j.run); err != nil {
		return j.d, fault.Wrap(fault.KindOf(err), err, "recording the run")
	}
	return j.end(ctx, exposure.DeliveryFailed, cause.Error())
}

func (j *job) end(ctx context.Context, status exposure.DeliveryStatus, problem string) (exposure.Delivery, error) {
	j.d.Status, j.d.Error, j.d.Run = status, problem, j.run.ID
	j.d.Counts, j.d.Skipped, j.d.EndedAt = j.counts, j.skipped, j.now()
	if err := j.store.PutDelivery(ctx, j.d); err != nil {
		return j.d, fault.Wrap(fault.KindOf(err), err, "recording the end of delivery "+j.d.ID)
	}
	j.log.Info("delivery processed", "source", j.d.Source, "delivery", j.d.ID, "status", status,
		"findings", j.counts[countFindings], "created", j.counts[countCreated], "absent", j.counts[countAbsent], "error", problem)
	return j.d, nil
}

// fail ends a delivery that can't even be started, such as one of a source that is no
// longer configured. Its body stays; configuring the source and replaying heals it.
func (p *Pipeline) fail(ctx context.Context, d exposure.Delivery, cause error) (exposure.Delivery, error) {
	if kind := fault.KindOf(cause); kind != fault.NotFound && kind != fault.Invalid {
		return d, cause
	}
	d.Status, d.Error, d.EndedAt = exposure.DeliveryFailed, cause.Error(), p.now()
	err := p.store.PutDelivery(ctx, d)
	return d, fault.Wrap(fault.KindOf(err), err, "recording the end of delivery "+d.ID)
}
