package priority

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/quellsec/quell/internal/calendar"
	"github.com/quellsec/quell/internal/exception"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Policy is what a team decides about deciding. It is immutable and named by its digest.
type Policy struct {
	IntelMaxAge scope.Duration           `yaml:"intel_max_age" json:"intel_max_age" doc:"Age at which a loaded KEV snapshot is no longer believed to be complete; exposures are then held as without one, except those that it lists."`
	EPSSPoC     float64                  `yaml:"epss_poc" json:"epss_poc" doc:"EPSS probability from which a CVE counts as having a proof of concept where nothing better is known; it never counts as exploited. More than 1 turns it off."`
	AdmitFrom   exposure.DecisionOutcome `yaml:"admit_from" json:"admit_from" doc:"Outcome from which exposures are worked on: track, track_star, attend or act."`
	AdmitWithin scope.Duration           `yaml:"admit_within" json:"admit_within" doc:"BOD 26-04 timelines up to this length are worked on whatever the outcome."`
	Due         Due                      `yaml:"due" json:"due" doc:"Time to remediate by outcome; where the BOD 26-04 timeline is shorter, that counts."`
	MaxOpen     int                      `yaml:"max_open" json:"max_open" doc:"Exposures worked on at one time; the others wait in the queue."`
	// Trusted are the sources whose word that a product isn't affected is believed. They are
	// marked where the sources are configured.
	Trusted []string `yaml:"-" json:"trusted,omitempty"`
	// How time is counted. Without a calendar it is counted by the clock, in UTC.
	Calendars []calendar.Config          `yaml:"calendars" json:"calendars,omitempty" doc:"Business calendars: what is due is due at the end of a working day, and reminders come in working hours."`
	Calendar  string                     `yaml:"calendar" json:"calendar,omitempty" doc:"Calendar of teams that name none, and of what nobody owns. Unset: due dates count by the clock, in UTC."`
	Business  []exposure.DecisionOutcome `yaml:"business" json:"business,omitempty" doc:"Outcomes whose time to remediate counts in business days of the calendar. BOD 26-04 timelines never do."`

	UrgentWithin  scope.Duration   `yaml:"urgent_within" json:"urgent_within,omitzero" doc:"What is known to be exploited (KEV) goes past the budgets of teams once it is due within so long. What is decided as act always does."`
	Pauses        exception.Pauses `yaml:"pauses" json:"pauses,omitzero" doc:"How long the clock of a due date may stand still while the work waits for a vendor or a change window."`
	Exceptions    exception.Policy `yaml:"exceptions" json:"exceptions,omitzero" doc:"What accepting a risk, mitigating and long false positives take: approvals, terms, ends."`
	RatePerMinute int              `yaml:"rate_per_minute" json:"rate_per_minute" doc:"Exposures admitted in one minute."`
}

// Due is the time to remediate by outcome.
type Due struct {
	Act       scope.Duration `yaml:"act" json:"act" doc:"Time to remediate what is decided as act."`
	Attend    scope.Duration `yaml:"attend" json:"attend" doc:"Time to remediate what is decided as attend."`
	TrackStar scope.Duration `yaml:"track_star" json:"track_star" doc:"Time to remediate what is decided as track_star."`
	Track     scope.Duration `yaml:"track" json:"track" doc:"Time to remediate what is decided as track."`
}

// of gives the time for an outcome.
func (d Due) of(o exposure.DecisionOutcome) scope.Duration {
	switch o {
	case exposure.Act:
		return d.Act
	case exposure.Attend:
		return d.Attend
	case exposure.TrackStar:
		return d.TrackStar
	case exposure.Track:
	}
	return d.Track
}

// DefaultPolicy is the policy of those who configure none.
func DefaultPolicy() Policy {
	return Policy{
		IntelMaxAge: scope.Days(7),
		EPSSPoC:     0.1,
		AdmitFrom:   exposure.Attend,
		AdmitWithin: scope.Days(14),
		Due:         Due{Act: scope.Days(3), Attend: scope.Days(14), TrackStar: scope.Days(45), Track: scope.Days(90)},
		MaxOpen:     2000, RatePerMinute: 120, UrgentWithin: scope.Days(7),
		Exceptions: exception.DefaultPolicy(), Pauses: exception.DefaultPauses(),
	}
}

// Validate gives every problem of the policy, each a *scope.FieldError.
func (p Policy) Validate() []error {
	var errs []error
	add := func(path, format string, args ...any) {
		errs = append(errs, &scope.FieldError{Path: path, Msg: fmt.Sprintf(format, args...)})
	}
	if p.IntelMaxAge.Std() < time.Hour {
		add("intel_max_age", "%s is too short: CISA doesn't publish that often", p.IntelMaxAge)
	}
	if p.EPSSPoC <= 0 || math.IsNaN(p.EPSSPoC) || math.IsInf(p.EPSSPoC, 0) {
		add("epss_poc", "must be a probability above 0; more than 1 turns it off")
	}
	if p.AdmitFrom.Rank() == 0 {
		add("admit_from", "%q is not track, track_star, attend or act", p.AdmitFrom)
	}
	previous := scope.Duration(0)
	for _, o := range [...]exposure.DecisionOutcome{exposure.Act, exposure.Attend, exposure.TrackStar, exposure.Track} {
		d := p.Due.of(o)
		switch {
		case d <= 0:
			add("due."+string(o), "is required and must not be zero")
		case d < previous:
			add("due."+string(o), "%s is shorter than what a more urgent outcome gets (%s)", d, previous)
		}
		previous = max(previous, d)
	}
	if p.MaxOpen < 1 {
		add("max_open", "must be at least 1, or nothing is ever worked on")
	}
	if p.UrgentWithin < 0 {
		add("urgent_within", "%s is less than nothing", p.UrgentWithin)
	}
	if p.RatePerMinute < 1 {
		add("rate_per_minute", "must be at least 1, or nothing is ever worked on")
	}
	nested := func(at string, problems []error) {
		for _, err := range problems {
			var field *scope.FieldError
			if errors.As(err, &field) {
				add(at+field.Path, "%s", field.Msg)
			}
		}
	}
	nested("pauses.", p.Pauses.Validate())
	calendars, problems := calendar.Compile(p.Calendars)
	nested("calendars", problems)
	if p.Calendar != "" && len(problems) == 0 && calendars.Named(p.Calendar) == nil {
		add("calendar", "there is no calendar %q in calendars", p.Calendar)
	}
	for i, o := range p.Business {
		if o.Rank() == 0 {
			add(fmt.Sprintf("business[%d]", i), "%q is not track, track_star, attend or act", o)
		}
	}
	nested("exceptions.", p.Exceptions.Validate())
	return errs
}

// Digest is a hash over what decides; equal digests decide alike. How fast and how many
// exposures are admitted, and what exceptions take, doesn't change a decision and isn't in
// it.
func (p Policy) Digest() string {
	p.MaxOpen, p.RatePerMinute, p.UrgentWithin, p.Exceptions, p.Pauses = 0, 0, 0, exception.Policy{}, exception.Pauses{}
	b, err := json.Marshal(p)
	if err != nil { // only a number that isn't one, which Validate refuses, gets here
		panic("hashing a policy that was not validated: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
