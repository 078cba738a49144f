package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// Get implements engine.Engine.
func (e *Engine) Get(ctx context.Context, c *engine.Collection, ids []string) ([]engine.Doc, error) {
	t := e.table(c)
	docs := make([]engine.Doc, 0, len(ids))
	for part := range slices.Chunk(ids, 4*chunk) {
		args := make([]any, len(part))
		for i, id := range part {
			args[i] = id
		}
		err := e.query(ctx, fmt.Sprintf(`SELECT id, version, body FROM "%[1]s" JOIN "%[1]s_body" USING (n) WHERE id IN (%[2]s)`, t.Name, places(len(part))), args,
			func(v []driver.Value) error {
				body, err := e.codec.unpack(blob(v[2]))
				docs = append(docs, engine.Doc{ID: text(v[0]), Version: integer(v[1]), Body: body})
				return err
			})
		if err != nil {
			return nil, fault.Wrap(kindOf(err), err, "reading "+c.Name)
		}
	}
	return docs, nil
}

// Find implements engine.Engine.
func (e *Engine) Find(ctx context.Context, c *engine.Collection, q engine.Query) ([]engine.Found, error) {
	t := e.table(c)
	if q.After != nil && len(q.After) != len(q.Sort)+1 {
		return nil, fault.New(fault.Invalid, "reading the cursor: it belongs to another list")
	}
	p := t.plan(q)
	var lines []line
	for _, query := range p.queries {
		part, err := e.lines(ctx, q, query)
		if err != nil {
			return nil, fault.Wrap(kindOf(err), err, "finding "+c.Name)
		}
		lines = append(lines, part...)
	}
	if len(p.queries) > 1 {
		lines = merge(lines, q.Desc)
	}
	lines = lines[:min(q.Limit, len(lines))]
	found, err := e.bodies(ctx, t, lines)
	return found, fault.Wrap(kindOf(err), err, "reading "+c.Name)
}

// line is a narrow row of a page.
type line struct {
	n       int64
	id      string
	version int64
	at      []any
}

func (e *Engine) lines(ctx context.Context, q engine.Query, s statement) ([]line, error) {
	var lines []line
	err := e.query(ctx, s.sql, s.args, func(v []driver.Value) error {
		l := line{n: integer(v[0]), id: text(v[1]), version: integer(v[2]), at: make([]any, len(q.Sort), len(q.Sort)+1)}
		for i := range q.Sort {
			l.at[i] = v[3+i]
		}
		l.at = append(l.at, l.n)
		lines = append(lines, l)
		return nil
	})
	return lines, err
}

// merge brings the pages of several values of one condition into one order. A document
// that has several of the values came several times.
func merge(lines []line, desc bool) []line {
	slices.SortFunc(lines, func(a, b line) int {
		if desc {
			a, b = b, a
		}
		for i := range a.at {
			if c := compare(a.at[i], b.at[i]); c != 0 {
				return c
			}
		}
		return 0
	})
	return slices.CompactFunc(lines, func(a, b line) bool { return a.n == b.n })
}

// compare orders as SQLite does: NULL, numbers, text.
func compare(a, b any) int {
	switch x := a.(type) {
	case int64:
		if y, ok := b.(int64); ok {
			return int(min(1, max(-1, saturated(x, y))))
		}
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y)
		}
	}
	return rank(a) - rank(b)
}

