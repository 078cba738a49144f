package lifecycle

import "time"

// ReconcileInput starts or continues a Reconcile workflow.
type ReconcileInput struct {
	Tracker string        `json:"tracker"`
	Every   time.Duration `json:"every,omitempty"` // between two looks, as the last one was told
}

// Reconciled is how far the comparison of a tracker with what it should hold has come, and
// what it has found.
type Reconciled struct {
	Tracker string    `json:"tracker"`
	Since   time.Time `json:"since,omitzero"`   // the tracker's time of the newest change that was compared
	Cursor  string    `json:"cursor,omitempty"` // of the page of changes that comes next, where the last look ended early
	Full    FullPass  `json:"full"`

	LookedAt time.Time `json:"looked_at,omitzero"`
	Problem  string    `json:"problem,omitempty"` // why the last look came to nothing
	Failing  time.Time `json:"failing,omitzero"`  // since when none has gone well

	Looks   int64 `json:"looks"`
	Changed int64 `json:"changed"` // issues that the tracker told of
	Woken   int64 `json:"woken"`   // remediations whose ticket had to be read
	Moved   int64 `json:"moved"`   // of them, because it has another key

	// The last ones that were found.
	Duplicates []Stray `json:"duplicates,omitempty"` // issues that carry the marker of another's ticket: copies
	Orphans    []Stray `json:"orphans,omitempty"`    // issues that carry a marker of no remediation
}

// FullPass is a comparison of all tickets, not only of those that were changed.
type FullPass struct {
	Began  time.Time `json:"began,omitzero"` // of the one under way; zero: none is
	Cursor string    `json:"cursor,omitempty"`
	Second bool      `json:"second,omitempty"` // the issues are compared, the remediations come next
	Ended  time.Time `json:"ended,omitzero"`   // of the last
	Issues int64     `json:"issues"`           // that it compared
	Read   int64     `json:"read"`             // tickets that were not among them, and were read
}

// Stray is an issue that shouldn't be.
type Stray struct {
	Key    string    `json:"key"`
	Marker string    `json:"marker"`
	At     time.Time `json:"at"`
}
