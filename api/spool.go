package api

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/quellsec/quell/internal/fault"
)

const (
	spoolMemory   = 1 << 20  // bytes of a body that are kept in memory
	spoolVerified = 32 << 20 // likewise, for connectors that check the body themselves
	spoolLarge    = 16       // larger bodies than spoolMemory under way at once
	spoolBodies   = 1024     // bodies under way at once
)

// spools keeps bodies until their signature is known to be good: small ones in memory,
// larger ones in files without a name. Both are bounded, as a stranger can send either.
type spools struct {
	dir    string
	bodies chan struct{}
	large  chan struct{}
}

func newSpools(dir string) *spools {
	return &spools{dir: dir, bodies: make(chan struct{}, spoolBodies), large: make(chan struct{}, spoolLarge)}
}

// busy is what is answered when there is no place for another body.
func busy() error {
	return fault.New(fault.Throttled, "too many bodies are being received; send it again in a moment")
}

// enter takes a place for one body; the caller gives it back by calling leave.
func (s *spools) enter() (leave func(), err error) {
	select {
	case s.bodies <- struct{}{}:
		return func() { <-s.bodies }, nil
	default:
		return nil, busy()
	}
}

// spool is one body, read to its end.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	leave  func() // gives back the place of a large body
}

// read reads a body whole into a spool: into memory up to keep bytes, else into a file.
func (s *spools) read(r io.Reader, keep int64) (*spool, error) {
	sp := &spool{leave: func() {}}
	if _, err := io.CopyN(&sp.memory, r, spoolMemory); err != nil {
		if errors.Is(err, io.EOF) {
			return sp, nil
		}
		return nil, err
	}
	select {
	case s.large <- struct{}{}:
		sp.leave = func() { <-s.large }
	default:
		return nil, busy()
	}
	_, err := io.CopyN(&sp.memory, r, keep-spoolMemory)
	if err == nil {
		err = sp.spill(s.dir, r)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, sp.Close())
	}
	return sp, nil
}

// spill moves the spool to a file and reads the rest into it.
func (sp *spool) spill(dir string, rest io.Reader) error {
	file, err := os.CreateTemp(dir, "quell-body-")
	if err != nil {
		return fault.Wrap(fault.Internal, err, "making room for a body")
	}
	sp.file = file
	// Without a name nothing is left behind, however the process ends. Where the system
	// can't do that, Close removes it.
	_ = os.Remove(file.Name())
	_, err = io.Copy(file, io.MultiReader(&sp.memory, rest))
	return err
}

// reader reads the body from its beginning, any number of times.
func (sp *spool) reader() (io.Reader, error) {
	if sp.file == nil {
		return bytes.NewReader(sp.memory.Bytes()), nil
	}
	_, err := sp.file.Seek(0, io.SeekStart)
	return sp.file, fault.Wrap(fault.Internal, err, "reading a body again")
}

// Close lets go of the body.
func (sp *spool) Close() error {
	sp.leave()
	if sp.file == nil {
		return nil
	}
	err := sp.file.Close()
	if gone := os.Remove(sp.file.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return fault.Wrap(fault.Internal, err, "letting go of a body")
}
