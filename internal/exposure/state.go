package exposure

// State is where an exposure stands in its lifecycle.
type State string

// The states. The first five are live.
const (
	Tracked       State = "tracked"
	Validating    State = "validating"
	Open          State = "open"
	FixClaimed    State = "fix_claimed"
	Verifying     State = "verifying"
	Closed        State = "closed"
	Accepted      State = "accepted"
	Mitigated     State = "mitigated"
	FalsePositive State = "false_positive"
	OutOfScope    State = "out_of_scope"
	Merged        State = "merged"
)

// States are all the states, in the order of the lifecycle.
func States() []State {
	return []State{Tracked, Validating, Open, FixClaimed, Verifying, Closed, Accepted, Mitigated, FalsePositive, OutOfScope, Merged}
}

// Live reports whether the weakness is being worked on or waits to be.
func (s State) Live() bool {
	switch s {
	case Tracked, Validating, Open, FixClaimed, Verifying:
		return true
	case Closed, Accepted, Mitigated, FalsePositive, OutOfScope, Merged:
	}
	return false
}

// Excepted reports whether a decision that carries an end keeps it from work.
func (s State) Excepted() bool { return s == Accepted || s == Mitigated || s == FalsePositive }
