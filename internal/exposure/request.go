package exposure

import (
	"slices"
	"strings"
	"time"
)

// Request is an exception that somebody asked for and that waits for others' approval.
// Who may approve, and how many it takes, is policy's; that nobody approves twice or his
// own request is held to here.
type Request struct {
	Kind      State      `json:"kind"` // accepted, mitigated or false_positive
	By        string     `json:"by"`
	Reason    string     `json:"reason"`
	At        time.Time  `json:"at"`
	Until     time.Time  `json:"until"` // of the exception
	EndsOn    []string   `json:"ends_on,omitempty"`
	Digest    string     `json:"digest"` // of the evidence that it was asked on
	KEVThen   bool       `json:"kev_then,omitempty"`
	FixThen   bool       `json:"fix_then,omitempty"`
	Quorum    int        `json:"quorum"`              // how many approvals it takes
	Approvers []string   `json:"approvers,omitempty"` // who may give one, in words, as policy said when it was asked
	Own       bool       `json:"own,omitempty"`       // policy lets the requester's own approval count
	Expires   time.Time  `json:"expires"`             // of the request itself: nothing is approved by waiting
	Approvals []Approval `json:"approvals,omitempty"`
	Seq       int64      `json:"seq"` // of the event that made it
}

// Approval is one person's yes to an exception.
type Approval struct {
	By  string    `json:"by"`
	At  time.Time `json:"at"`
	Via string    `json:"via,omitempty"` // api, chat, ticket
}

// Exception is the exception that the request becomes when the approvals suffice.
func (r *Request) Exception(approvals []Approval) *Exception {
	return &Exception{Kind: r.Kind, By: r.By, Reason: r.Reason, Until: r.Until, EndsOn: r.EndsOn, Digest: r.Digest,
		KEVThen: r.KEVThen, FixThen: r.FixThen, Quorum: r.Quorum, Asked: r.At, Approvals: approvals}
}

// Grants is the kind of the event that makes an exception of a kind.
func Grants(kind State) (EventKind, bool) {
	switch kind {
	case Accepted:
		return EventAccept, true
	case Mitigated:
		return EventMitigate, true
	case FalsePositive:
		return EventDismiss, true
	case Tracked, Validating, Open, FixClaimed, Verifying, Closed, OutOfScope, Merged:
	}
	return "", false
}

// Outdated says why a request must be asked again: what it was asked on has changed.
// Empty: it hasn't.
func (r *Request) Outdated(e *Exposure) string {
	switch {
	case r.Digest != EvidenceDigest(*e):
		return "what the sources report has changed since it was asked for"
	case !r.KEVThen && e.Decision.Inputs["kev"] == "yes":
		return "the weakness has become known to be exploited since it was asked for"
	case !r.FixThen && FixKnown(e) && slices.Contains(r.EndsOn, EndsOnFix):
		return "a fix has been released since it was asked for"
	}
	return ""
}

// FixKnown reports whether a source knows a version in which it is fixed.
func FixKnown(e *Exposure) bool {
	return slices.ContainsFunc(e.Findings, func(f Finding) bool { return f.Package != nil && strings.TrimSpace(f.Package.FixedIn) != "" })
}

// SamePerson reports whether two names are one person's: case and space around them make
// nobody two.
func SamePerson(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// unfitRequest says what an event that asks for an exception lacks.
func unfitRequest(ev *Event) string {
	r := ev.Request
	switch {
	case r == nil:
		return "a requested event carries a request"
	case !r.Kind.Excepted():
		return "an exception is accepted, mitigated or false_positive"
	case strings.TrimSpace(r.By) == "":
		return "it doesn't say who asks"
	case r.Until.IsZero():
		return "an end is required: nothing is excepted for ever"
	case r.Quorum < 1:
		return "a request waits for one approval at least"
	case !r.Expires.After(ev.At) && !ev.At.IsZero():
		return "the request itself needs an end in the future"
	}
	asked := *ev
	asked.Exception = r.Exception(nil)
	return endless(&asked)
}

// asked says why an event about a request doesn't apply to the exposure.
func asked(e *Exposure, ev *Event) string {
	r := e.Request
	switch {
	case ev.Kind == EventRequested && !e.State.Live():
		return "it is " + describe(e)
	case ev.Kind == EventRequested && r != nil:
		return r.By + " has asked for an exception already, which waits for approval: approve, decline or withdraw that one first"
	case ev.Kind == EventRequested:
		return ""
	case r == nil:
		return "no request for an exception waits"
	case ev.Kind == EventWithdrawn && ev.Actor.Kind == Person && !SamePerson(r.By, ev.Actor.Name):
		return "only " + r.By + ", who asked, can withdraw it: decline it instead"
	case ev.Kind != EventApproved:
		return ""
	}
	return r.refuses(e, ev)
}

// refuses says why an approval doesn't count.
func (r *Request) refuses(e *Exposure, ev *Event) string {
	switch {
	case ev.Actor.Kind != Person:
		return "only people approve"
	case SamePerson(r.By, ev.Actor.Name) && !r.Own:
		return "whoever asks for an exception can't approve it"
	case r.ApprovedBy(ev.Actor.Name):
		return ev.Actor.Name + " has approved it already: it takes others"
	case !ev.At.Before(r.Expires):
		return "the request expired on " + r.Expires.Format(time.DateOnly) + ": ask again"
	}
	if why := r.Outdated(e); why != "" {
		return why + ": ask again"
	}
	return ""
}

// ApprovedBy reports whether a person is among those who approved.
func (r *Request) ApprovedBy(name string) bool {
	return slices.ContainsFunc(r.Approvals, func(a Approval) bool { return SamePerson(a.By, name) })
}

// request folds an event about a request that applies.
func request(e *Exposure, ev *Event) {
	switch ev.Kind {
	case EventRequested:
		r := *ev.Request
		r.At, r.Seq = ev.At, ev.Seq
		e.Request = &r
	case EventApproved:
		r := *e.Request
		r.Approvals = append(slices.Clone(r.Approvals), Approval{By: ev.Actor.Name, At: ev.At, Via: ev.Data[DataVia]})
		e.Request = &r
	case EventDeclined, EventWithdrawn, EventExpired:
		e.Request = nil
	default:
	}
}

// untold keeps which events about exceptions people have still to be told of, so that
// whoever dies before telling leaves word of it.
func untold(e *Exposure, ev *Event, moved bool) {
	switch ev.Kind {
	case EventAccept, EventMitigate, EventDismiss, EventLapse:
		if !moved {
			return
		}
	case EventRequested, EventDeclined, EventWithdrawn, EventExpired, EventWaiting, EventResumed:
	case EventReminded:
		if told := ev.Data[DataTold]; told != "" {
			e.Untold = slices.DeleteFunc(slices.Clone(e.Untold), func(id string) bool { return id == told })
		}
		if len(e.Untold) == 0 {
			e.Untold = nil
		}
		return
	default:
		return
	}
	const most = 16 // a history of so many that nobody could be told of: the newest matter
	e.Untold = append(slices.Clone(e.Untold), EventID(ev.Exposure, ev.Seq))
	e.Untold = e.Untold[max(0, len(e.Untold)-most):]
}
