package api

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/quellsec/quell/internal/fault"
)

// Problem is an RFC 9457 problem, the only form in which errors are answered.
//
//nolint:errname // a type of the API's document first, and there it has the RFC's name
type Problem struct {
	Type     string       `json:"type"`  // "urn:quell:problem:" and the code
	Title    string       `json:"title"` // the same for all problems of a type
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`   // what is wrong this time, and what to do about it
	Instance string       `json:"instance,omitempty"` // the request, as it is named in the log
	Code     fault.Kind   `json:"code"`               // stable: programs decide by it
	Errors   []FieldError `json:"errors,omitempty"`   // one for each field that is wrong

	retryAfter time.Duration
}

// FieldError is what is wrong with one field, parameter or part of a request.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// Unwrap gives the problem its kind, for callers that look at kinds.
func (p *Problem) Unwrap() error {
	return &fault.Error{Kind: p.Code, Msg: p.Detail, RetryAfter: p.retryAfter}
}

const problemType = "application/problem+json"

// titles are what each kind is called, and statuses the HTTP status of each. This is the
// one place where kinds become HTTP.
var titles = map[fault.Kind]string{
	fault.Invalid:     "The request is not valid",
	fault.NotFound:    "There is no such thing",
	fault.Denied:      "You may not do this",
	fault.Conflict:    "The state does not allow this",
	fault.Throttled:   "Too many requests",
	fault.Unavailable: "Not available right now",
	fault.Internal:    "Something is broken here",
}

var statuses = map[fault.Kind]int{
	fault.Invalid:     http.StatusBadRequest,
	fault.NotFound:    http.StatusNotFound,
	fault.Denied:      http.StatusForbidden,
	fault.Conflict:    http.StatusConflict,
	fault.Throttled:   http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable,
	fault.Internal:    http.StatusInternalServerError,
}

// problem makes a problem with a status of its own, where the kind's is too coarse.
func problem(status int, kind fault.Kind, format string, args ...any) *Problem {
	return &Problem{Status: status, Code: kind, Detail: fmt.Sprintf(format, args...)}
}

// invalid makes a problem about single fields.
func invalid(errs ...FieldError) *Problem {
	detail := errs[0].Field + ": " + errs[0].Detail
	if more := len(errs) - 1; more > 0 {
		detail += " (and " + strconv.Itoa(more) + " more)"
	}
	return &Problem{Status: http.StatusBadRequest, Code: fault.Invalid, Detail: detail, Errors: errs}
}

// problemOf gives the problem of any error. Only errors that are about the request tell
// their text: what failed inside is for the log.
func problemOf(err error) *Problem {
	var p *Problem
	var h *echo.HTTPError
	var tooMuch *http.MaxBytesError
	var large *tooLargeError
	switch {
	case errors.As(err, &p):
		out := *p
		return out.filled()
	case errors.As(err, &large):
		return problem(http.StatusRequestEntityTooLarge, fault.Invalid, "%s", large.Error()).filled()
	case errors.As(err, &tooMuch):
		return problem(http.StatusRequestEntityTooLarge, fault.Invalid, "the body is larger than the %s that this takes", bytesText(tooMuch.Limit)).filled()
	case errors.As(err, &h):
		return ofEcho(h).filled()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem(http.StatusRequestTimeout, fault.Invalid, "the body stopped coming for %s", stallTimeout).filled()
	case errors.Is(err, io.ErrUnexpectedEOF) && fault.KindOf(err) == fault.Internal:
		return problem(http.StatusBadRequest, fault.Invalid, "the body ended before its announced length").filled()
	}
	kind := fault.KindOf(err)
	p = &Problem{Code: kind, Status: statuses[kind], retryAfter: fault.RetryAfter(err)}
	switch kind {
	case fault.Internal:
		p.Detail = "The log of the daemon has the reason, under the request named by instance."
	case fault.Unavailable:
		p.Detail = "A part that this needs does not answer; try again in a moment."
	default:
		p.Detail = err.Error()
	}
	return p.filled()
}

// ofEcho gives the problem of what the router itself says.
func ofEcho(h *echo.HTTPError) *Problem {
	switch {
	case h.Code == http.StatusNotFound:
		return problem(h.Code, fault.NotFound, "there is no such address; /api/v1/openapi.json lists all")
	case h.Code == http.StatusMethodNotAllowed:
		return problem(h.Code, fault.Invalid, "this address does not take that method")
	case h.Code < http.StatusInternalServerError:
		return problem(h.Code, fault.Invalid, "%v", h.Message)
	}
	return problem(h.Code, fault.Internal, "The log of the daemon has the reason, under the request named by instance.")
}

func (p *Problem) filled() *Problem {
	p.Type, p.Title = "urn:quell:problem:"+string(p.Code), titles[p.Code]
	if p.Status == http.StatusUnauthorized {
		p.Title = "A valid token is needed"
	}
	if p.retryAfter == 0 && (p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable) {
		p.retryAfter = time.Second
	}
	return p
}

// answerError answers any error as a problem, and logs those that are ours.
func (s *Server) answerError(err error, c echo.Context) {
	p := problemOf(err)
	id := requestID(c)
	p.Instance = "urn:quell:request:" + id
	if p.Status >= http.StatusInternalServerError {
		level := s.log.Error
		if p.Code == fault.Unavailable {
			level = s.log.Warn
		}
		level("request failed", "request_id", id, "method", c.Request().Method, "route", c.Path(), "error", err)
	}
	if c.Response().Committed {
		return // too late to say anything; the connection was cut where that matters
	}
	h := c.Response().Header()
	h.Del("ETag")
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(c.Request().URL.Path))
	}
	if err := writeJSON(c, p.Status, problemType, p); err != nil {
		s.log.Debug("answering a problem", "request_id", id, "error", err)
	}
}

// challenge says how to authenticate. Senders of webhooks are asked for a password first:
// agents that have one show it only when they are asked so, and read no further.
func challenge(path string) string {
	if strings.HasPrefix(path, "/hooks/") {
		return `Basic realm="quell", Bearer`
	}
	return `Bearer realm="quell"`
}
