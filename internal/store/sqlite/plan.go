package sqlite

import (
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/store/engine"
)

// statement is SQL with its arguments.
type statement struct {
	sql  string
	args []any
}

func (s statement) and() string {
	if s.sql == "" {
		return ""
	}
	return " AND " + s.sql
}

// conditions are the conditions over the narrow row, which the query calls t.
func (t *table) conditions(where []engine.Cond) statement {
	parts, args := make([]string, 0, len(where)), make([]any, 0, len(where))
	for _, c := range where {
		part, more := t.condition(c)
		parts, args = append(parts, part), append(args, more...)
	}
	return statement{sql: strings.Join(parts, " AND "), args: args}
}

func (t *table) condition(c engine.Cond) (string, []any) {
	_, f, _ := t.Field(c.Field)
	column := `t."` + c.Field + `"`
	switch {
	case c.Op == engine.Has:
		return column + " IS NOT NULL", nil
	case c.Op == engine.Lacks:
		return column + " IS NULL", nil
	case c.Op == engine.Below:
		return column + " < ?", c.Values
	case c.Op == engine.From:
		return column + " >= ?", c.Values
	case c.Op == engine.Contains:
		return "instr(" + column + ", ?) > 0", c.Values
	case c.Op == engine.NotIn && len(c.Values) == 0:
		return column + " IS NOT NULL", nil
	case c.Op == engine.NotIn:
		return column + " NOT IN (" + places(len(c.Values)) + ")", c.Values // null is neither
	case len(c.Values) == 0:
		return "0", nil
	case f.Kind == engine.Texts:
		parts, args := make([]string, len(c.Values)), make([]any, len(c.Values))
		for i, v := range c.Values {
			s, _ := v.(string) // a Texts field is asked for texts
			parts[i], args[i] = "instr("+column+", ?) > 0", separator+clean(s)+separator
		}
		return "(" + strings.Join(parts, " OR ") + ")", args
	}
	return column + " IN (" + places(len(c.Values)) + ")", c.Values
}

// plan is the queries whose results together hold the page.
type plan struct{ queries []statement }

// route is a way to the documents: by one condition's values, or by all values of a
// field of which the cube knows a few.
type route struct {
	field  string
	values []any // nil: not by a condition
	index  string
	side   *side
	sorted bool  // each value's documents come in the order of the query
	rows   int64 // how many rows it has to look at, about
}

// mostValues is how many queries one page may be split into.
const mostValues = 24

// plan chooses how to get a page. SQLite's own planner can't: it has no idea which
// combinations are rare, and never merges the sorted parts of an IN.
func (t *table) plan(q engine.Query) plan {
	if t.cube == nil {
		return plan{queries: []statement{t.page(q, route{})}}
	}
	meet := t.cube.count(q.Where)
	if meet == 0 {
		return plan{}
	}
	best := route{rows: 4 * t.cube.count(nil)}
	for _, d := range t.drivers(q, t.leave(q.Where, meet)) {
		if d.rows < best.rows {
			best = d
		}
	}
	if !best.sorted || best.values == nil {
		return plan{queries: []statement{t.page(q, best)}}
	}
	queries := make([]statement, len(best.values))
	for i, v := range best.values {
		one := best
		one.values = []any{v}
		queries[i] = t.page(q, one)
	}
	return plan{queries: queries}
}

// drivers are the ways that indexes offer. meet is how many documents meet the
// conditions, as far as the cube can tell.
func (t *table) drivers(q engine.Query, meet int64) []route {
	var ways []route
	limit := int64(q.Limit)
	// A sorted way stops when the page is full: after as many rows as hold that many that meet.
	until := func(rows int64, parts int) int64 { return min(rows, limit*rows/meet) + int64(parts)*limit }
	total := t.cube.count(nil)
	for _, x := range t.Indexes {
		if slices.Equal(x.Fields, q.Sort) && !x.Sparse {
			ways = append(ways, route{index: t.indexName(x), sorted: true, rows: until(total, 1)})
		}
		if !slices.Equal(x.Fields[1:], q.Sort) || x.Sparse {
			continue
		}
		if values := t.cube.valuesFor(x.Fields[0], mostValues); values != nil {
			ways = append(ways, route{field: x.Fields[0], values: values, index: t.indexName(x), sorted: true, rows: until(total, len(values))})
		}
	}
	for _, c := range q.Where {
		for _, x := range t.Indexes {
			if x.Fields[0] == c.Field {
				ways = append(ways, t.conditionWay(q, c, x, until)...)
			}
		}
	}
	return ways
}

// What documents a condition leaves where the cube does not know: such indexes are on
// values that few documents share, or leave out most of them.
const (
	fewEach   = 200
	fewSparse = 2000
)

