// Package exposure is the domain: what is exposed, what sources and probes say about
// it, and the lifecycle that it walks. It is pure: no clock, no I/O; time is a parameter.
//
// All times are UTC in whole milliseconds, so that every store engine gives back what it
// was given and hashes over them hold.
package exposure

import (
	"crypto/sha256"
	"encoding/base32"
	"time"

	"github.com/quellsec/quell/internal/asset"
)

// ID names an exposure. It is a hash, so that re-ingest meets the same one.
type ID string

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID is the identity of an exposure: the asset at birth, the weakness, the location.
// Severity, version, line number, title and description are never part of it.
func NewID(birth asset.ID, weakness, location string) ID {
	h := sha256.New()
	for _, part := range [...]string{string(birth), weakness, location} {
		h.Write([]byte(part))
		h.Write([]byte{0}) // no part holds a NUL, so parts can't run into each other
	}
	var sum [sha256.Size]byte
	return ID(idEncoding.EncodeToString(h.Sum(sum[:0])[:16]))
}

// Mode says who may call the ledger on an exposure.
type Mode string

// The modes.
const (
	ModeStore    Mode = "store"    // ingest, sweeps and the API
	ModeWorkflow Mode = "workflow" // the Exposure workflow alone
)

// Exposure is one weakness on one asset at one location, correlated over all sources:
// the unit of the lifecycle. Version grows by one with every write of any field.
type Exposure struct {
	ID        ID     `json:"id"`
	Version   int64  `json:"version"`
	Head      string `json:"head"` // hash of LastEvent, the chain's newest link
	LastEvent Event  `json:"last_event"`
	Mode      Mode   `json:"mode"`
	State     State  `json:"state"`

	Asset    asset.ID `json:"asset"`
	Birth    asset.ID `json:"birth"` // the asset at birth; differs from Asset after a merge
	Weakness string   `json:"weakness"`
	Location string   `json:"location,omitempty"`
	Fix      string   `json:"fix"` // what mends it; exposures with one owner and one fix share a ticket

	Title     string    `json:"title"`
	Severity  Severity  `json:"severity"` // the worst that a source reports
	CVEs      []string  `json:"cves,omitempty"`
	Sources   []string  `json:"sources"` // sorted
	Findings  []Finding `json:"findings"`
	Sights    []Sight   `json:"sights"` // one per reporting source, sorted by source
	Presence  Presence  `json:"presence"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`

	// Stated is what authors of VEX say of its vulnerabilities in this product, newest first.
	Stated []Stated `json:"stated,omitempty"`

	AssetName    string       `json:"asset_name,omitempty"` // copied so that a list needs no join
	Verification Verification `json:"verification"`
	Verdict      *Verdict     `json:"verdict,omitempty"`
	Decision     Decision     `json:"decision"`
	Due          time.Time    `json:"due,omitzero"`
	Owner        Owner        `json:"owner"`
	Refused      []NotOurs    `json:"refused,omitempty"`    // by teams that said "not ours", the newest last
	Bounces      int          `json:"bounces,omitempty"`    // how often it went from a team to another, or back
	Learn        bool         `json:"learn,omitempty"`      // something happened to it that ownership hasn't learned from yet
	AnsweredAt   time.Time    `json:"answered_at,omitzero"` // when people last did something about it
	Silent       string       `json:"silent,omitempty"`     // the team that never answered the reminders of its ticket, until it does
	Answer       Answer       `json:"answer,omitempty"`     // what its ticket says of that, and isn't noted yet
	Scopes       []string     `json:"scopes,omitempty"`
	Claim        *Claim       `json:"claim,omitempty"`
	Exception    *Exception   `json:"exception,omitempty"`
	Request      *Request     `json:"request,omitempty"`   // of an exception, waiting for approval
	Waits        []Wait       `json:"waits,omitempty"`     // when the clock of the due date stood still, oldest first
	Campaigns    []Membership `json:"campaigns,omitempty"` // that it is part of, or was while they ran
	Untold       []string     `json:"untold,omitempty"`    // IDs of events that people have still to be told of
	Proof        *Proof       `json:"proof,omitempty"`
	SnoozeUntil  time.Time    `json:"snooze_until,omitzero"`
	Retest       bool         `json:"retest,omitempty"`       // a person asked for a test, and none has begun since
	ReminderLog  []string     `json:"reminder_log,omitempty"` // causes of reminders and escalations already sent

	RemediationID string `json:"remediation_id,omitempty"`
	Ticket        string `json:"ticket,omitempty"`

	Reopens    int           `json:"reopens,omitempty"`
	OpenedAt   time.Time     `json:"opened_at,omitzero"` // start of the current exposure window
	ClosedAt   time.Time     `json:"closed_at,omitzero"`
	Window     time.Duration `json:"window,omitempty"` // closed windows together, in nanoseconds
	MergedInto ID            `json:"merged_into,omitempty"`

	Queued   time.Time `json:"queued,omitzero"`   // in the admission queue since
	Yield    string    `json:"yield,omitempty"`   // why it is to give its place in its team's work back; cleared when it has
	Wake     bool      `json:"wake,omitempty"`    // a fact changed that the workflow hasn't read yet
	WakeAt   time.Time `json:"wake_at,omitzero"`  // since when
	TimerAt  time.Time `json:"timer_at,omitzero"` // next due time of a store-mode exposure (exception's end, snooze)
	UpdateAt time.Time `json:"updated_at"`
}

