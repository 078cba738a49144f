package store

import (
	"encoding/base64"
	"encoding/json"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// ordering is the order of a list.
type ordering struct {
	name   string // goes into the cursor, so that one list's is refused by another
	fields []string
	desc   bool
}

// mark is what a cursor holds: the sort's values of the last document shown and the
// engine's tie-breaker.
type mark struct {
	Sort string `json:"s"`
	At   []any  `json:"a"`
}

func (o ordering) cursor(at []any) string {
	b, err := json.Marshal(mark{Sort: o.name, At: at})
	if err != nil { // texts and integers only
		panic("writing a cursor: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// after reads a cursor. It comes from outside: whatever is not exactly a position in
// this order is refused.
func (o ordering) after(c *engine.Collection, cursor string) ([]any, error) {
	if cursor == "" {
		return nil, nil
	}
	bad := fault.New(fault.Invalid, "reading the cursor: it is not one of this list's; start again without a cursor")
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(cursor) > 4*maxID {
		return nil, bad
	}
	var m struct {
		Sort string            `json:"s"`
		At   []json.RawMessage `json:"a"`
	}
	if json.Unmarshal(b, &m) != nil || m.Sort != o.name || len(m.At) != len(o.fields)+1 {
		return nil, bad
	}
	at := make([]any, len(m.At))
	for i, raw := range m.At {
		kind := tie
		if i < len(o.fields) {
			kind = engine.Text
			if _, f, ok := c.Field(o.fields[i]); ok {
				kind = f.Kind
			}
		}
		v, ok := position(raw, kind)
		if !ok {
			return nil, bad
		}
		at[i] = v
	}
	return at, nil
}

// tie is the kind of the last value: a text or a number, by the engine.
const tie engine.Kind = -1

func position(raw json.RawMessage, kind engine.Kind) (any, bool) {
	var n int64
	if kind != engine.Text && json.Unmarshal(raw, &n) == nil && string(raw) != "null" {
		return n, true
	}
	var s string
	if kind != engine.Int && json.Unmarshal(raw, &s) == nil && string(raw) != "null" {
		return s, true
	}
	return nil, false
}
