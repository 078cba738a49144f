// Package xmlpull reads XML from untrusted scanners as a stream: one element at a time,
// in memory that does not grow with the document, at several hundred megabytes a second.
// It exists because encoding/xml is an order of magnitude slower than quell's ingest aim
// and has no limits of its own.
//
// It never resolves anything: a DOCTYPE is skipped, external identifiers are ignored, and
// a document that declares entities is refused (no billion laughs, no XXE). It is more
// forgiving than the standard where real files are: text before the XML declaration,
// bytes that are not valid in the declared encoding and characters that XML forbids
// (both become U+FFFD) don't stop it. Mismatched tags, unknown entities and a document
// that ends early do.
//
// A reader is used like bufio.Scanner, by depth:
//
//	root := r.Depth()
//	for r.Child(root) {          // each child element, whatever was left unread before it
//		switch string(r.Name()) {
//		case "host": readHost(r) // calls r.Attr, r.Child(r.Depth()), r.Text
//		}
//	}
//	if err := r.Err(); err != nil { … }
package xmlpull

import (
	"bytes"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
)

// Kind is what Next came upon.
type Kind uint8

// The kinds. Comments, processing instructions and DOCTYPE are passed over.
const (
	None  Kind = iota // the end of the document, or an error: see Err
	Start             // a start tag: Name and the attributes can be read
	End               // an end tag, or the end of an element without content
	Text              // a piece of text; one text may come in several pieces
)

// Limits that no report of a real scanner comes near. What goes beyond is an error, so
// that a hostile document can't take memory.
const (
	// MaxDepth is how deep elements may nest.
	MaxDepth = 64
	// MaxTag is the size of one start tag with all its attributes, in bytes. Nmap puts
	// whole script outputs into attributes.
	MaxTag = 8 << 20
	// MaxName is the length of an element's name in bytes.
	MaxName = 1 << 10
	// MaxDoctype is the size of a document type declaration in bytes.
	MaxDoctype = 64 << 10
	// MaxAttrs is how many attributes one element may have.
	MaxAttrs = 256
)

const firstBuffer = 64 << 10

// Reader pulls elements from a stream. Make one with NewReader. It is not safe for
// concurrent use, and what its methods return as bytes is valid until the next call of
// Next, Child or Text.
type Reader struct {
	format string
	src    io.Reader
	buf    []byte
	pos    int // next unread byte in buf
	end    int // end of what was read into buf
	eof    bool
	err    error

	base  int64          // offset in the body of buf[0]
	lines int            // newlines before buf[0]
	width func(rune) int // bytes of a rune in the body's encoding; nil for UTF-8

	started  bool
	rooted   bool // the root element was seen
	closing  bool // the current element was written <x/>: its End comes next
	cdata    bool
	names    []byte // the qualified names of the open elements, one after the other
	ends     []int  // where each of them ends in names
	name     []byte
	attrs    []attr
	text     []byte
	scratch  []byte
	gathered []byte
}

type attr struct{ name, raw []byte }

// NewReader makes a reader of a body. Format names what is being read in errors:
// "nessus XML". It reads nothing before the first call.
func NewReader(body io.Reader, format string) *Reader {
	return &Reader{format: format, src: body, buf: make([]byte, firstBuffer)}
}

// Err gives what ended the reading: nil at the proper end of the document, a
// *connectors.SyntaxError for a malformed document, else the body's own read error.
func (r *Reader) Err() error { return r.err }

// OK reports whether there is no error so far.
func (r *Reader) OK() bool { return r.err == nil }

// Depth is how many elements are open: 0 before and after the root element, 1 inside it.
func (r *Reader) Depth() int { return len(r.ends) }

// Name is the current element's name without its namespace prefix.
func (r *Reader) Name() []byte { return r.name }

// NumAttr is how many attributes the current start tag has.
func (r *Reader) NumAttr() int { return len(r.attrs) }

// AttrAt gives the i-th attribute of the current start tag, its name as written.
func (r *Reader) AttrAt(i int) (name, value []byte) {
	return r.attrs[i].name, r.unescape(r.attrs[i].raw)
}

// Attr gives the value of an attribute of the current start tag, nil where it has none.
func (r *Reader) Attr(name string) []byte {
	for i := range r.attrs {
		if string(r.attrs[i].name) == name {
			return r.unescape(r.attrs[i].raw)
		}
	}
	return nil
}

// Chunk is the piece of text that Next came upon.
func (r *Reader) Chunk() []byte { return r.text }

// Position is where reading stands: what follows the last thing returned.
func (r *Reader) Position() connectors.Position {
	return connectors.Position{
		Offset: r.base + r.rawLen(r.buf[:r.pos]),
		Line:   1 + r.lines + bytes.Count(r.buf[:r.pos], []byte{'\n'}),
	}
}

// Child goes on to the next child of the open element at the given depth (0 for the
// document itself) and reports whether there was one. It passes over everything of the
// children before it that was left unread.
func (r *Reader) Child(depth int) bool {
	for len(r.ends) >= depth {
		switch r.advance(true) {
		case None:
			return false
		case Start:
			if len(r.ends) == depth+1 {
				return true
			}
		case End, Text:
		}
	}
	return false
}

// Next goes on to the next start tag, end tag or piece of text.
func (r *Reader) Next() Kind { return r.advance(false) }

// advance is Next; with skip it passes over text without looking into it.
func (r *Reader) advance(skip bool) Kind {
	if r.err != nil {
		return None
	}
	if !r.started {
		r.started = true
		if !r.begin() {
			return None
		}
	}
	if r.closing {
		r.closing = false
		r.pop()
		return End
	}
	for r.err == nil {
		if r.pos == r.end && !r.more() {
			return r.finish()
		}
		switch {
		case r.cdata:
			if r.cdataPiece() && !skip {
				return Text
			}
		case r.buf[r.pos] == '<':
			if k := r.markup(); k != None {
				return k
			}
		case skip && len(r.ends) > 0:
			r.passText()
		default:
			if r.textPiece() && !skip {
				return Text
			}
		}
	}
	return None
}

// finish judges the end of the body.
func (r *Reader) finish() Kind {
	switch {
	case r.err != nil:
	case r.cdata:
		r.fail("the document ends inside a CDATA section")
	case len(r.ends) > 0:
		r.fail("the document ends inside <%s>", r.open())
	case !r.rooted:
		r.fail("there is no element in it")
	}
	return None
}

// fail notes a syntax error at the current position.
func (r *Reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &connectors.SyntaxError{Position: r.Position(), Format: r.format, Err: fmt.Errorf(format, args...)}
	}
}

// open is the qualified name of the innermost open element.
func (r *Reader) open() []byte {
	n := len(r.ends)
	if n == 1 {
		return r.names[:r.ends[0]]
	}
	return r.names[r.ends[n-2]:r.ends[n-1]]
}

func (r *Reader) push(qualified []byte) {
	r.names = append(r.names, qualified...)
	r.ends = append(r.ends, len(r.names))
}

func (r *Reader) pop() {
	r.names = r.names[:len(r.names)-len(r.open())]
	r.ends = r.ends[:len(r.ends)-1]
}
