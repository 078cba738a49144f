package store

import (
	"context"
	"strings"
	"unicode/utf8"

	json "github.com/goccy/go-json"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// of gives documents of one collection their type. values are what a document is found
// by, in the order of the collection's fields.
type of[T any] struct {
	*engine.Collection
	e      engine.Engine
	id     func(*T) string
	at     func(*T) int64 // version
	values func(*T) []any
}

// encode makes documents of values. JSON gives back what it was given but for bytes that
// are not UTF-8, which it replaces; those inside raw JSON are replaced here.
func (c of[T]) encode(xs []T) ([]engine.Doc, error) {
	docs := make([]engine.Doc, len(xs))
	for i := range xs {
		body, err := json.MarshalNoEscape(&xs[i])
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "writing "+c.Name)
		}
		if !utf8.Valid(body) {
			body = []byte(strings.ToValidUTF8(string(body), "\uFFFD"))
		}
		id := c.id(&xs[i])
		if id == "" || len(id) > maxID {
			return nil, fault.New(fault.Invalid, "writing %s: an ID of %d bytes; it must have 1 to %d", c.Name, len(id), maxID)
		}
		docs[i] = engine.Doc{ID: valid(id), Version: c.at(&xs[i]), Values: c.values(&xs[i]), Body: body}
		for j, v := range docs[i].Values {
			docs[i].Values[j] = validValue(v)
		}
	}
	return docs, nil
}

// maxID is the longest ID, in bytes, that every engine's index takes.
const maxID = 900

// maxValue is the most bytes of an indexed text; what is longer is found by its beginning.
const maxValue = 900

func valid(s string) string {
	if !utf8.ValidString(s) {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

func cut(s string) string {
	if len(s) > maxValue {
		s = s[:maxValue]
		for !utf8.ValidString(s[len(s)-min(4, len(s)):]) && len(s) > maxValue-4 {
			s = s[:len(s)-1]
		}
	}
	return s
}

func validValue(v any) any {
	switch v := v.(type) {
	case string:
		return cut(valid(v))
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = cut(valid(s))
		}
		return out
	}
	return v
}

func (c of[T]) decode(body []byte) (T, error) {
	var x T
	err := json.Unmarshal(body, &x)
	return x, fault.Wrap(fault.Internal, err, "reading "+c.Name)
}

func (c of[T]) insert(ctx context.Context, xs ...T) ([]bool, error) {
	if len(xs) == 0 {
		return nil, nil
	}
	docs, err := c.encode(xs)
	if err != nil {
		return nil, err
	}
	return c.e.Insert(ctx, c.Collection, docs)
}

func (c of[T]) swap(ctx context.Context, xs ...T) ([]bool, error) {
	if len(xs) == 0 {
		return nil, nil
	}
	docs, err := c.encode(xs)
	if err != nil {
		return nil, err
	}
	return c.e.Swap(ctx, c.Collection, docs)
}

func (c of[T]) put(ctx context.Context, xs ...T) error {
	if len(xs) == 0 {
		return nil
	}
	docs, err := c.encode(xs)
	if err != nil {
		return err
	}
	return c.e.Put(ctx, c.Collection, docs)
}

// get gives those that exist.
func (c of[T]) get(ctx context.Context, ids []string) ([]T, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	docs, err := c.e.Get(ctx, c.Collection, ids)
	if err != nil {
		return nil, err
	}
	xs := make([]T, len(docs))
	for i, d := range docs {
		if xs[i], err = c.decode(d.Body); err != nil {
			return nil, err
		}
	}
	return xs, nil
}

// one gives one, or fault.NotFound.
func (c of[T]) one(ctx context.Context, id string) (T, error) {
	var none T
	xs, err := c.get(ctx, []string{id})
	switch {
	case err != nil:
		return none, err
	case len(xs) == 0:
		return none, fault.New(fault.NotFound, "reading %s: there is no %q", c.Name, id)
	}
	return xs[0], nil
}

func (c of[T]) each(ctx context.Context, where []engine.Cond, fn func(T) error) error {
	return c.e.Each(ctx, c.Collection, where, func(d engine.Doc) error {
		x, err := c.decode(d.Body)
		if err != nil {
			return err
		}
		return fn(x)
	})
}

// all gives all that meet the conditions; for collections that are small.
func (c of[T]) all(ctx context.Context, where ...engine.Cond) ([]T, error) {
	var xs []T
	err := c.each(ctx, where, func(x T) error { xs = append(xs, x); return nil })
	return xs, err
}

// page gives one page in the order of fields; a leading "-" turns all of it round.
func (c of[T]) page(ctx context.Context, where []engine.Cond, order ordering, l exposure.List) (exposure.Page[T], error) {
	var page exposure.Page[T]
	limit := l.Limit
	switch {
	case limit == 0:
		limit = defaultLimit
	case limit < 0 || limit > maxLimit:
		return page, fault.New(fault.Invalid, "listing %s: the limit must be 1 to %d", c.Name, maxLimit)
	}
	after, err := order.after(c.Collection, l.Cursor)
	if err != nil {
		return page, err
	}
	// One more than asked for tells whether there is a next page.
	found, err := c.e.Find(ctx, c.Collection, engine.Query{Where: where, Sort: order.fields, Desc: order.desc, After: after, Limit: limit + 1})
	if err != nil {
		return page, err
	}
	if len(found) > limit {
		found = found[:limit]
		page.Next = order.cursor(found[limit-1].At)
	}
	page.Items = make([]T, len(found))
	for i := range found {
		if page.Items[i], err = c.decode(found[i].Body); err != nil {
			return page, err
		}
	}
	return page, nil
}

// search gives one page of what is found by looking at documents, in the order of fields.
// It looks at so many at a time and then gives what it has, with the place to go on from:
// a page may be short, or empty, and not be the last.
func (c of[T]) search(ctx context.Context, where []engine.Cond, order ordering, l exposure.List, keep func(*T) bool) (exposure.Page[T], error) {
	page := exposure.Page[T]{Items: []T{}}
	limit := l.Limit
	switch {
	case limit == 0:
		limit = defaultLimit
	case limit < 0 || limit > maxLimit:
		return page, fault.New(fault.Invalid, "searching %s: the limit must be 1 to %d", c.Name, maxLimit)
	}
	after, err := order.after(c.Collection, l.Cursor)
	if err != nil {
		return page, err
	}
	for looked := 0; looked < mostLooked; looked += lookedAtOnce {
		found, err := c.e.Find(ctx, c.Collection, engine.Query{Where: where, Sort: order.fields, Desc: order.desc, After: after, Limit: lookedAtOnce})
		if err != nil {
			return page, err
		}
		for i := range found {
			x, err := c.decode(found[i].Body)
			if err != nil {
				return page, err
			}
			after = found[i].At
			if !keep(&x) {
				continue
			}
			if page.Items = append(page.Items, x); len(page.Items) == limit {
				page.Next = order.cursor(after)
				return page, nil
			}
		}
		if len(found) < lookedAtOnce {
			return page, nil
		}
	}
	page.Next = order.cursor(after)
	return page, nil
}

const (
	lookedAtOnce = 500
	mostLooked   = 20 * lookedAtOnce // for one page
)

const (
	defaultLimit = 50
	maxLimit     = 1000
)
