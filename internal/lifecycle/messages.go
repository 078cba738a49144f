package lifecycle

import (
	"time"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/scope"
)

// Decision is one human decision on one exposure. Cause is the caller's idempotency key:
// the same cause twice is one decision.
type Decision struct {
	Kind      DecisionKind   `json:"kind"`
	Exposure  exposure.ID    `json:"exposure"`
	Actor     exposure.Actor `json:"actor"`
	Cause     string         `json:"cause"`
	Reason    string         `json:"reason,omitempty"`
	Team      string         `json:"team,omitempty"`
	Until     time.Time      `json:"until,omitzero"`
	EndsOn    []string       `json:"ends_on,omitempty"`    // kev, evidence, internet, fix, approver_gone, control:<name>
	IfVersion int64          `json:"if_version,omitempty"` // refuse if the exposure is at another version; zero = any
	For       string         `json:"for,omitempty"`        // what is waited for: vendor, change_window
	Reference string         `json:"reference,omitempty"`  // the vendor's case, the number of the change
	Via       string         `json:"via,omitempty"`        // api, chat, ticket
	Role      string         `json:"role,omitempty"`       // of the actor where he decides: operator, approver, admin; empty: as people are configured
}

// DecisionResult is what a decision did.
type DecisionResult struct {
	Exposure exposure.ID    `json:"exposure"`
	State    exposure.State `json:"state"`
	Version  int64          `json:"version"`
	Seq      int64          `json:"seq"` // of the event
	Repeated bool           `json:"repeated,omitempty"`
	Message  string         `json:"message"` // what happened, in a sentence
}

// ExposureInput starts or continues an Exposure workflow. It carries no facts: the store
// has them.
type ExposureInput struct {
	ID      exposure.ID `json:"id"`
	Version int64       `json:"version"`
}

// RemediationInput starts or continues a Remediation workflow.
type RemediationInput struct {
	ID string `json:"id"`
}

// CampaignInput starts or continues a Campaign workflow.
type CampaignInput struct {
	ID string `json:"id"`
}

// IngestInput starts or continues an Ingest workflow.
type IngestInput struct {
	Source string `json:"source"`
}

// SyncInput starts or continues a Sync workflow. Sync is empty at the start: the
// workflow's own run names it.
type SyncInput struct {
	Source string `json:"source"`
	Sync   string `json:"sync,omitempty"`
}

// SyncEnd ends a sync; Error is empty where it went well.
type SyncEnd struct {
	Source string `json:"source"`
	Sync   string `json:"sync"`
	Error  string `json:"error,omitempty"`
}

// ActivityProbe is the activity that a probe runs on its vantage's queue.
const ActivityProbe = "Probe"

// ProbeRequest asks a probe to verify one exposure.
type ProbeRequest struct {
	Exposure     exposure.ID           `json:"exposure"`
	Cause        string                `json:"cause"`
	Weakness     string                `json:"weakness"`
	CVEs         []string              `json:"cves,omitempty"`
	Location     string                `json:"location,omitempty"`
	Verification exposure.Verification `json:"verification"`
	Addresses    []string              `json:"addresses,omitempty"` // the asset's known IPs; a name must resolve to one of them or into Engagement.Networks
	Scopes       []string              `json:"scopes"`
	Engagement   scope.Engagement      `json:"engagement"` // the strictest of the scopes; re-checked by the probe itself
}

// ProbeResult is the probe's answer. Refused is set where the rules of engagement said
// no: then there is no verdict.
type ProbeResult struct {
	Verdict exposure.Verdict `json:"verdict"`
	Refused string           `json:"refused,omitempty"`
}

// RemediationStatus is where a remediation stands.
type RemediationStatus string

// The remediation statuses.
const (
	RemediationOpen RemediationStatus = "open"
	RemediationDone RemediationStatus = "done" // no member is live
)