// leave guesses how many documents meet the conditions that the cube doesn't know, too.
func (t *table) leave(where []engine.Cond, meet int64) int64 {
	for _, c := range where {
		if t.cube.knows(c) {
			continue
		}
		switch sparse, indexed := t.leads(c.Field); {
		case c.Op == engine.In && indexed && !sparse:
			meet = min(meet, int64(len(c.Values))*fewEach)
		case sparse && c.Op != engine.Lacks && c.Op != engine.NotIn:
			meet = min(meet, fewSparse)
		}
	}
	return max(meet, 1)
}

// leads reports whether an index begins with a field, and whether that index is sparse.
func (t *table) leads(field string) (sparse, indexed bool) {
	for _, x := range t.Indexes {
		if x.Fields[0] == field {
			return x.Sparse, true
		}
	}
	return false, false
}

// conditionWay is the way that an index offers for a condition on its first field.
func (t *table) conditionWay(q engine.Query, c engine.Cond, x engine.Index, until func(int64, int) int64) []route {
	w := route{field: c.Field, index: t.indexName(x), side: t.sideOf(c.Field)}
	switch {
	case c.Op == engine.In:
		w.rows, w.values = int64(len(c.Values))*fewEach, c.Values
		if t.cube.knows(c) {
			w.rows = 2 * t.cube.count([]engine.Cond{c})
		}
		if slices.Equal(x.Fields[1:], q.Sort) && len(c.Values) <= mostValues {
			w.sorted, w.rows = true, until(w.rows/2, len(c.Values))
		}
	case x.Sparse && c.Op != engine.Lacks && c.Op != engine.NotIn:
		w.rows = fewSparse
	default:
		return nil
	}
	return []route{w}
}

func (t *table) sideOf(field string) *side {
	for i := range t.sides {
		if t.Fields[t.sides[i].field].Name == field {
			return &t.sides[i]
		}
	}
	return nil
}

// page is the query for one page by one way.
func (t *table) page(q engine.Query, d route) statement {
	var b strings.Builder
	var args []any
	sort := make([]string, 0, len(q.Sort)+1)
	for _, s := range q.Sort {
		sort = append(sort, `t."`+s+`"`)
	}
	b.WriteString("SELECT t.n, t.id, t.version")
	for _, s := range sort {
		b.WriteString(", " + s)
	}
	sort = append(sort, "t.n")
	b.WriteString(" FROM ")
	switch {
	case d.side != nil && d.sorted:
		// By the side table's own columns, so that its order is seen to be the query's.
		sort = []string{"s.k", "s.n"}
		b.WriteString(`"` + d.side.name + `" AS s CROSS JOIN "` + t.Name + `" AS t ON t.n = s.n WHERE s.v = ?`)
		args = append(args, d.values[0])
	case d.side != nil:
		b.WriteString(`(SELECT DISTINCT n FROM "` + d.side.name + `" WHERE v IN (` + places(len(d.values)) + `)) AS s CROSS JOIN "` + t.Name + `" AS t ON t.n = s.n WHERE true`)
		args = append(args, d.values...)
	default:
		b.WriteString(`"` + t.Name + `" AS t`)
		if d.index != "" {
			b.WriteString(` INDEXED BY "` + d.index + `"`)
		}
		b.WriteString(" WHERE true")
		if d.values != nil {
			b.WriteString(` AND t."` + d.field + `" IN (` + places(len(d.values)) + `)`)
			args = append(args, d.values...)
		}
	}
	if conds := t.conditions(q.Where); conds.sql != "" {
		b.WriteString(conds.and())
		args = append(args, conds.args...)
	}
	than, way := ">", ""
	if q.Desc {
		than, way = "<", " DESC"
	}
	if q.After != nil {
		b.WriteString(" AND (" + strings.Join(sort, ", ") + ") " + than + " (" + places(len(sort)) + ")")
		args = append(args, q.After...)
	}
	b.WriteString(" ORDER BY " + strings.Join(sort, way+", ") + way + " LIMIT ?")
	return statement{sql: b.String(), args: append(args, int64(q.Limit))}
}

// selection is all documents that meet the conditions, unordered.
func (t *table) selection(where []engine.Cond, what string) statement {
	var parts []string
	var args []any
	for _, c := range where {
		if s := t.sideOf(c.Field); s != nil && c.Op == engine.In && len(c.Values) > 0 && !t.cube.knows(c) {
			parts = append(parts, `t.n IN (SELECT n FROM "`+s.name+`" WHERE v IN (`+places(len(c.Values))+`))`)
			args = append(args, c.Values...)
			continue
		}
		part, more := t.condition(c)
		parts, args = append(parts, part), append(args, more...)
	}
	sql := "SELECT " + what + ` FROM "` + t.Name + `" AS t`
	if len(parts) > 0 {
		sql += " WHERE " + strings.Join(parts, " AND ")
	}
	return statement{sql: sql, args: args}
}