func saturated(x, y int64) int64 {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func rank(v any) int {
	switch v.(type) {
	case nil:
		return 0
	case int64:
		return 1
	}
	return 2
}

// bodies reads the bodies of lines, in their order. A document deleted meanwhile is left out.
func (e *Engine) bodies(ctx context.Context, t *table, lines []line) ([]engine.Found, error) {
	bodies := make(map[int64][]byte, len(lines))
	for part := range slices.Chunk(lines, 4*chunk) {
		args := make([]any, len(part))
		for i, l := range part {
			args[i] = l.n
		}
		err := e.query(ctx, `SELECT n, body FROM "`+t.Name+`_body" WHERE n IN (`+places(len(part))+`)`, args, func(v []driver.Value) error {
			body, err := e.codec.unpack(blob(v[1]))
			bodies[integer(v[0])] = body
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	found := make([]engine.Found, 0, len(lines))
	for _, l := range lines {
		if body, ok := bodies[l.n]; ok {
			found = append(found, engine.Found{Doc: engine.Doc{ID: l.id, Version: l.version, Body: body}, At: l.at})
		}
	}
	return found, nil
}

// stream is how many documents Each reads at a time.
const stream = 512

// Each implements engine.Engine. It notes which documents there are, eight bytes each,
// then reads them in the order in which they were inserted: no transaction stays open
// while fn works, or the log could not be checkpointed.
func (e *Engine) Each(ctx context.Context, c *engine.Collection, where []engine.Cond, fn func(engine.Doc) error) error {
	t := e.table(c)
	all := t.selection(where, "n")
	var ns []int64
	if err := e.query(ctx, all.sql, all.args, func(v []driver.Value) error { ns = append(ns, integer(v[0])); return nil }); err != nil {
		return fault.Wrap(kindOf(err), err, "finding "+c.Name)
	}
	slices.Sort(ns)
	still := t.conditions(where)
	for part := range slices.Chunk(slices.Compact(ns), stream) {
		docs, err := e.part(ctx, t, part, still)
		if err != nil {
			return fault.Wrap(kindOf(err), err, "reading "+c.Name)
		}
		for _, d := range docs {
			if err := fn(d); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// part reads a part of a stream: those of the documents that still meet the conditions.
func (e *Engine) part(ctx context.Context, t *table, ns []int64, still statement) ([]engine.Doc, error) {
	docs := make([]engine.Doc, 0, len(ns))
	for few := range slices.Chunk(ns, 4*chunk) {
		args := make([]any, 0, len(few)+len(still.args))
		for _, n := range few {
			args = append(args, n)
		}
		err := e.query(ctx, fmt.Sprintf(`SELECT id, version, body FROM "%[1]s" AS t JOIN "%[1]s_body" USING (n) WHERE n IN (%[2]s)%[3]s ORDER BY n`,
			t.Name, places(len(few)), still.and()), append(args, still.args...), func(v []driver.Value) error {
			body, err := e.codec.unpack(blob(v[2]))
			docs = append(docs, engine.Doc{ID: text(v[0]), Version: integer(v[1]), Body: body})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// Count implements engine.Engine.
func (e *Engine) Count(ctx context.Context, c *engine.Collection, where []engine.Cond, by string) (map[string]int64, error) {
	t := e.table(c)
	if t.cube != nil && !slices.ContainsFunc(where, func(w engine.Cond) bool { return !t.cube.knows(w) }) {
		switch {
		case by == "":
			return map[string]int64{"": t.cube.count(where)}, nil
		case t.cube.place(by) >= 0:
			return t.cube.group(where, by), nil
		}
	}
	counts := map[string]int64{}
	if by == "" {
		s := t.selection(where, "count(*)")
		err := e.query(ctx, s.sql, s.args, func(v []driver.Value) error { counts[""] = integer(v[0]); return nil })
		return counts, fault.Wrap(kindOf(err), err, "counting "+c.Name)
	}
	_, f, ok := t.Field(by)
	if !ok {
		return nil, errors.New("counting " + c.Name + ": there is no field " + by)
	}
	s := t.selection(where, `"`+by+`", count(*)`)
	err := e.query(ctx, s.sql+` GROUP BY 1`, s.args, func(v []driver.Value) error {
		switch {
		case f.Kind == engine.Texts:
			for _, one := range split(v[0]) {
				counts[one] += integer(v[1])
			}
		case v[0] != nil:
			counts[fmt.Sprint(v[0])] += integer(v[1])
		}
		return nil
	})
	return counts, fault.Wrap(kindOf(err), err, "counting "+c.Name)
}
