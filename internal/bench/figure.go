package bench

import (
	"fmt"
	"strconv"
)

// Figure is one measurement beside what it should be.
type Figure struct {
	Name  string
	Value float64
	Unit  string
	Aim   float64
	Most  bool // the aim is a ceiling; else a floor
}

// String is the figure's line: figure NAME VALUE UNIT aim AIM ok|short.
func (f Figure) String() string {
	verdict := "short"
	if f.Meets() {
		verdict = "ok"
	}
	return fmt.Sprintf("figure %s %s %s aim %s %s", f.Name, number(f.Value), f.Unit, number(f.Aim), verdict)
}

// Meets reports whether the aim is met. A measurement that is no number meets nothing.
func (f Figure) Meets() bool {
	if f.Most {
		return f.Value <= f.Aim
	}
	return f.Value >= f.Aim
}

// number keeps three digits, and all those before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
