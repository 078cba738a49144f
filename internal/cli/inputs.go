package cli

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/fault"
)

// The limits of what is unpacked. Reports are repetitive; what grows more than this was
// made to fill a disk.
const (
	maxRatio    = 300      // of unpacked to packed bytes
	freeGrowth  = 8 << 20  // unpacked bytes that may have any ratio
	maxUnpacked = 16 << 30 // bytes, of one report and of one archive
	maxMembers  = 1000     // reports in one archive
)

// input is one report, however it came.
type input struct {
	name string // for people: the file, and the member of an archive
	file string // base name, by which formats are told apart too
	size int64  // unpacked bytes; zero = unknown
	open func() (io.ReadCloser, error)
}

// eachInput calls fn for every report that an argument means: a file, a gzip file, every
// member of a zip archive, or - for standard input.
func (a *app) eachInput(arg string, fn func(in input) error) error {
	if arg == "-" {
		return fn(input{name: "standard input", open: func() (io.ReadCloser, error) { return unpacked(io.NopCloser(a.In)) }})
	}
	name := a.path(arg)
	f, err := os.Open(name) // the operator names the file
	if err != nil {
		return fault.New(fault.Invalid, "opening the report: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return fault.New(fault.Invalid, "opening %s: %w", arg, err)
	}
	if info.IsDir() {
		return fault.New(fault.Invalid, "%s is a directory; name the reports in it", arg)
	}
	var head [4]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "reading %s: %w", arg, err)
	}
	if info.Mode().IsRegular() && bytes.Equal(head[:n], []byte("PK\x03\x04")) {
		return eachMember(f, info.Size(), arg, fn)
	}
	size := info.Size()
	if isGzip(head[:n]) {
		size = 0
	}
	return fn(input{name: arg, file: strings.TrimSuffix(info.Name(), ".gz"), size: size, open: func() (io.ReadCloser, error) {
		if !info.Mode().IsRegular() { // a pipe: what was looked at is gone
			return unpacked(readCloser{io.MultiReader(bytes.NewReader(head[:n]), f), io.NopCloser(nil)})
		}
		again, err := os.Open(name)
		if err != nil {
			return nil, fault.New(fault.Invalid, "opening the report: %w", err)
		}
		return unpacked(again)
	}})
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) }

// eachMember walks the reports of a zip archive. Paths in it are names and nothing else:
// nothing is ever written where they point.
func eachMember(f *os.File, size int64, arg string, fn func(input) error) error {
	archive, err := zip.NewReader(f, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // such a path is never used
		return fault.New(fault.Invalid, "reading the archive %s: %w", arg, err)
	}
	var members []*zip.File
	for _, m := range archive.File {
		if m.Mode().Type() == fs.ModeDir || strings.HasSuffix(m.Name, "/") {
			continue
		}
		if members = append(members, m); len(members) > maxMembers {
			return fault.New(fault.Invalid, "reading the archive %s: it holds more than %d files; split it", arg, maxMembers)
		}
	}
	if len(members) == 0 {
		return fault.New(fault.Invalid, "reading the archive %s: it holds no files", arg)
	}
	budget := &growth{limit: maxUnpacked, sent: func() int64 { return size }}
	for _, m := range members {
		name := arg + ":" + m.Name
		in := input{name: name, file: m.Name[strings.LastIndexAny(m.Name, `/\`)+1:], open: func() (io.ReadCloser, error) {
			return openMember(m, name, budget)
		}}
		if err := fn(in); err != nil {
			return err
		}
	}
	return nil
}

func openMember(m *zip.File, name string, budget *growth) (io.ReadCloser, error) {
	r, err := m.Open()
	if err != nil {
		return nil, fault.New(fault.Invalid, "unpacking %s: %w", name, err)
	}
	limited := &growing{r: r, of: budget, what: name}
	head := bufio.NewReader(limited)
	if start, err := head.Peek(4); err == nil && (isGzip(start) || bytes.Equal(start, []byte("PK\x03\x04"))) {
		_ = r.Close() // it was only read
		return nil, fault.New(fault.Invalid, "unpacking %s: it is an archive in an archive; unpack the outer one first", name)
	}
	return readCloser{head, r}, nil
}

// unpacked gives a body as it was before gzip, with a bomb's limits.
func unpacked(body io.ReadCloser) (io.ReadCloser, error) {
	packed := &counting{r: body}
	buffered := bufio.NewReaderSize(packed, 64<<10)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = body.Close() // the first error says more
		return nil, fault.New(fault.Invalid, "reading the report: %w", err)
	}
	switch {
	case bytes.Equal(head, []byte("PK\x03\x04")):
		_ = body.Close() // it was only read
		return nil, fault.New(fault.Invalid, "a zip archive can't be read from a pipe: name the file")
	case !isGzip(head):
		return readCloser{buffered, body}, nil
	}
	plain, err := gzip.NewReader(buffered)
	if err != nil {
		_ = body.Close() // the first error says more
		return nil, fault.New(fault.Invalid, "unpacking the report: %w", err)
	}
	of := &growth{limit: maxUnpacked, sent: func() int64 { return packed.n }}
	out := bufio.NewReader(&growing{r: plain, of: of, what: "the report"})
	if start, err := out.Peek(2); err == nil && isGzip(start) {
		_ = body.Close() // it was only read
		return nil, fault.New(fault.Invalid, "unpacking the report: it is packed twice; unpack it first")
	}
	return readCloser{out, body}, nil
}

// growth counts what unpacking one file gives, over all its members.
type growth struct {
	limit int64
	out   int64
	sent  func() int64 // packed bytes so far
}

// growing reads what is unpacked, until it is too much.
type growing struct {
	r    io.Reader
	of   *growth
	what string
}

// Read implements io.Reader.
func (g *growing) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	g.of.out += int64(n)
	switch {
	case g.of.out > g.of.limit:
		return 0, fault.New(fault.Invalid, "unpacking %s: it is larger than %d GiB; split it", g.what, g.of.limit>>30)
	case g.of.out > freeGrowth && g.of.out > maxRatio*g.of.sent():
		return 0, fault.New(fault.Invalid, "unpacking %s: it grows more than %d times, which no report does; unpack it yourself if you trust it", g.what, maxRatio)
	case err != nil && !errors.Is(err, io.EOF):
		return n, fault.New(fault.Invalid, "unpacking %s: %w", g.what, err)
	}
	return n, err
}

type counting struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

type readCloser struct {
	io.Reader
	io.Closer
}

// peeked gives the head of a body for recognition, and the body still whole.
func peeked(body io.Reader) (head []byte, whole io.Reader, err error) {
	buffered := bufio.NewReaderSize(body, connectors.RecognizeBytes)
	head, err = buffered.Peek(connectors.RecognizeBytes)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head, buffered, err
}
