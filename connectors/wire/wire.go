// Package wire holds the scalar types of vendors' JSON: texts that are sometimes numbers,
// lists that are sometimes one value, and times in a dozen notations. A value of a wrong
// type reads as absent and is never an error, since one odd field must not cost a finding.
package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
)

// Text is a text that vendors also write as a number or a boolean. Null and containers
// read as empty.
type Text string //nolint:recvcheck // it is decoded in place, and passed by value

// UnmarshalJSON implements json.Unmarshaler.
func (t *Text) UnmarshalJSON(b []byte) error {
	*t = Text(text(b))
	return nil
}

// String gives the text without space around it.
func (t Text) String() string { return strings.TrimSpace(string(t)) }

func text(b []byte) string {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return ""
	}
	switch b[0] {
	case '"':
		var s string
		if json.Unmarshal(b, &s) != nil {
			return ""
		}
		return s
	case '{', '[', 'n':
		return ""
	}
	return string(b)
}

// Texts is a list of texts that vendors also write as one text, or as null.
type Texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Texts) UnmarshalJSON(b []byte) error {
	*t = nil
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] != '[' {
		if s := text(b); s != "" {
			*t = Texts{s}
		}
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(b, &items) != nil {
		return nil //nolint:nilerr // what can't be read is absent
	}
	for _, item := range items {
		if s := text(item); s != "" {
			*t = append(*t, s)
		}
	}
	return nil
}

// List is a list of T that vendors also write as one T, or as null. Elements of another
// shape are left out.
type List[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *List[T]) UnmarshalJSON(b []byte) error {
	*l = nil
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] == 'n' {
		return nil
	}
	var items []json.RawMessage // none to begin with: a raw message that is there is overwritten, and so would be b
	if b[0] != '[' {
		items = append(items, b)
	} else if json.Unmarshal(b, &items) != nil {
		return nil //nolint:nilerr // what can't be read is absent
	}
	for _, item := range items {
		var v T
		if Unmarshal(item, &v) {
			*l = append(*l, v)
		}
	}
	return nil
}

// Number is a number that vendors also write as a text. What is none reads as zero with
// OK false.
type Number struct { //nolint:recvcheck // likewise
	Value float64
	OK    bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.TrimSpace(text(b)), 64)
	*n = Number{}
	if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		*n = Number{f, true}
	}
	return nil
}

// Int is the number without its fraction.
func (n Number) Int() int { return int(n.Value) }

// Flag is a truth value that vendors also write as a text ("true", "Yes", "1") or number.
type Flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *Flag) UnmarshalJSON(b []byte) error {
	switch strings.ToLower(strings.TrimSpace(text(b))) {
	case "true", "yes", "y", "1":
		*f = true
	default:
		*f = false
	}
	return nil
}

// Time is a time in any notation of Moment. What is none, and what stands for "never",
// reads as zero.
type Time struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	t.Time = Moment(text(b))
	return nil
}

// layouts are the notations beside those of connectors.Time. Those without a zone are
// taken as UTC.
var layouts = [...]string{
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05.999999999 Z0700", "2006-01-02T15:04Z07:00", "2006-01-02 15:04", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05 MST", "Mon Jan _2 15:04:05 2006", "Mon Jan _2 15:04:05 MST 2006", "Mon, 02 Jan 2006 15:04:05 MST",
	"Mon, 2 Jan 2006 15:04:05", "Mon, 02 Jan 2006 15:04:05 -0700", "20060102T150405", "20060102150405", "2006/01/02 15:04:05", "Jan 2, 2006 15:04:05 MST",
}

// Moment reads the notations of time that vendors use, as UTC in whole milliseconds: RFC
// 3339 with and without zone, space for T, ctime, and seconds, milliseconds, microseconds
// or nanoseconds since 1970, whole or with a fraction. Zero for what is none of them, for
// zero and negative numbers, and for the years before 2000 with which some say "never".
func Moment(s string) time.Time {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}
	}
	if t := connectors.Time(s); !t.IsZero() {
		return plausible(t)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return epoch(f)
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return plausible(t)
		}
	}
	return time.Time{}
}

func epoch(f float64) time.Time {
	const seconds, millis, micros = 1e11, 1e14, 1e17 // a number of seconds is below the first until the year 5138
	switch {
	case math.IsNaN(f) || f <= 0:
		return time.Time{}
	case f < seconds:
		return plausible(time.UnixMilli(int64(math.Round(f * 1e3))))
	case f < millis:
		return plausible(time.UnixMilli(int64(f)))
	case f < micros:
		return plausible(time.UnixMicro(int64(f)))
	case f < math.MaxInt64:
		return plausible(time.Unix(0, int64(f)))
	}
	return time.Time{}
}

func plausible(t time.Time) time.Time {
	const never, unlikely = 2000, 2200
	if t = t.UTC(); t.Year() < never || t.Year() > unlikely {
		return time.Time{}
	}
	return t.Truncate(time.Millisecond)
}

// Unmarshal decodes a JSON value into v as far as types fit: fields of a wrong type stay
// as they are. It reports false for what is no JSON, or of another shape altogether.
func Unmarshal(b []byte, v any) bool {
	err := json.Unmarshal(b, v)
	if err == nil {
		return true
	}
	mismatch, ok := err.(*json.UnmarshalTypeError) //nolint:errorlint // encoding/json gives it bare
	return ok && mismatch.Field != ""
}
