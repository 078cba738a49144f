package jsonpull

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/quellsec/quell/connectors/wire"
)

// Each calls fn for each element of the next value if it is an array; fn consumes the
// element. It ends at the first error of fn or of the context, and gives that. What is
// wrong with the body is left in Err, and is no error of Each.
func (r *Reader) Each(ctx context.Context, fn func() error) error {
	for a := r.Array(); r.Elem(a); {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("decoding %s: %w", r.format, err)
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return nil
}

// Fields calls fn for each field of the next value if it is an object; fn consumes the
// field's value, or leaves it, and then it is passed over. It ends at fn's first error.
func (r *Reader) Fields(fn func(key string) error) error {
	for o := r.Object(); r.Field(o); {
		if err := fn(string(r.Key())); err != nil {
			return err
		}
	}
	return nil
}

// Into decodes the next value into v as encoding/json does, fields of a wrong type left
// as they are, and gives the value as it stands in the body, until the next call. It
// reports false for a value of more than limit bytes, for null, and for one of another
// shape than v; and, with Err set, for what is no JSON.
func (r *Reader) Into(limit int, v any) (raw []byte, ok bool) {
	if raw = r.Raw(limit); raw == nil {
		return nil, false
	}
	if !wire.Unmarshal(raw, v) {
		if !json.Valid(raw) {
			r.Fail("a value that is no JSON")
		}
		return raw, false
	}
	return raw, true
}
