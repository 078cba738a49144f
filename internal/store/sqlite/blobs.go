package sqlite

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/store/engine"
)

// blobs keeps small blobs in the database, where they share the commit of what refers to
// them, and larger ones in files beside it: blobs/ab/cdef…, written under another name,
// synced, and renamed.
type blobs struct {
	e   *Engine
	dir string
}

// small is the most bytes of a blob in the database.
const small = 64 << 10

func openBlobs(ctx context.Context, e *Engine) (*blobs, error) {
	b := &blobs{e: e, dir: filepath.Join(e.dir, "blobs")}
	// What a process that died left half written has no name and is dropped.
	temporary := filepath.Join(b.dir, "temporary")
	if err := errors.Join(os.RemoveAll(temporary), os.MkdirAll(temporary, 0o700)); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "making room for blobs")
	}
	err := e.write.do(ctx, true, func(t *tx) error {
		return t.exec(`CREATE TABLE IF NOT EXISTS blobs (name TEXT PRIMARY KEY, at INTEGER NOT NULL, bytes BLOB) STRICT`)
	})
	return b, err
}

// Create implements engine.Blobs.
func (b *blobs) Create(ctx context.Context) (engine.BlobWriter, error) {
	return &blobWriter{ctx: ctx, blobs: b}, nil
}

// path is where a blob's file stands. The name is a hash in hex, and checked to be one
// by the store.
func (b *blobs) path(name string) string {
	if len(name) < 3 || filepath.Base(name) != name {
		name = "not-a-hash"
	}
	return filepath.Join(b.dir, name[:2], name[2:])
}

// Open implements engine.Blobs.
func (b *blobs) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	var stored []byte
	found := false
	err := b.e.query(ctx, `SELECT bytes FROM blobs WHERE name = ?`, []any{name}, func(v []driver.Value) error {
		stored, found = blob(v[0]), true
		return nil
	})
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "opening the blob "+name)
	}
	if found {
		return io.NopCloser(bytes.NewReader(stored)), nil
	}
	f, err := os.Open(b.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "opening the blob %s: there is none", name)
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "opening the blob "+name)
	}
	return f, nil
}

// Exists implements engine.Blobs.
func (b *blobs) Exists(ctx context.Context, name string) (bool, error) {
	found := false
	err := b.e.query(ctx, `SELECT 1 FROM blobs WHERE name = ?`, []any{name}, func([]driver.Value) error { found = true; return nil })
	if err != nil || found {
		return found, fault.Wrap(kindOf(err), err, "looking for the blob "+name)
	}
	_, err = os.Stat(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, fault.Wrap(fault.Unavailable, err, "looking for the blob "+name)
}

// Remove implements engine.Blobs.
func (b *blobs) Remove(ctx context.Context, name string) error {
	err := b.e.write.do(ctx, true, func(t *tx) error { return t.exec(`DELETE FROM blobs WHERE name = ?`, name) })
	if gone := os.Remove(b.path(name)); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return fault.Wrap(fault.Unavailable, err, "removing the blob "+name)
}

// Each implements engine.Blobs.
func (b *blobs) Each(ctx context.Context, before time.Time, fn func(name string) error) error {
	var names []string
	err := b.e.query(ctx, `SELECT name FROM blobs WHERE at < ?`, []any{before.UnixMilli()}, func(v []driver.Value) error {
		names = append(names, text(v[0]))
		return nil
	})
	if err != nil {
		return fault.Wrap(kindOf(err), err, "listing blobs")
	}
	err = filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && d.Name() == "temporary" {
				return fs.SkipDir
			}
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		if err == nil && info.ModTime().Before(before) {
			names = append(names, filepath.Base(filepath.Dir(path))+d.Name())
		}
		return err
	})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "listing blobs")
	}
	for _, name := range names {
		if err := fn(name); err != nil {
			return err
		}
	}
	return nil
}

// blobWriter keeps a blob in memory until it is too large for that.
type blobWriter struct {
	ctx    context.Context //nolint:containedctx // an io.Writer has no other way
	blobs  *blobs
	memory bytes.Buffer
	file   *os.File
}

// Write implements io.Writer.
func (w *blobWriter) Write(p []byte) (int, error) {
	if w.file == nil && w.memory.Len()+len(p) <= small {
		return w.memory.Write(p)
	}
	if w.file == nil {
		f, err := os.CreateTemp(filepath.Join(w.blobs.dir, "temporary"), "blob-*")
		if err != nil {
			return 0, fault.Wrap(fault.Unavailable, err, "beginning a blob")
		}
		w.file = f
		if _, err := w.memory.WriteTo(f); err != nil {
			return 0, fault.Wrap(fault.Unavailable, err, "writing a blob")
		}
	}
	n, err := w.file.Write(p)
	return n, fault.Wrap(fault.Unavailable, err, "writing a blob")
}

// Commit implements engine.BlobWriter.
func (w *blobWriter) Commit(name string) error {
	if w.file == nil {
		return w.blobs.e.write.do(w.ctx, true, func(t *tx) error {
			return t.exec(`INSERT INTO blobs VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at, bytes = excluded.bytes`,
				name, w.blobs.e.now().UnixMilli(), w.memory.Bytes())
		})
	}
	path, temporary := w.blobs.path(name), w.file.Name()
	defer w.Abort()
	err := errors.Join(w.file.Sync(), w.file.Close(), os.MkdirAll(filepath.Dir(path), 0o700))
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = errors.Join(syncDir(filepath.Dir(path)), syncDir(w.blobs.dir))
	}
	return fault.Wrap(fault.Unavailable, err, "committing the blob "+name)
}

// syncDir makes a rename durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Abort implements engine.BlobWriter.
func (w *blobWriter) Abort() {
	if w.file != nil {
		w.file.Close()           //nolint:errcheck // it is closed already after a commit
		os.Remove(w.file.Name()) //nolint:errcheck // what is left is dropped at the next start
	}
	w.memory.Reset()
}
