package activities

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/quellsec/quell/internal/fault"
)

// spoolMemory is how much of a page is held in memory; what is larger waits in a file,
// since it can be recorded only when the call that brings it has ended well.
const spoolMemory = 4 << 20

// spool takes a page while it comes.
type spool struct {
	memory bytes.Buffer
	file   *os.File
}

// Write implements io.Writer.
func (s *spool) Write(b []byte) (int, error) {
	if s.file == nil && s.memory.Len()+len(b) <= spoolMemory {
		return s.memory.Write(b)
	}
	if s.file == nil {
		f, err := os.CreateTemp("", "quell-page-*")
		if err != nil {
			return 0, fault.Wrap(fault.Internal, err, "making room for a page")
		}
		s.file = f
		if _, err := s.memory.WriteTo(f); err != nil {
			return 0, fault.Wrap(fault.Internal, err, "writing a page")
		}
	}
	n, err := s.file.Write(b)
	return n, fault.Wrap(fault.Internal, err, "writing a page")
}

// body gives the page from its beginning; nil for an empty one.
func (s *spool) body() (io.Reader, error) {
	if s.file == nil {
		if s.memory.Len() == 0 {
			return nil, nil //nolint:nilnil // no page is no error
		}
		return &s.memory, nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, fault.Wrap(fault.Internal, err, "reading a page")
}

func (s *spool) drop() {
	if s.file != nil {
		_ = s.file.Close()           // nothing that was written to it is needed any more
		_ = os.Remove(s.file.Name()) // likewise; the system clears what stays
	}
}

// pages reads pages one after the other, as one body, each from a line of its own.
type pages struct {
	open func(sha string) (io.ReadCloser, error)
	rest []string
	now  io.ReadCloser
}

// Read implements io.Reader.
func (p *pages) Read(b []byte) (int, error) {
	for {
		if p.now == nil {
			if len(p.rest) == 0 {
				return 0, io.EOF
			}
			page, err := p.open(p.rest[0])
			if err != nil {
				return 0, err
			}
			p.now, p.rest = page, p.rest[1:]
		}
		n, err := p.now.Read(b)
		if !errors.Is(err, io.EOF) {
			return n, err //nolint:wrapcheck // a reader's error goes as it is
		}
		p.close()
		if n > 0 || len(p.rest) == 0 {
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		}
	}
}

func (p *pages) close() {
	if p.now != nil {
		_ = p.now.Close() // it was only read
		p.now = nil
	}
}
