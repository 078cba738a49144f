package exposure

import "time"

// Via says how a delivery came.
const (
	ViaWebhook = "webhook"
	ViaUpload  = "upload"
	ViaPull    = "pull" // its body is a Manifest
)

// OnePage is the Why of a run of which only a page is known. In a sync its Manifest knows
// the rest; any other reason for an incomplete run stands there too.
const OnePage = "one page of an API is not the whole of it"

// Manifest is the body of a pulled delivery, as JSON: the pages of one sync, in order,
// and what the sync came to. Each page is a blob of its own, so that a sync of any length
// is recorded page by page and none is fetched twice.
type Manifest struct {
	Sync  string   `json:"sync"`
	Run   Run      `json:"run"`
	Pages []string `json:"pages"` // SHA-256 of each, hex
}

// Sync is one pull of everything that a source has, or of what changed since.
type Sync struct {
	Source   string     `json:"source"`
	Name     string     `json:"name"`           // unique within the source: the workflow run that made it
	Attempt  int        `json:"attempt"`        // counts up when the vendor forgot where we were
	Since    time.Time  `json:"since,omitzero"` // zero: everything
	Status   SyncStatus `json:"status"`
	Started  time.Time  `json:"started"`
	Ended    time.Time  `json:"ended,omitzero"`
	Steps    int        `json:"steps"` // calls that were answered, waits for an export included
	Pages    int        `json:"pages"`
	Bytes    int64      `json:"bytes"`
	Delivery string     `json:"delivery,omitempty"` // what its pages became; none for threat intelligence
	Error    string     `json:"error,omitempty"`
}

// SyncStatus is how far a sync has come.
type SyncStatus string

// The sync statuses.
const (
	SyncRunning SyncStatus = "running"
	SyncDone    SyncStatus = "done"
	SyncFailed  SyncStatus = "failed" // what it had fetched was delivered, as an incomplete run
)

// Full reports whether the sync asked for everything.
func (s Sync) Full() bool { return s.Since.IsZero() }

// SyncStep is one answered call of a sync: what it brought, and what follows. It is recorded
// once, before the next call is made, so that a worker that takes over goes on behind it.
type SyncStep struct {
	Source  string        `json:"source"`
	Sync    string        `json:"sync"`
	Attempt int           `json:"attempt"`
	N       int           `json:"n"`              // from 1
	Body    string        `json:"body,omitempty"` // SHA-256 of the page, hex; empty where there was none
	Size    int64         `json:"size,omitempty"`
	Next    string        `json:"next,omitempty"` // cursor of what follows; empty: this was the last
	Wait    time.Duration `json:"wait,omitempty"` // before Next
	Run     Run           `json:"run,omitzero"`   // with the last step: what the whole came to
	At      time.Time     `json:"at"`
}
