package apiclient

import "time"

// TrackerStatus is how things stand with one tracker.
type TrackerStatus struct {
	Name       string      `json:"name"`
	Connector  string      `json:"connector"`
	Roles      []string    `json:"roles"`
	Webhook    string      `json:"webhook"`
	Open       int64       `json:"open"`
	Troubled   int64       `json:"troubled"`
	Problems   []string    `json:"problems"`
	CheckedAt  time.Time   `json:"checked_at"`
	Reconciled *Reconciled `json:"reconciled"`
}

// Reconciled is what asking a tracker what was changed has come to.
type Reconciled struct {
	LookedAt   time.Time `json:"looked_at"`
	Problem    string    `json:"problem"`
	Failing    time.Time `json:"failing"`
	Looks      int64     `json:"looks"`
	Changed    int64     `json:"changed"`
	Woken      int64     `json:"woken"`
	Moved      int64     `json:"moved"`
	Duplicates []Stray   `json:"duplicates"`
	Orphans    []Stray   `json:"orphans"`
	Full       struct {
		Ended time.Time `json:"ended"`
	} `json:"full"`
}

// Stray is an issue that shouldn't be.
type Stray struct {
	Key    string `json:"key"`
	Marker string `json:"marker"`
}

// Remediation is one team's one fix, with one ticket.
type Remediation struct {
	ID        string    `json:"id"`
	Owner     string    `json:"owner"`
	Fix       string    `json:"fix"`
	Status    string    `json:"status"`
	Tracker   string    `json:"tracker"`
	Ticket    string    `json:"ticket"`
	TicketURL string    `json:"ticket_url"`
	Due       time.Time `json:"due"`
	LookedAt  time.Time `json:"looked_at"`
	Trouble   *struct {
		What  string    `json:"what"`
		Since time.Time `json:"since"`
	} `json:"trouble"`
}

// RemediationDetail is a remediation with what was done for it.
type RemediationDetail struct {
	Remediation Remediation      `json:"remediation"`
	States      map[string]int64 `json:"states"`
	Runs        []RunbookRun     `json:"runs"`
	Journal     []struct {
		Kind      string    `json:"kind"`
		Cause     string    `json:"cause"`
		Done      bool      `json:"done"`
		Attempts  int       `json:"attempts"`
		CreatedAt time.Time `json:"created_at"`
		DoneAt    time.Time `json:"done_at"`
	} `json:"journal"`
}
