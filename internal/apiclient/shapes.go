package apiclient

import (
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// The shapes of answers that aren't the domain's own. A field that this version doesn't
// know stays in Item.JSON.

// Approval is a request for an exception that waits.
type Approval struct {
	Exposure exposure.Exposure `json:"exposure"`
	Request  exposure.Request  `json:"request"`
	Mine     bool              `json:"mine"`    // the caller may approve it
	Missing  int               `json:"missing"` // how many more approvals it takes
}

// FollowUp is how an exposure is followed up.
type FollowUp struct {
	Calendar string         `json:"calendar"`
	Timezone string         `json:"timezone"`
	Waiting  *exposure.Wait `json:"waiting"`
	Waited   string         `json:"waited"`
	Channel  string         `json:"channel"`
	Next     string         `json:"next"`
	NextAt   time.Time      `json:"next_at"`
	Ladder   []Rung         `json:"ladder"`
}

// Rung is one message of a ladder.
type Rung struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	To   string    `json:"to"`
	Sent time.Time `json:"sent"`
}

// Detail is one exposure with its story.
type Detail struct {
	exposure.Exposure
	Timeline Story              `json:"timeline"`
	Related  []exposure.Related `json:"related"`
	Evidence []string           `json:"evidence"` // SHA-256 of what verdicts and events rest on
	Line     *Place             `json:"line"`     // nil where it doesn't wait
	Workflow *Link              `json:"workflow"` // nil where Temporal knows none
	Runs     []RunbookRun       `json:"runs"`     // of runbooks, oldest first
	FollowUp *FollowUp          `json:"follow_up"`
}

// Story is an exposure's chain of events, and whether it is whole.
type Story struct {
	Items    []exposure.Event `json:"items"`
	Verified bool             `json:"verified"`
	Problem  string           `json:"problem"`
}

// Link says where the Temporal UI shows a workflow.
type Link struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Status     string `json:"status"`
	URL        string `json:"url"`
}

// Reported is one finding with the exposure that it belongs to.
type Reported struct {
	Exposure  exposure.ID      `json:"exposure"`
	State     exposure.State   `json:"state"`
	AssetName string           `json:"asset_name"`
	Finding   exposure.Finding `json:"finding"`
}

