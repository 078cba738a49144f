package lifecycle

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/quellsec/quell/internal/fault"
)

// The types of failures that workflows look at: kinds of faults.
const (
	KindInvalid  = string(fault.Invalid)
	KindNotFound = string(fault.NotFound)
	// KindThrottled is a vendor that goes on refusing.
	KindThrottled = string(fault.Throttled)
)

// Failure makes an error fit for a history: its kind becomes the failure's type, and
// decides whether Temporal tries again. A throttled peer is asked again when it said so.
func Failure(err error) error {
	if err == nil {
		return nil
	}
	kind := fault.KindOf(err)
	options := temporal.ApplicationErrorOptions{NextRetryDelay: fault.RetryAfter(err)}
	switch kind {
	case fault.Invalid, fault.NotFound, fault.Denied, fault.Conflict:
		options.NonRetryable = true
	case fault.Throttled, fault.Unavailable, fault.Internal:
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), string(kind), options)
}

// Kinded gives an error out of a workflow or activity its kind back.
func Kinded(err error) error {
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return err
	}
	switch kind := fault.Kind(app.Type()); kind {
	case fault.Invalid, fault.NotFound, fault.Denied, fault.Conflict, fault.Throttled, fault.Unavailable, fault.Internal:
		return &fault.Error{Kind: kind, Msg: app.Message()}
	}
	return fault.New(fault.Internal, "%s", app.Message())
}

// kinded gives what Temporal answers its kind.
func kinded(err error, doing string) error {
	if err == nil {
		return nil
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return Kinded(err)
	}
	return fault.Wrap(kindOf(err), err, doing)
}

func kindOf(err error) fault.Kind {
	var (
		notFound  *serviceerror.NotFound
		invalid   *serviceerror.InvalidArgument
		denied    *serviceerror.PermissionDenied
		exhausted *serviceerror.ResourceExhausted
		namespace *serviceerror.NamespaceNotFound
	)
	switch {
	case errors.As(err, &namespace):
		return fault.Unavailable // it may be being set up
	case errors.As(err, &notFound):
		return fault.NotFound
	case errors.As(err, &invalid):
		return fault.Invalid
	case errors.As(err, &denied):
		return fault.Denied
	case errors.As(err, &exhausted):
		return fault.Throttled
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Unavailable
	}
	return fault.Unavailable // Temporal is down, restarts, or the workflow ended under us: asking again is right
}

// failureConverter keeps messages and stack traces of failures in the payload that the
// codec transforms.
func failureConverter(data converter.DataConverter) converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data, EncodeCommonAttributes: true})
}

// IsNotFound reports whether Temporal says that it knows no such workflow: the namespace
// is there, and it answers.
func IsNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
