package lifecycle

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
	"time"
)

var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// RemediationKey is what the remediations of one owner's one fix have in common.
func RemediationKey(owner, fix string) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + fix))
	return keyEncoding.EncodeToString(sum[:10])
}

// RemediationID names one generation of an owner's fix. It is made from what it is
// about, so that all who would begin it at once begin the same one.
func RemediationID(owner, fix string, generation int) string {
	return RemediationKey(owner, fix) + "-" + strconv.Itoa(generation)
}

// IsRemediationOf reports whether a remediation is some generation of an owner's fix.
func IsRemediationOf(id, owner, fix string) bool {
	key, _, ok := strings.Cut(id, "-")
	return ok && key == RemediationKey(owner, fix)
}

// IntentID names one outside effect of a remediation.
func IntentID(remediation, kind, cause string) string { return remediation + "|" + kind + "|" + cause }

// The kinds of intents.
const (
	IntentCreate  = "create"  // make the ticket
	IntentUpdate  = "update"  // write on the ticket
	IntentStatus  = "status"  // the same, and move it
	IntentAttach  = "attach"  // attach evidence to it
	IntentComment = "comment" // say on the ticket what happened
	IntentNotify  = "notify"  // tell the owner
)

// campaignMark begins the marker of a campaign's ticket, which no remediation's ID does.
const campaignMark = "campaign-"

// CampaignMarker is what a campaign's ticket carries, and what its journal is kept under:
// made from its ID and its beginning, so that two stores that share a tracker have two.
func CampaignMarker(id string, created time.Time) string {
	sum := sha256.Sum256([]byte(id + "\x00" + created.UTC().Format(time.RFC3339Nano)))
	return campaignMark + keyEncoding.EncodeToString(sum[:10])
}

// IsCampaignMarker reports whether a marker is of a campaign's ticket.
func IsCampaignMarker(marker string) bool { return strings.HasPrefix(marker, campaignMark) }

// TicketChange is what a tracker's webhook tells: that something happened to an issue, and
// not what it is like now.
type TicketChange struct {
	Tracker string
	Key     string // of the issue, as it is called now
	Marker  string // the remediation; empty where the call doesn't tell
	Cause   string // the vendor's ID of the change: a repeated call has the same one
	What    string // in a word or two
}

// RemediationFilter chooses remediations. An empty field matches any.
type RemediationFilter struct {
	Status     RemediationStatus
	Owner      string
	DueBefore  time.Time
	WakeBefore time.Time // wakes older than
	Ticket     string    // the ticket's key
	Campaign   string    // the campaign's ID
}
