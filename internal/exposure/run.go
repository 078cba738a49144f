package exposure

import (
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// Run is one scan or sync that a delivery reports on. Its coverage is what makes a
// disappeared finding mean something: without it, absence is silence.
type Run struct {
	ID        string         `json:"id"` // unique per source; computed from the report where it gives none
	Source    string         `json:"source"`
	Connector string         `json:"connector"`
	Kind      RunKind        `json:"kind"`
	Complete  bool           `json:"complete"`
	Why       string         `json:"why,omitempty"` // why the run isn't complete, in words
	Started   time.Time      `json:"started,omitzero"`
	Finished  time.Time      `json:"finished,omitzero"` // the check's time; guards against old reports
	Checks    []string       `json:"checks,omitempty"`  // which checks ran: exact names or prefixes ending in "*"; none = unknown
	Targets   int            `json:"targets"`           // how many assets it covers
	Counts    map[string]int `json:"counts,omitempty"`  // claimed, received, skipped…
	Tool      string         `json:"tool,omitempty"`    // name and version of the scanner
	Delivery  string         `json:"delivery,omitempty"`
	AppliedAt time.Time      `json:"applied_at,omitzero"`
}

// RunKind says how much of the source's view a run is.
type RunKind string

// The run kinds. Only full runs can prove absence; an event reports on single findings.
const (
	RunFull    RunKind = "full"
	RunPartial RunKind = "partial"
	RunEvent   RunKind = "event"
)

// Outcome is how a run's look at one target went.
type Outcome string

// The outcomes of a look at a target.
const (
	TargetOK          Outcome = "ok"
	TargetPartial     Outcome = "partial"     // looked at in part: timed out, unauthenticated where it needed to be
	TargetUnreachable Outcome = "unreachable" // nothing answered
)

// Coverage is one target that a run looked at. The zero Checks and Locations mean "all
// that the run's Checks name, everywhere on the target".
type Coverage struct {
	Asset         asset.Description `json:"asset"`
	Outcome       Outcome           `json:"outcome"`
	Authenticated bool              `json:"authenticated,omitempty"`
	Locations     []string          `json:"locations,omitempty"` // which locations were looked at: "22/tcp", "1-1024/tcp", "app/package-lock.json"; none = all
	CheckedAt     time.Time         `json:"checked_at,omitzero"` // when the look at this target ended; zero = the run's Finished
}

// Observation is one finding on one asset, as a decoder emits it. Decoders may share
// one Description between consecutive observations of an asset.
type Observation struct {
	Asset   *asset.Description `json:"asset"`
	Finding *Finding           `json:"finding"`
}

// Sighting is what one source last saw on one asset. Absence is the difference of two.
type Sighting struct {
	ID        string    `json:"id"` // source|asset
	Version   int64     `json:"version"`
	Source    string    `json:"source"`
	Asset     asset.ID  `json:"asset"`
	Run       string    `json:"run"`
	CheckedAt time.Time `json:"checked_at"` // the check's time, never the arrival's
	Keys      []byte    `json:"keys"`       // packed SeenKeys, sorted by exposure; see PackKeys
	// Told are exposures that the source speaks of without seeing them: archived, expired,
	// not affected. They are no sights, but a look that no longer speaks of them compares
	// with them. Packed as Keys are; none is in both.
	Told     []byte `json:"told,omitempty"`
	Delivery string `json:"delivery,omitempty"`
	Complete bool   `json:"complete,omitempty"` // the run looked at all of the asset: an older report can add nothing
	Parked   string `json:"parked,omitempty"`   // the delivery that the breaker holds back from taking something away here
}
