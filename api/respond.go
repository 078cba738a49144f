package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/quellsec/quell/internal/fault"
)

const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
	maxJSON    = 1 << 20 // bytes of a JSON request
	maxDepth   = 32      // levels of a JSON request
)

// writeJSON answers a value. Text is written as it is: an answer is never HTML.
func writeJSON(c echo.Context, status int, contentType string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fault.Wrap(fault.Internal, err, "encoding an answer")
	}
	return c.Blob(status, contentType, b.Bytes())
}

func (c *call) json(status int, v any) error { return writeJSON(c, status, jsonType, v) }

// decode reads a JSON request strictly: one value, known fields only, bounded in size
// and depth.
func (c *call) decode(v any) error {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil || kind != jsonType {
		return problem(http.StatusUnsupportedMediaType, fault.Invalid, "send this as Content-Type: application/json")
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxJSON))
	if err != nil {
		return err
	}
	if deeperThan(b, maxDepth) {
		return problem(http.StatusBadRequest, fault.Invalid, "the JSON is nested more than %d levels deep", maxDepth)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return ofJSON(err, dec.InputOffset())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return problem(http.StatusBadRequest, fault.Invalid, "something follows the JSON value")
	}
	return nil
}

// ofJSON turns the decoder's error into a problem that names the field.
func ofJSON(err error, offset int64) *Problem {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field != "" {
		return invalid(FieldError{Field: kind.Field, Detail: "is a " + kind.Value + ", which does not fit"})
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return invalid(FieldError{Field: strings.Trim(name, `"`), Detail: "is not a field of this request"})
	}
	return problem(http.StatusBadRequest, fault.Invalid, "the JSON cannot be read, near byte %d: %s", offset, strings.TrimPrefix(err.Error(), "json: "))
}

// deeperThan reports whether JSON nests deeper than a limit, without decoding it.
func deeperThan(b []byte, limit int) bool {
	depth, inText := 0, false
	for i := 0; i < len(b); i++ {
		switch ch := b[i]; {
		case inText && ch == '\\':
			i++
		case ch == '"':
			inText = !inText
		case inText:
		case ch == '{' || ch == '[':
			if depth++; depth > limit {
				return true
			}
		case ch == '}' || ch == ']':
			depth--
		}
	}
	return false
}

// etag is the entity tag of a version. A suffix tells apart what changes without one.
func etag(version int64, suffix string) string {
	if suffix != "" {
		suffix = "." + suffix
	}
	return `"` + strconv.FormatInt(version, 10) + suffix + `"`
}

// unchanged answers 304 if the caller has this very thing already.
func (c *call) unchanged(tag string) bool {
	c.Response().Header().Set("ETag", tag)
	c.Response().Header().Set("Cache-Control", "private, no-cache")
	for have := range strings.SplitSeq(c.Request().Header.Get("If-None-Match"), ",") {
		if have = strings.TrimPrefix(strings.TrimSpace(have), "W/"); have == tag || have == "*" {
			return true
		}
	}
	return false
}

// ifMatch is the version that the caller's edit is meant for; zero where he names none.
func (c *call) ifMatch() (int64, error) {
	text := strings.TrimSpace(c.Request().Header.Get("If-Match"))
	if text == "" || text == "*" {
		return 0, nil
	}
	inner, ok := strings.CutPrefix(text, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	number, _, _ := strings.Cut(inner, ".")
	version, err := strconv.ParseInt(number, 10, 64)
	if !ok || !closed || err != nil || version < 1 {
		return 0, invalid(FieldError{Field: "If-Match", Detail: `must be one ETag as this API gives it, such as "7"`})
	}
	return version, nil
}

// stale is the problem of an edit of something that has changed since it was read.
func stale(version int64) *Problem {
	return problem(http.StatusPreconditionFailed, fault.Conflict,
		"it has changed since you read it and is at version %d now: read it again, then decide again", version)
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return strconv.FormatInt(n>>30, 10) + " GiB"
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return strconv.FormatInt(n>>10, 10) + " KiB"
	}
	return strconv.FormatInt(n, 10) + " bytes"
}
