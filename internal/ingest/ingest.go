// Package ingest is the way of a delivery into the store: decode, normalize, resolve the
// assets, correlate into exposures, persist, decide, queue for admission. It streams: a
// report is never held in memory, and work is done in batches that can be repeated.
//
// A crash at any line is repaired by processing the delivery again: exposures are written
// before sightings, sightings before the run, the run before the delivery, and every
// write is idempotent.
//
// A body is read once for what it sees. What it says of exposures without seeing them
// (fixed, archived, not affected) waits until the run is known to its end, and until the
// breaker has weighed it together with what is absent; then the body is read again for it.
package ingest

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/ledger"
)

// Sink takes what a decoder emits.
type Sink interface {
	Run(run exposure.Run) error
	Cover(cov exposure.Coverage) error
	Observe(obs exposure.Observation) error
	Statement(st exposure.Statement) error
	// Skip counts something left out, at a byte offset and, where the format has lines, a line.
	Skip(reason string, offset int64, line int)
}

// Source is one configured source as ingest sees it.
type Source struct {
	Name      string
	Connector string
	Zone      string // network zone that scopes weak identifiers
	Local     bool   // its reports speak of this very machine: loopback addresses identify inside the zone
	Breaker   Breaker
	// Decode streams a body into the sink.
	Decode func(ctx context.Context, body io.Reader, sink Sink) error
}

// Sources finds a configured source by name; fault.NotFound otherwise.
type Sources func(name string) (Source, error)

// Store is what ingest needs of the store.
type Store interface { //nolint:interfacebloat // six small interfaces, one for each thing that a report touches
	Deliveries
	Runs
	Inventory
	Exposures
	Sightings
	Statements
}

// Deliveries are the bodies to be worked on.
type Deliveries interface {
	NextDeliveries(ctx context.Context, source string, limit int) ([]exposure.Delivery, error)
	PutDelivery(ctx context.Context, d exposure.Delivery) error
	// SwapDelivery writes a delivery whose stored version is one less, and says whether.
	SwapDelivery(ctx context.Context, d exposure.Delivery) (bool, error)
	FindDeliveries(ctx context.Context, source, status string, l exposure.List) (exposure.Page[exposure.Delivery], error)
	Blob(ctx context.Context, sha string) (io.ReadCloser, error)
}

// Runs are what is known of the runs of a source.
type Runs interface {
	PutRun(ctx context.Context, r exposure.Run) error
	Setting(ctx context.Context, key string) ([]byte, error)
	PutSetting(ctx context.Context, key string, value []byte) error
}

// Inventory are the assets and the claims on their names.
type Inventory interface {
	Assets
	Identifiers
	Edges
	Retirements
}

// Assets are the things that can be exposed.
type Assets interface {
	Assets(ctx context.Context, ids []asset.ID) (map[asset.ID]asset.Asset, error)
	InsertAssets(ctx context.Context, as []asset.Asset) ([]bool, error)
	SwapAssets(ctx context.Context, as []asset.Asset) ([]bool, error)
	RecordAssetEvents(ctx context.Context, evs []asset.Event) error
	AssetEvents(ctx context.Context, id asset.ID) ([]asset.Event, error)
}

// Identifiers are the claims on the names of assets.
type Identifiers interface {
	IdentifierOwners(ctx context.Context, keys []string) (map[string]asset.ID, error)
	ClaimIdentifiers(ctx context.Context, claims map[string]asset.ID) (map[string]asset.ID, error)
	MoveIdentifiers(ctx context.Context, keys []string, from, to asset.ID) error
}

// Exposures are the exposures with their chains.
type Exposures interface {
	ledger.Records
	InsertExposures(ctx context.Context, xs []exposure.Exposure) ([]bool, error)
	EachExposure(ctx context.Context, f exposure.Filter, fn func(exposure.Exposure) error) error
}

// Sightings are what each source last saw.
type Sightings interface {
	Sightings(ctx context.Context, source string, assets []asset.ID) (map[asset.ID]exposure.Sighting, error)
	PutSightings(ctx context.Context, xs []exposure.Sighting) error
	EachSighting(ctx context.Context, source string, fn func(exposure.Sighting) error) error
}

// Waker tells a running workflow that facts in the store changed. A lost wake is sent
// again by the sweep, so an error is only logged.
type Waker interface {
	WakeExposure(ctx context.Context, id exposure.ID, reason string) error
}

// Pipeline processes deliveries. It holds no state between calls.
type Pipeline struct {
	store   Store
	sources Sources
	assess  Assessor
	ledger  *ledger.Ledger
	waker   Waker
	now     func() time.Time
	log     *slog.Logger
	prefer  *asset.Precedence // whose word on an asset holds; nil: the newest
	retire  Retirement
	batch   int // how many observations are persisted together
	known   int // how many descriptions of assets a report may be remembered by
}

// New makes a pipeline. now is the clock, in UTC.
func New(store Store, sources Sources, assess Assessor, l *ledger.Ledger, waker Waker, now func() time.Time, log *slog.Logger) *Pipeline {
	return &Pipeline{store: store, sources: sources, assess: assess, ledger: l, waker: waker, now: now, log: log,
		batch: batchSize, known: maxKnown}
}

// Preferring tells the pipeline whose word on an asset holds.
func (p *Pipeline) Preferring(by *asset.Precedence) *Pipeline {
	p.prefer = by
	return p
}

// batchSize is how many observations are persisted together: large enough for one
// transaction to be cheap, small enough that two batches stay under a few megabytes.
const batchSize = 1500

// Progress tells how far a delivery has come; a worker heartbeats with it.
type Progress struct {
	Delivery string `json:"delivery"`
	Batches  int64  `json:"batches"`
	Findings int64  `json:"findings"`
}

// Drained is what one call of Drain did.
type Drained struct {
	Deliveries int   `json:"deliveries"`
	Findings   int64 `json:"findings"`
	Created    int64 `json:"created"`
	Failed     int   `json:"failed"`
	More       bool  `json:"more"` // deliveries are left
}
