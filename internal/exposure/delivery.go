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
	DeliveryParked   DeliveryStatus = "parked" // the absence breaker tripped; waits for a person
)
