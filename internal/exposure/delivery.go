package exposure

import "time"

// Delivery is one body received from a source. Its body is a blob kept raw under Body;
// it is stored before anything in it is parsed.
type Delivery struct {
	ID         string           `json:"id"` // source|vendor's delivery ID, or a ULID where the vendor gives none
	Source     string           `json:"source"`
	VendorID   string           `json:"vendor_id,omitempty"`
	Seq        int64            `json:"seq"`            // order of arrival within the store
	Body       string           `json:"body"`           // SHA-256 of the raw body, hex
	Size       int64            `json:"size"`           // bytes
	Name       string           `json:"name,omitempty"` // file name, where uploaded
	Via        string           `json:"via"`            // webhook, upload, pull
	By         string           `json:"by,omitempty"`   // token's name
	ReceivedAt time.Time        `json:"received_at"`
	Status     DeliveryStatus   `json:"status"`
	Checkpoint int64            `json:"checkpoint,omitempty"` // batches already persisted
	Run        string           `json:"run,omitempty"`
	Counts     map[string]int64 `json:"counts,omitempty"` // findings, assets, created, refreshed, unchanged, absent…
	Skipped    map[string]int64 `json:"skipped,omitempty"`
	Error      string           `json:"error,omitempty"` // what to do about it, too
	EndedAt    time.Time        `json:"ended_at,omitzero"`
	Version    int64            `json:"version,omitempty"` // grows with each decision on a parked one
	Hold       *Hold            `json:"hold,omitempty"`    // the breaker held it
}

// Hold is why the breaker parked a delivery, and what became of it.
type Hold struct {
	Present int64       `json:"present"` // exposures that the source held when it came
	Absent  int64       `json:"absent"`  // of them, those that it would have made absent
	Fixed   int64       `json:"fixed"`   // … or that it says are fixed
	At      time.Time   `json:"at"`
	Until   time.Time   `json:"until"`             // without a decision it ends then, and changes nothing
	Told    time.Time   `json:"told,omitzero"`     // when the source's owner was told
	Outcome HoldOutcome `json:"outcome,omitempty"` // empty: it waits
	By      string      `json:"by,omitempty"`      // who decided; the delivery that overtook it
	Reason  string      `json:"reason,omitempty"`
	Decided time.Time   `json:"decided,omitzero"`
}

// HoldOutcome is what became of a held delivery.
type HoldOutcome string

// The outcomes. Only an approval changes anything.
const (
	HoldApproved   HoldOutcome = "approved"
	HoldRejected   HoldOutcome = "rejected"
	HoldTimedOut   HoldOutcome = "timed_out"  // nobody decided
	HoldSuperseded HoldOutcome = "superseded" // a later look at the same assets has the say
)

// Waits reports whether a delivery is parked and nobody has decided.
func (d Delivery) Waits() bool {
	return d.Status == DeliveryParked && d.Hold != nil && d.Hold.Outcome == ""
}

// Approver is who approved the delivery; empty where the breaker didn't hold it.
func (d Delivery) Approver() string {
	if d.Hold == nil || d.Hold.Outcome != HoldApproved {
		return ""
	}
	return d.Hold.By
}

// Decide is a delivery with what became of its hold: approved it is worked on once more,
// else it ends as it is, and has changed nothing but what was seen.
func (d Delivery) Decide(outcome HoldOutcome, by, reason string, at time.Time) Delivery {
	var h Hold
	if d.Hold != nil {
		h = *d.Hold
	}
	h.Outcome, h.By, h.Reason, h.Decided = outcome, by, reason, ms(at)
	d.Hold, d.EndedAt, d.Error = &h, ms(at), ""
	d.Version++
	switch outcome {
	case HoldApproved:
		d.Status, d.Checkpoint, d.EndedAt = DeliveryReceived, 0, time.Time{}
	case HoldSuperseded:
		d.Status = DeliveryHistory
	case HoldRejected, HoldTimedOut:
		d.Status = DeliveryRejected
	}
	return d
}

// DeliveryStatus is how far a delivery has come.
type DeliveryStatus string

// The delivery statuses. A failed delivery keeps its body: it can be replayed.
const (
	DeliveryReceived DeliveryStatus = "received"
	DeliveryWorking  DeliveryStatus = "working"
	DeliveryDone     DeliveryStatus = "done"
	DeliveryRepeated DeliveryStatus = "repeated" // same body as the source's latest: only the sight was refreshed
	DeliveryHistory  DeliveryStatus = "history"  // older than what is known: changed nothing
	DeliveryFailed   DeliveryStatus = "failed"
	DeliveryParked   DeliveryStatus = "parked"   // the absence breaker tripped; waits for a person
	DeliveryRejected DeliveryStatus = "rejected" // … who said no, or nobody said anything in time: nothing was taken away
)
