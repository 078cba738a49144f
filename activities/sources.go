package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Reports is what the sweep knows of sources by: what came of them, and how they are doing.
type Reports interface {
	FindDeliveries(ctx context.Context, source, status string, l exposure.List) (exposure.Page[exposure.Delivery], error)
	SwapDelivery(ctx context.Context, d exposure.Delivery) (bool, error)
	Runs(ctx context.Context, source string, l exposure.List) (exposure.Page[exposure.Run], error)
	Healths(ctx context.Context) ([]exposure.Health, error)
	SwapHealth(ctx context.Context, h exposure.Health) (bool, error)
}

// Watched is a configured source as the sweep looks after it.
type Watched struct {
	Name  string
	Owner string        // the team that is told; empty: escalation
	Fresh time.Duration // how old its last complete run may be; zero: any age
	Quiet time.Duration // how long nothing may come; zero: for ever

	Pulled bool // its syncs are looked at, too
}

const (
	watchEvery = time.Minute // sources are looked at that often, however often the sweep looks
	watchRuns  = 20          // among so many of the newest runs of a source
	watchCame  = 10          // … and deliveries
)

// lookAfterHeld tells owners of what the breaker holds, and ends what nobody decided on.
func (a *Activities) lookAfterHeld(ctx context.Context, _ SweepRequest, _ *SweepReport) error {
	if a.Reports == nil {
		return nil
	}
	page, err := a.Reports.FindDeliveries(ctx, "", string(exposure.DeliveryParked), exposure.List{Limit: sweepBatch})
	if err != nil {
		return err
	}
	var problems []error
	for _, d := range page.Items {
		if !d.Waits() {
			continue
		}
		if !a.now().Before(d.Hold.Until) {
			_, err := a.Reports.SwapDelivery(ctx, d.Decide(exposure.HoldTimedOut, "quell", "nobody decided in time", a.now()))
			problems = append(problems, err)
			continue
		}
		if d.Hold.Told.IsZero() {
			problems = append(problems, a.tellHeld(ctx, d))
		}
	}
	return errors.Join(problems...)
}

// tellHeld tells a source's owner once that a report waits. The message comes first: its
// cause makes a repetition the same message.
func (a *Activities) tellHeld(ctx context.Context, d exposure.Delivery) error {
	h, id := *d.Hold, quoted(d.ID)
	m := connectors.Message{Cause: "breaker/" + d.ID, To: orEscalation(a.watched(d.Source).Owner), Kind: "breaker", Urgent: pressing("breaker", ""), Subjects: []string{d.ID},
		Subject: fmt.Sprintf("A report of %s would take away %d of %d exposures", d.Source, h.Absent+h.Fixed, h.Present),
		Text: fmt.Sprintf("A report of %s that came on %s no longer sees %d exposures and calls %d fixed, of %d that the source reports. "+
			"None of that has been applied. If it is right: `quell deliveries approve %s --reason …`; if not: `quell deliveries reject %s --reason …`. "+
			"Without a decision it ends on %s and changes nothing; a later report of the same assets takes its place.",
			text(d.Source), d.ReceivedAt.Format(time.DateOnly), h.Absent, h.Fixed, h.Present, id, id, h.Until.Format(time.DateOnly))}
	if err := a.Notifier.Notify(ctx, m); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "telling "+m.To)
	}
	h.Told = a.now()
	d.Hold = &h
	d.Version++
	_, err := a.Reports.SwapDelivery(ctx, d) // lost to somebody who decides: then nobody need be told
	return err
}

// quoted is an ID as a shell takes it; vendors' own can hold what a shell or markdown obeys.
func quoted(id string) string {
	return "'" + strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '\'' || r == '`' {
			return -1
		}
		return r
	}, id) + "'"
}

// watched is a source by its name; one that is no longer configured has no owner.
func (a *Activities) watched(name string) Watched {
	for _, w := range a.Sources {
		if w.Name == name {
			return w
		}
	}
	return Watched{Name: name}
}

