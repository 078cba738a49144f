// Package mongo is the production store engine, over MongoDB. A document is its ID, its
// version, its indexed values, and its body as JSON text. Nothing is unique but _id, and
// no transaction spans documents, so that any deployment will do, sharded by _id or not.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// Engine is one database. It implements engine.Engine.
type Engine struct {
	client *mongo.Client
	db     *mongo.Database
	now    func() time.Time
	// turns is set for a FerretDB 1.x, our test peer, which reads, compares and writes in
	// three steps: MongoDB does it in one, and needs no help of ours.
	turns *turns
}

var _ engine.Engine = (*Engine)(nil)

// Options are what an engine is given.
type Options struct {
	Now func() time.Time
}

// connecting is how long a server may take to be found, at the start and when it moves.
const connecting = 10 * time.Second

// Open connects to the database that the address names. Errors never hold the address,
// which may hold a password.
func Open(ctx context.Context, address string, o Options) (*Engine, error) {
	cs, err := connstring.ParseAndValidate(address)
	if err != nil || cs.Database == "" {
		return nil, fault.New(fault.Invalid, "opening the store: the address must be a MongoDB connection string with a database, mongodb://HOST/DATABASE")
	}
	client, err := mongo.Connect(options.Client().ApplyURI(address).SetAppName("quell").
		SetServerSelectionTimeout(connecting).SetWriteConcern(writeconcern.Majority()))
	if err != nil {
		return nil, fault.New(fault.Invalid, "opening the store: the MongoDB connection string has options that do not go together")
	}
	e := &Engine{client: client, db: client.Database(cs.Database), now: o.Now}
	if err := e.Ping(ctx); err != nil {
		return nil, errors.Join(err, e.disconnect(ctx))
	}
	var info bson.Raw
	if err := e.db.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&info); err != nil {
		return nil, errors.Join(wrap(err, "asking MongoDB what it is"), e.disconnect(ctx))
	}
	if _, err := info.LookupErr("ferretdbVersion"); err == nil {
		e.turns = &turns{}
	}
	if err := e.tidy(ctx); err != nil {
		return nil, errors.Join(err, e.disconnect(ctx))
	}
	return e, nil
}

// Close ends the connections.
func (e *Engine) Close() error { return e.disconnect(context.Background()) }

func (e *Engine) disconnect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connecting)
	defer cancel()
	return wrap(e.client.Disconnect(ctx), "disconnecting from MongoDB")
}

// Ping reports whether the database answers.
func (e *Engine) Ping(ctx context.Context) error {
	return wrap(e.db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err(), "asking MongoDB for a sign of life")
}

// Size implements engine.Engine.
func (e *Engine) Size(ctx context.Context) (int64, error) {
	var stats bson.Raw
	if err := e.db.RunCommand(ctx, bson.D{{Key: "dbStats", Value: 1}}).Decode(&stats); err != nil {
		return 0, wrap(err, "measuring the database")
	}
	n, _ := stats.Lookup("storageSize").AsInt64OK()
	return n, nil
}

// meta is where the engine keeps what is its own.
const meta = "meta"

// SchemaVersion implements engine.Engine.
func (e *Engine) SchemaVersion(ctx context.Context) (int64, error) {
	var doc struct {
		Version int64 `bson:"version"`
	}
	err := e.db.Collection(meta).FindOne(ctx, byID("schema")).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, nil
	}
	return doc.Version, wrap(err, "reading the schema's version")
}

// SetSchemaVersion implements engine.Engine.
func (e *Engine) SetSchemaVersion(ctx context.Context, version int64) error {
	_, err := e.db.Collection(meta).UpdateOne(ctx, byID("schema"), set("version", version), options.UpdateOne().SetUpsert(true))
	return wrap(err, "noting the schema's version")
}

// Next implements engine.Engine.
func (e *Engine) Next(ctx context.Context, sequence string) (int64, error) {
	var doc struct {
		Last int64 `bson:"last"`
	}
	defer e.turns.take("sequence:" + sequence)()
	for {
		err := e.db.Collection(meta).FindOneAndUpdate(ctx, byID("sequence:"+sequence),
			bson.D{{Key: "$inc", Value: bson.D{{Key: "last", Value: int64(1)}}}},
			options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&doc)
		if mongo.IsDuplicateKeyError(err) { // two began the sequence at once
			continue
		}
		return doc.Last, wrap(err, "counting up "+sequence)
	}
}

