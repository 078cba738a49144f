package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/fault"
)

// ProblemError is what the API says when it refuses (RFC 9457). It always stands inside a
// fault.Error, so fault.KindOf tells what to do about it.
type ProblemError struct {
	Status   int          `json:"status"`
	Code     fault.Kind   `json:"code"`
	Title    string       `json:"title"`
	Detail   string       `json:"detail"`
	Instance string       `json:"instance"` // names the request in the daemon's log
	Errors   []FieldError `json:"errors"`
}

// FieldError is what is wrong with one field of the request.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error gives the detail and every wrong field.
func (p *ProblemError) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if len(p.Errors) > 1 { // one alone is the detail
		lines := make([]string, len(p.Errors))
		for i, e := range p.Errors {
			lines[i] = "\n  " + e.Field + ": " + e.Detail
		}
		return p.Title + strings.Join(lines, "")
	}
	return text
}

const maxProblem = 1 << 20

// problemOf makes an error of an answer that is no success, whoever wrote it: proxies
// answer too.
func problemOf(resp *http.Response) error {
	p := &ProblemError{}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if kind, _, typeErr := mime.ParseMediaType(resp.Header.Get("Content-Type")); typeErr != nil || kind != "application/problem+json" || err != nil || json.Unmarshal(body, p) != nil {
		*p = ProblemError{Detail: foreign(resp)}
	}
	p.Status = resp.StatusCode
	if p.Code == "" {
		p.Code = kindOf(resp.StatusCode)
	}
	e := &fault.Error{Kind: p.Code, Err: p}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

// foreign describes an answer that isn't the API's.
func foreign(resp *http.Response) string {
	if to := resp.Header.Get("Location"); to != "" {
		return fmt.Sprintf("the server redirects to %q: use that address if it is the daemon's", to)
	}
	return fmt.Sprintf("the server answered %s, and not as quell does: is this the daemon's address?", resp.Status)
}

func kindOf(status int) fault.Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Denied
	case status == http.StatusNotFound:
		return fault.NotFound
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return fault.Conflict
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status >= http.StatusInternalServerError:
		return fault.Unavailable
	}
	return fault.Invalid
}
