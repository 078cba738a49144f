package exposure

import (
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// Filter chooses exposures. An empty field matches any; the values of one field are
// alternatives, the fields must all match.
type Filter struct {
	States      []State
	Decisions   []DecisionOutcome
	Severities  []Severity
	Owners      []string // the empty string means unowned
	Scopes      []string
	Sources     []string
	Assets      []asset.ID
	CVE         string
	Weakness    string
	Remediation string
	Campaign    string
	KEV         bool   // only those known to be exploited
	Text        string // part of the title, any case
	Mode        Mode
	DueBefore   time.Time
	DueAfter    time.Time
	TimerBefore time.Time // store-mode timers due before
	WakeBefore  time.Time // wakes older than
	Updated     time.Time // changed at or after
	Queued      bool      // only those in the admission queue
	Requested   bool      // only those with a request for an exception that waits
	Untold      bool      // only those with events that people have still to be told of
	Learn       bool      // only those that ownership has yet to learn from
	Visible     []string  // the scopes that the caller may see; nil = all

	// Search and Vendor are answered by looking at exposures, see Searches: pages may be
	// short, and nothing can be counted by them.
	Search string   // part of any text, the vendors' own fields included, any case
	Vendor []string // KEY=VALUE or KEY in the vendors' own fields; all must be there
}

// Sort is an order of exposures.
type Sort string

// The sorts; ties are broken by ID.
const (
	SortDue       Sort = "due"
	SortDueDesc   Sort = "-due"
	SortSeverity  Sort = "severity" // worst first
	SortDecision  Sort = "decision" // most urgent first, then due
	SortFirstSeen Sort = "first_seen"
	SortNewest    Sort = "-first_seen"
	SortUpdated   Sort = "updated"
	SortID        Sort = "id"
)

// List asks for one page.
type List struct {
	Sort   Sort
	Limit  int    // at most 1000; zero means 50
	Cursor string // opaque, from the page before
}

// Page is one page of anything.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"` // cursor of the next page; empty at the end
}
