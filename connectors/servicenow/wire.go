package servicenow

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors/wire"
)

// Limits of what is held at once.
const (
	largestRecord = 1 << 20
	shortText     = 1 << 10
	deepest       = 32 // classes above a class
)

// envelope is what a pulled page is wrapped in, since a page of the Table API doesn't say
// of which table it is.
type envelope struct {
	Version int             `json:"quell_servicenow"`
	Table   string          `json:"table"`
	Lineage []string        `json:"lineage,omitempty"` // the table and the classes above it, nearest first
	Page    json.RawMessage `json:"page"`
}

// record is one row of a table, by column. Dot-walked columns ("owned_by.email") have
// their dotted name.
type record map[string]field

// get is a column's value as people read it: the display value where there is one.
func (r record) get(column string) string {
	f := r[column]
	return f.text()
}

// value is a column's value as the database holds it: a sys_id, a number, "true".
func (r record) value(column string) string {
	f := r[column]
	if f.Value == "" {
		return f.Display
	}
	return f.Value
}

func (r record) has(columns ...string) bool {
	for _, c := range columns {
		if _, ok := r[c]; !ok {
			return false
		}
	}
	return true
}

// field is a value in one of the three notations of sysparm_display_value: a text;
// {link, value} or {display_value, link} for a reference; {display_value, value} for all.
type field struct{ Value, Display string }

// UnmarshalJSON implements json.Unmarshaler.
func (f *field) UnmarshalJSON(b []byte) error {
	*f = field{}
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		var text wire.Text
		_ = text.UnmarshalJSON(b) // it never fails
		f.Value = text.String()
		return nil
	}
	var ref struct {
		Value   wire.Text `json:"value"`
		Display wire.Text `json:"display_value"`
		Link    wire.Text `json:"link"`
	}
	if !wire.Unmarshal(b, &ref) {
		return nil
	}
	f.Value, f.Display = ref.Value.String(), ref.Display.String()
	if f.Value == "" && ref.Link != "" { // sysparm_display_value=true gives the sys_id in the link alone
		link := ref.Link.String()
		f.Value = link[strings.LastIndexByte(link, '/')+1:]
	}
	return nil
}

func (f *field) text() string {
	if f.Display != "" {
		return f.Display
	}
	return f.Value
}
