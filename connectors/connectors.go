// Package connectors is the contract between quell and the world: what a connector
// registers, the roles it may play, and what it is given to do so. Which connectors
// exist is said by connectors/builtin alone.
package connectors

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// Registration describes one connector. A value is immutable after start.
type Registration struct {
	Name    string // folder name and the "connector:" of a source
	Title   string // as its vendor writes it
	Summary string // one sentence for the reference page
	// Recognize looks at the first bytes of a body (at most RecognizeBytes, and a file
	// name that may be empty) and says how sure it is that this is its format: 0 not,
	// 100 certainly. Nil for connectors that take no bodies.
	Recognize func(head []byte, name string) int
	// Config makes a new configuration value holding the defaults: a pointer to a struct
	// with yaml, json and doc tags. Its Validate() []error, if it has one, is called
	// after a strict decode.
	Config func() any
	// Open makes the instance for one configured source. It does no I/O.
	Open func(env Env, config any) (Instance, error)
	// Statuses is what the vendor's words for the state of a finding mean, as data. Nil for
	// formats whose findings have no state: they end by absence alone.
	Statuses Statuses
	// Reach names the hosts that a source with this configuration may talk to: the host of
	// its address, or a vendor's own with a leading "*." for all below it. What it doesn't
	// name can't be reached, whatever a page says. Nil for connectors that call nobody.
	Reach func(config any) []string
	// API names the version of the vendor's API that is spoken: "Table API v2, 2021".
	API string
	// Every is how often a source is pulled where its configuration doesn't say; zero: hourly.
	Every time.Duration
	// Inventory says that it is there to know what there is, and not what is wrong with it:
	// its word on what a thing is, how it is called and whose it is holds against a
	// scanner's. See precedence in the configuration.
	Inventory bool
	// Docs is the text of the reference page, by heading; see Page.
	Docs Page
	// Samples names files under testdata for conformance, with their natural counts.
	Samples []Sample
}

// RecognizeBytes is how much of a body Recognize may see.
const RecognizeBytes = 8 << 10

// Env is what an instance is given.
type Env struct {
	Source string // name of the source
	Log    *slog.Logger
	HTTP   *http.Client // outbound client with limits and the SSRF guard; nil offline
	Now    func() time.Time
	// Keep is where the built-in tracker and inbox keep their documents: the store, which
	// fills the small interface that each of them declares. Nil for all others, and offline.
	Keep any
	// Governor shares the vendor's limits among all workers; nil offline: nothing is limited.
	Governor Governor
}

// Instance is one configured connector. What it can do is found by asserting the roles.
type Instance interface {
	// Connector is the registration's name.
	Connector() string
}

// Decoder reads a body: a file or a webhook's.
type Decoder interface {
	Instance
	// Decode streams a body into sink. It never holds the body in memory, stops at the
	// first error of sink, and returns malformed input as a *SyntaxError after having
	// emitted what came before it. Vendor's text is passed on unescaped; the sink cuts.
	Decode(ctx context.Context, body io.Reader, sink Sink) error
}

// Sink takes what a decoder emits, in any order. A sink keeps nothing that it is given
// beyond the call except by copying, so a decoder may reuse its buffers, but not change a
// Description or Finding after emitting it.
type Sink interface {
	// Run tells of the run as far as known; the last call wins. A decoder that never
	// calls it reported on an unknown run: nothing can be absent.
	Run(run exposure.Run) error
	// Cover tells that the run looked at a target.
	Cover(cov exposure.Coverage) error
	// Observe emits one finding.
	Observe(obs exposure.Observation) error
	// Statement tells what somebody says of a vulnerability in a product (VEX). It overlays
	// findings and is none itself.
	Statement(st exposure.Statement) error
	// Skip counts something that was left out, by a short constant reason, with where.
	Skip(reason string, at Position)
}

// Position is a place in a body: a byte offset, and a line where the format has lines.
type Position struct {
	Offset int64
	Line   int
}

