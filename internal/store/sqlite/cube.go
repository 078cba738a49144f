package sqlite

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/quellsec/quell/internal/store/engine"
)

// cube keeps how many documents have each combination of a few fields' values. It answers
// counts, and tells the planner how many documents a condition leaves. A copy stands in
// the file, changed in the same transaction as the documents.
type cube struct {
	fields []engine.Field
	places []int // of the fields in the collection

	mu    sync.RWMutex
	cells map[string]*cell
}

type cell struct {
	values []any // as in engine.Doc
	total  int64
}

// between stands between the values in a cell's key.
const between = "\x1e"

func newCube(c *engine.Collection) *cube {
	k := &cube{cells: map[string]*cell{}}
	for _, name := range c.Cube {
		at, f, _ := c.Field(name)
		k.fields, k.places = append(k.fields, f), append(k.places, at)
	}
	return k
}

// key names the cell of a row.
func (k *cube) key(columns []any) string {
	var b strings.Builder
	for i, at := range k.places {
		if i > 0 {
			b.WriteString(between)
		}
		switch v := columns[at].(type) {
		case string:
			b.WriteString(strings.ReplaceAll(v, between, ""))
		case int64:
			b.WriteString(strconv.FormatInt(v, 10))
		}
	}
	return b.String()
}

// add changes a cell's total. A cell comes and goes with its documents.
func (k *cube) add(key string, delta int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.cells[key]
	if c == nil {
		c = &cell{values: k.valuesOf(key)}
		k.cells[key] = c
	}
	if c.total += delta; c.total == 0 {
		delete(k.cells, key)
	}
}

func (k *cube) valuesOf(key string) []any {
	values := make([]any, len(k.fields))
	for i, s := range strings.Split(key, between) {
		switch k.fields[i].Kind {
		case engine.Text:
			values[i] = s
		case engine.Texts:
			values[i] = split(s)
		case engine.Int:
			if n, err := strconv.ParseInt(s, 10, 64); err == nil { // nil is written as nothing
				values[i] = n
			}
		}
	}
	return values
}

// place finds a field among the cube's.
func (k *cube) place(name string) int {
	return slices.IndexFunc(k.fields, func(f engine.Field) bool { return f.Name == name })
}

// knows reports whether the cube can tell which documents meet a condition.
func (k *cube) knows(c engine.Cond) bool { return k != nil && k.place(c.Field) >= 0 }

// each calls fn for every cell that meets the conditions that the cube knows.
func (k *cube) each(where []engine.Cond, fn func(*cell)) {
	k.mu.RLock()
	defer k.mu.RUnlock()
cells:
	for _, c := range k.cells {
		for i := range where {
			if at := k.place(where[i].Field); at >= 0 && !where[i].Meets(c.values[at]) {
				continue cells
			}
		}
		fn(c)
	}
}

func (k *cube) count(where []engine.Cond) int64 {
	var total int64
	k.each(where, func(c *cell) { total += c.total })
	return total
}

// group counts by the values of a field.
func (k *cube) group(where []engine.Cond, by string) map[string]int64 {
	at, counts := k.place(by), map[string]int64{}
	k.each(where, func(c *cell) {
		switch v := c.values[at].(type) {
		case string:
			counts[v] += c.total
		case int64:
			counts[strconv.FormatInt(v, 10)] += c.total
		case []string:
			for _, one := range v {
				counts[one] += c.total
			}
		}
	})
	return counts
}

// values are the distinct values of a field, if they are few enough to be tried one by
// one; nil otherwise.
func (k *cube) valuesFor(field string, most int) []any {
	at := k.place(field)
	if at < 0 || k.fields[at].Kind == engine.Texts {
		return nil
	}
	distinct := map[any]bool{}
	k.each(nil, func(c *cell) { distinct[c.values[at]] = true })
	if len(distinct) > most || distinct[nil] {
		return nil
	}
	return slices.Collect(maps.Keys(distinct))
}

// deltas gathers what a transaction does to a cube.
type deltas map[string]int64

// record writes the changes to the file's copy, and to the cube once the commit stands.
func (t *table) record(x *tx, d deltas) error {
	if t.cube == nil {
		return nil
	}
	maps.DeleteFunc(d, func(_ string, n int64) bool { return n == 0 })
	rows := make([][]any, 0, len(d))
	for _, key := range slices.Sorted(maps.Keys(d)) {
		rows = append(rows, []any{key, d[key]})
	}
	if err := manyRows(x, `INSERT INTO "`+t.Name+`_cube" VALUES `, rows, ` ON CONFLICT (key) DO UPDATE SET total = total + excluded.total`); err != nil {
		return err
	}
	if len(d) > 0 {
		x.after = append(x.after, func() {
			for key, n := range d {
				t.cube.add(key, n)
			}
		})
	}
	return nil
}
