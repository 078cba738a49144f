package sqlite

import (
	"fmt"
	"strings"

	"github.com/quellsec/quell/internal/store/engine"
)

// update writes the documents whose stored version may be followed by theirs. Only
// columns that change are set: one that is set is rewritten in each of its indexes.
func (t *table) update(x *tx, docs []engine.Doc, follows func(old, next int64) bool) ([]bool, error) {
	written := make([]bool, len(docs))
	if len(docs) == 0 {
		return written, nil
	}
	ids := make([]string, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	old, err := t.rows(x, ids)
	if err != nil {
		return nil, err
	}
	c := changes{table: t, byColumns: map[string]*change{}, cells: deltas{}}
	for i, d := range docs {
		was, ok := old[d.ID]
		if !ok || !follows(was.version, d.Version) {
			continue
		}
		written[i] = true
		next := row{n: was.n, version: d.Version, columns: t.columnsOf(d)}
		if err := c.stage(x, was, next, d.Body); err != nil {
			return nil, err
		}
		delete(old, d.ID) // each document once in a call
	}
	return written, c.write(x)
}

// changes are rows grouped by which of their columns change.
type changes struct {
	*table
	byColumns map[string]*change
	order     []*change
	bodies    [][]any
	cells     deltas
}

type change struct {
	places []int
	rows   [][]any
}

func (c *changes) stage(x *tx, was, next row, body []byte) error {
	var places []int
	for i := range next.columns {
		if was.columns[i] != next.columns[i] {
			places = append(places, i)
		}
	}
	name := fmt.Sprint(places)
	g := c.byColumns[name]
	if g == nil {
		g = &change{places: places}
		c.byColumns[name], c.order = g, append(c.order, g)
	}
	r := append(make([]any, 0, 2+len(places)), next.n, next.version)
	for _, at := range places {
		r = append(r, next.columns[at])
	}
	g.rows = append(g.rows, r)
	c.bodies = append(c.bodies, []any{next.n, body})
	if c.cube != nil {
		c.cells[c.cube.key(was.columns)]--
		c.cells[c.cube.key(next.columns)]++
	}
	for i := range c.sides {
		if err := c.sides[i].move(x, was, next); err != nil {
			return err
		}
	}
	return nil
}

// move replaces a document's rows in the side table, if they differ.
func (s *side) move(x *tx, was, next row) error {
	same := was.columns[s.field] == next.columns[s.field] && (s.by < 0 || was.columns[s.by] == next.columns[s.by])
	if same {
		return nil
	}
	if err := s.remove(x, s.rows(was.n, was.columns)); err != nil {
		return err
	}
	return manyRows(x, `INSERT OR IGNORE INTO "`+s.name+`" VALUES `, s.rows(next.n, next.columns), "")
}

func (c *changes) write(x *tx) error {
	for _, g := range c.order {
		names, sets := []string{"n", "version"}, []string{"version = new.version"}
		for _, at := range g.places {
			name := `"` + c.Fields[at].Name + `"`
			names, sets = append(names, name), append(sets, name+" = new."+name)
		}
		err := manyRows(x, `WITH new (`+strings.Join(names, ", ")+`) AS (VALUES `, g.rows,
			`) UPDATE OR FAIL "`+c.Name+`" AS old SET `+strings.Join(sets, ", ")+` FROM new WHERE old.n = new.n`)
		if err != nil {
			return err
		}
	}
	err := manyRows(x, `WITH new (n, body) AS (VALUES `, c.bodies, `) UPDATE OR FAIL "`+c.Name+`_body" AS old SET body = new.body FROM new WHERE old.n = new.n`)
	if err != nil {
		return err
	}
	return c.record(x, c.cells)
}
