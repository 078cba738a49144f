// Package fault is the closed list of error kinds. An error gets its kind where it
// happens; each edge (HTTP, Temporal, CLI) maps kinds once.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what a caller can do about an error.
type Kind string

// The kinds, all of them.
const (
	Invalid     Kind = "invalid"     // the input is wrong; sending it again won't help
	NotFound    Kind = "not_found"   // the thing named does not exist
	Denied      Kind = "denied"      // the caller may not do this
	Conflict    Kind = "conflict"    // the state changed, or does not allow this
	Throttled   Kind = "throttled"   // too many requests; see RetryAfter
	Unavailable Kind = "unavailable" // a peer is down; try again
	Internal    Kind = "internal"    // a defect of ours
)

// Error is an error with a kind. Its message is Msg, then the wrapped error.
type Error struct {
	Kind       Kind
	Msg        string
	RetryAfter time.Duration // how long to wait; zero where unknown
	Err        error
}

// Error implements error.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Msg
	case e.Msg == "":
		return e.Err.Error()
	}
	return e.Msg + ": " + e.Err.Error()
}

// Unwrap gives the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind; the format follows fmt.Errorf, so %w wraps.
func New(kind Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Err: err, RetryAfter: RetryAfter(err)}
}

// Wrap gives err a kind and says what was being done. It returns nil for nil.
func Wrap(kind Kind, err error, doing string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Msg: doing, Err: err, RetryAfter: RetryAfter(err)}
}

// KindOf finds the kind of the outermost Error in the chain. Context errors are
// Unavailable (the work can be done again); an error without a kind is Internal.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Unavailable
	}
	return Internal
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// RetryAfter finds how long a throttled or unavailable peer asked us to wait.
func RetryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.RetryAfter
	}
	return 0
}
