package jsonpull

import (
	"bytes"
	"compress/flate"
	"fmt"
)

// Hold keeps values for later, for formats in which what they need comes behind them: a
// report's findings before the name of what was scanned. They are held compressed, since
// findings repeat each other, and only as many as fit.
type Hold struct {
	limit int
	n     int
	buf   bytes.Buffer
	w     *flate.Writer
}

// NewHold makes a hold of at most limit bytes after compression.
func NewHold(limit int) *Hold { return &Hold{limit: limit} }

// Len is how many values are held.
func (h *Hold) Len() int { return h.n }

// Add takes a value as Raw gave it. It reports false where there is no room for it.
func (h *Hold) Add(raw []byte) bool {
	if h.buf.Len() > h.limit {
		return false
	}
	if h.w == nil {
		h.w, _ = flate.NewWriter(&h.buf, flate.BestSpeed) // fails for an unknown level alone
	}
	_, _ = h.w.Write(raw) // a buffer takes everything
	_, _ = h.w.Write([]byte{'\n'})
	h.n++
	return true
}

// Each reads the held values in order: fn consumes the next one from r. It ends at the
// first error of fn; what is wrong with a value fails the reader that it came from.
func (h *Hold) Each(from *Reader, fn func(r *Reader) error) error {
	if h.n == 0 {
		return nil
	}
	_ = h.w.Close() // to a buffer
	r := NewReader(flate.NewReader(bytes.NewReader(h.buf.Bytes())), from.format)
	for r.More() {
		if err := fn(r); err != nil {
			return err
		}
	}
	if r.err != nil {
		from.Fail("%w", fmt.Errorf("a value further up: %w", r.err))
	}
	return nil
}
