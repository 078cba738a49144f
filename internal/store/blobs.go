package store

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/quellsec/quell/internal/fault"
)

// PutBlob stores bytes under the SHA-256, in hex, of what they are, and gives it with
// their number. More than limit bytes are fault.Invalid; then, and when the reader fails, whose
// error is returned as it is, nothing is kept. The same bytes are stored once.
func (s *Store) PutBlob(ctx context.Context, r io.Reader, limit int64) (sha string, size int64, err error) {
	return s.putBlob(ctx, "", r, limit)
}

// PutBlobAs stores bytes under a hash that they are said to have; others are fault.Invalid.
func (s *Store) PutBlobAs(ctx context.Context, sha string, r io.Reader, limit int64) error {
	if !isHash(sha) {
		return fault.New(fault.Invalid, "storing a blob: the name must be a SHA-256 in lower-case hex")
	}
	_, _, err := s.putBlob(ctx, sha, r, limit)
	return err
}

func (s *Store) putBlob(ctx context.Context, want string, r io.Reader, limit int64) (string, int64, error) {
	w, err := s.engine.Blobs().Create(ctx)
	if err != nil {
		return "", 0, err
	}
	defer w.Abort()
	sum := sha256.New()
	size, err := s.compress(w, sum, r, limit)
	if err != nil {
		return "", 0, err
	}
	sha := hex.EncodeToString(sum.Sum(nil))
	if want != "" && subtle.ConstantTimeCompare([]byte(sha), []byte(want)) == 0 {
		return "", 0, fault.New(fault.Invalid, "storing a blob: it was announced as %s, and is %s", want, sha)
	}
	if err := ctx.Err(); err != nil {
		return "", 0, fault.Wrap(fault.Unavailable, err, "storing a blob")
	}
	return sha, size, w.Commit(sha)
}

// press is what compressing a blob needs. It is used again: a new one for each of
// hundreds of small deliveries a second would cost more than they do.
type press struct {
	z      *zstd.Encoder
	buffer []byte
}

func (s *Store) press() (*press, error) {
	if p, ok := s.presses.Get().(*press); ok {
		return p, nil
	}
	// One goroutine and a window of 1 MiB: bodies are many, and of any size.
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "compressing a blob")
	}
	return &press{z: z, buffer: make([]byte, 64<<10)}, nil
}

// compress copies at most limit bytes into w, compressed, and into a hash as they are.
func (s *Store) compress(w io.Writer, sum hash.Hash, r io.Reader, limit int64) (int64, error) {
	p, err := s.press()
	if err != nil {
		return 0, err
	}
	defer s.presses.Put(p)
	defer p.z.Reset(nil) // lets go of w, however it ends
	p.z.Reset(w)
	for size := int64(0); ; {
		n, err := r.Read(p.buffer)
		if size += int64(n); size > limit {
			return 0, fault.New(fault.Invalid, "storing a blob: it is larger than %d bytes", limit)
		}
		sum.Write(p.buffer[:n])
		if _, err := p.z.Write(p.buffer[:n]); err != nil {
			return 0, fault.Wrap(fault.KindOf(err), err, "storing a blob")
		}
		if errors.Is(err, io.EOF) {
			err := p.z.Close()
			return size, fault.Wrap(fault.KindOf(err), err, "storing a blob")
		}
		if err != nil {
			return 0, err
		}
	}
}

func isHash(name string) bool {
	for _, c := range name {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(name) == hex.EncodedLen(sha256.Size)
}

// Blob reads a blob; fault.NotFound. What is read is checked: bytes that are not those
// that were stored end in fault.Internal instead of io.EOF, so a reader has to reach the
// end before it acts on what it read.
func (s *Store) Blob(ctx context.Context, sha string) (io.ReadCloser, error) {
	if !isHash(sha) {
		return nil, fault.New(fault.NotFound, "opening the blob %.80q: that is no name of one", sha)
	}
	stored, err := s.engine.Blobs().Open(ctx, sha)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(stored, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<23))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, errors.Join(err, stored.Close()), "opening the blob "+sha)
	}
	return &blobReader{name: sha, stored: stored, z: z, sum: sha256.New()}, nil
}

type blobReader struct {
	name   string
	stored io.Closer
	z      *zstd.Decoder
	sum    hash.Hash
}

// Read implements io.Reader.
func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.z.Read(p)
	b.sum.Write(p[:n])
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		var f *fault.Error
		if errors.As(err, &f) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return n, err
		}
		return n, fault.Wrap(fault.Internal, err, "reading the blob "+b.name+": what is stored is damaged")
	case hex.EncodeToString(b.sum.Sum(nil)) != b.name:
		return n, fault.New(fault.Internal, "reading the blob %s: what is stored is damaged", b.name)
	}
	return n, io.EOF
}

// Close implements io.Closer.
func (b *blobReader) Close() error {
	b.z.Close()
	return b.stored.Close()
}

// HasBlob reports whether a blob is there, which a pruned one is not.
func (s *Store) HasBlob(ctx context.Context, sha string) (bool, error) {
	if !isHash(sha) {
		return false, nil
	}
	return s.engine.Blobs().Exists(ctx, sha)
}
