// Package jsonpull reads JSON from a stream without holding it: a report of any size
// passes through one small buffer, what nobody asks for is passed over unparsed, and the
// text that is asked for is cut to a limit while it is read. It also reads a sequence of
// values, as in JSON Lines.
//
// It is lenient where scanners are sloppy (a wrong type reads as absent, bytes that are
// not UTF-8 become U+FFFD, a repeated key's last value is what a caller is left with) and
// strict where leniency would lose findings: structure, literals, numbers, nesting.
package jsonpull

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
)

// MaxDepth is how deep containers may nest. No scanner comes near it.
const MaxDepth = 64

const firstBuffer = 64 << 10

// Reader pulls values from a body. Call Value or More for the next value at the top, then
// one of Object, Array, Text, Raw, Float, Bool or Skip to consume it. After the first
// error everything reads as empty; ask Err at the end.
type Reader struct {
	format string
	src    io.Reader // nil once it has ended
	buf    []byte    // never written to where a caller gave it
	pos    int
	end    int
	mark   int   // what is still needed of buf begins here; -1 for nothing
	base   int64 // offset of buf[0]
	lines  int   // newlines before buf[0]

	markLimit int // how much may be kept for the mark, before it is given up

	depth   int  // open containers
	first   bool // the innermost open container has given nothing yet
	pending bool // a value is due: after a key, or as an element
	key     []byte
	text    []byte // scratch of Text
	begun   bool
	err     error
}

// NewReader makes a reader of a body. Format names what is being read in errors:
// "nuclei JSON". It reads nothing before the first call.
func NewReader(body io.Reader, format string) *Reader {
	return &Reader{format: format, src: body, buf: make([]byte, firstBuffer), mark: -1}
}

// Reset makes r read the bytes from their start. They are not changed, and must not
// change while r reads them.
func (r *Reader) Reset(b []byte, format string) {
	*r = Reader{format: format, buf: b, end: len(b), mark: -1, begun: true, key: r.key, text: r.text}
}

// Err gives what ended the reading: nil at the proper end, a *connectors.SyntaxError for
// malformed input, else the body's own read error.
func (r *Reader) Err() error { return r.err }

// OK reports whether reading can go on: what was read so far is whole.
func (r *Reader) OK() bool { return r.err == nil }

// Position is where reading stands: behind the last thing that was read.
func (r *Reader) Position() connectors.Position {
	return connectors.Position{
		Offset: r.base + int64(r.pos),
		Line:   1 + r.lines + bytes.Count(r.buf[:r.pos], []byte{'\n'}),
	}
}

// Offset is Position without counting lines, which makes it cheap.
func (r *Reader) Offset() int64 { return r.base + int64(r.pos) }

// Fail ends the reading with a syntax error at the current position, for what is JSON but
// not the format.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = &connectors.SyntaxError{Position: r.Position(), Format: r.format, Err: fmt.Errorf(format, args...)}
	}
}

func (r *Reader) unexpectedEnd() {
	if r.err == nil {
		r.Fail("%w", io.ErrUnexpectedEOF)
	}
}

// fill gets more bytes behind r.end, and reports whether there were any. What lies before
// the mark, or before pos without one, is forgotten.
func (r *Reader) fill() bool {
	if r.src == nil || r.err != nil {
		return false
	}
	keep := r.pos
	if r.mark >= 0 && r.pos-r.mark > r.markLimit {
		r.mark = -1
	}
	if r.mark >= 0 {
		keep = r.mark
	}
	if keep > 0 {
		r.base += int64(keep)
		r.lines += bytes.Count(r.buf[:keep], []byte{'\n'})
		copy(r.buf, r.buf[keep:r.end])
		r.pos, r.end = r.pos-keep, r.end-keep
		if r.mark >= 0 {
			r.mark = 0
		}
	}
	if r.end == len(r.buf) {
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	const maxEmptyReads = 100
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if err != nil {
			r.src = nil
			if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				r.err = err // the body's own: a broken connection or a broken gzip
			}
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	r.err = io.ErrNoProgress
	return false
}

// begin looks at the first bytes: a byte order mark is passed over, UTF-16 is refused by
// name rather than as a strange character.
func (r *Reader) begin() {
	r.begun = true
	const bom = 3
	for r.end-r.pos < bom && r.fill() {
		continue
	}
	head := r.buf[r.pos:r.end]
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		r.pos += bom
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		r.Fail("this is UTF-16: write the report as UTF-8")
	}
}

// peek gives the next byte that is not white space without consuming it, 0 at the end.
func (r *Reader) peek() byte {
	if r.pos < r.end && r.buf[r.pos] > ' ' {
		return r.buf[r.pos]
	}
	return r.peekPast()
}

// peekPast is peek where white space comes first, or the buffer has ended.
func (r *Reader) peekPast() byte {
	for {
		for i, c := range r.buf[r.pos:r.end] {
			if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				r.pos += i
				return c
			}
		}
		r.pos = r.end
		if !r.fill() {
			return 0
		}
	}
}
