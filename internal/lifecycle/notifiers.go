package lifecycle

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// DeliverWorkflow is the registered name of the workflow that delivers what a notifier has
// to tell.
const DeliverWorkflow = "Deliver"

// DeliverWorkflowID names the workflow that delivers for a notifier.
func DeliverWorkflowID(notifier string) string { return "deliver/" + notifier }

// DeliverInput starts or continues a Deliver workflow.
type DeliverInput struct {
	Notifier string `json:"notifier"`
}

// Delivered is what one look of a Deliver workflow came to.
type Delivered struct {
	Sent int       `json:"sent,omitempty"`
	More bool      `json:"more,omitempty"` // something is still to be done now
	Next time.Time `json:"next,omitzero"`  // when something is to be done next; zero: nothing waits
}

// WakeNotifier tells the Deliver workflow of a notifier that something is to be told,
// starting it if need be.
func (c *Client) WakeNotifier(ctx context.Context, notifier string) error {
	_, err := c.temporal.SignalWithStartWorkflow(ctx, DeliverWorkflowID(notifier), SignalWake, Wake{Reason: "message"},
		client.StartWorkflowOptions{
			ID: DeliverWorkflowID(notifier), TaskQueue: TaskQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary: "Tells people by " + notifier,
		}, DeliverWorkflow, DeliverInput{Notifier: notifier})
	return kinded(err, "waking the delivery of "+notifier)
}

// NotifierStatus is how a notifier is doing.
type NotifierStatus struct {
	Name      string          `json:"name"`
	Connector string          `json:"connector"`
	Sending   int64           `json:"sending"` // to be sent at once, or being sent
	Waiting   int64           `json:"waiting"` // for the budget or for the end of quiet hours
	Next      time.Time       `json:"next,omitzero"`
	Addresses []AddressStatus `json:"addresses,omitempty"`
}

// AddressStatus is how an address of a notifier is doing.
type AddressStatus struct {
	Address   string    `json:"address"`
	To        string    `json:"to"` // whom it is the address of
	Waiting   int64     `json:"waiting"`
	Hour      int       `json:"hour"` // what used its budget in the last hour
	Day       int       `json:"day"`
	Next      time.Time `json:"next,omitzero"` // when it is looked at again
	Bad       string    `json:"bad,omitempty"` // why the address is no good
	BadAt     time.Time `json:"bad_at,omitzero"`
	Problem   string    `json:"problem,omitempty"` // of the last attempt
	Hold      time.Time `json:"hold,omitzero"`     // nothing is sent before
	Delivered time.Time `json:"delivered,omitzero"`
}

// NotifierCheck is what a look at a notifier's set-up found.
type NotifierCheck struct {
	Name     string   `json:"name"`
	Problems []string `json:"problems"` // each says what to do; none: it is ready
}

// Told is a message of the outbox: what was told to whom, or is to be.
type Told struct {
	ID       string           `json:"id"`
	Notifier string           `json:"notifier"`
	Address  string           `json:"address"`
	To       string           `json:"to"`
	Kind     string           `json:"kind"`
	Subject  string           `json:"subject"`
	Urgent   bool             `json:"urgent,omitempty"`
	Cause    string           `json:"cause"`
	Subjects []string         `json:"subjects,omitempty"`
	State    string           `json:"state"` // pending, sending, sent, folded, failed
	At       time.Time        `json:"at"`
	SentAt   time.Time        `json:"sent_at,omitzero"`
	Attempts int              `json:"attempts,omitempty"`
	Ref      string           `json:"ref,omitempty"`    // where it is, in the vendor's terms
	Digest   string           `json:"digest,omitempty"` // that told of it
	Why      string           `json:"why,omitempty"`    // what went wrong last
	Counts   map[string]int64 `json:"counts,omitempty"` // of a digest, by kind
}
