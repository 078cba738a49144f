package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/store/engine"
)

// chunk is how many rows one statement takes. The driver looks for each argument among
// all of them, so more rows are not better.
const chunk = 16

// bulk is from how many documents on a write is not synced to the disk by itself. Such
// writes are ingest's, which resumes from a checkpoint written after them; the log keeps
// the order, so that a checkpoint is never there without what it stands for. Smaller
// writes are somebody's decision or delivery.
const bulk = 32

// Insert implements engine.Engine.
func (e *Engine) Insert(ctx context.Context, c *engine.Collection, docs []engine.Doc) ([]bool, error) {
	t, inserted := e.table(c), make([]bool, len(docs))
	docs = e.packed(docs)
	err := e.write.do(ctx, len(docs) < bulk, func(x *tx) error { return t.insert(x, docs, inserted) })
	if err != nil {
		return nil, err
	}
	return inserted, nil
}

// packed are the documents with their bodies compressed: work for the caller's goroutine,
// not for the writer's.
func (e *Engine) packed(docs []engine.Doc) []engine.Doc {
	out := make([]engine.Doc, len(docs))
	for i, d := range docs {
		d.Body = e.codec.pack(d.Body)
		out[i] = d
	}
	return out
}

// insert adds the documents that are not there yet and marks them. It looks first and
// inserts then, as only this goroutine writes: statements that cannot fail half-way need
// no journal of their own, hence OR FAIL.
func (t *table) insert(x *tx, docs []engine.Doc, inserted []bool) error {
	there, err := t.there(x, docs)
	if err != nil {
		return err
	}
	first := t.lastN.Load() + 1
	t.lastN.Add(int64(len(docs)))
	rows, bodies := make([][]any, 0, len(docs)), make([][]any, 0, len(docs))
	sides, cells := make([][][]any, len(t.sides)), deltas{}
	for i, d := range docs {
		if there[d.ID] {
			continue
		}
		there[d.ID], inserted[i] = true, true
		n, columns := first+int64(i), t.columnsOf(d)
		rows = append(rows, append([]any{n, d.ID, d.Version}, columns...))
		bodies = append(bodies, []any{n, d.Body})
		for s := range t.sides {
			sides[s] = append(sides[s], t.sides[s].rows(n, columns)...)
		}
		if t.cube != nil {
			cells[t.cube.key(columns)]++
		}
	}
	if err := manyRows(x, `INSERT OR FAIL INTO "`+t.Name+`" (n, id, version`+t.columns+`) VALUES `, rows, ""); err != nil {
		return err
	}
	if err := manyRows(x, `INSERT OR FAIL INTO "`+t.Name+`_body" VALUES `, bodies, ""); err != nil {
		return err
	}
	for s := range t.sides {
		inOrder(sides[s])
		if err := manyRows(x, `INSERT OR IGNORE INTO "`+t.sides[s].name+`" VALUES `, sides[s], ""); err != nil {
			return err
		}
	}
	return t.record(x, cells)
}