// watchSources looks at how each source is doing, and tells its owner when something
// begins to be wrong with it and when it ends: once each, as the store remembers it.
func (a *Activities) watchSources(ctx context.Context, in SweepRequest, report *SweepReport) error {
	now := a.now()
	if a.Reports == nil || now.Sub(in.Watched) < watchEvery {
		return nil
	}
	healths, err := a.Reports.Healths(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]exposure.Health, len(healths))
	for _, h := range healths {
		known[h.Source] = h
	}
	var problems []error
	for _, w := range a.Sources {
		h := known[w.Name]
		h.Source = w.Name
		if err := a.watch(ctx, &w, h, now); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", w.Name, err))
		}
		beat(ctx, "watching "+w.Name)
	}
	if len(problems) == 0 {
		report.Watched = now
	}
	return errors.Join(problems...)
}

// watch looks at one source. What it finds is remembered before anybody is told, so that
// a message that is sent again after a crash has the same cause.
func (a *Activities) watch(ctx context.Context, w *Watched, h exposure.Health, now time.Time) error {
	look, err := a.lookAt(ctx, w, now)
	if err != nil {
		return err
	}
	h, changed := h.Seen(&look)
	if changed {
		h.Version++
		if ok, err := a.Reports.SwapHealth(ctx, h); err != nil || !ok {
			return err // another sweep looks at it at this moment
		}
	}
	told := h
	told.Conditions = nil
	news := false
	for _, c := range h.Conditions {
		ended := !c.Ended.IsZero()
		if ended || !c.Told {
			if err := a.tellCondition(ctx, w, &c); err != nil {
				return err
			}
			c.Told, news = true, true
		}
		if !ended {
			told.Conditions = append(told.Conditions, c)
		}
	}
	if !news {
		return nil
	}
	told.Version++
	_, err = a.Reports.SwapHealth(ctx, told)
	return err
}

// lookAt reads what is known of a source.
func (a *Activities) lookAt(ctx context.Context, w *Watched, now time.Time) (exposure.Look, error) {
	look := exposure.Look{At: now, Fresh: w.Fresh, Quiet: w.Quiet}
	runs, err := a.Reports.Runs(ctx, w.Name, exposure.List{Limit: watchRuns})
	if err != nil {
		return look, err
	}
	look.Runs = runs.Items
	came, err := a.Reports.FindDeliveries(ctx, w.Name, "", exposure.List{Limit: watchCame})
	if err != nil {
		return look, err
	}
	for i := range came.Items {
		d := &came.Items[i]
		if d.ReceivedAt.After(look.Came) {
			look.Came = d.ReceivedAt
		}
		switch d.Status {
		case exposure.DeliveryReceived, exposure.DeliveryWorking:
		case exposure.DeliveryFailed:
			look.Attempts = append(look.Attempts, exposure.Attempt{At: d.ReceivedAt, Problem: d.Error})
		case exposure.DeliveryDone, exposure.DeliveryRepeated, exposure.DeliveryHistory, exposure.DeliveryParked, exposure.DeliveryRejected:
			look.Attempts = append(look.Attempts, exposure.Attempt{At: d.ReceivedAt})
		}
	}
	if !w.Pulled {
		return look, nil
	}
	syncs, err := a.Syncs.Syncs(ctx, w.Name, exposure.List{Limit: watchCame})
	for i := range syncs.Items {
		if s := &syncs.Items[i]; s.Status != exposure.SyncRunning {
			look.Syncs = append(look.Syncs, exposure.Attempt{At: s.Ended, Problem: s.Error})
		}
	}
	return look, err
}

func (a *Activities) tellCondition(ctx context.Context, w *Watched, c *exposure.Ailment) error {
	good := "It never had a complete run."
	if !c.LastGood.IsZero() {
		good = "Its last good run was on " + c.LastGood.Format("2006-01-02 15:04") + "."
	}
	m := connectors.Message{
		Cause: "source/" + w.Name + "/" + string(c.Condition) + "/" + c.Since.Format(time.RFC3339Nano), To: orEscalation(w.Owner), Kind: "source", Subjects: []string{w.Name},
		Subject: "Source " + w.Name + " is " + string(c.Condition),
		Text:    text(lifecycle.Plain(c.Why, 400)) + ". " + good,
	}
	if !c.Ended.IsZero() {
		m.Cause += "/ended"
		m.Subject = "Source " + w.Name + " is no longer " + string(c.Condition)
		m.Text = fmt.Sprintf("It was %s from %s to %s.", c.Condition, c.Since.Format("2006-01-02 15:04"), c.Ended.Format("2006-01-02 15:04"))
	}
	err := a.Notifier.Notify(ctx, m)
	return fault.Wrap(fault.KindOf(err), err, "telling "+m.To)
}
