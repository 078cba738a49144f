package xmlpull

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// Text reads the current element to its end and gives its text, with that of its
// children, at most limit bytes of it (the rest is passed over, cut at a rune). To be
// called after Start.
func (r *Reader) Text(limit int) []byte {
	if r.err != nil || len(r.ends) == 0 {
		return nil
	}
	if r.closing {
		r.advance(true)
		return nil
	}
	if text, ok := r.plainText(limit); ok {
		return text
	}
	r.gathered = r.gathered[:0]
	for depth := len(r.ends); len(r.ends) >= depth; {
		switch r.advance(len(r.gathered) >= limit) {
		case None:
			return r.gathered
		case Text:
			r.gathered = cut(append(r.gathered, cut(r.text, limit)...), limit)
		case Start, End:
		}
	}
	return r.gathered
}

// plainText is the way of nearly every leaf: its text and its end tag are whole in the
// buffer, and nothing has to be copied.
func (r *Reader) plainText(limit int) ([]byte, bool) {
	b := r.buf[r.pos:r.end]
	n := bytes.IndexByte(b, '<')
	name := r.open()
	after := n + 2 + len(name) // at the ">" of "</name>"
	if n < 0 || after >= len(b) || b[n+1] != '/' || b[after] != '>' || !bytes.Equal(b[n+2:after], name) {
		return nil, false
	}
	text := b[:n]
	if i := special(text, 0); i < n {
		r.gathered = r.clean(r.gathered[:0], text, i, true)
		text = r.gathered
		if r.err != nil {
			return nil, true
		}
	}
	r.pos += after + 1
	r.pop()
	return cut(text, limit), true
}

// cut shortens b to limit bytes at a rune.
func cut(b []byte, limit int) []byte {
	if len(b) <= limit {
		return b
	}
	for limit > 0 && !utf8.RuneStart(b[limit]) {
		limit--
	}
	return b[:limit]
}

// passText passes over the text at the current position without looking into it.
func (r *Reader) passText() {
	if n := bytes.IndexByte(r.buf[r.pos:r.end], '<'); n >= 0 {
		r.pos += n
		return
	}
	r.pos = r.end
}

// textPiece takes the text at the current position, as far as it is in the buffer, and
// reports whether that is anything.
func (r *Reader) textPiece() bool {
	b := r.buf[r.pos:r.end]
	n := bytes.IndexByte(b, '<')
	if n < 0 {
		n = len(b)
		if !r.eof {
			n = whole(b, true)
		}
		if n == 0 {
			r.more() // at the end of the body all of it can be taken, next time round
			return false
		}
	}
	if len(r.ends) == 0 {
		spaces := skipSpace(b[:n], 0)
		r.pos += spaces
		if spaces < n {
			r.fail("text outside the root element")
		}
		return false
	}
	return r.take(n, true)
}

// cdataPiece takes a piece of the CDATA section, and leaves the section at its end.
func (r *Reader) cdataPiece() bool {
	b := r.buf[r.pos:r.end]
	n := bytes.Index(b, []byte("]]>"))
	if n >= 0 {
		r.cdata = false
		ok := r.take(n, false)
		r.pos += len("]]>")
		return ok
	}
	n = whole(b, false)
	for n > 0 && len(b)-n < 2 && b[n-1] == ']' {
		n-- // may be the beginning of "]]>"
	}
	if n == 0 {
		if !r.more() && r.err == nil {
			r.fail("the document ends inside a CDATA section")
		}
		return false
	}
	return r.take(n, false)
}

// take makes the next n bytes the current text.
func (r *Reader) take(n int, entities bool) bool {
	raw := r.buf[r.pos : r.pos+n]
	r.text = raw
	if i := special(raw, 0); i < n {
		r.scratch = r.clean(r.scratch[:0], raw, i, entities)
		r.text = r.scratch
	}
	if r.err != nil {
		return false
	}
	r.pos += n
	return n > 0
}

// maxReference is the longest character reference that is looked for.
const maxReference = 32

