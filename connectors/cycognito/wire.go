package cycognito

import (
	"context"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const largestIssue = 8 << 20

// text is what CyCognito writes as a text.
type text = wire.Text

type issue struct {
	ID            text        `json:"id"`       // of this issue on this asset: "issue/192.0.2.1-wld-…"
	IssueID       text        `json:"issue_id"` // of what was found
	Asset         text        `json:"affected_asset"`
	Port          wire.Number `json:"port"`
	Title         text        `json:"title"`
	Summary       text        `json:"summary"`
	Steps         wire.Texts  `json:"remediation_steps"`
	References    wire.Texts  `json:"references"`
	Severity      text        `json:"severity"`
	Score         wire.Number `json:"base_severity_score"`
	CVEs          wire.Texts  `json:"cve_ids"`
	CWEs          wire.Texts  `json:"cwe_ids"`
	FirstDetected wire.Time   `json:"first_detected"`
	LastDetected  wire.Time   `json:"last_detected"`
	ResolvedAt    wire.Time   `json:"resolved_at"`
	Status        text        `json:"issue_status"`
	Investigation text        `json:"investigation_status"`
	Snoozed       wire.Flag   `json:"is_snoozed"`
	SnoozedUntil  text        `json:"snooze_expiration"`
	Exploit       text        `json:"exploitation_availability"`
	TechOwners    wire.Texts  `json:"tech_owners"`
	BusinessUnits wire.Texts  `json:"business_units"`
	Teams         wire.Texts  `json:"teams"`
	Organizations wire.Texts  `json:"organizations"`
	Environments  wire.Texts  `json:"environments"`
	Compliance    wire.Texts  `json:"compliance_violations"`
	Types         wire.Texts  `json:"issue_types"`
	Tags          wire.Texts  `json:"tags"`
	Evidence      struct {
		Evidence text `json:"evidence"`
		Hostname text `json:"hostname"`
	} `json:"evidence"`
}

// value reads a list of issues, or one.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	switch r.Kind() {
	case jsonpull.Array:
		unknown := 0
		err := r.Each(ctx, func() error {
			known, err := d.issue(e, r)
			if !known {
				unknown++
				e.Skip("issue_without_id_or_asset")
			}
			return err
		})
		if err == nil && d.issues == 0 && unknown > 0 {
			r.Fail("none of what is listed is an issue")
		}
		return err
	case jsonpull.Object:
		known, err := d.issue(e, r)
		if !known {
			r.Fail("this is no issue of CyCognito")
		}
		return err
	default:
		r.Fail("issues are a list")
		return nil
	}
}
