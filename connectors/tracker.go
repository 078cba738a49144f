package connectors

import (
	"context"
	"net/http"
	"time"
)

// Issue is a ticket as it should be, or as it is.
type Issue struct {
	Key         string            `json:"key"`    // the tracker's name for it; empty before creation
	Marker      string            `json:"marker"` // deterministic: the remediation's ID
	Title       string            `json:"title"`
	Description string            `json:"description"` // markdown; where people may edit the rest, what stands in our own marked block
	Team        string            `json:"team,omitempty"`
	Assignee    string            `json:"assignee,omitempty"` // a person, as the tracker calls one; empty: nobody in particular
	Due         time.Time         `json:"due,omitzero"`
	Priority    string            `json:"priority,omitempty"` // act, attend, track_star, track
	Status      IssueStatus       `json:"status"`
	ClosedBy    string            `json:"closed_by,omitempty"` // who moved it to done; empty or "quell" = we
	ClosedAt    time.Time         `json:"closed_at,omitzero"`  // when it was last moved to done; zero where the tracker doesn't say
	URL         string            `json:"url,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Parent      string            `json:"parent,omitempty"` // key of the issue that this one is a part of: a campaign's
	// Campaign marks an issue that others are parts of: an epic, where the tracker has such.
	Campaign bool `json:"campaign,omitempty"`
	// Facts are what templates of custom fields may use: owner, severity, decision, fix,
	// scopes, cves, sources, assets (counts and comma-separated lists).
	Facts     map[string]string `json:"facts,omitempty"`
	UpdatedAt time.Time         `json:"updated_at,omitzero"`
	// Overridden names what a person has changed since we last wrote it: title, priority, due,
	// assignee. Update leaves it as it is.
	Overridden []string `json:"overridden,omitempty"`
}

// IssueStatus is a tracker's status by category.
type IssueStatus string

// The issue statuses.
const (
	IssueTodo       IssueStatus = "todo"
	IssueInProgress IssueStatus = "in_progress"
	IssueDone       IssueStatus = "done"
)

// Tracker keeps tickets. Every call is safe to repeat with the same marker or cause.
//
// Errors have the kinds of internal/fault. NotFound means that the issue is surely gone;
// where the tracker answers alike for what is gone and what may not be seen (Jira's 404),
// the connector tells them apart, and what may not be seen any more is Denied.
type Tracker interface { //nolint:interfacebloat // a tracker that can do less than this keeps no tickets
	Instance
	// FindByMarker gives the issue with the marker, wherever it was moved, or an error of
	// kind NotFound. Of several (people clone issues) it is the one that we made. A tracker
	// whose search lags says for how long in Lag.
	FindByMarker(ctx context.Context, marker string) (Issue, error)
	Create(ctx context.Context, issue Issue) (Issue, error)
	// Get reads an issue. One that was moved is found under its old key, and has its new one.
	Get(ctx context.Context, key string) (Issue, error)
	// Update writes title, description, due date, priority and assignee, all but what a
	// person has overridden, and the status unless it is empty: then it stays as it is,
	// whoever moves it meanwhile. It writes nothing where nothing differs.
	Update(ctx context.Context, issue Issue, cause string) (Issue, error)
	// Comment adds a comment once per cause.
	Comment(ctx context.Context, key, text, cause string) error
}

// Lagging is a tracker whose FindByMarker sees a creation only after a while.
type Lagging interface{ Lag() time.Duration }

// Nesting is a tracker in which an issue can be a part of another one, see Issue.Parent.
type Nesting interface {
	Tracker
	// Nests reports whether it can, as it is configured.
	Nests() bool
}

// Attacher is a tracker to whose issues files can be attached.
type Attacher interface {
	Tracker
	// Attach adds a file to an issue once: the name holds the hash of its content.
	Attach(ctx context.Context, key string, file Attachment) error
}

// Attachment is a file for an issue.
type Attachment struct {
	Name string // evidence-<sha256>.txt
	Type string // media type
	Body []byte
}

// Checker is a tracker or notifier that can look at its own set-up at the vendor: the
// projects, fields, permissions, transitions, channels that its configuration needs.
type Checker interface {
	Instance
	// Check gives every problem that it finds, each saying what to do; none: it is ready.
	Check(ctx context.Context) []error
}

// Changing is a tracker that can say which of our issues were changed, by anybody.
type Changing interface {
	Tracker
	// Changed gives a page of the issues with a marker of ours that were changed at or after a
	// time, deleted ones as far as the tracker tells. The cursor of the first page is empty;
	// so is Next on the last.
	Changed(ctx context.Context, since time.Time, cursor string) (ChangedPage, error)
}

// ChangedPage is a page of issues that were changed.
type ChangedPage struct {
	Issues []Issue
	Next   string
}

// TicketHook is a tracker that calls /hooks/trackers/{name} when an issue changes. Whether a
// call tells of our own write is not its business: what it names is read again.
type TicketHook interface {
	Tracker
	WebhookVerifier
	// Ticket reads which issue a verified call is about; ok is false for what is none of ours.
	Ticket(header http.Header, body []byte) (change TicketChange, ok bool)
}

// TicketChange is what a tracker's webhook tells.
type TicketChange struct {
	Key    string // of the issue, as it is called now
	Marker string // empty where the call doesn't tell
	Cause  string // the vendor's ID of the change: a repeated call has the same one
	What   string // in a word or two: moved to Done, commented, deleted
}

// Governor shares a vendor's limits among all workers of all processes.
type Governor interface {
	// Take takes so many points of a budget. It waits for at most a few seconds; where its
	// turn comes later, the error is Throttled with RetryAfter, so that a durable timer waits
	// in its place. Urgent callers (see Urgent) go first.
	Take(ctx context.Context, budget string, points float64) error
	// Hold keeps everybody from a budget until a time: the vendor has said so.
	Hold(ctx context.Context, budget string, until time.Time) error
	// Limit says what a budget holds: points a second, and as many at once. It may be called
	// again with other figures, which count from then on.
	Limit(budget string, rate, burst float64)
}

type urgencyKey struct{}

// WithUrgency marks what is done under ctx as urgent, or as able to wait.
func WithUrgency(ctx context.Context, urgent bool) context.Context {
	return context.WithValue(ctx, urgencyKey{}, urgent)
}

// Urgent reports whether what is done under ctx goes first.
func Urgent(ctx context.Context) bool {
	urgent, _ := ctx.Value(urgencyKey{}).(bool)
	return urgent
}