// Remediation is one owner's one fix for many exposures: what one ticket is about. Who
// is in it is said by remediation_id on the exposures and nowhere else.
type Remediation struct {
	ID         string            `json:"id"`
	Version    int64             `json:"version"`
	Owner      string            `json:"owner"`
	Fix        string            `json:"fix"`
	Generation int               `json:"generation"` // counts up when the same fix is needed again after it was done
	Status     RemediationStatus `json:"status"`
	Tracker    string            `json:"tracker"`          // name of the configured tracker
	Ticket     string            `json:"ticket,omitempty"` // its key, once created
	TicketURL  string            `json:"ticket_url,omitempty"`
	Digest     string            `json:"digest,omitempty"` // of the issue as last written: equal digest, nothing to write
	Due        time.Time         `json:"due,omitzero"`
	Comments   []string          `json:"comments,omitempty"` // causes of comments already made, newest last
	ClosedSeen time.Time         `json:"closed_seen,omitzero"`
	Wake       bool              `json:"wake,omitempty"`
	WakeAt     time.Time         `json:"wake_at,omitzero"`
	CreatedAt  time.Time         `json:"created_at"`
	UpdatedAt  time.Time         `json:"updated_at"`

	Look     time.Time `json:"look,omitzero"`       // since when it is known that the ticket is to be read; zero: it isn't
	Heard    []string  `json:"heard,omitempty"`     // the vendor's IDs of the last changes that we were told of
	LookedAt time.Time `json:"looked_at,omitzero"`  // when we last began to read the ticket
	IssueAt  time.Time `json:"issue_at,omitzero"`   // the ticket's last change as we last saw it, by the tracker's clock
	SeenDone bool      `json:"seen_done,omitempty"` // it was done when we last read it
	Answered time.Time `json:"answered,omitzero"`   // when we last saw that somebody other than we had changed the ticket
	SilentAt time.Time `json:"silent_at,omitzero"`  // when its owner had left all reminders unanswered
	DoneAt   time.Time `json:"done_at,omitzero"`    // when the last member came to its end
	Former   []string  `json:"former,omitempty"`    // keys that the ticket had before it was moved

	Campaign string         `json:"campaign,omitempty"` // ID of the campaign that it is a part of
	Parent   string         `json:"parent,omitempty"`   // key of the ticket that this one is a part of: that campaign's
	Run      string         `json:"run,omitempty"`      // of a runbook: the one that is under way, or was the last
	Previous *EarlierTicket `json:"previous,omitempty"` // of the generation before
	Deleted  *DeletedTicket `json:"deleted,omitempty"`
	Trouble  *Trouble       `json:"trouble,omitempty"`
}

// EarlierTicket is the ticket under which the same was fixed before.
type EarlierTicket struct {
	Remediation string `json:"remediation"`
	Ticket      string `json:"ticket"`
	URL         string `json:"url,omitempty"`
}

// DeletedTicket is a ticket that a person deleted.
type DeletedTicket struct {
	Key   string    `json:"key"`
	At    time.Time `json:"at"`              // when we found out
	Times int       `json:"times"`           // how often one of this remediation was deleted
	Asked bool      `json:"asked,omitempty"` // somebody has to say whether there is to be another
}

// Trouble keeps a remediation from its ticket, until somebody does something about it.
type Trouble struct {
	What  string    `json:"what"`
	Since time.Time `json:"since"`
	Told  bool      `json:"told,omitempty"` // those above know
}

// Intent is one line of the journal of outside effects: written before the effect, done
// after it, so that a crash between the two is seen.
type Intent struct {
	ID          string    `json:"id"` // remediation|kind|cause
	Version     int64     `json:"version"`
	Remediation string    `json:"remediation"`
	Kind        string    `json:"kind"` // create, update, status, comment, attach, notify
	Cause       string    `json:"cause"`
	Done        bool      `json:"done"`
	Result      string    `json:"result,omitempty"` // the ticket's key
	Attempts    int       `json:"attempts,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	DoneAt      time.Time `json:"done_at,omitzero"`
}

// Ticket is an issue of the built-in tracker.
type Ticket struct {
	ID          string    `json:"id"` // the key, "QT-4f9k2c": made from the marker, so creation twice is once
	Version     int64     `json:"version"`
	Marker      string    `json:"marker"` // the remediation's ID
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Team        string    `json:"team,omitempty"`
	Due         time.Time `json:"due,omitzero"`
	Priority    string    `json:"priority,omitempty"`
	Parent      string    `json:"parent,omitempty"` // key of the ticket that it is a part of
	Status      string    `json:"status"`           // todo, in_progress, done
	ClosedBy    string    `json:"closed_by,omitempty"`
	ClosedAt    time.Time `json:"closed_at,omitzero"` // when it was last moved to done
	Comments    []Comment `json:"comments,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Comment is one comment on a built-in ticket.
type Comment struct {
	Cause string    `json:"cause,omitempty"`
	By    string    `json:"by"`
	Text  string    `json:"text"`
	At    time.Time `json:"at"`
}

// InboxMessage is a message in the built-in inbox.
type InboxMessage struct {
	ID       string            `json:"id"` // hash of the cause: once per cause
	Version  int64             `json:"version"`
	To       string            `json:"to"`
	Kind     string            `json:"kind"`
	Subject  string            `json:"subject"`
	Text     string            `json:"text"`
	Links    map[string]string `json:"links,omitempty"`
	Subjects []string          `json:"subjects,omitempty"`
	Read     bool              `json:"read"`
	At       time.Time         `json:"at"`
}
