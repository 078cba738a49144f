// Package calendar counts time as people work: business days, working hours, holidays, in
// the time zone of whoever has to do it. Pure; the rules of time zones come with it, so
// that they hold on machines that have none.
package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // what a due date means must not hang on the machine

	"github.com/quellsec/quell/internal/scope"
)

// Config is one business calendar.
type Config struct {
	Name     string      `yaml:"name" json:"name" doc:"Name of the calendar, by which teams use it."`
	Timezone string      `yaml:"timezone" json:"timezone,omitempty" doc:"IANA time zone, such as Europe/Berlin; unset means UTC."`
	Workdays []scope.Day `yaml:"workdays" json:"workdays,omitempty" doc:"Days on which people work; unset means mon, tue, wed, thu, fri."`
	From     string      `yaml:"from" json:"from,omitempty" doc:"When the working day begins; 09:00 if unset."`
	To       string      `yaml:"to" json:"to,omitempty" doc:"When it ends, later on the same day; 17:00 if unset. What is due on a day is due then."`
	Holidays []string    `yaml:"holidays" json:"holidays,omitempty" doc:"Days on which nobody works, as 2026-12-25, or 12-25 for every year."`
}

// Calendar is a Config made ready. It is immutable, and safe for concurrent use.
type Calendar struct {
	name     string
	zone     *time.Location
	workdays [7]bool
	from, to time.Duration // since midnight, by the wall clock
	holidays map[string]bool
}

// Set are calendars by name. The zero Set has none.
type Set struct{ calendars map[string]*Calendar }

// Named gives a calendar, nil where there is none of that name.
func (s Set) Named(name string) *Calendar { return s.calendars[name] }

// Compile makes a Set, or gives every problem at once, each a *scope.FieldError.
func Compile(configs []Config) (Set, []error) {
	var errs []error
	add := func(path, format string, args ...any) {
		errs = append(errs, &scope.FieldError{Path: path, Msg: fmt.Sprintf(format, args...)})
	}
	set := Set{calendars: map[string]*Calendar{}}
	for i := range configs {
		path := "[" + strconv.Itoa(i) + "]"
		c := &configs[i]
		switch {
		case !scope.ValidName(c.Name):
			add(path+".name", "%q can't name a calendar: use letters, digits, dots, dashes and underscores", c.Name)
		case set.calendars[c.Name] != nil:
			add(path+".name", "calendar %q is there already", c.Name)
		}
		set.calendars[c.Name] = compile(c, path, add)
	}
	if len(errs) > 0 {
		return Set{}, errs
	}
	return set, nil
}

