package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// blobs keeps a small blob whole in its head, and a larger one in chunks that are written
// before the head: a blob without a head is not there.
type blobs struct{ e *Engine }

var _ engine.Blobs = (*blobs)(nil)

const (
	blobsName  = "blobs"
	chunksName = "chunks"
	chunkSize  = 1 << 20 // MongoDB takes documents of 16 MiB
)

// head is a blob: its bytes, or the upload whose chunks they are.
type head struct {
	Name   string `bson:"_id"`
	At     int64  `bson:"at"` // Unix milliseconds
	Data   []byte `bson:"data"`
	Upload string `bson:"upload"`
	Chunks int64  `bson:"chunks"`
}

// chunk is a part of an upload. It is loose until its blob has a head.
type chunk struct {
	ID    string `bson:"_id"` // upload:number
	Loose bool   `bson:"loose"`
	At    int64  `bson:"at"`
	Data  []byte `bson:"data"`
}

func chunkID(upload string, n int64) string { return fmt.Sprintf("%s:%08d", upload, n) }

// ofUpload is all chunks of an upload, by the range of their IDs.
func ofUpload(upload string) bson.D {
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: upload + ":"}, {Key: "$lt", Value: upload + ";"}}}}
}

// Create implements engine.Blobs.
func (b *blobs) Create(ctx context.Context) (engine.BlobWriter, error) {
	return &blobWriter{ctx: ctx, e: b.e, upload: bson.NewObjectID().Hex()}, nil
}

func (b *blobs) head(ctx context.Context, name string, o ...options.Lister[options.FindOneOptions]) (head, error) {
	var h head
	err := b.e.db.Collection(blobsName).FindOne(ctx, byID(name), o...).Decode(&h)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return h, fault.New(fault.NotFound, "opening the blob %s: there is none", name)
	}
	return h, wrap(err, "opening the blob "+name)
}

// Open implements engine.Blobs.
func (b *blobs) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	h, err := b.head(ctx, name)
	if err != nil {
		return nil, err
	}
	if h.Upload == "" {
		return io.NopCloser(bytes.NewReader(h.Data)), nil
	}
	return &blobReader{ctx: ctx, e: b.e, head: h}, nil
}

// Exists implements engine.Blobs.
func (b *blobs) Exists(ctx context.Context, name string) (bool, error) {
	_, err := b.head(ctx, name, options.FindOne().SetProjection(bson.D{{Key: "at", Value: 1}}))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// Remove implements engine.Blobs: the head first, so that half a blob is never there.
func (b *blobs) Remove(ctx context.Context, name string) error {
	h, err := b.head(ctx, name, options.FindOne().SetProjection(bson.D{{Key: "upload", Value: 1}}))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		_, err = b.e.db.Collection(blobsName).DeleteOne(ctx, byID(name))
	}
	if err == nil && h.Upload != "" {
		_, err = b.e.db.Collection(chunksName).DeleteMany(ctx, ofUpload(h.Upload))
	}
	return wrap(err, "removing the blob "+name)
}

// Each implements engine.Blobs.
func (b *blobs) Each(ctx context.Context, before time.Time, fn func(name string) error) error {
	for last := ""; ; {
		filter := bson.D{{Key: "at", Value: bson.D{{Key: "$lt", Value: before.UnixMilli()}}}, {Key: "_id", Value: bson.D{{Key: "$gt", Value: last}}}}
		cursor, err := b.e.db.Collection(blobsName).Find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).
			SetLimit(stream).SetProjection(bson.D{{Key: "at", Value: 1}}))
		var heads []head
		if err == nil {
			err = cursor.All(ctx, &heads)
		}
		if err != nil {
			return wrap(err, "listing blobs")
		}
		for i := range heads {
			if err := fn(heads[i].Name); err != nil {
				return err
			}
		}
		if len(heads) < stream {
			return nil
		}
		last = heads[len(heads)-1].Name
	}
}

// forgotten is how old chunks without a head must be to be left over from a process that
// died, and not an upload under way.
const forgotten = 24 * time.Hour