// Decision is a person's decision on an exposure.
type Decision struct {
	Kind   string    `json:"kind"`
	Reason string    `json:"reason,omitempty"`
	Team   string    `json:"team,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	EndsOn []string  `json:"ends_on,omitempty"`

	For       string `json:"for,omitempty"`       // wait: vendor, change_window
	Reference string `json:"reference,omitempty"` // wait: the vendor's case, the number of the change
}

// Decided is what a decision did.
type Decided struct {
	Exposure exposure.ID    `json:"exposure"`
	State    exposure.State `json:"state"`
	Version  int64          `json:"version"`
	Repeated bool           `json:"repeated"`
	Message  string         `json:"message"`
}

// Stats are counts of exposures, and what stands in the way of better ones.
type Stats struct {
	Total   int64                       `json:"total"`
	By      map[string]map[string]int64 `json:"by"` // group → value → count
	Queued  int64                       `json:"queued"`
	Waiting map[string]int64            `json:"waiting"` // exposures in each team's line
	Unowned Unowned                     `json:"unowned"`
	Intel   []IntelStatus               `json:"intel"`
	Silent  []string                    `json:"silent"`
	Pending []string                    `json:"pending"`
	Missing []string                    `json:"missing"`
}

// AssetDetail is one asset with what is known about it.
type AssetDetail struct {
	asset.Asset
	Exposures  map[string]int64   `json:"exposures"` // state → count
	Provenance []asset.Provenance `json:"provenance"`
	Events     []AssetEvent       `json:"events"`
}

// Relation is one relation of an asset, seen from it.
type Relation struct {
	Kind      string           `json:"kind"`
	Direction string           `json:"direction"` // out or in
	Asset     asset.ID         `json:"asset"`     // the other end; empty where none is known
	Name      string           `json:"name"`
	OtherKind string           `json:"other_kind"`
	To        asset.Identifier `json:"to"`
	Note      string           `json:"note"`
	Source    string           `json:"source"`
	FirstSeen time.Time        `json:"first_seen"`
	LastSeen  time.Time        `json:"last_seen"`
	Stale     bool             `json:"stale"`
}

// Separation is what an undo or a split came to.
type Separation struct {
	Asset     asset.ID `json:"asset"`
	Other     asset.ID `json:"other"`
	Exposures int      `json:"exposures"`
	Repeated  bool     `json:"repeated"`
}

// AssetEvent is one line of an asset's history: what was merged, what was refused.
type AssetEvent struct {
	Seq   int64     `json:"seq"`
	Kind  string    `json:"kind"`
	Other asset.ID  `json:"other"`
	Why   string    `json:"why"`
	At    time.Time `json:"at"`
	Actor string    `json:"actor"`
}

// Accepted is what the API says about a body that it stored.
type Accepted struct {
	Delivery string `json:"delivery"`
	Repeated bool   `json:"repeated"`
	Size     int64  `json:"size"`
}

// SourceStatus is a source and how it is doing.
type SourceStatus struct {
	Name         string    `json:"name"`
	Connector    string    `json:"connector"`
	Webhook      string    `json:"webhook"`
	LastDelivery time.Time `json:"last_delivery"`
	LastRun      time.Time `json:"last_run"`
	Pending      bool      `json:"pending"`
	Silent       bool      `json:"silent"`
	Problem      string    `json:"problem"`
	Owner        string    `json:"owner"` // empty: escalation
	Held         int       `json:"held"`  // reports that wait for approval

	Conditions []SourceCondition `json:"conditions"`
}

// SourceCondition is one thing that is wrong with a source.
type SourceCondition struct {
	Condition exposure.Condition `json:"condition"`
	Since     time.Time          `json:"since"`
	Why       string             `json:"why"`
	LastGood  time.Time          `json:"last_good"`
}

// SyncPlan is when a source is pulled next, and who paused it.
type SyncPlan struct {
	Next    time.Time `json:"next"`
	Paused  bool      `json:"paused"`
	Note    string    `json:"note"`
	Running bool      `json:"running"`
}

// ScopeStatus is a scope and what is in it.
type ScopeStatus struct {
	scope.Scope
	Exposures map[string]int64 `json:"exposures"` // state → count
	Problem   string           `json:"problem"`
}

// OwnerTest says how an asset's owner is found.
type OwnerTest struct {
	Asset      asset.ID `json:"asset"`
	AssetName  string   `json:"asset_name"`
	Team       string   `json:"team"` // empty: unowned
	Copies     []string `json:"copies"`
	Confidence float64  `json:"confidence"`
	How        string   `json:"how"`
	Line       string   `json:"line"`
	Lines      []string `json:"lines"`
}

// Unowned is what has no owner.
type Unowned struct {
	Exposures int64  `json:"exposures"`
	Assets    int64  `json:"assets"`
	Overdue   int64  `json:"overdue"` // assets that should have had one by now
	Within    string `json:"within"`  // how long an asset may be without one
}

// Ticket is an issue of the built-in tracker.
type Ticket struct {
	ID          string    `json:"id"`
	Version     int64     `json:"version"`
	Marker      string    `json:"marker"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Team        string    `json:"team"`
	Due         time.Time `json:"due"`
	Priority    string    `json:"priority"`
	Status      string    `json:"status"`
	ClosedBy    string    `json:"closed_by"`
	Comments    []Comment `json:"comments"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Comment is one comment on a ticket.
type Comment struct {
	By   string    `json:"by"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Message is a message in the built-in inbox.
type Message struct {
	ID       string            `json:"id"`
	To       string            `json:"to"`
	Kind     string            `json:"kind"`
	Subject  string            `json:"subject"`
	Text     string            `json:"text"`
	Links    map[string]string `json:"links"`
	Subjects []string          `json:"subjects"`
	Read     bool              `json:"read"`
	At       time.Time         `json:"at"`
}

// IntelImport is what an import of threat intelligence did.
type IntelImport struct {
	Kind    string    `json:"kind"`
	Digest  string    `json:"digest"`
	Taken   time.Time `json:"taken"`
	Entries int64     `json:"entries"`
	Changed int64     `json:"changed"`
}

// IntelStatus is how fresh one kind of intelligence is.
type IntelStatus struct {
	Kind    string    `json:"kind"`
	Digest  string    `json:"digest"`
	Taken   time.Time `json:"taken"`
	Entries int64     `json:"entries"`
	Fresh   bool      `json:"fresh"`
	Missing string    `json:"missing"`
}

// Token is a token as it is listed. Text is there only when it is made, this once.
type Token struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	Scopes   []string  `json:"scopes"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	LastUsed time.Time `json:"last_used"`
	Revoked  time.Time `json:"revoked"`
	Text     string    `json:"token"`
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Scopes  []string  `json:"scopes,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
}

// Upkeep is what was looked at and what changed by it.
type Upkeep struct {
	Looked  int64  `json:"looked"`
	Changed int64  `json:"changed"`
	Message string `json:"message"`
}

// Readiness says what of the daemon works.
type Readiness struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // name → ok, failed or stopping
	At     time.Time         `json:"-"`      // the daemon's clock, to the second; zero where it didn't tell
}