// Sight is what one source last said about the weakness.
type Sight struct {
	Source    string         `json:"source"`
	Presence  PresenceStatus `json:"presence"`
	LastSeen  time.Time      `json:"last_seen,omitzero"`  // check time of the last run that saw it
	CheckedAt time.Time      `json:"checked_at,omitzero"` // check time of the last run that looked
	Run       string         `json:"run,omitempty"`       // that run
	Explicit  bool           `json:"explicit,omitempty"`  // verified absent because the source said "fixed"

	ApprovedBy string `json:"approved_by,omitempty"` // verified absent by a run that the breaker held, and who approved it
}

// PresenceStatus is what is known about a weakness still being there.
type PresenceStatus string

// The presence statuses. Only VerifiedAbsent can help to close.
const (
	Observed       PresenceStatus = "observed"
	VerifiedAbsent PresenceStatus = "verified_absent"
	NotObserved    PresenceStatus = "not_observed" // looked, incompletely, and not seen
	NotCovered     PresenceStatus = "not_covered"
	Unreachable    PresenceStatus = "unreachable"
)

// Presence is the exposure's presence over all its sources.
type Presence struct {
	Status PresenceStatus `json:"status"`
	At     time.Time      `json:"at"` // check time
}

// Decision is the outcome of prioritization with its reasons.
type Decision struct {
	Outcome DecisionOutcome   `json:"outcome,omitempty"` // empty: not decided (no intelligence yet)
	Why     []string          `json:"why,omitempty"`     // one line per reason
	Inputs  map[string]string `json:"inputs,omitempty"`  // exploitation, automatable, technical_impact, mission_impact, kev, publicly_exposed; "unknown" is a value
	Missing string            `json:"missing,omitempty"` // the unknown input that could change the outcome most
	BOD     string            `json:"bod,omitempty"`     // BOD 26-04 timeline: 3d_forensics, 3d, 14d, 60d, upgrade
	Policy  string            `json:"policy,omitempty"`  // hash
	Intel   string            `json:"intel,omitempty"`   // hash of the intelligence snapshot
	Digest  string            `json:"digest,omitempty"`  // hash over all inputs: equal digest = equal decision
	Admit   bool              `json:"admit,omitempty"`   // whether policy wants it in a workflow
	Held    string            `json:"held,omitempty"`    // why it isn't admitted although it could be ("no KEV snapshot")
	At      time.Time         `json:"at,omitzero"`
}

// DecisionOutcome is a CISA SSVC Coordinator outcome.
type DecisionOutcome string

