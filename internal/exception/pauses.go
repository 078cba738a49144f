package exception

import (
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Pauses is how long the clock of a due date may stand still.
type Pauses struct {
	Max      scope.Duration `yaml:"max" json:"max,omitempty" doc:"How long the clock of one exposure may stand still altogether; zero: never."`
	Approver bool           `yaml:"approver" json:"approver,omitempty" doc:"Only an approver may stop it. Where an exposure is decided as act and known to be exploited, that is always so."`
}

// DefaultPauses count where none are configured.
func DefaultPauses() Pauses { return Pauses{Max: scope.Days(30)} }

// Validate gives every problem, each a *scope.FieldError.
func (p Pauses) Validate() []error {
	if p.Max < 0 || p.Max > scope.Days(maxTerm) {
		return []error{&scope.FieldError{Path: "max", Msg: "must be at most 366d"}}
	}
	return nil
}

// Pausing gives rules with those for pauses.
func (r *Rules) Pausing(p Pauses) *Rules {
	out := *r
	out.pauses = p
	return &out
}

// Wait makes a wait of what somebody asks for, or says why the clock goes on.
func (r *Rules) Wait(e *exposure.Exposure, w exposure.Wait, by, role string, now time.Time) (exposure.Wait, error) {
	approver := r.MayApprove(e, by, role, now)
	exploited := e.Decision.Outcome == exposure.Act && e.Decision.Inputs["kev"] == "yes"
	left := r.pauses.Max.Std() - e.Waited(time.Time{})
	switch {
	case exploited && !approver:
		return w, &RefusedError{Denied: true, Why: "it is known to be exploited and has to be acted on: only an approver can stop its clock"}
	case r.pauses.Approver && !approver:
		return w, &RefusedError{Denied: true, Why: "only an approver can stop its clock"}
	case w.Until.Sub(now) > left:
		return w, refuse("its clock can stand still for %s altogether, and %s are left", r.pauses.Max, scope.Duration(max(0, left).Truncate(time.Hour)))
	}
	w.By, w.From, w.Approved = r.Person(by), now, approver
	return w, nil
}

// WaitOver says why a wait ends before its time; empty: it doesn't.
func WaitOver(e *exposure.Exposure) string {
	w := e.OpenWait()
	switch {
	case w == nil:
		return ""
	case w.For == exposure.WaitVendor && !w.Fix && exposure.FixKnown(e):
		return "a fix has been released"
	case !w.Approved && e.Decision.Outcome == exposure.Act && e.Decision.Inputs["kev"] == "yes":
		return "the weakness is known to be exploited, and has to be acted on"
	}
	return ""
}
