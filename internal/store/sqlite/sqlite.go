// Package sqlite is the embedded store engine: one directory, one process, one writer.
//
// Each collection is a narrow table of indexed values, a table of bodies beside it, and
// one table for each index on a field of several values, so that conditions and sorts
// run over rows that are small. All writes go through one goroutine, which commits what
// waits together.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// Engine is a data directory, opened. It implements engine.Engine.
type Engine struct {
	dir   string
	now   func() time.Time
	lock  *os.File
	read  *sql.DB
	write *writer
	blobs *blobs
	codec *codec
	pin   *pin

	mu     sync.RWMutex
	tables map[string]*table

	counting  sync.Mutex
	sequences map[string]numbers
}

var _ engine.Engine = (*Engine)(nil)

// Memory is bounded by these, per connection, in KiB of page cache; the driver's allocator
// rounds each page up to twice its size.
const (
	writerCache = 64 << 10
	readerCache = 8 << 10
	readers     = 4
	walPages    = 16000 // a checkpoint each 64 MiB
)

// Options are what an engine is given.
type Options struct {
	Now func() time.Time
}

// Open opens a data directory, making it if need be. A directory that another process
// has open is a fault.Conflict.
func Open(ctx context.Context, dir string, o Options) (*Engine, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "making the data directory")
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	e := &Engine{dir: dir, now: o.Now, lock: lock, tables: map[string]*table{}, sequences: map[string]numbers{}}
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context) error {
	codec, err := newCodec()
	if err != nil {
		return fault.Wrap(fault.Internal, err, "preparing compression")
	}
	e.codec = codec
	if e.pin, err = newPin(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, err, "starting sqlite")
	}
	path := filepath.Join(e.dir, "quell.db")
	db := connect(path, 1, "cache_size(-"+strconv.Itoa(writerCache)+")",
		"journal_mode(wal)", "synchronous(normal)", "wal_autocheckpoint("+strconv.Itoa(walPages)+")",
		"journal_size_limit(67108864)", "temp_store(memory)", "foreign_keys(off)")
	w, err := startWriter(ctx, db)
	if err != nil {
		return fault.Wrap(kindOf(err), errors.Join(err, db.Close()), "opening "+path)
	}
	e.write = w
	e.read = connect(path, readers, "cache_size(-"+strconv.Itoa(readerCache)+")", "query_only(true)", "temp_store(memory)")
	if err := e.write.do(ctx, true, func(t *tx) error {
		return t.exec(`CREATE TABLE IF NOT EXISTS sequences (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID`)
	}); err != nil {
		return err
	}
	e.blobs, err = openBlobs(ctx, e)
	return err
}

// connect describes a pool of connections; nothing is opened yet.
func connect(path string, most int, pragmas ...string) *sql.DB {
	q := url.Values{"_pragma": append([]string{"busy_timeout(10000)"}, pragmas...), "_txlock": {"immediate"}}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db := sql.OpenDB(connector{dsn: u.String()})
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db
}

// Close waits for the writes under way and gives the directory back.
func (e *Engine) Close() error {
	var errs []error
	if e.read != nil {
		errs = append(errs, e.read.Close())
	}
	if e.write != nil {
		errs = append(errs, e.write.stop())
	}
	if e.pin != nil {
		errs = append(errs, e.pin.close())
	}
	if e.codec != nil {
		errs = append(errs, e.codec.close())
	}
	return errors.Join(append(errs, e.lock.Close())...)
}

// Ping reports whether the database answers.
func (e *Engine) Ping(ctx context.Context) error {
	return fault.Wrap(fault.Unavailable, e.read.PingContext(ctx), "asking sqlite for a sign of life")
}

// Size is the size of the database's files, without the blobs beside it.
func (e *Engine) Size(context.Context) (int64, error) {
	var total int64
	for _, name := range []string{"quell.db", "quell.db-wal"} {
		info, err := os.Stat(filepath.Join(e.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fault.Wrap(fault.Unavailable, err, "measuring the database")
		}
		total += info.Size()
	}
	return total, nil
}

// SchemaVersion implements engine.Engine by the file's user_version.
func (e *Engine) SchemaVersion(ctx context.Context) (int64, error) {
	var v int64
	err := e.read.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
	return v, fault.Wrap(kindOf(err), err, "reading the schema's version")
}

// SetSchemaVersion implements engine.Engine.
func (e *Engine) SetSchemaVersion(ctx context.Context, version int64) error {
	return e.write.do(ctx, true, func(t *tx) error { return t.exec(fmt.Sprintf("PRAGMA user_version = %d", version)) })
}

// numbers are those of a sequence that were reserved and not given yet.
type numbers struct{ next, end int64 }

// reserve is how many numbers of a sequence one write reserves; a crash loses the rest.
const reserve = 1000

// Next implements engine.Engine.
func (e *Engine) Next(ctx context.Context, sequence string) (int64, error) {
	e.counting.Lock()
	defer e.counting.Unlock()
	n := e.sequences[sequence]
	if n.next == n.end {
		var last int64
		err := e.write.do(ctx, true, func(t *tx) error {
			return t.row(`INSERT INTO sequences VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last = last + ?2 RETURNING last`,
				[]any{sequence, int64(reserve)}, &last)
		})
		if err != nil {
			return 0, err
		}
		n = numbers{next: last - reserve + 1, end: last + 1}
	}
	given := n.next
	n.next++
	e.sequences[sequence] = n
	return given, nil
}

// Blobs implements engine.Engine.
func (e *Engine) Blobs() engine.Blobs { return e.blobs }

// kindOf gives SQLite's errors a fault kind: without a context's end, something is wrong
// with the disk or the file, which an operator can mend.
func kindOf(err error) fault.Kind {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Kind
	}
	return fault.Unavailable
}