// The decision outcomes, in rising urgency.
const (
	Track     DecisionOutcome = "track"
	TrackStar DecisionOutcome = "track_star"
	Attend    DecisionOutcome = "attend"
	Act       DecisionOutcome = "act"
)

// Rank orders outcomes: undecided 0, track 1, track_star 2, attend 3, act 4.
func (o DecisionOutcome) Rank() int {
	switch o {
	case Track:
		return 1
	case TrackStar:
		return 2
	case Attend:
		return 3
	case Act:
		return 4
	}
	return 0
}

// Owner is the team accountable, with how it was found. An empty Team means unowned.
type Owner struct {
	Team       string    `json:"team,omitempty"`
	How        string    `json:"how,omitempty"`        // "route payments > tag team=payments", "assigned by ann"
	Confidence float64   `json:"confidence,omitempty"` // 0..1
	Manual     bool      `json:"manual,omitempty"`     // a person decided: rules don't override
	Since      time.Time `json:"since,omitzero"`       // also the start of the unowned clock
	// Likely are the teams that may own what is unowned, the likeliest first.
	Likely []Guess `json:"likely,omitempty"`
}

// Guess is a team that may own something.
type Guess struct {
	Team       string  `json:"team"`
	Confidence float64 `json:"confidence"`    // 0..1
	Why        string  `json:"why,omitempty"` // what speaks for it
}

// NotOurs is a team's word that something isn't theirs.
type NotOurs struct {
	Team   string    `json:"team"`
	By     string    `json:"by"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// RefusedBy reports whether a team has said that the exposure isn't theirs.
func (e *Exposure) RefusedBy(team string) bool {
	for i := range e.Refused {
		if e.Refused[i].Team == team {
			return true
		}
	}
	return false
}

// Claim is somebody's word that the weakness is fixed. It is never proof.
type Claim struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
	Via  string    `json:"via,omitempty"` // ticket, api, chat
}

// Exception is an accepted, mitigated or dismissed exposure: who, why, until when, and
// what ends it early.
type Exception struct {
	Kind    State     `json:"kind"` // accepted, mitigated or false_positive
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until,omitzero"`
	EndsOn  []string  `json:"ends_on,omitempty"` // triggers: "kev", "evidence", "internet", "fix", "approver_gone", "control:<name>"
	Digest  string    `json:"digest,omitempty"`  // hash of the evidence it was decided on
	KEVThen bool      `json:"kev_then,omitempty"`
	FixThen bool      `json:"fix_then,omitempty"` // a fixed version was known already

	Quorum    int        `json:"quorum,omitempty"`    // how many approvals it took; zero: none
	Asked     time.Time  `json:"asked,omitzero"`      // when it was asked for
	Approvals []Approval `json:"approvals,omitempty"` // who said yes, and when
}

// Proof is why an exposure may close: a refuting verdict with evidence, or for every
// reporting source a complete covering run or an explicit "fixed".
type Proof struct {
	Kind     ProofKind     `json:"kind"`
	At       time.Time     `json:"at"` // the check's time, never the arrival's
	Verdict  *Verdict      `json:"verdict,omitempty"`
	Absences []SourceProof `json:"absences,omitempty"` // one per reporting source, sorted
}

// ProofKind is the sort of a proof.
type ProofKind string

// The proof kinds.
const (
	ProofVerdict ProofKind = "verdict"
	ProofAbsence ProofKind = "absence"
)

// SourceProof is one source's part of a proof of absence.
type SourceProof struct {
	Source    string    `json:"source"`
	Run       string    `json:"run"`
	Explicit  bool      `json:"explicit,omitempty"` // the source said "fixed"; else its complete run covered it
	CheckedAt time.Time `json:"checked_at"`
	LastSeen  time.Time `json:"last_seen"` // that source's last sight: CheckedAt must be later

	ApprovedBy string `json:"approved_by,omitempty"` // who approved the run, where the breaker held it
}