func compile(c *Config, path string, add func(path, format string, args ...any)) *Calendar {
	out := &Calendar{name: c.Name, zone: time.UTC, from: 9 * time.Hour, to: 17 * time.Hour, holidays: map[string]bool{}}
	if c.Timezone != "" {
		zone, err := time.LoadLocation(c.Timezone)
		if err != nil || strings.EqualFold(c.Timezone, "local") {
			add(path+".timezone", "%q is no time zone: write one such as Europe/Berlin", c.Timezone)
		} else {
			out.zone = zone
		}
	}
	days := c.Workdays
	if len(days) == 0 {
		days = []scope.Day{scope.Day(time.Monday), scope.Day(time.Tuesday), scope.Day(time.Wednesday), scope.Day(time.Thursday), scope.Day(time.Friday)}
	}
	for _, d := range days {
		if d >= 0 && int(d) < len(out.workdays) {
			out.workdays[d] = true
		}
	}
	for _, hour := range []struct {
		name, text string
		at         *time.Duration
	}{{"from", c.From, &out.from}, {"to", c.To, &out.to}} {
		if hour.text == "" {
			continue
		}
		at, err := time.Parse("15:04", hour.text)
		if err != nil {
			add(path+"."+hour.name, "%q is no time of day: write one such as 09:00", hour.text)
			continue
		}
		*hour.at = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	if out.from >= out.to {
		add(path+".to", "the working day ends before it begins")
	}
	for k, text := range c.Holidays {
		_, err := time.Parse(time.DateOnly, text)
		if err != nil {
			_, err = time.Parse(time.DateOnly, "2024-"+text) // a leap year, for 02-29
		}
		if err != nil {
			add(fmt.Sprintf("%s.holidays[%d]", path, k), "%q is no day: write 2026-12-25, or 12-25 for every year", text)
		}
		out.holidays[text] = true
	}
	if !out.works() {
		add(path+".holidays", "nobody ever works")
	}
	return out
}

// works reports whether some day of any two years is a working day.
func (c *Calendar) works() bool {
	first := day{2026, time.January, 1}
	for n := range 2 * 366 {
		if c.workday(first.plus(n)) {
			return true
		}
	}
	return false
}

// Name is the calendar's name.
func (c *Calendar) Name() string { return c.name }

// Zone is its time zone.
func (c *Calendar) Zone() *time.Location { return c.zone }

// day is a date, as the wall calendar has it.
type day struct {
	year  int
	month time.Month
	day   int
}

func (c *Calendar) dayOf(t time.Time) day {
	y, m, d := t.In(c.zone).Date()
	return day{y, m, d}
}

// plus is so many days later. It counts in UTC, where every day has 24 hours.
func (d day) plus(n int) day {
	y, m, dd := time.Date(d.year, d.month, d.day+n, 12, 0, 0, 0, time.UTC).Date()
	return day{y, m, dd}
}

func (d day) text() string {
	return time.Date(d.year, d.month, d.day, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

func (c *Calendar) workday(d day) bool {
	weekday := time.Date(d.year, d.month, d.day, 12, 0, 0, 0, time.UTC).Weekday()
	text := d.text()
	return c.workdays[weekday] && !c.holidays[text] && !c.holidays[text[5:]]
}

// at is a wall-clock time on a day. Where a change of the clock leaps over it, it is as
// much later as the clock leapt.
func (c *Calendar) at(d day, since time.Duration) time.Time {
	return time.Date(d.year, d.month, d.day, int(since/time.Hour), int(since%time.Hour/time.Minute), 0, 0, c.zone)
}

// maxDays bounds every search for a working day: longer than any row of holidays that
// leaves one at all.
const maxDays = 3 * 366

// Due is when something is due that is given so much time from start: at the end of a
// working day. In calendar days that is the last working day until then, or the first one
// after start where there is none. In business days only working days count, the first
// being the one after start; a part of a day counts as one.
func (c *Calendar) Due(start time.Time, span time.Duration, business bool) time.Time {
	if business {
		return c.at(c.later(c.dayOf(start), int((span+24*time.Hour-1)/(24*time.Hour))), c.to)
	}
	from := c.dayOf(start)
	d := c.dayOf(start.Add(span))
	for range maxDays {
		if c.workday(d) {
			if due := c.at(d, c.to); due.After(start) {
				return due
			}
			break
		}
		if d == from {
			break
		}
		d = d.plus(-1)
	}
	due := c.at(c.later(from, 0), c.to)
	if !due.After(start) {
		due = c.at(c.later(from, 1), c.to)
	}
	return due
}

// later is the day so many working days after a day; none: the day itself, or the next
// working day.
func (c *Calendar) later(d day, n int) day {
	for range maxDays {
		if c.workday(d) {
			break
		}
		if d = d.plus(1); n > 0 && c.workday(d) {
			n-- // the clock starts on the first working day: that one is the first of them
			break
		}
	}
	for left := maxDays; n > 0 && left > 0; left-- {
		if d = d.plus(1); c.workday(d) {
			n--
			left = maxDays
		}
	}
	return d
}

// Working reports whether people work at a time.
func (c *Calendar) Working(t time.Time) bool {
	d := c.dayOf(t)
	return c.workday(d) && !t.Before(c.at(d, c.from)) && t.Before(c.at(d, c.to))
}

// Next is the first time, not before t, at which people work: t itself, or the beginning
// of a working day.
func (c *Calendar) Next(t time.Time) time.Time {
	if c.Working(t) {
		return t
	}
	d := c.dayOf(t)
	for range maxDays {
		if begin := c.at(d, c.from); c.workday(d) && !begin.Before(t) {
			return begin
		}
		d = d.plus(1)
	}
	return t
}

// Names are the calendars' names, sorted.
func (s Set) Names() []string {
	names := make([]string, 0, len(s.calendars))
	for name := range s.calendars {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
