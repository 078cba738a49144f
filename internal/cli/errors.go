package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/quellsec/quell/internal/apiclient"
	"github.com/quellsec/quell/internal/fault"
)

// The exit statuses.
const (
	ExitOK          = 0
	ExitFailed      = 1 // the input is wrong, or something broke
	ExitUsage       = 2 // the command line is wrong
	ExitNotFound    = 3
	ExitDenied      = 4
	ExitConflict    = 5
	ExitUnavailable = 6   // the daemon doesn't answer, or wants to be asked later
	ExitInterrupted = 130 // as shells have it for SIGINT
)

// usageError is a command line that can't be understood.
type usageError struct {
	cmd string
	err error
}

func usage(cmd, format string, args ...any) error {
	return usageError{cmd: cmd, err: fmt.Errorf(format, args...)}
}

// Error implements error.
func (e usageError) Error() string { return e.err.Error() }

// Unwrap gives what the flag parser said.
func (e usageError) Unwrap() error { return e.err }

// exitError ends with a status. Without an error everything has been said already.
type exitError struct {
	code int
	err  error
}

// Error implements error.
func (e exitError) Error() string {
	if e.err == nil {
		return "failed"
	}
	return e.err.Error()
}

// Unwrap gives the reason.
func (e exitError) Unwrap() error { return e.err }

// exitCode maps errors to exit statuses. This is the one place where kinds become them.
func exitCode(err error) int {
	var exit exitError
	var wrong usageError
	switch {
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &wrong), isCobraUsage(err):
		return ExitUsage
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	switch fault.KindOf(err) {
	case fault.NotFound:
		return ExitNotFound
	case fault.Denied:
		return ExitDenied
	case fault.Conflict:
		return ExitConflict
	case fault.Throttled, fault.Unavailable:
		return ExitUnavailable
	case fault.Invalid, fault.Internal:
	}
	return ExitFailed
}

// isCobraUsage knows the errors that cobra makes itself, which have no type.
func isCobraUsage(err error) bool {
	text := err.Error()
	for _, start := range []string{"unknown command", "accepts ", "requires at least", "required flag", "if any flags in the group", "at least one of the flags in the group"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return false
}

// report writes an error for a person, and what to do about it.
func report(w io.Writer, err error) {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w, "quell: interrupted")
		return
	}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = clean(line)
	}
	text := strings.Join(lines, "\n")
	if len(lines) > 1 {
		text = strings.TrimRight(text, "\n")
	}
	fmt.Fprintf(w, "quell: %s\n", text)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(w, "  → %s\n", hint)
	}
}

// hintFor says what to do about an error.
func hintFor(err error) string {
	var hinted hintError
	var unreachable *apiclient.UnreachableError
	var problem *apiclient.ProblemError
	var wrong usageError
	switch {
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, &unreachable):
		return "is the daemon running? start one with `quell dev`, or point QUELL_URL (or --url) at yours"
	case errors.As(err, &problem) && problem.Status == http.StatusUnauthorized:
		return "set QUELL_TOKEN to a valid token; an admin makes one with `quell token create`, and `quell dev` prints one"
	case errors.As(err, &problem) && problem.Status == http.StatusPreconditionFailed:
		return "read it again with `quell exposures show`, then decide again"
	case errors.As(err, &problem) && problem.Status >= http.StatusInternalServerError && problem.Instance != "":
		return "the daemon's log has more under " + clean(problem.Instance)
	case errors.As(err, &wrong):
		return "see `" + wrong.cmd + " --help`"
	case isCobraUsage(err):
		return "see `quell --help`"
	}
	if after := fault.RetryAfter(err); after > 0 {
		return "try again in " + after.String()
	}
	return ""
}

// hintError is an error that knows what to do about it.
type hintError struct {
	err  error
	hint string
}

// Error implements error.
func (e hintError) Error() string { return e.err.Error() }

// Unwrap gives the error itself.
func (e hintError) Unwrap() error { return e.err }
