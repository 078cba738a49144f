package vex

import (
	"slices"

	"github.com/quellsec/quell/connectors/wire"
)

// The objects of CycloneDX 1.2 to 1.7. Those of OpenVEX and CSAF are in their own files.

type component struct {
	Ref        wire.Text            `json:"bom-ref,omitempty"`
	Type       wire.Text            `json:"type,omitempty"`
	Group      wire.Text            `json:"group,omitempty"`
	Name       wire.Text            `json:"name,omitempty"`
	Version    wire.Text            `json:"version,omitempty"`
	PURL       wire.Text            `json:"purl,omitempty"`
	Properties wire.List[property]  `json:"properties,omitempty"`
	Components wire.List[component] `json:"components,omitempty"`
	Evidence   struct {
		Occurrences wire.List[struct {
			Location wire.Text `json:"location"`
		}] `json:"occurrences,omitempty"`
	} `json:"evidence"`
}

type property struct {
	Name  wire.Text `json:"name"`
	Value wire.Text `json:"value"`
}

type metadata struct {
	Timestamp wire.Time        `json:"timestamp"`
	Tools     tools            `json:"tools"`
	Authors   wire.List[party] `json:"authors"`
	Maker     party            `json:"manufacturer"`
	OldMaker  party            `json:"manufacture"` // until 1.5
	Supplier  party            `json:"supplier"`
	Component component        `json:"component"`
}

type party struct {
	Name wire.Text `json:"name"`
}

// tools are a list until version 1.4, and an object of components since.
type tools struct{ list []component }

// UnmarshalJSON implements json.Unmarshaler.
func (t *tools) UnmarshalJSON(b []byte) error {
	var since struct {
		Components wire.List[component] `json:"components"`
		Services   wire.List[component] `json:"services"`
	}
	var until wire.List[component]
	if len(b) > 0 && b[0] == '{' {
		wire.Unmarshal(b, &since)
		t.list = slices.Concat(since.Components, since.Services)
		return nil
	}
	wire.Unmarshal(b, &until)
	t.list = until
	return nil
}

type vulnerability struct {
	Ref            wire.Text            `json:"bom-ref,omitempty"`
	ID             wire.Text            `json:"id"`
	Source         source               `json:"source"`
	References     wire.List[reference] `json:"references,omitempty"`
	Ratings        wire.List[rating]    `json:"ratings,omitempty"`
	CWEs           wire.Texts           `json:"cwes,omitempty"`
	Description    wire.Text            `json:"description,omitempty"`
	Detail         wire.Text            `json:"detail,omitempty"`
	Recommendation wire.Text            `json:"recommendation,omitempty"`
	Workaround     wire.Text            `json:"workaround,omitempty"`
	Advisories     wire.List[advisory]  `json:"advisories,omitempty"`
	Updated        wire.Text            `json:"updated,omitempty"`
	Analysis       analysis             `json:"analysis"`
	Affects        wire.List[affect]    `json:"affects,omitempty"`
}

type source struct {
	Name wire.Text `json:"name,omitempty"`
	URL  wire.Text `json:"url,omitempty"`
}

// reference is another name of the same vulnerability.
type reference struct {
	ID     wire.Text `json:"id"`
	Source source    `json:"source"`
}

type rating struct {
	Source   source    `json:"source"`
	Score    wire.Text `json:"score,omitempty"`
	Severity wire.Text `json:"severity,omitempty"`
	Method   wire.Text `json:"method,omitempty"`
	Vector   wire.Text `json:"vector,omitempty"`
}

type advisory struct {
	Title wire.Text `json:"title,omitempty"`
	URL   wire.Text `json:"url,omitempty"`
}

type analysis struct {
	State         wire.Text  `json:"state,omitempty"`
	Justification wire.Text  `json:"justification,omitempty"`
	Response      wire.Texts `json:"response,omitempty"`
	Detail        wire.Text  `json:"detail,omitempty"`
	Issued        wire.Text  `json:"firstIssued,omitempty"`
	Updated       wire.Text  `json:"lastUpdated,omitempty"`
}

type affect struct {
	Ref      wire.Text          `json:"ref"`
	Versions wire.List[version] `json:"versions,omitempty"`
}

type version struct {
	Version wire.Text `json:"version,omitempty"`
	Range   wire.Text `json:"range,omitempty"`
	Status  wire.Text `json:"status,omitempty"`
}

// mapped are the fields of a vulnerability that have one of ours.
var mapped = []string{ //nolint:gochecknoglobals // a constant list
	"bom-ref", "id", "references", "ratings", "cwes", "description", "detail", "recommendation", "advisories", "affects", "analysis",
}
