package runbook

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/quellsec/quell/internal/exposure"
)

// State is where a run stands.
type State string

// The states of a run.
const (
	Requested State = "requested" // it waits for approval
	Approved  State = "approved"  // it is to be called, or being called
	Sent      State = "sent"      // the runbook has taken it, and hasn't said more
	Started   State = "started"   // the runbook says that it works on it
	Claimed   State = "claimed"   // the runbook says that it is done: that is being tested

	Proven    State = "proven"    // nothing of what it claimed is there any more, with proof
	Refuted   State = "refuted"   // some of what it claimed was found again
	Failed    State = "failed"    // the runbook refused it, or says that it failed
	TimedOut  State = "timed_out" // nothing was heard in time
	Declined  State = "declined"
	Withdrawn State = "withdrawn"
	Expired   State = "expired" // nobody decided on it in time
	Void      State = "void"    // what it was asked for is no longer so
)

// States are all of them.
func States() []State {
	return []State{Requested, Approved, Sent, Started, Claimed, Proven, Refuted, Failed, TimedOut, Declined, Withdrawn, Expired, Void}
}

// UnderWay reports whether a run keeps others off its remediation.
func (s State) UnderWay() bool { return s == Requested || s.Running() }

// Running reports whether the runbook may be at work on it.
func (s State) Running() bool { return s == Approved || s == Sent || s == Started }

// Over reports whether nothing follows any more but a late answer.
func (s State) Over() bool { return !s.UnderWay() && s != Claimed }

// Target is one exposure that a run is about, as it was when the run was asked for.
type Target struct {
	ID  exposure.ID `json:"id"`
	Key string      `json:"key"` // of its state: what the sources reported, and how often it came back
}

// KeyOf is what an exposure is known by, to tell whether a runbook was offered for it as it
// is: its evidence, and how often it came back.
func KeyOf(e *exposure.Exposure) string {
	return exposure.EvidenceDigest(*e) + "/" + strconv.Itoa(e.Reopens)
}

// Line is one thing that happened to a run.
type Line struct {
	At    time.Time `json:"at"`
	State State     `json:"state"` // that it came to
	By    string    `json:"by"`
	Text  string    `json:"text"`
}

// Run is one call of a runbook for a remediation, from the request to the proof.
type Run struct {
	ID          string              `json:"id"` // of the message that is sent, too: a repeated call has the same one
	Version     int64               `json:"version"`
	Remediation string              `json:"remediation"`
	Runbook     string              `json:"runbook"`
	Team        string              `json:"team"`
	Scopes      []string            `json:"scopes,omitempty"` // that all its exposures are in
	State       State               `json:"state"`
	By          string              `json:"by"`
	Proposed    bool                `json:"proposed,omitempty"` // quell asked by itself
	Reason      string              `json:"reason"`
	At          time.Time           `json:"at"`
	Expires     time.Time           `json:"expires"` // of the request: nothing is approved by waiting
	Quorum      int                 `json:"quorum"`
	Who         []string            `json:"approvers,omitempty"` // who may approve, in words
	Approvals   []exposure.Approval `json:"approvals,omitempty"`
	Targets     []Target            `json:"targets"`
	More        int                 `json:"more,omitempty"`     // exposures that it isn't about, as there are too many
	Entered     bool                `json:"entered,omitempty"`  // it is the one run of its remediation
	Reminded    int                 `json:"reminded,omitempty"` // how often approvers were

	Body       json.RawMessage `json:"body,omitempty"` // what is sent, from the first attempt until it is over
	Attempts   int             `json:"attempts,omitempty"`
	SentAt     time.Time       `json:"sent_at,omitzero"`     // first attempt
	Deadline   time.Time       `json:"deadline,omitzero"`    // by which it must have said that it is done
	AnsweredAt time.Time       `json:"answered_at,omitzero"` // when the runbook took it
	Problem    string          `json:"problem,omitempty"`    // of the last attempt
	Detail     string          `json:"detail,omitempty"`     // the runbook's last words
	Heard      []string        `json:"heard,omitempty"`      // IDs of its last calls
	ClaimedAt  time.Time       `json:"claimed_at,omitzero"`
	Written    bool            `json:"written,omitempty"` // the claim stands on the exposures

	Log    []Line    `json:"log"`
	Told   int       `json:"told"`          // how many lines of it people were told of
	Next   time.Time `json:"next,omitzero"` // when something is to be done; zero: nothing any more
	EndsAt time.Time `json:"ended_at,omitzero"`
}