// Puller fetches pages from an API. A page is a body for the instance's own Decoder, which
// it is too unless it is a Feed; the pages of one sync are decoded in order as parts of
// one run.
type Puller interface {
	Instance
	// Pull fetches the page at a cursor. It keeps nothing between calls: a call may be made
	// again after a crash, and the next one may come from another process. Errors have the
	// kinds of internal/fault: throttled and unavailable are tried again at the same cursor,
	// after RetryAfter where the vendor gives one; ErrExpired begins the sync anew; anything
	// else ends it.
	Pull(ctx context.Context, req PullRequest, page io.Writer) (Pulled, error)
}

// PullRequest says which page is asked for.
type PullRequest struct {
	Cursor string    // opaque and small (at most MaxCursor); empty: the first page
	Since  time.Time // only what changed since; zero: everything. Set for an Incremental alone
}

// MaxCursor is the size of a cursor in bytes: it travels in Temporal's history.
const MaxCursor = 8 << 10

// Pulled is one step of a sync. A step that wrote nothing to its page leaves none behind.
type Pulled struct {
	Next string        // cursor of what follows; empty: this was the last step
	Wait time.Duration // how long to wait before Next, such as for an export job; durable
	// Run is what the whole sync came to, told with the last step: what was looked at, and
	// whether all of it was got. Kind "" leaves it unknown: then nothing can be absent. ID,
	// Source, Connector and Started are filled in; Finished is the sync's start, since what
	// changed later may be missing, unless it is told.
	Run exposure.Run
}

// ErrExpired is a cursor that the vendor no longer honours: an export that was deleted, a
// download link that ran out. The sync begins anew.
var ErrExpired = errors.New("the vendor has forgotten where we were")

// OnePage is the Why of a run of which a decoder knows only a page. In a sync the puller
// knows the rest; any other reason for an incomplete run stands there too.
const OnePage = exposure.OnePage

// Incremental is a puller that can ask for what changed since its last good sync. Such a
// sync is partial: it proves no absence.
type Incremental interface {
	Puller
	// FullEvery is how often all is asked for nevertheless; zero: never again.
	FullEvery() time.Duration
}

// Feed is a puller, or a decoder of files, whose bodies are threat intelligence and no
// findings: KEV, EPSS, Vulnrichment, NVD.
type Feed interface {
	Instance
	// FeedKind names the kind of intelligence, as in `quell intel import --kind`.
	FeedKind() string
}

// WebhookVerifier checks a call before its body is stored. It sees the raw body and may
// read the envelope, never the findings.
type WebhookVerifier interface {
	// VerifyWebhook returns the vendor's delivery ID (empty if it has none), or an error
	// of kind Denied. Where the configuration has no secret to check with, every call is
	// denied.
	VerifyWebhook(header http.Header, body []byte, now time.Time) (deliveryID string, err error)
}

// Answerer is a source whose senders want an answer of their own, such as an agent that
// asks first whether its report is wanted. It is asked after the call was verified.
type Answerer interface {
	Instance
	// Answer gives what the sender is answered, as a body of a media type with status 200,
	// and whether the call is a report to be kept: false for a mere question.
	Answer(header http.Header, body []byte) (kind string, reply []byte, keep bool)
}

// SyntaxError is malformed input with its place.
type SyntaxError struct {
	Position
	Format string // "nuclei JSONL"
	Err    error
}

// Sample is a file for the conformance suite.
type Sample struct {
	File       string // under the connector's testdata
	Findings   int
	Assets     int // coverage told, with findings or without; zero: not counted
	Statements int
	Complete   bool
}

// Page is a connector's reference page.
type Page struct {
	Needs    string // what to set up at the vendor, with least rights
	Maps     string // what becomes what
	Fixed    string // how a weakness is said to be gone
	Coverage string // what a run of it covers
	Limits   string
	Example  string // YAML of one source that `quell config check` accepts
}
