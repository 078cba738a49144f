package priority

import (
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// QueueKey orders the admission queue: its texts sort by due date, then by decision, the
// most urgent first. What has no due date comes last.
func QueueKey(due time.Time, decision exposure.Decision) string {
	when := "9999-12-31T23:59:59.999Z"
	if !due.IsZero() {
		when = due.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return when + "/" + strconv.Itoa(exposure.Act.Rank()-decision.Outcome.Rank()) // one digit
}

// AdmitNow is how many exposures may be admitted now: under a bounded number at one time
// and a bounded rate. Open counts those in a workflow, admittedLastMinute those admitted
// in the minute up to now.
func AdmitNow(open, maxOpen, ratePerMinute, admittedLastMinute int) int {
	return max(0, min(maxOpen-open, ratePerMinute-admittedLastMinute))
}
