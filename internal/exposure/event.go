package exposure

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// Event is one line of an exposure's history: what changed, who or what did it, why, on
// which evidence. Events form a chain: Prev is the hash of the one before.
type Event struct {
	Exposure  ID                `json:"exposure"`
	Seq       int64             `json:"seq"` // 1, 2, 3, …
	Kind      EventKind         `json:"kind"`
	From      State             `json:"from,omitempty"`
	To        State             `json:"to"`
	At        time.Time         `json:"at"`                  // when it was written
	CheckedAt time.Time         `json:"checked_at,omitzero"` // when the check behind it ran
	Actor     Actor             `json:"actor"`
	Cause     string            `json:"cause"` // idempotency key: one cause, one event
	Reason    string            `json:"reason,omitempty"`
	Evidence  []string          `json:"evidence,omitempty"`
	Proof     *Proof            `json:"proof,omitempty"`
	Verdict   *Verdict          `json:"verdict,omitempty"`
	Exception *Exception        `json:"exception,omitempty"`
	Request   *Request          `json:"request,omitempty"`
	Wait      *Wait             `json:"wait,omitempty"`
	Owner     *Owner            `json:"owner,omitempty"`
	Decision  *Decision         `json:"decision,omitempty"`
	Until     time.Time         `json:"until,omitzero"` // snooze
	Data      map[string]string `json:"data,omitempty"` // small facts; see the Data constants
	Prev      string            `json:"prev,omitempty"` // hash of the event before; empty for the first
	Hash      string            `json:"hash"`
}

// EventID is the _id of an event in the store: "exposure:seq", the sequence padded so
// that ids sort as the chain runs.
func EventID(id ID, seq int64) string {
	s := strconv.FormatInt(seq, 10)
	const width = 8
	for len(s) < width {
		s = "0" + s
	}
	return string(id) + ":" + s
}

// Digest is the event's hash: SHA-256 in hex over its JSON without Hash.
func (e Event) Digest() string {
	e.Hash = ""
	b, err := json.Marshal(e)
	if err != nil { // every field marshals; only a broken type could get here
		panic("hashing an event: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// EventKind is what happened.
type EventKind string

// The events that move the lifecycle (DESIGN: the lifecycle table).
const (
	EventDiscovered   EventKind = "discovered"
	EventAdmit        EventKind = "admit"
	EventDemote       EventKind = "demote"
	EventConfirmed    EventKind = "confirmed"
	EventInconclusive EventKind = "inconclusive"
	EventRefuted      EventKind = "refuted"
	EventAbsent       EventKind = "absent"
	EventClaim        EventKind = "claim"
	EventVerify       EventKind = "verify"
	EventObserved     EventKind = "observed"
	EventAccept       EventKind = "accept"
	EventMitigate     EventKind = "mitigate"
	EventDismiss      EventKind = "dismiss"
	EventLapse        EventKind = "lapse"
	EventReopen       EventKind = "reopen"
	EventScopeOut     EventKind = "scope_out"
	EventScopeIn      EventKind = "scope_in"
	EventMerge        EventKind = "merge"
	EventUnmerge      EventKind = "unmerge"
)

// The events that change attributes only.
const (
	EventDecided      EventKind = "decided"
	EventAssigned     EventKind = "assigned" // owner set, by rule or person
	EventSnoozed      EventKind = "snoozed"
	EventTicketed     EventKind = "ticketed" // joined or left a remediation
	EventReminded     EventKind = "reminded"
	EventEscalated    EventKind = "escalated"
	EventProbeRefused EventKind = "probe_refused" // rules of engagement said no
	EventRetest       EventKind = "retest_requested"
	EventNoted        EventKind = "noted"

	EventRequested EventKind = "requested" // an exception, which waits for approval
	EventApproved  EventKind = "approved"  // one approval of several; the last one is the exception itself
	EventDeclined  EventKind = "declined"
	EventWithdrawn EventKind = "withdrawn"
	EventExpired   EventKind = "expired" // the request, unanswered or overtaken
	EventWaiting   EventKind = "waiting" // the clock of the due date stands still
	EventResumed   EventKind = "resumed" // it runs again
)

// Actor is who or what did it.
type Actor struct {
	Kind ActorKind `json:"kind"`
	Name string    `json:"name"` // token or user, source, workflow, probe vantage
}

// ActorKind is the sort of an actor.
type ActorKind string

// The actor kinds. Only a person's event is refused where the state doesn't allow it;
// a machine's fact then changes attributes alone.
const (
	Person  ActorKind = "person"
	Source  ActorKind = "source"
	System  ActorKind = "system"
	Prober  ActorKind = "probe"
	Tracker ActorKind = "tracker"
)
