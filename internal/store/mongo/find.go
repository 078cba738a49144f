package mongo

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// Get implements engine.Engine.
func (e *Engine) Get(ctx context.Context, c *engine.Collection, ids []string) ([]engine.Doc, error) {
	docs := make([]engine.Doc, 0, len(ids))
	for part := range slices.Chunk(ids, batch) {
		found, err := e.documents(ctx, c, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: part}}}}, options.Find().SetProjection(plain))
		if err != nil {
			return nil, err
		}
		for i := range found {
			docs = append(docs, found[i].doc())
		}
	}
	return docs, nil
}

// plain leaves the indexed values out of what is read.
//
//nolint:gochecknoglobals // a constant
var plain = bson.D{{Key: "version", Value: 1}, {Key: "body", Value: 1}}

func (e *Engine) documents(ctx context.Context, c *engine.Collection, filter bson.D, o *options.FindOptionsBuilder) (found []document, err error) {
	cursor, err := e.db.Collection(c.Name).Find(ctx, filter, o)
	if err == nil {
		err = cursor.All(ctx, &found)
	}
	return found, wrap(err, "reading "+c.Name)
}

// Find implements engine.Engine. The tie-breaker is the _id.
func (e *Engine) Find(ctx context.Context, c *engine.Collection, q engine.Query) ([]engine.Found, error) {
	if q.After != nil && len(q.After) != len(q.Sort)+1 {
		return nil, fault.New(fault.Invalid, "reading the cursor: it belongs to another list")
	}
	filter, way := conditions(q.Where), 1
	if q.Desc {
		way = -1
	}
	names := make([]string, 0, len(q.Sort)+1)
	for _, f := range append(slices.Clone(q.Sort), engine.ID) {
		if f == engine.ID {
			f = "_id"
		}
		names = append(names, f)
	}
	sort := bson.D{}
	for _, name := range names {
		if name != "_id" || len(sort) == 0 || sort[len(sort)-1].Key != "_id" {
			sort = append(sort, bson.E{Key: name, Value: way})
		}
	}
	if q.After != nil {
		filter = append(filter, bson.E{Key: "$and", Value: bson.A{behind(names, q.After, q.Desc)}})
	}
	cursor, err := e.db.Collection(c.Name).Find(ctx, filter, options.Find().SetSort(sort).SetLimit(int64(q.Limit)))
	if err != nil {
		return nil, wrap(err, "finding "+c.Name)
	}
	var raws []bson.Raw
	if err := cursor.All(ctx, &raws); err != nil {
		return nil, wrap(err, "finding "+c.Name)
	}
	found := make([]engine.Found, len(raws))
	for i, raw := range raws {
		var d document
		if err := bson.Unmarshal(raw, &d); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "reading "+c.Name)
		}
		found[i] = engine.Found{Doc: d.doc(), At: position(raw, names)}
	}
	return found, nil
}

func position(raw bson.Raw, names []string) []any {
	at := make([]any, len(names))
	for i, name := range names {
		v := raw.Lookup(name)
		if n, ok := v.AsInt64OK(); ok {
			at[i] = n
		} else if s, ok := v.StringValueOK(); ok {
			at[i] = s
		}
	}
	return at
}

// behind is what comes after a position: a later first value, or the same and a later
// second one, and so on.
func behind(names []string, after []any, desc bool) bson.D {
	than := "$gt"
	if desc {
		than = "$lt"
	}
	ways := make(bson.A, 0, len(names))
	for i := range names {
		way := bson.D{}
		for j := range i {
			way = append(way, bson.E{Key: names[j], Value: after[j]})
		}
		ways = append(ways, append(way, bson.E{Key: names[i], Value: bson.D{{Key: than, Value: after[i]}}}))
	}
	return bson.D{{Key: "$or", Value: ways}}
}

// conditions translates conditions. Each stands by itself, as several may be on one field.
func conditions(where []engine.Cond) bson.D {
	if len(where) == 0 {
		return bson.D{}
	}
	all := make(bson.A, len(where))
	for i, c := range where {
		all[i] = bson.D{{Key: c.Field, Value: condition(c)}}
	}
	return bson.D{{Key: "$and", Value: all}}
}

func condition(c engine.Cond) any {
	switch c.Op {
	case engine.Has:
		return bson.D{{Key: "$exists", Value: true}}
	case engine.Lacks:
		return bson.D{{Key: "$exists", Value: false}}
	case engine.Below:
		return bson.D{{Key: "$lt", Value: c.Values[0]}}
	case engine.From:
		return bson.D{{Key: "$gte", Value: c.Values[0]}}
	case engine.Contains:
		part, _ := c.Values[0].(string) // it is asked of texts with a text
		return bson.D{{Key: "$regex", Value: regexp.QuoteMeta(part)}}
	case engine.NotIn:
		return bson.D{{Key: "$exists", Value: true}, {Key: "$nin", Value: append(bson.A{}, c.Values...)}}
	case engine.In:
	}
	return bson.D{{Key: "$in", Value: append(bson.A{}, c.Values...)}}
}

// stream is how many documents Each reads at a time.
const stream = 512

// Each implements engine.Engine, page by page: a server's cursor may be gone by the time
// that fn comes back.
func (e *Engine) Each(ctx context.Context, c *engine.Collection, where []engine.Cond, fn func(engine.Doc) error) error {
	for last := ""; ; {
		filter := conditions(where)
		if last != "" {
			filter = append(filter, bson.E{Key: "_id", Value: bson.D{{Key: "$gt", Value: last}}})
		}
		found, err := e.documents(ctx, c, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(stream).SetProjection(plain))
		if err != nil {
			return err
		}
		for i := range found {
			if err := fn(found[i].doc()); err != nil {
				return err
			}
		}
		if len(found) < stream {
			return wrap(ctx.Err(), "reading "+c.Name)
		}
		last = found[len(found)-1].ID
	}
}

// Count implements engine.Engine.
func (e *Engine) Count(ctx context.Context, c *engine.Collection, where []engine.Cond, by string) (map[string]int64, error) {
	filter := conditions(where)
	if by == "" {
		n, err := e.db.Collection(c.Name).CountDocuments(ctx, filter)
		return map[string]int64{"": n}, wrap(err, "counting "+c.Name)
	}
	_, f, ok := c.Field(by)
	if !ok {
		return nil, errors.New("counting " + c.Name + ": there is no field " + by)
	}
	steps := mongo.Pipeline{
		{{Key: "$match", Value: filter}},
		{{Key: "$match", Value: bson.D{{Key: by, Value: bson.D{{Key: "$exists", Value: true}}}}}},
	}
	if f.Kind == engine.Texts {
		steps = append(steps, bson.D{{Key: "$unwind", Value: "$" + by}})
	}
	steps = append(steps, bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: "$" + by}, {Key: "n", Value: bson.D{{Key: "$sum", Value: 1}}}}}})
	cursor, err := e.db.Collection(c.Name).Aggregate(ctx, steps)
	if err != nil {
		return nil, wrap(err, "counting "+c.Name)
	}
	var groups []bson.Raw
	if err := cursor.All(ctx, &groups); err != nil {
		return nil, wrap(err, "counting "+c.Name)
	}
	counts := make(map[string]int64, len(groups))
	for _, g := range groups {
		n, _ := g.Lookup("n").AsInt64OK()
		switch v := position(g, []string{"_id"})[0].(type) {
		case string:
			counts[v] += n
		case int64:
			counts[strconv.FormatInt(v, 10)] += n
		}
	}
	return counts, nil
}
