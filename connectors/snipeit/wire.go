package snipeit

import (
	"encoding/json"
	"time"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once.
const (
	largestRow  = 1 << 20
	mostWaiting = 10_000  // assets of a page that wait for their holder
	mostHolders = 100_000 // of a body
	deepest     = 16      // assets checked out to assets
)

// envelope is what a pulled page is wrapped in: with who has the assets elsewhere that
// some on it are checked out to, by their ID.
type envelope struct {
	Version int               `json:"quell_snipeit"`
	Holders map[string]holder `json:"holders,omitempty"`
	Page    json.RawMessage   `json:"page"`
}

// named is another object as Snipe-IT writes it inside one.
type named struct {
	ID   wire.Text `json:"id"`
	Name wire.Text `json:"name"`
}

// holder is whom or what an asset is checked out to.
type holder struct {
	ID       wire.Text `json:"id"`
	Name     wire.Text `json:"name"`
	Username wire.Text `json:"username"`
	Email    wire.Text `json:"email"`
	Type     wire.Text `json:"type"` // user, asset, location
}

// stamp is a time: {"datetime": "2023-09-06 09:19:54", …} without a zone.
type stamp struct {
	Text wire.Text `json:"datetime"`
}

func (s *stamp) in(zone *time.Location) time.Time {
	if s == nil {
		return time.Time{}
	}
	if t, err := time.ParseInLocation(time.DateTime, s.Text.String(), zone); err == nil {
		return t.UTC()
	}
	return wire.Moment(s.Text.String())
}

// row is an asset or a user.
type row struct {
	ID           wire.Text  `json:"id"`
	Name         wire.Text  `json:"name"`
	Tag          *wire.Text `json:"asset_tag"` // of assets alone
	Serial       wire.Text  `json:"serial"`
	Model        named      `json:"model"`
	ModelNumber  wire.Text  `json:"model_number"`
	Category     named      `json:"category"`
	Manufacturer named      `json:"manufacturer"`
	Company      named      `json:"company"`
	Location     named      `json:"location"`
	Status       struct {
		Name wire.Text `json:"name"`
		Type wire.Text `json:"status_type"`
		Meta wire.Text `json:"status_meta"`
	} `json:"status_label"`
	Assigned *holder         `json:"assigned_to"`
	Custom   customFields    `json:"custom_fields"`
	Updated  *stamp          `json:"updated_at"`
	Deleted  json.RawMessage `json:"deleted_at"`
	Notes    wire.Text       `json:"notes"`

	Username   *wire.Text `json:"username"` // of users alone
	Email      wire.Text  `json:"email"`
	Title      wire.Text  `json:"jobtitle"`
	Manager    named      `json:"manager"`
	Department named      `json:"department"`
	Activated  wire.Text  `json:"activated"`
	Employee   wire.Text  `json:"employee_num"`
}

func (r *row) deleted() bool {
	return len(r.Deleted) > 0 && string(r.Deleted) != "null" && string(r.Deleted) != `""`
}

// customFields are by their name; an asset without any has an empty list.
type customFields map[string]struct {
	Value  wire.Text `json:"value"`
	Format wire.Text `json:"field_format"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *customFields) UnmarshalJSON(b []byte) error {
	*c = nil
	if len(b) > 0 && b[0] == '{' {
		type plain customFields
		_ = wire.Unmarshal(b, (*plain)(c)) // what doesn't fit is absent
	}
	return nil
}
