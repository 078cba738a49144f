package admission

import "time"

// Expected is about when the group at a place in the line is let in, by the intake rate
// alone: the first place is 1, and begun is how many groups were let in within the last
// day. It is zero for a team without an intake rate, whose work says nothing of the time.
func Expected(b Budget, place, begun int, now time.Time) time.Time {
	if b.Intake <= 0 || place <= 0 {
		return time.Time{}
	}
	ahead := place - max(b.Intake-begun, 0)
	if ahead <= 0 {
		return now
	}
	days := (ahead + b.Intake - 1) / b.Intake
	return now.Add(time.Duration(days) * Day)
}

// WaitsFor says what a place in the line waits for.
func WaitsFor(b Budget, inProgress, begun int) string {
	switch {
	case b.WIP > 0 && inProgress >= b.WIP:
		return "its team works on as many fixes as it takes on at a time"
	case b.Intake > 0 && begun >= b.Intake:
		return "its team has begun as many fixes as it takes on in a day"
	}
	return "its admission, which is under way"
}
