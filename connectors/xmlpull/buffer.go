package xmlpull

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// more reads on, keeping what is unread; where the buffer is full of it, it grows. It
// reports whether there is anything new.
func (r *Reader) more() bool {
	if r.eof || r.err != nil {
		return false
	}
	if r.pos > 0 {
		r.base += r.rawLen(r.buf[:r.pos])
		r.lines += bytes.Count(r.buf[:r.pos], []byte{'\n'})
		r.end = copy(r.buf, r.buf[r.pos:r.end])
		r.pos = 0
	}
	if len(r.buf)-r.end < utf8.UTFMax {
		grown := make([]byte, 2*len(r.buf))
		copy(grown, r.buf)
		r.buf = grown
	}
	const patience = 100 // empty reads in a row, as bufio has it
	for range patience {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		if err != nil {
			r.eof = true
			if !errors.Is(err, io.EOF) {
				r.err = err // the body's own: a broken upload isn't a malformed document
			}
			return n > 0 && r.err == nil
		}
		if n > 0 {
			return true
		}
	}
	r.err = io.ErrNoProgress
	return false
}

// double reads until twice as much is unread as now, so that trying a long tag again
// after each read costs no more than reading it. False: there is no more, or the limit
// is reached.
func (r *Reader) double(limit int) bool {
	have := r.end - r.pos
	if have > limit {
		return false
	}
	grew := false
	for want := min(max(2*have, 1), limit+1); r.end-r.pos < want; {
		if !r.more() {
			break
		}
		grew = true
	}
	return grew && r.err == nil
}

// has makes sure that n bytes are unread, as far as the body has them.
func (r *Reader) has(n int) bool {
	for r.end-r.pos < n {
		if !r.more() {
			return false
		}
	}
	return true
}

// rawLen is how many bytes of the body the decoded bytes were.
func (r *Reader) rawLen(b []byte) int64 {
	if r.width == nil {
		return int64(len(b))
	}
	var n int64
	for len(b) > 0 {
		c, size := utf8.DecodeRune(b)
		n += int64(r.width(c))
		b = b[size:]
	}
	return n
}
