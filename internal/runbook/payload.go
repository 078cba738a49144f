package runbook

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// MessageType is the type of the message that a runbook gets.
const MessageType = "quell.runbook.run"

// Call is the body of the message that a runbook gets.
type Call struct {
	Type      string    `json:"type"` // quell.runbook.run
	Timestamp time.Time `json:"timestamp"`
	Data      Order     `json:"data"`
}

// Order is what a runbook is to do. It holds no secret.
type Order struct {
	Run         string        `json:"run"`
	Runbook     string        `json:"runbook"`
	Remediation OrderFor      `json:"remediation"`
	Reason      string        `json:"reason"`
	RequestedBy string        `json:"requested_by"`
	ApprovedBy  []string      `json:"approved_by,omitempty"`
	Callback    string        `json:"callback,omitempty"` // where to say started, done or failed, signed as this is
	Deadline    time.Time     `json:"deadline"`           // by which it must have been said that it is done
	Exposures   []OrderedItem `json:"exposures"`
	More        int           `json:"more,omitempty"` // others of the remediation, which this run isn't about
}

// OrderFor is the remediation that a run is for.
type OrderFor struct {
	ID        string `json:"id"`
	Owner     string `json:"owner"`
	Fix       string `json:"fix"`
	Ticket    string `json:"ticket,omitempty"`
	TicketURL string `json:"ticket_url,omitempty"`
}

// OrderedItem is one exposure to be mended.
type OrderedItem struct {
	ID       exposure.ID `json:"id"`
	Weakness string      `json:"weakness"`
	Title    string      `json:"title"`
	Location string      `json:"location,omitempty"`
	Severity string      `json:"severity"`
	Decision string      `json:"decision,omitempty"`
	Due      time.Time   `json:"due,omitzero"`
	CVEs     []string    `json:"cves,omitempty"`
	Fix      string      `json:"fix,omitempty"`      // as the source puts it
	FixedIn  string      `json:"fixed_in,omitempty"` // version
	Package  string      `json:"package,omitempty"`  // purl
	Asset    OrderedOn   `json:"asset"`
	Digest   string      `json:"digest"`             // of what the sources report
	Evidence []string    `json:"evidence,omitempty"` // SHA-256 of what the last verdict rests on
}

// OrderedOn is the asset of an exposure.
type OrderedOn struct {
	ID          asset.ID           `json:"id"`
	Kind        string             `json:"kind"`
	Name        string             `json:"name"`
	OS          string             `json:"os,omitempty"`
	Zone        string             `json:"zone,omitempty"`
	Identifiers []asset.Identifier `json:"identifiers"`
}

const (
	mostIdentifiers = 50  // of one asset
	mostListed      = 100 // CVEs, hashes
	longestFix      = 4 << 10
)

// ItemOf is an exposure on its asset, as a runbook gets it.
func ItemOf(e *exposure.Exposure, a *asset.Asset) OrderedItem {
	item := OrderedItem{ID: e.ID, Weakness: e.Weakness, Title: plain(e.Title), Location: e.Location, Severity: string(e.Severity), Decision: string(e.Decision.Outcome),
		Due: e.Due, CVEs: e.CVEs[:min(len(e.CVEs), mostListed)], FixedIn: fixedIn(e), Digest: exposure.EvidenceDigest(*e),
		Asset: OrderedOn{ID: e.Asset, Kind: string(a.Kind), Name: orText(a.Name, e.AssetName), OS: a.OS, Zone: a.Zone, Identifiers: []asset.Identifier{}}}
	for i := range a.Identifiers[:min(len(a.Identifiers), mostIdentifiers)] {
		item.Asset.Identifiers = append(item.Asset.Identifiers, a.Identifiers[i].Identifier)
	}
	for i := range e.Findings {
		f := &e.Findings[i]
		if item.Fix == "" {
			item.Fix = strings.ToValidUTF8(f.Remediation[:min(len(f.Remediation), longestFix)], "")
		}
		if f.Package != nil && item.Package == "" {
			item.Package = f.Package.PURL
		}
	}
	if v := e.Verdict; v != nil {
		item.Evidence = v.Evidence[:min(len(v.Evidence), mostListed)]
	}
	return item
}

// Freeze writes down what is sent. From here on every attempt sends the same.
func (r *Run) Freeze(rem OrderFor, items []OrderedItem, callback string, timeout time.Duration, now time.Time) error {
	deadline := now.Add(timeout)
	order := Order{Run: r.ID, Runbook: r.Runbook, Remediation: rem, Reason: r.Reason, RequestedBy: r.By, Callback: callback, Deadline: deadline, Exposures: items, More: r.More}
	for _, a := range r.Approvals {
		order.ApprovedBy = append(order.ApprovedBy, a.By)
	}
	body, err := json.Marshal(Call{Type: MessageType, Timestamp: now, Data: order})
	if err != nil {
		return fmt.Errorf("writing what run %s is to do: %w", r.ID, err)
	}
	r.Body, r.Deadline = body, deadline
	return nil
}

// backoff is how long the runbook is left alone after so many attempts.
func backoff(attempts int) time.Duration {
	const first, longest = 5 * time.Second, 10 * time.Minute
	return min(first<<min(attempts-1, 10), longest)
}

// Lease is how long an attempt is taken to be under way: longer than it can be.
const Lease = time.Minute

// Try notes that an attempt begins. It is written down before the call is made.
func (r *Run) Try(now time.Time) {
	if r.SentAt.IsZero() {
		r.SentAt = now
	}
	r.Attempts++
	r.Next = now.Add(Lease)
}

// Retry notes that an attempt came to nothing, and when there is to be another.
func (r *Run) Retry(why string, after time.Duration, now time.Time) {
	r.Problem = plain(why)
	r.Next = now.Add(max(after, backoff(r.Attempts)))
}
