package aikido

import (
	"context"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const largestIssue = 4 << 20

// text is what Aikido writes as a text.
type text = wire.Text

type issue struct {
	ID            text       `json:"id"`
	Type          text       `json:"type"`
	Status        text       `json:"status"`
	Severity      text       `json:"severity"`
	Rule          text       `json:"rule"`
	RuleID        text       `json:"rule_id"`
	Package       text       `json:"affected_package"`
	CVE           text       `json:"cve_id"`
	File          text       `json:"affected_file"`
	StartLine     text       `json:"start_line"`
	CodeRepoID    text       `json:"code_repo_id"`
	CodeRepo      text       `json:"code_repo_name"`
	ContainerID   text       `json:"container_repo_id"`
	Container     text       `json:"container_repo_name"`
	CloudID       text       `json:"cloud_id"`
	Cloud         text       `json:"cloud_name"`
	CloudResource text       `json:"cloud_resource_id"`
	DomainID      text       `json:"domain_id"`
	Domain        text       `json:"domain_name"`
	VMID          text       `json:"virtual_machine_id"`
	VM            text       `json:"virtual_machine_name"`
	FirstDetected wire.Time  `json:"first_detected_at"`
	IgnoredAt     wire.Time  `json:"ignored_at"`
	IgnoredBy     text       `json:"ignored_by"`
	ClosedAt      wire.Time  `json:"closed_at"`
	SnoozeUntil   wire.Time  `json:"snooze_until"`
	CWEs          wire.Texts `json:"cwe_classes"`
	Installed     text       `json:"installed_version"`
	Patched       wire.Texts `json:"patched_versions"`
	License       text       `json:"license_type"`
	Language      text       `json:"programming_language"`
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
				e.Skip("issue_without_id_or_type")
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
			r.Fail("this is no issue of Aikido")
		}
		return err
	default:
		r.Fail("issues are a list")
		return nil
	}
}
