// Package engine is what the store asks of a database: a few primitives over documents
// with indexed values, and over blobs. The collections are written once above it.
package engine

import (
	"context"
	"io"
	"time"
)

// Kind is the sort of an indexed value.
type Kind int

// The kinds. A value is a string, an int64 or a []string by its field's kind, or nil.
const (
	Text  Kind = iota
	Int        // numbers, times in Unix milliseconds, and flags as 1 or nil
	Texts      // several; a condition on it asks for any of them
)

// Field is one value that documents can be found by.
type Field struct {
	Name string
	Kind Kind
}

// Index speeds conditions on its first field, in the order of the others. An index on a
// Texts field has at most one more field. A sparse one leaves out nil.
type Index struct {
	Fields []string
	Sparse bool
}

// Collection declares documents of one kind. An engine makes what it needs of it.
type Collection struct {
	Name    string
	Fields  []Field
	Indexes []Index
	// Cube names fields of few distinct values: counts grouped and filtered by them alone
	// are kept, not computed, where the engine can.
	Cube []string
}

// Field finds a field's place and declaration.
func (c *Collection) Field(name string) (int, Field, bool) {
	for i, f := range c.Fields {
		if f.Name == name {
			return i, f, true
		}
	}
	return 0, Field{}, false
}

// Doc is a document. Values stand in the order of the collection's fields; a document
// read back has none.
type Doc struct {
	ID      string
	Version int64
	Values  []any
	Body    []byte
}

// Op is what a condition asks of a field.
type Op int

// The operators.
const (
	In       Op = iota // equal to any of Values
	Below              // less than Values[0]
	From               // Values[0] or more
	Has                // not nil
	Lacks              // nil
	Contains           // has the text Values[0] in it, letter for letter
	NotIn              // has a value, and that is none of Values; not for Texts
)

// Cond is one condition.
type Cond struct {
	Field  string
	Op     Op
	Values []any
}

// ID is the name that a sort gives the document's own ID.
const ID = "id"

// Query asks for one page of the documents that meet all conditions.
type Query struct {
	Where []Cond
	Sort  []string // fields, or ID; ties keep an order of the engine's own
	Desc  bool     // all of the sort, ties included, the other way round
	After []any    // Found.At of the last document of the page before
	Limit int
}

// Found is a document and its place in the order of the query.
type Found struct {
	Doc
	At []any // the sort's values, then the engine's own tie-breaker (int64 or string)
}

// Engine is one database. All its methods may be called concurrently. An error has a
// fault kind. There are more than a few methods because these are all the primitives.
//
//nolint:interfacebloat // see above
type Engine interface {
	// Prepare makes what the collections need; calling it again changes nothing.
	Prepare(ctx context.Context, collections []*Collection) error
	// SchemaVersion is the version that the data was written by; zero for an empty store.
	SchemaVersion(ctx context.Context) (int64, error)
	SetSchemaVersion(ctx context.Context, version int64) error

	// Insert inserts the documents whose ID is not there yet and says which.
	Insert(ctx context.Context, c *Collection, docs []Doc) ([]bool, error)
	// Swap writes the documents whose stored version is one less than theirs and says which.
	Swap(ctx context.Context, c *Collection, docs []Doc) ([]bool, error)
	// Put writes the documents, whatever is there.
	Put(ctx context.Context, c *Collection, docs []Doc) error
	Delete(ctx context.Context, c *Collection, ids []string) error
	// Get gives those that exist, in any order.
	Get(ctx context.Context, c *Collection, ids []string) ([]Doc, error)
	Find(ctx context.Context, c *Collection, q Query) ([]Found, error)
	// Each streams the documents that meet all conditions. Documents written meanwhile
	// may be left out or shown; none is shown twice. fn may write.
	Each(ctx context.Context, c *Collection, where []Cond, fn func(Doc) error) error
	// Count counts by a field's values, integers in decimal; by "" counts all under "".
	Count(ctx context.Context, c *Collection, where []Cond, by string) (map[string]int64, error)
	// Next gives the next number of a sequence: 1, 2, 3, … with gaps after a crash.
	Next(ctx context.Context, sequence string) (int64, error)

	Blobs() Blobs
	Ping(ctx context.Context) error
	// Size is how many bytes the database takes, blobs left out; 0 where unknown.
	Size(ctx context.Context) (int64, error)
	Close() error
}

// Blobs keeps bytes under names that are hashes, so that what is there never changes.
type Blobs interface {
	// Create begins a blob. Nothing can be read before Commit gave it its name.
	Create(ctx context.Context) (BlobWriter, error)
	// Open reads a blob; fault.NotFound.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	Exists(ctx context.Context, name string) (bool, error)
	Remove(ctx context.Context, name string) error
	// Each names the blobs that were committed before a time.
	Each(ctx context.Context, before time.Time, fn func(name string) error) error
}

// BlobWriter takes the bytes of one blob.
type BlobWriter interface {
	io.Writer
	// Commit makes the bytes durable under a name. If the name is taken they are dropped,
	// being the same, and the blob is as young as a new one.
	Commit(name string) error
	// Abort drops the bytes. After Commit it does nothing.
	Abort()
}
