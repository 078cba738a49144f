package activities

import (
	"context"
	"slices"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/ledger"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Controls keeps what is known of compensating controls.
type Controls interface {
	Control(ctx context.Context, id string) (exposure.Control, error)
	// SwapControl writes it where the stored version is one less, or inserts version 1.
	SwapControl(ctx context.Context, c exposure.Control) (bool, error)
	PendingControls(ctx context.Context, most int) ([]exposure.Control, error)
}

// ControlTest says which executed techniques show that a control has failed.
type ControlTest struct {
	Name       string
	Techniques []string // ATT&CK numbers
	Sources    []string // whose findings count; none: all
}

// SetControl notes how a control is doing. Of two words the newer one counts, and the same
// again changes nothing. That the exceptions which rest on it are to be looked at stands in
// the same write: the sweep ends them, whoever dies here.
func (a *Activities) SetControl(ctx context.Context, c exposure.Control) (exposure.Control, error) {
	c.ID, c.At, c.Pending = exposure.ControlID(c.Name, c.Asset), c.At.UTC().Truncate(time.Millisecond), c.State == exposure.ControlFailed
	for range swapAttempts {
		known, err := a.Controls.Control(ctx, c.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			known = exposure.Control{}
		case err != nil:
			return known, fault.Wrap(fault.KindOf(err), err, "reading control "+c.Name)
		case !c.At.After(known.At):
			return known, nil
		}
		c.Version = known.Version + 1
		ok, err := a.Controls.SwapControl(ctx, c)
		if err != nil {
			return c, fault.Wrap(fault.KindOf(err), err, "writing control "+c.Name)
		}
		if ok {
			return c, nil
		}
	}
	return c, fault.New(fault.Unavailable, "writing control %s: lost %d races", c.Name, swapAttempts)
}

// failedControl finds a failed control that the exception of an exposure rests on. Of what
// is known of it on the asset and everywhere, the newer counts.
func (a *Activities) failedControl(ctx context.Context, e *exposure.Exposure) (*exposure.Control, error) {
	if a.Controls == nil || !e.State.Excepted() || e.Exception == nil {
		return nil, nil //nolint:nilnil // none has failed
	}
	for _, name := range exposure.ControlsOf(e.Exception) {
		var last exposure.Control
		for _, on := range []asset.ID{"", e.Asset} {
			c, err := a.Controls.Control(ctx, exposure.ControlID(name, on))
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, fault.Wrap(fault.KindOf(err), err, "reading control "+name)
			}
			if err == nil && !c.At.Before(last.At) {
				last = c
			}
		}
		if last.State == exposure.ControlFailed {
			return &last, nil
		}
	}
	return nil, nil //nolint:nilnil // none has failed
}

// controlFailed says in words that a control failed.
func controlFailed(c *exposure.Control) string {
	return "the control " + lifecycle.Plain(c.Name, 80) + " has failed, says " + lifecycle.Plain(c.By, 80) + ": " + lifecycle.Plain(c.Reason, 300)
}

const pendingControls = 20

// endByControls ends the exceptions that rest on controls which failed. A control stays
// marked until all of them were looked at.
func (a *Activities) endByControls(ctx context.Context, _ SweepRequest, report *SweepReport) error {
	if a.Controls == nil {
		return nil
	}
	pending, err := a.Controls.PendingControls(ctx, pendingControls)
	if err != nil {
		return err
	}
	for i := range pending {
		c := pending[i]
		n, err := a.endThoseOf(ctx, &c)
		report.Lapsed += n
		if err != nil {
			return err
		}
		c.Pending = false
		c.Version++
		if _, err := a.Controls.SwapControl(ctx, c); err != nil { // lost: there is a newer word, which is pending itself or ends nothing
			return err
		}
	}
	return nil
}

func (a *Activities) endThoseOf(ctx context.Context, c *exposure.Control) (int, error) {
	filter := exposure.Filter{States: []exposure.State{exposure.Accepted, exposure.Mitigated, exposure.FalsePositive}}
	if c.Asset != "" {
		filter.Assets = []asset.ID{c.Asset}
	}
	var changes []ledger.Change
	var inWorkflows []exposure.ID
	err := a.Records.EachExposure(ctx, filter, func(e exposure.Exposure) error {
		beat(ctx, c.Name)
		if e.Exception == nil || !e.Exception.RestsOn(c.Name) {
			return nil
		}
		failed, err := a.failedControl(ctx, &e)
		if err != nil || failed == nil {
			return err
		}
		if e.Mode == exposure.ModeWorkflow {
			inWorkflows = append(inWorkflows, e.ID)
			return nil
		}
		change := a.storeChange(&e, exposure.EventLapse, "policy", controlFailed(failed))
		change.Event.Data = map[string]string{exposure.DataTrigger: exposure.EndsOnControl(failed.Name)}
		changes = append(changes, change)
		return nil
	})
	if err != nil {
		return 0, err
	}
	ended := 0
	for chunk := range slices.Chunk(changes, sweepBatch) {
		n, err := a.applyInStore(ctx, chunk, "lapsed")
		ended += n
		if err != nil {
			return ended, err
		}
	}
	return ended, a.wakeThose(ctx, inWorkflows, "a control that its exception rests on has failed")
}

// watchTechniques notes that controls failed where a technique was executed that they are to
// prevent: among the findings that changed since the last look.
func (a *Activities) watchTechniques(ctx context.Context, in SweepRequest, report *SweepReport) error {
	if a.Controls == nil || len(a.ControlTests) == 0 {
		return nil
	}
	now := a.now()
	for i := range a.ControlTests {
		test := &a.ControlTests[i]
		for _, technique := range test.Techniques {
			filter := exposure.Filter{Weakness: "attack:" + technique, Sources: test.Sources, Updated: in.Techniques}
			err := a.Records.EachExposure(ctx, filter, func(e exposure.Exposure) error { return a.executed(ctx, test, technique, &e) })
			if err != nil {
				return err
			}
		}
	}
	report.Techniques = now.Add(-overlap)
	return nil
}

func (a *Activities) executed(ctx context.Context, test *ControlTest, technique string, e *exposure.Exposure) error {
	for i := range e.Sights {
		s := &e.Sights[i]
		if s.Presence != exposure.Observed || s.LastSeen.IsZero() || len(test.Sources) > 0 && !slices.Contains(test.Sources, s.Source) {
			continue
		}
		if _, err := a.SetControl(ctx, exposure.Control{Name: test.Name, Asset: e.Asset, State: exposure.ControlFailed, By: s.Source, Source: s.Source,
			Reason: "technique " + technique + " was executed and not blocked", At: s.LastSeen}); err != nil {
			return err
		}
	}
	return nil
}