// tidy removes what uploads that were never finished left behind.
func (e *Engine) tidy(ctx context.Context) error {
	cursor, err := e.db.Collection(chunksName).Find(ctx, bson.D{{Key: "loose", Value: true}, {Key: "at", Value: bson.D{{Key: "$lt", Value: e.now().Add(-forgotten).UnixMilli()}}}},
		options.Find().SetProjection(bson.D{{Key: "at", Value: 1}}))
	var left []chunk
	if err == nil {
		err = cursor.All(ctx, &left)
	}
	if err != nil {
		return wrap(err, "looking for unfinished uploads")
	}
	for i := range left {
		upload := left[i].ID[:max(0, len(left[i].ID)-9)]
		err := e.db.Collection(blobsName).FindOne(ctx, bson.D{{Key: "upload", Value: upload}}, options.FindOne().SetProjection(bson.D{{Key: "at", Value: 1}})).Err()
		switch {
		case errors.Is(err, mongo.ErrNoDocuments):
			_, err = e.db.Collection(chunksName).DeleteOne(ctx, byID(left[i].ID))
		case err == nil: // it died between the head and this note
			_, err = e.db.Collection(chunksName).UpdateOne(ctx, byID(left[i].ID), set("loose", false))
		}
		if err != nil {
			return wrap(err, "removing unfinished uploads")
		}
	}
	return nil
}

// blobWriter writes chunks as they fill.
type blobWriter struct {
	ctx    context.Context //nolint:containedctx // an io.Writer has no other way
	e      *Engine
	upload string
	buffer []byte
	chunks int64
	done   bool
}

// Write implements io.Writer.
func (w *blobWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), chunkSize-len(w.buffer))
		w.buffer = append(w.buffer, p[:n]...)
		p, written = p[n:], written+n
		if len(w.buffer) == chunkSize {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (w *blobWriter) flush() error {
	_, err := w.e.db.Collection(chunksName).InsertOne(w.ctx, chunk{ID: chunkID(w.upload, w.chunks), Loose: true, At: w.e.now().UnixMilli(), Data: w.buffer})
	w.chunks++
	w.buffer = w.buffer[:0]
	return wrap(err, "writing a blob")
}

// Commit implements engine.BlobWriter.
func (w *blobWriter) Commit(name string) error {
	h := head{Name: name, At: w.e.now().UnixMilli()}
	if w.chunks == 0 {
		h.Data = append([]byte{}, w.buffer...)
	} else {
		if len(w.buffer) > 0 {
			if err := w.flush(); err != nil {
				return err
			}
		}
		h.Upload, h.Chunks = w.upload, w.chunks
	}
	_, err := w.e.db.Collection(blobsName).InsertOne(w.ctx, h)
	if mongo.IsDuplicateKeyError(err) {
		w.Abort()
		_, err = w.e.db.Collection(blobsName).UpdateOne(w.ctx, byID(name), set("at", h.At))
		return wrap(err, "committing the blob "+name)
	}
	if err == nil {
		w.done = true
		if h.Upload != "" {
			_, err = w.e.db.Collection(chunksName).UpdateMany(w.ctx, ofUpload(w.upload), set("loose", false))
		}
	}
	return wrap(err, "committing the blob "+name)
}

// Abort implements engine.BlobWriter.
func (w *blobWriter) Abort() {
	if w.done || w.chunks == 0 {
		return
	}
	w.done = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), connecting)
	defer cancel()
	_, _ = w.e.db.Collection(chunksName).DeleteMany(ctx, ofUpload(w.upload)) // what is left is tidied later
}

// blobReader reads one chunk after another.
type blobReader struct {
	ctx    context.Context //nolint:containedctx // an io.Reader has no other way
	e      *Engine
	head   head
	next   int64
	buffer []byte
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.buffer) == 0 {
		if r.next == r.head.Chunks {
			return 0, io.EOF
		}
		var c chunk
		err := r.e.db.Collection(chunksName).FindOne(r.ctx, byID(chunkID(r.head.Upload, r.next))).Decode(&c)
		switch {
		case errors.Is(err, mongo.ErrNoDocuments):
			return 0, fault.New(fault.Internal, "reading the blob %s: part %d of %d is gone", r.head.Name, r.next+1, r.head.Chunks)
		case err != nil:
			return 0, wrap(err, "reading the blob "+r.head.Name)
		}
		r.buffer, r.next = c.Data, r.next+1
	}
	n := copy(p, r.buffer)
	r.buffer = r.buffer[n:]
	return n, nil
}

// Close implements io.Closer.
func (r *blobReader) Close() error { return nil }
