package bitsight

import (
	"context"
	"encoding/json"

	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
)

const largestFinding = 4 << 20

// text is what Bitsight writes as a text.
type text = wire.Text

type finding struct {
	ID          text       `json:"rolledup_observation_id"`
	TemporaryID text       `json:"temporary_id"`
	EvidenceKey text       `json:"evidence_key"` // host:port
	Vector      text       `json:"risk_vector"`
	VectorLabel text       `json:"risk_vector_label"`
	Category    text       `json:"risk_category"`
	Severity    text       `json:"severity_category"`
	FirstSeen   wire.Time  `json:"first_seen"`
	LastSeen    wire.Time  `json:"last_seen"`
	Remediated  truth      `json:"remediated"`
	Tags        wire.Texts `json:"tags"`
	Assets      []struct {
		Asset      text `json:"asset"`
		Category   text `json:"category"`
		Identifier text `json:"identifier"`
	} `json:"assets"`
	Details details `json:"details"`
}

type details struct {
	Assessment      text                     `json:"assessment_name"`
	Grade           text                     `json:"grade"`
	Searchable      text                     `json:"searchable_details"`
	Location        text                     `json:"final_location"`
	Port            wire.Number              `json:"dest_port"`
	Sampled         wire.Time                `json:"sample_timestamp"`
	Remediations    wire.List[hint]          `json:"remediations"`
	Vulnerabilities wire.List[vulnerability] `json:"vulnerabilities"`
	Annotations     wire.List[annotation]    `json:"diligence_annotations"`
}

type hint struct {
	Message text `json:"message"`
	Help    text `json:"help_text"`
	Tip     text `json:"remediation_tip"`
}

type vulnerability struct {
	Name        text `json:"name"`
	Display     text `json:"display_name"`
	Description text `json:"description"`
	CVSS        struct {
		Base wire.Number `json:"base"`
	} `json:"cvss"`
}

type annotation struct {
	Message   text `json:"message"`
	Transport text `json:"transport"`
	Product   text `json:"Product"`
}

// truth is a flag, or a date that stands for yes.
type truth bool

// UnmarshalJSON implements json.Unmarshaler.
func (t *truth) UnmarshalJSON(b []byte) error {
	var s text
	_ = json.Unmarshal(b, &s) // a text takes everything
	*t = truth(s != "" && s != "false" && s != "0")
	return nil
}

// value reads a page.
func (d *decoding) value(ctx context.Context, e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("findings come in an object")
		return nil
	}
	known := false
	err := r.Fields(func(key string) error {
		switch {
		case key == "count":
			d.claimed, _ = r.Int()
		case key == "results" && r.Kind() == jsonpull.Array:
			known = true
			return r.Each(ctx, func() error {
				var f finding
				raw, ok := r.Into(largestFinding, &f)
				if !ok || f.Vector == "" {
					e.Skip("finding_without_vector")
					return nil
				}
				return d.finding(e, &f, raw)
			})
		}
		return nil
	})
	if err == nil && !known {
		r.Fail("there are no results in it")
	}
	return err
}