var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding) //nolint:gochecknoglobals // a constant

// RunID names a run: the same cause again is the same run.
func RunID(remediation, runbook, cause string) string {
	sum := sha256.Sum256([]byte(remediation + "\x00" + runbook + "\x00" + cause))
	return "run_" + keyEncoding.EncodeToString(sum[:16])
}

// Wish is a run as somebody asks for it.
type Wish struct {
	Cause       string
	Remediation string
	Team        string
	By          string
	Reason      string
	Proposed    bool
	Targets     []exposure.Exposure
}

// MaxTargets is how many exposures one run is about at most.
const MaxTargets = 200

// Ask makes a run of a wish. Where the runbook takes no approval it is approved at once.
func (b *Runbook) Ask(w Wish, now time.Time) Run {
	r := Run{ID: RunID(w.Remediation, b.Name, w.Cause), Version: 1, Remediation: w.Remediation, Runbook: b.Name, Team: w.Team, State: Requested,
		By: b.rules.Person(w.By), Proposed: w.Proposed, Reason: w.Reason, At: now, Expires: now.Add(b.Expires), Quorum: b.Quorum, Next: now}
	if len(w.Targets) > MaxTargets {
		r.More = len(w.Targets) - MaxTargets
		w.Targets = w.Targets[:MaxTargets]
	}
	for i := range w.Targets {
		e := &w.Targets[i]
		r.Targets = append(r.Targets, Target{ID: e.ID, Key: KeyOf(e)})
		if i == 0 {
			r.Scopes = slices.Clone(e.Scopes)
		}
		r.Scopes = slices.DeleteFunc(r.Scopes, func(s string) bool { return !slices.Contains(e.Scopes, s) })
	}
	r.Who = b.InWords(&r)
	r.note(Requested, r.By, w.Reason, now)
	if b.Quorum == 0 {
		r.note(Approved, "the configuration", "it takes no approval", now)
	}
	return r
}

// About reports whether a run is about an exposure.
func (r *Run) About(id exposure.ID) bool {
	return slices.ContainsFunc(r.Targets, func(t Target) bool { return t.ID == id })
}

// Covers reports whether a run was asked for an exposure as it is.
func (r *Run) Covers(e *exposure.Exposure) bool {
	return slices.Contains(r.Targets, Target{ID: e.ID, Key: KeyOf(e)})
}

// ApprovedBy reports whether somebody has approved it.
func (r *Run) ApprovedBy(name string) bool {
	return slices.ContainsFunc(r.Approvals, func(a exposure.Approval) bool { return exposure.SamePerson(a.By, name) })
}

// Decided gives what ended the time in which a run waited for approval: what somebody
// decided, its expiry, or that it became pointless. False: it waits.
func (r *Run) Decided() (Line, bool) {
	i := slices.IndexFunc(r.Log, func(l Line) bool { return l.State != Requested })
	if i < 0 {
		return Line{}, false
	}
	return r.Log[i], true
}

// subject is the run as those see it who may approve: whose scope only some of its
// exposures are in has no say over the others.
func (r *Run) subject() *exposure.Exposure {
	return &exposure.Exposure{Owner: exposure.Owner{Team: r.Team}, Scopes: r.Scopes}
}

// note moves the run on, and writes down why.
func (r *Run) note(to State, by, text string, now time.Time) {
	r.State, r.Next = to, now
	r.Log = append(slices.Clone(r.Log), Line{At: now, State: to, By: by, Text: plain(text)})
	if to.Over() {
		r.EndsAt = now
	}
}
