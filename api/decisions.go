package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/lifecycle"
)

// Decider carries out people's decisions.
type Decider interface {
	Decide(ctx context.Context, d lifecycle.Decision) (lifecycle.DecisionResult, error)
}

// DecisionRequest is a person's decision on an exposure.
type DecisionRequest struct {
	Kind      lifecycle.DecisionKind `json:"kind"`
	Reason    string                 `json:"reason,omitempty"`
	Team      string                 `json:"team,omitempty"`      // claim and reassign: whose it is to be
	Until     time.Time              `json:"until,omitzero"`      // the end of an exception or a snooze
	For       string                 `json:"for,omitempty"`       // what is waited for: vendor, change_window
	Reference string                 `json:"reference,omitempty"` // the vendor's case, the number of the change
	EndsOn    []string               `json:"ends_on,omitempty"`   // what ends an exception early: kev, evidence, internet, fix, approver_gone, control:NAME
}

const (
	maxReason = 4 << 10
	maxEndsOn = 16
)

func decisionRoutes() []route {
	return []route{{
		method: http.MethodPost, path: prefix + "/exposures/{id}/decisions", name: "decide", tag: "exposures", summary: "Decide on an exposure",
		doc:    "accept_risk, mitigate and a long mark_false_positive ask for an exception, which waits for approval as policy.exceptions says; approve, decline and withdraw are about it. wait stops the clock of the due date, for a vendor or a change_window, and resume lets it run again. If-Match makes the decision count only for the version that was read.",
		access: needs(RoleOperator),
		headers: []param{
			text("Idempotency-Key", "Makes a repeat of the request the same decision; made up if absent."),
			text("If-Match", "The ETag of the exposure as it was read."),
		},
		in: DecisionRequest{}, out: lifecycle.DecisionResult{}, handle: (*Server).decide,
	}}
}

var plainKey = regexp.MustCompile(`^[\x21-\x7e]{1,128}$`)

// idempotencyKey is the caller's key, in a space of his own so that nobody's key can be
// taken for another's event; fresh where he gives none.
func (s *Server) idempotencyKey(c *call) (string, error) {
	key := c.Request().Header.Get("Idempotency-Key")
	if key == "" {
		key = ulid.MustNew(ulid.Timestamp(s.now()), rand.Reader).String()
	}
	if !plainKey.MatchString(key) {
		return "", invalid(FieldError{Field: "Idempotency-Key", Detail: "must be 1 to 128 visible ASCII characters"})
	}
	c.Response().Header().Set("Idempotency-Key", key) // to ask again with, where it was made up
	return "api:" + c.token.ID + ":" + key, nil
}

func (d *DecisionRequest) check() error {
	if len(d.Reason) > maxReason {
		return invalid(FieldError{Field: "reason", Detail: "is longer than " + bytesText(maxReason)})
	}
	if len(d.Reference) > maxReason {
		return invalid(FieldError{Field: "reference", Detail: "is longer than " + bytesText(maxReason)})
	}
	if len(d.EndsOn) > maxEndsOn {
		return invalid(FieldError{Field: "ends_on", Detail: "names too many ends"})
	}
	for _, k := range lifecycle.DecisionKinds() {
		if d.Kind == k {
			return nil
		}
	}
	return invalid(FieldError{Field: "kind", Detail: "must be one of " + words(lifecycle.DecisionKinds())})
}

func (s *Server) decide(c *call) error {
	var in DecisionRequest
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	cause, err := s.idempotencyKey(c)
	if err != nil {
		return err
	}
	version, err := c.ifMatch()
	if err != nil {
		return err
	}
	e, err := s.exposure(c)
	if err != nil {
		return err
	}
	// A workflow answers in milliseconds if a worker is there. If none is, what was
	// decided may still come about: the same key finds out.
	const patience = 15 * time.Second
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	out, err := s.deps.Decider.Decide(ctx, lifecycle.Decision{Kind: in.Kind, Exposure: e.ID, Actor: actor(c), Cause: cause,
		Reason: in.Reason, Team: in.Team, Until: ms(in.Until), EndsOn: in.EndsOn, For: in.For, Reference: in.Reference, IfVersion: version, Via: "api", Role: string(c.token.Role)})
	if err != nil {
		return s.notDecided(c, err, version)
	}
	c.Response().Header().Set("ETag", etag(out.Version, ""))
	return c.json(http.StatusOK, out)
}

// notDecided tells a decision that came too late from one that the state doesn't allow.
func (s *Server) notDecided(c *call, err error, version int64) error {
	if version != 0 && fault.Is(err, fault.Conflict) {
		if e, readErr := s.exposure(c); readErr == nil && e.Version != version {
			return stale(e.Version)
		}
	}
	return fault.Wrap(fault.KindOf(err), err, "")
}

// actor is the person behind a call.
func actor(c *call) exposure.Actor { return exposure.Actor{Kind: exposure.Person, Name: c.token.Name} }
