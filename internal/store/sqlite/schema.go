package sqlite

import (
	"context"
	"database/sql/driver"
	"strings"
	"sync/atomic"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// table is a collection as it stands in the file: NAME(n, id, version, a column for each
// field), NAME_body(n, body), and NAME_FIELD(v, k, n) for each index on several values,
// with k the index's second field. n counts insertions: it breaks ties, so that equal
// keys are added at the end of their group and not all over the index.
type table struct {
	*engine.Collection
	columns string // of the fields, each with a comma before it
	sides   []side
	lastN   atomic.Int64 // only the writer's goroutine adds
	cube    *cube
}

// side is an index on several values.
type side struct {
	name  string // of its table
	field int
	by    int // place of the second field; -1 for none
}

// separator stands before and after each of several values in their column. Values are
// cleared of it.
const separator = "\x1f"

// Prepare implements engine.Engine.
func (e *Engine) Prepare(ctx context.Context, collections []*engine.Collection) error {
	for _, c := range collections {
		t := &table{Collection: c}
		names := make([]string, len(c.Fields))
		for i, f := range c.Fields {
			names[i] = ", " + quoted(f.Name)
		}
		t.columns = strings.Join(names, "")
		for _, x := range c.Indexes {
			if at, f, _ := c.Field(x.Fields[0]); f.Kind == engine.Texts {
				s := side{name: c.Name + "_" + f.Name, field: at, by: -1}
				if len(x.Fields) > 1 {
					s.by, _, _ = c.Field(x.Fields[1])
				}
				t.sides = append(t.sides, s)
			}
		}
		if err := e.write.do(ctx, true, t.create); err != nil {
			return fault.Wrap(kindOf(err), err, "preparing the collection "+c.Name)
		}
		if err := e.load(ctx, t); err != nil {
			return fault.Wrap(kindOf(err), err, "reading the collection "+c.Name)
		}
		e.mu.Lock()
		e.tables[c.Name] = t
		e.mu.Unlock()
	}
	return nil
}

func (t *table) create(x *tx) error {
	if err := t.widen(x); err != nil {
		return err
	}
	for _, statement := range t.statements() {
		if err := x.exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// widen adds the columns of fields that are new to a table which is there. They are empty
// until the documents are written again.
func (t *table) widen(x *tx) error {
	known := map[string]bool{}
	err := x.query("SELECT name FROM pragma_table_info(?)", []any{t.Name}, func(v []driver.Value) error {
		known[text(v[0])] = true
		return nil
	})
	if err != nil || len(known) == 0 {
		return err
	}
	for _, f := range t.Fields {
		if known[f.Name] {
			continue
		}
		if err := x.exec("ALTER TABLE " + quoted(t.Name) + " ADD COLUMN " + quoted(f.Name) + columnKind(f)); err != nil {
			return err
		}
	}
	return nil
}

// statements make what is missing of the collection.
func (t *table) statements() []string {
	var columns strings.Builder
	for _, f := range t.Fields {
		columns.WriteString(", " + quoted(f.Name) + columnKind(f))
	}
	out := []string{
		"CREATE TABLE IF NOT EXISTS " + quoted(t.Name) + " (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL" + columns.String() + ") STRICT",
		"CREATE TABLE IF NOT EXISTS " + quoted(t.Name+"_body") + " (n INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
	}
	for _, s := range t.sides {
		out = append(out, "CREATE TABLE IF NOT EXISTS "+quoted(s.name)+" (v TEXT, k INTEGER, n INTEGER, PRIMARY KEY (v, k, n)) STRICT, WITHOUT ROWID")
	}
	for _, x := range t.Indexes {
		if _, f, _ := t.Field(x.Fields[0]); f.Kind == engine.Texts {
			continue
		}
		where := ""
		if x.Sparse {
			where = " WHERE " + quoted(x.Fields[0]) + " IS NOT NULL"
		}
		out = append(out, "CREATE INDEX IF NOT EXISTS "+quoted(t.indexName(x))+" ON "+quoted(t.Name)+` ("`+strings.Join(x.Fields, `", "`)+`")`+where)
	}
	if len(t.Cube) > 0 {
		out = append(out, "CREATE TABLE IF NOT EXISTS "+quoted(t.Name+"_cube")+" (key TEXT PRIMARY KEY, total INTEGER NOT NULL) STRICT, WITHOUT ROWID")
	}
	return out
}

func columnKind(f engine.Field) string {
	if f.Kind == engine.Int {
		return " INTEGER"
	}
	return " TEXT"
}

// quoted is a name of ours as an identifier; declarations hold no quotes.
func quoted(name string) string { return `"` + name + `"` }

func (t *table) indexName(x engine.Index) string {
	return t.Name + "_by_" + strings.Join(x.Fields, "_")
}

func (e *Engine) load(ctx context.Context, t *table) error {
	err := e.query(ctx, `SELECT max(n) FROM "`+t.Name+`"`, nil, func(v []driver.Value) error {
		t.lastN.Store(integer(v[0]))
		return nil
	})
	if err != nil || len(t.Cube) == 0 {
		return err
	}
	t.cube = newCube(t.Collection)
	return e.query(ctx, `SELECT key, total FROM "`+t.Name+`_cube" WHERE total > 0`, nil, func(v []driver.Value) error {
		t.cube.add(text(v[0]), integer(v[1]))
		return nil
	})
}

func (e *Engine) table(c *engine.Collection) *table {
	e.mu.RLock()
	defer e.mu.RUnlock()
	t := e.tables[c.Name]
	if t == nil { // a defect: the store prepares all that it has
		panic("the collection " + c.Name + " was not prepared")
	}
	return t
}

// row is one document's values as columns.
type row struct {
	n       int64
	version int64
	columns []any
}

// columnsOf turns a document's values into columns: several values into one text.
func (t *table) columnsOf(d engine.Doc) []any {
	columns := make([]any, len(d.Values))
	for i, v := range d.Values {
		switch v := v.(type) {
		case string:
			columns[i] = clean(v)
		case []string:
			columns[i] = joined(v)
		default:
			columns[i] = v
		}
	}
	return columns
}

func clean(s string) string {
	if strings.Contains(s, separator) {
		return strings.ReplaceAll(s, separator, "")
	}
	return s
}

func joined(values []string) any {
	if len(values) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString(separator)
	for _, v := range values {
		b.WriteString(clean(v))
		b.WriteString(separator)
	}
	return b.String()
}

// split is the reverse of joined.
func split(column any) []string {
	s, _ := column.(string) // nil is none
	if s == "" {
		return nil
	}
	return strings.Split(strings.Trim(s, separator), separator)
}