// Prepare implements engine.Engine.
func (e *Engine) Prepare(ctx context.Context, collections []*engine.Collection) error {
	for _, c := range collections {
		for _, x := range c.Indexes {
			keys := bson.D{}
			for _, f := range x.Fields {
				keys = append(keys, bson.E{Key: f, Value: 1})
			}
			o := options.Index().SetName("by_" + strings.Join(x.Fields, "_"))
			if err := e.index(ctx, c.Name, keys, o, x); err != nil {
				return wrap(err, "making an index of "+c.Name)
			}
		}
	}
	for name, keys := range map[string]bson.D{blobsName: {{Key: "at", Value: 1}}, chunksName: {{Key: "loose", Value: 1}, {Key: "at", Value: 1}}} {
		if err := e.index(ctx, name, keys, options.Index().SetName("by_at"), engine.Index{}); err != nil {
			return wrap(err, "making an index of the blobs")
		}
	}
	return nil
}

// index makes one index. A server without partial ones gets a whole one.
func (e *Engine) index(ctx context.Context, collection string, keys bson.D, o *options.IndexOptionsBuilder, x engine.Index) error {
	model := mongo.IndexModel{Keys: keys, Options: o}
	if x.Sparse {
		partial := options.Index().SetName("by_" + strings.Join(x.Fields, "_")).SetPartialFilterExpression(bson.D{{Key: x.Fields[0], Value: bson.D{{Key: "$exists", Value: true}}}})
		_, err := e.db.Collection(collection).Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: partial})
		if !isNotImplemented(err) {
			return err
		}
	}
	_, err := e.db.Collection(collection).Indexes().CreateOne(ctx, model)
	return err
}

func isNotImplemented(err error) bool {
	var c mongo.CommandError
	const notImplemented = 238
	return errors.As(err, &c) && c.Code == notImplemented
}

// Blobs implements engine.Engine.
func (e *Engine) Blobs() engine.Blobs { return &blobs{e: e} }

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

func set(field string, value any) bson.D {
	return bson.D{{Key: "$set", Value: bson.D{{Key: field, Value: value}}}}
}

// wrap gives the driver's errors a fault kind.
func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(kindOf(err), err, doing)
}

// kindOf: what is refused for its size is the caller's; a server that is away, changes
// its primary or will not have us can come back.
func kindOf(err error) fault.Kind {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Kind
	}
	var server mongo.ServerError
	if errors.As(err, &server) {
		const tooLarge, tooLargeToo = 10334, 17419
		if server.HasErrorCode(tooLarge) || server.HasErrorCode(tooLargeToo) {
			return fault.Invalid
		}
		const badValue, typeMismatch = 2, 14
		if server.HasErrorCode(badValue) || server.HasErrorCode(typeMismatch) {
			return fault.Internal
		}
	}
	return fault.Unavailable
}

// document is a stored document.
type document struct {
	ID      string `bson:"_id"`
	Version int64  `bson:"version"`
	Body    string `bson:"body"`
}

func (d *document) doc() engine.Doc {
	return engine.Doc{ID: d.ID, Version: d.Version, Body: []byte(d.Body)}
}

// encode makes what is stored of a document. A nil value is left out.
func encode(c *engine.Collection, d engine.Doc) (bson.D, error) {
	if len(d.Values) != len(c.Fields) {
		return nil, fmt.Errorf("writing %s: %d values for %d fields", c.Name, len(d.Values), len(c.Fields))
	}
	out := append(make(bson.D, 0, len(d.Values)+3), bson.E{Key: "_id", Value: d.ID}, bson.E{Key: "version", Value: d.Version})
	for i, v := range d.Values {
		if many, ok := v.([]string); v != nil && (!ok || len(many) > 0) {
			out = append(out, bson.E{Key: c.Fields[i].Name, Value: v})
		}
	}
	return append(out, bson.E{Key: "body", Value: string(d.Body)}), nil
}
