package exposure

import (
	"slices"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// ControlState is how a compensating control is doing.
type ControlState string

// The states of a control.
const (
	ControlWorking ControlState = "working"
	ControlFailed  ControlState = "failed"
)

// Control is what is known of a compensating control, on one asset or everywhere: the last
// word on it. That it failed ends the exceptions that rest on it.
type Control struct {
	ID      string       `json:"id"` // name|asset
	Version int64        `json:"version"`
	Name    string       `json:"name"`            // waf, edr
	Asset   asset.ID     `json:"asset,omitempty"` // empty: everywhere
	State   ControlState `json:"state"`
	By      string       `json:"by"`               // who or what says so
	Source  string       `json:"source,omitempty"` // the source whose finding shows it
	Reason  string       `json:"reason"`
	At      time.Time    `json:"at"`                // as of when
	Pending bool         `json:"pending,omitempty"` // the exceptions that rest on it have still to be looked at
}

// ControlID names the fact about a control on an asset, or everywhere for "".
func ControlID(name string, on asset.ID) string { return name + "|" + string(on) }

// endsOnControl is what stands before a control's name in what ends an exception.
const endsOnControl = "control:"

// ControlsOf are the names of the controls that an exception rests on.
func ControlsOf(x *Exception) []string {
	var names []string
	for _, trigger := range x.EndsOn {
		if name, ok := strings.CutPrefix(trigger, endsOnControl); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// RestsOn reports whether an exception ends when a control fails.
func (x *Exception) RestsOn(control string) bool { return slices.Contains(ControlsOf(x), control) }

// EndsOnControl is the trigger of a control.
func EndsOnControl(name string) string { return endsOnControl + name }