// there says which of the documents exist.
func (t *table) there(x *tx, docs []engine.Doc) (map[string]bool, error) {
	found := make(map[string]bool, len(docs))
	for part := range slices.Chunk(docs, 4*chunk) {
		args := make([]any, len(part))
		for i, d := range part {
			args[i] = d.ID
		}
		err := x.query(`SELECT id FROM "`+t.Name+`" WHERE id IN (`+places(len(part))+`)`, args, func(v []driver.Value) error {
			found[text(v[0])] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// inOrder sorts rows of a side table as the table is, so that each page is met once.
func inOrder(rows [][]any) {
	slices.SortFunc(rows, func(a, b []any) int {
		return cmp.Or(compare(a[0], b[0]), compare(a[1], b[1]), compare(a[2], b[2]))
	})
}

// rows are a document's rows in the side table.
func (s *side) rows(n any, columns []any) [][]any {
	var k any = int64(0)
	if s.by >= 0 && columns[s.by] != nil {
		k = columns[s.by]
	}
	values := split(columns[s.field])
	rows := make([][]any, len(values))
	for i, v := range values {
		rows[i] = []any{v, k, n}
	}
	return rows
}

// Put implements engine.Engine.
func (e *Engine) Put(ctx context.Context, c *engine.Collection, docs []engine.Doc) error {
	t := e.table(c)
	docs = e.packed(docs)
	return e.write.do(ctx, len(docs) < bulk, func(x *tx) error {
		inserted := make([]bool, len(docs))
		if err := t.insert(x, docs, inserted); err != nil {
			return err
		}
		there, places := make([]engine.Doc, 0, len(docs)), map[string]int{}
		for i, d := range docs {
			if inserted[i] {
				continue
			}
			if at, again := places[d.ID]; again {
				there[at] = d // the last word holds
				continue
			}
			places[d.ID] = len(there)
			there = append(there, d)
		}
		_, err := t.update(x, there, func(int64, int64) bool { return true })
		return err
	})
}

// Swap implements engine.Engine.
func (e *Engine) Swap(ctx context.Context, c *engine.Collection, docs []engine.Doc) ([]bool, error) {
	t := e.table(c)
	docs = e.packed(docs)
	var swapped []bool
	err := e.write.do(ctx, len(docs) < bulk, func(x *tx) (err error) {
		swapped, err = t.update(x, docs, func(old, next int64) bool { return old == next-1 })
		return err
	})
	if err != nil {
		return nil, err
	}
	return swapped, nil
}

// Delete implements engine.Engine.
func (e *Engine) Delete(ctx context.Context, c *engine.Collection, ids []string) error {
	t := e.table(c)
	return e.write.do(ctx, len(ids) < bulk, func(x *tx) error {
		rows, err := t.rows(x, ids)
		if err != nil {
			return err
		}
		cells := deltas{}
		for _, r := range rows {
			for _, query := range []string{`DELETE FROM "` + t.Name + `" WHERE n = ?`, `DELETE FROM "` + t.Name + `_body" WHERE n = ?`} {
				if err := x.exec(query, r.n); err != nil {
					return err
				}
			}
			for s := range t.sides {
				if err := t.sides[s].remove(x, t.sides[s].rows(r.n, r.columns)); err != nil {
					return err
				}
			}
			if t.cube != nil {
				cells[t.cube.key(r.columns)]--
			}
		}
		return t.record(x, cells)
	})
}

func (s *side) remove(x *tx, rows [][]any) error {
	for _, r := range rows {
		if err := x.exec(`DELETE FROM "`+s.name+`" WHERE v = ? AND k = ? AND n = ?`, r...); err != nil {
			return err
		}
	}
	return nil
}

// manyRows runs a statement over rows of values, a chunk at a time.
func manyRows(x *tx, before string, rows [][]any, after string) error {
	for part := range slices.Chunk(rows, chunk) {
		args := make([]any, 0, len(part)*len(part[0]))
		for _, r := range part {
			args = append(args, r...)
		}
		if err := x.exec(before+tuples(len(part), len(part[0]))+after, args...); err != nil {
			return err
		}
	}
	return nil
}

// tuples are n times (?, ?, …).
func tuples(n, width int) string {
	one := "(" + places(width) + ")"
	return strings.Repeat(one+", ", n-1) + one
}

func places(n int) string { return strings.Repeat("?, ", n-1) + "?" }

// rows reads the rows of documents, for a change.
func (t *table) rows(x *tx, ids []string) (map[string]row, error) {
	found := make(map[string]row, len(ids))
	for part := range slices.Chunk(ids, 4*chunk) {
		args := make([]any, len(part))
		for i, id := range part {
			args[i] = id
		}
		err := x.query(`SELECT id, n, version`+t.columns+` FROM "`+t.Name+`" WHERE id IN (`+places(len(part))+`)`, args,
			func(v []driver.Value) error {
				r := row{n: integer(v[1]), version: integer(v[2]), columns: make([]any, len(t.Fields))}
				for i := range r.columns {
					r.columns[i] = v[3+i]
				}
				found[text(v[0])] = r
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
