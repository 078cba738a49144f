package asset

import (
	"fmt"
	"time"
)

// Retirement is when an asset is to be looked at again, to see whether it retires.
type Retirement struct {
	Asset ID        `json:"asset"`
	Due   time.Time `json:"due"`
}

// live takes what a description says of an asset's being there. Who is seen again after
// it was said to be gone, or had retired, is back.
func (a *Asset) live(d *Description, seen time.Time) {
	if d.Ephemeral != "" {
		a.Ephemeral = d.Ephemeral
	}
	switch later := seen.After(a.LastSeen); {
	case d.Gone && a.Gone.IsZero() && !seen.Before(a.LastSeen):
		a.Gone = seen
	case d.Gone: // said again, or overtaken by who saw it
	case later:
		a.Gone, a.Retired = time.Time{}, false
	case !a.Gone.IsZero() && seen.After(a.Gone):
		a.Gone = time.Time{}
	}
}

// RetiresAt is when an asset retires unless it is seen before: at once where it is said to
// be gone, and by the rule for what makes it short-lived. Zero: never.
func (a *Asset) RetiresAt(after map[string]time.Duration) time.Time {
	switch wait, ok := after[a.Ephemeral]; {
	case !a.Gone.IsZero():
		return a.Gone
	case a.Ephemeral != "" && ok:
		return a.LastSeen.Add(wait)
	}
	return time.Time{}
}

// Retire takes an asset out of the inventory. It is kept, with its exposures, and comes
// back when it is seen again. The version goes up by one. The caller adds the actor.
func Retire(a Asset, at time.Time) (Asset, Event) {
	a.Retired = true
	a.Version++
	a.UpdatedAt = ms(at)
	since := a.LastSeen.UTC()
	why := fmt.Sprintf("a short-lived asset (%s), not seen since %s", a.Ephemeral, since.Format(time.RFC3339))
	if !a.Gone.IsZero() {
		since = a.Gone.UTC() // which stays, however often it is said
		why = "a source says that it exists no more, since " + since.Format(time.RFC3339)
	}
	return a, Event{Asset: a.ID, Seq: a.Version, Kind: EventRetired, Why: why, At: ms(at), Cause: "retire/" + since.Format(time.RFC3339Nano)}
}
