package scope

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FieldError is one problem with one configured value. Path leads to it from the value
// that was checked ("include[0].network"), so that a configuration can say which line.
type FieldError struct {
	Path string
	Msg  string
}

// Error implements error.
func (e *FieldError) Error() string {
	if e.Path == "" {
		return e.Msg
	}
	return e.Path + ": " + e.Msg
}

// Duration is a length of time as people write it: "90m", "72h", "14d" or "2w". A day is
// 24 hours.
type Duration time.Duration //nolint:recvcheck // text is read into a pointer and written from a value

// Units beyond those of time.ParseDuration, and the longest duration that is believed.
const (
	day     = 24 * time.Hour
	week    = 7 * day
	longest = 100 * 365 * day
)

// ParseDuration reads a duration that isn't negative: whole weeks or days ("2w", "14d"),
// or anything that time.ParseDuration takes.
func ParseDuration(text string) (Duration, error) {
	for _, unit := range []struct {
		suffix string
		length time.Duration
	}{{"w", week}, {"d", day}} {
		number, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || time.Duration(n) > longest/unit.length {
			return 0, fmt.Errorf("reading duration %q: write it as 90m, 72h, 14d or 2w", text)
		}
		return Duration(time.Duration(n) * unit.length), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("reading duration %q: write it as 90m, 72h, 14d or 2w", text)
	}
	if d < 0 || d > longest {
		return 0, fmt.Errorf("reading duration %q: it must be from nothing to a hundred years", text)
	}
	return Duration(d), nil
}

// Days makes a duration of whole days.
func Days(n int) Duration { return Duration(time.Duration(n) * day) }

// Std is the duration as the standard library knows it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes whole days as "14d", and the rest as package time does, without needless
// zeros: "36h", not "36h0m0s".
func (d Duration) String() string {
	if d != 0 && d%Duration(day) == 0 {
		return strconv.FormatInt(int64(d/Duration(day)), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// Day is a day of the week, written mon, tue, wed, thu, fri, sat or sun.
type Day time.Weekday //nolint:recvcheck // text is read into a pointer and written from a value

var dayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// String gives the day's short name.
func (d Day) String() string {
	if d < 0 || int(d) >= len(dayNames) {
		return "day " + strconv.Itoa(int(d))
	}
	return dayNames[d]
}

// MarshalText implements encoding.TextMarshaler.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Day) UnmarshalText(text []byte) error {
	i := slices.Index(dayNames[:], strings.ToLower(string(text)))
	if i < 0 {
		return fmt.Errorf("reading day %q: write mon, tue, wed, thu, fri, sat or sun", text)
	}
	*d = Day(i)
	return nil
}