// whole is how much of b can be taken when more follows it: no character reference, rune
// or line end may be cut in two.
func whole(b []byte, entities bool) int {
	n := len(b)
	if n > 0 && b[n-1] == '\r' {
		n--
	}
	for i := n - 1; i >= max(0, n-utf8.UTFMax); i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:n]) {
				n = i
			}
			break
		}
	}
	if entities {
		from := max(0, n-maxReference)
		if i := bytes.LastIndexByte(b[from:n], '&'); i >= 0 && bytes.IndexByte(b[from+i:n], ';') < 0 {
			n = from + i
		}
	}
	return n
}

// unescape gives an attribute's value. Line ends in it are kept, which the standard
// would have turned into spaces.
func (r *Reader) unescape(raw []byte) []byte {
	i := special(raw, 0)
	if i == len(raw) {
		return raw
	}
	from := len(r.scratch)
	r.scratch = r.clean(r.scratch, raw, i, true)
	return r.scratch[from:len(r.scratch):len(r.scratch)]
}

// special finds the first byte from i on that needs a look: "&", a control character
// other than tab and newline, or one that isn't ASCII. It takes eight bytes at a time.
func special(b []byte, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
		amps  = '&' * ones
		space = ' ' * ones
	)
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		x := w ^ amps
		// high bits are set for: an "&"; a byte below space; a byte that isn't ASCII
		if ((x-ones)&^x|(w-space)&^w|w)&highs != 0 {
			for j := i; j < i+8; j++ {
				if isSpecial[b[j]] {
					return j
				}
			}
		}
	}
	for ; i < len(b); i++ {
		if isSpecial[b[i]] {
			return i
		}
	}
	return len(b)
}

var isSpecial = func() (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' && c != '\n' && c != '\t' || c == '&' || c >= utf8.RuneSelf
	}
	return t
}()

// clean appends raw to dst, with references replaced (where entities is true), line ends
// made "\n", and everything that isn't a character of XML made U+FFFD. The first i bytes
// are known to be plain.
func (r *Reader) clean(dst, raw []byte, i int, entities bool) []byte {
	dst = append(dst, raw[:i]...)
	for i < len(raw) {
		switch c := raw[i]; {
		case c == '&' && entities:
			char, n := reference(raw[i:])
			if n == 0 {
				r.failReference(raw[i:])
				return dst
			}
			dst = utf8.AppendRune(dst, char)
			i += n
		case c == '&':
			dst = append(dst, c)
			i++
		case c == '\r':
			if i+1 == len(raw) || raw[i+1] != '\n' {
				dst = append(dst, '\n')
			}
			i++
		default:
			char, n := utf8.DecodeRune(raw[i:])
			dst = utf8.AppendRune(dst, legal(char))
			i += n
		}
		next := special(raw, i)
		dst = append(dst, raw[i:next]...)
		i = next
	}
	return dst
}

// failReference fails at b, which is a part of the buffer that begins with "&".
func (r *Reader) failReference(b []byte) {
	r.pos = cap(r.buf) - cap(b) // where b begins in it
	n := 1
	for n < min(len(b), maxReference) && !nameEnd[b[n]] && b[n] != ';' {
		n++
	}
	r.fail("unknown or malformed reference %q", b[:n])
}

// reference reads "&lt;" and its like at the start of b; n is 0 where there is none.
func reference(b []byte) (char rune, n int) {
	end := bytes.IndexByte(b[:min(len(b), maxReference)], ';')
	if end < 0 {
		return 0, 0
	}
	switch name := string(b[1:end]); name {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if len(name) < 2 || name[0] != '#' {
			return 0, 0
		}
		digits, base := name[1:], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		v, err := strconv.ParseUint(digits, base, 32)
		if err != nil {
			return 0, 0
		}
		return legal(rune(min(v, utf8.MaxRune+1))), end + 1
	}
}

// legal is the character itself, or U+FFFD where XML 1.0 (production Char) forbids it.
func legal(c rune) rune {
	switch {
	case c == '\t' || c == '\n' || c == '\r':
	case c < ' ', c >= 0xD800 && c <= 0xDFFF, c == 0xFFFE, c == 0xFFFF, c > utf8.MaxRune:
		return utf8.RuneError
	}
	return c
}
