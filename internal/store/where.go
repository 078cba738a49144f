package store

import (
	"time"

	"github.com/quellsec/quell/internal/store/engine"
)

// where gathers conditions.
type where []engine.Cond

func (w *where) add(field string, op engine.Op, values ...any) {
	*w = append(*w, engine.Cond{Field: field, Op: op, Values: values})
}

// equal adds a condition unless the text is empty.
func (w *where) equal(field, text string) {
	if text != "" {
		w.add(field, engine.In, asText(text))
	}
}

// before adds a condition unless the time is zero.
func (w *where) before(field string, t time.Time) {
	if !t.IsZero() {
		w.add(field, engine.Below, t.UnixMilli())
	}
}

// visible keeps to what a caller may see. Nil is all; none at all is nothing.
func (w *where) visible(field string, scopes []string) {
	if scopes != nil {
		values := make([]any, len(scopes))
		for i, s := range scopes {
			values[i] = asText(s)
		}
		w.add(field, engine.In, values...)
	}
}

// in adds a condition unless there are no values, which means any.
func in[T any](w *where, field string, values []T, value func(T) any) {
	if len(values) == 0 {
		return
	}
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = value(v)
	}
	w.add(field, engine.In, out...)
}

func asText(s string) any { return cut(valid(s)) }

// texts are IDs of any kind as the engine knows them.
func texts[T ~string](ids []T) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}
