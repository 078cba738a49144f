package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/oklog/ulid/v2"

	"github.com/quellsec/quell/internal/fault"
)

// The keys of what middleware leaves in a request's context.
const (
	requestKey = "request_id"
	tokenKey   = "token"
)

var plainRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// requestID names the request in the answer and in the log.
func requestID(c echo.Context) string {
	id, ok := c.Get(requestKey).(string)
	if !ok {
		return "unknown"
	}
	return id
}

// observe names the request, answers its error, measures and logs it. It is outermost:
// whatever happens inside has an answer when it looks.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begun := time.Now()
		id := c.Request().Header.Get("X-Request-Id")
		if !plainRequestID.MatchString(id) {
			id = ulid.MustNew(ulid.Timestamp(begun), rand.Reader).String()
		}
		c.Set(requestKey, id)
		c.Response().Header().Set("X-Request-Id", id)
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		if err := next(c); err != nil {
			s.answerError(err, c)
		}
		took, status := time.Since(begun), c.Response().Status
		route := c.Path()
		if status == http.StatusNotFound && route == "" || route == "/*" {
			route = "unknown" // never the caller's text: each would be a series of its own
		}
		method := knownMethod(c.Request().Method)
		s.metrics.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
		s.metrics.seconds.WithLabelValues(method, route).Observe(took.Seconds())
		s.log.Debug("request", "request_id", id, "method", method, "route", route, "status", status,
			"duration_ms", took.Milliseconds(), "bytes", c.Response().Size, "token", c.Get(tokenKey))
		return nil
	}
}

// knownMethod keeps invented methods out of metrics and logs.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// harden sets the headers that keep a browser from doing anything with an answer. There
// is no CORS: no other site's scripts have business here.
func (s *Server) harden(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// recover answers a panic as an internal problem. http.ErrAbortHandler passes: it is how
// a handler cuts a connection.
func (s *Server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			r := recover()
			if r == nil {
				return
			}
			if e, ok := r.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(r)
			}
			s.log.Error("panic in a handler", "request_id", requestID(c), "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "handling a request: panic: %s", fmt.Sprint(r))
		}()
		return next(c)
	}
}

// param is a part of the path, unescaped: the router matches what was sent.
func (c *call) param(name string) string {
	raw := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return raw // matched against the path as already unescaped
	}
	plain, err := url.PathUnescape(raw)
	if err != nil {
		return raw
	}
	return plain
}

// persist moves the deadline for writing along while an answer is being taken.
func (c *call) persist() {
	// A writer without deadlines (a test's) has none to move.
	_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Now().Add(answerTimeout))
}

// unhurried lifts the deadlines of a call that works for long before it answers.
func (c *call) unhurried() error {
	const long = 30 * time.Minute
	rc, until := http.NewResponseController(c.Response()), time.Now().Add(long)
	for _, set := range []func(time.Time) error{rc.SetReadDeadline, rc.SetWriteDeadline} {
		if err := set(until); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fault.Wrap(fault.Unavailable, err, "taking time for a long call")
		}
	}
	return nil
}
