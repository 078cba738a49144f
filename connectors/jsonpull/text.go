package jsonpull

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Text gives the next value as text, until the next call, cut at a rune to at most limit
// bytes: a string's content, a number or boolean as written. Everything else is nil.
func (r *Reader) Text(limit int) []byte {
	kind := r.Kind()
	var text []byte
	switch kind {
	case String:
		r.pos++
		text = r.str(limit)
	case Number, Bool:
		text = r.literal()
	case None, Object, Array, Null:
		r.Skip()
	}
	r.pending, r.first = false, false
	return text
}

// Texts appends the next value's texts to list: those of an array of strings, or the one
// string that some write instead of a list of one. Each is cut to limit bytes, and of
// more than most only the first most are taken.
func (r *Reader) Texts(list []string, limit, most int) []string {
	if r.Kind() != Array {
		if text := r.Text(limit); len(text) > 0 && len(list) < most {
			list = append(list, string(text))
		}
		return list
	}
	for a := r.Array(); r.Elem(a); {
		if len(list) >= most {
			continue // Elem passes over it
		}
		if text := r.Text(limit); len(text) > 0 {
			list = append(list, string(text))
		}
	}
	return list
}

// str reads a string behind its opening quote. Without escapes, and when it lies in the
// buffer whole, the result is a part of the buffer.
func (r *Reader) str(limit int) []byte {
	chunk := r.buf[r.pos:r.end]
	if n, ascii := plainPrefix(chunk); n < len(chunk) && chunk[n] == '"' {
		r.pos += n + 1
		text := cut(chunk[:n], limit)
		if ascii {
			return text
		}
		return valid(text)
	}
	r.text = r.text[:0]
	for r.err == nil {
		chunk = r.buf[r.pos:r.end]
		n, _ := plainPrefix(chunk)
		r.keep(chunk[:n], limit)
		r.pos += n
		switch {
		case n == len(chunk):
			if !r.fill() {
				r.unexpectedEnd()
			}
		case chunk[n] == '"':
			r.pos++
			return valid(cut(r.text, limit))
		case chunk[n] == '\\':
			r.pos++
			r.escape(limit)
		default:
			r.Fail("unescaped control character %q in a string", chunk[n])
		}
	}
	return nil
}

// keep adds to the scratch. A few bytes beyond the limit are kept so that cut can tell
// whether the last rune is whole.
func (r *Reader) keep(b []byte, limit int) {
	if room := limit + utf8.UTFMax - len(r.text); room > 0 {
		r.text = append(r.text, b[:min(room, len(b))]...)
	}
}

// escape reads an escape behind its backslash.
func (r *Reader) escape(limit int) {
	c := r.byte()
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		var b [utf8.UTFMax]byte
		r.keep(b[:utf8.EncodeRune(b[:], r.unicode())], limit)
		return
	default:
		if r.err == nil {
			r.Fail("unknown escape \\%c", c)
		}
		return
	}
	r.keep([]byte{c}, limit)
}

// unicode reads four hex digits and, after a high surrogate, the low one. A surrogate
// alone is U+FFFD.
func (r *Reader) unicode() rune {
	first := r.hex4()
	if !utf16.IsSurrogate(first) || !r.ahead(`\u`) {
		return first // EncodeRune makes a lone surrogate U+FFFD
	}
	r.mark, r.markLimit, r.pos = r.pos, utf8.UTFMax*4, r.pos+len(`\u`)
	second := r.hex4()
	pair := utf16.DecodeRune(first, second)
	if pair == utf8.RuneError && second != utf8.RuneError && r.err == nil {
		r.pos = r.mark // not its other half: read it again as an escape of its own
	}
	r.mark = -1
	return pair
}

// ahead reports whether the next bytes are these.
func (r *Reader) ahead(next string) bool {
	for r.end-r.pos < len(next) && r.fill() {
		continue
	}
	return bytes.HasPrefix(r.buf[r.pos:r.end], []byte(next))
}

func (r *Reader) hex4() (v rune) {
	for range 4 {
		c := r.byte()
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			if r.err == nil {
				r.Fail("%q in a \\u escape", c)
			}
			return utf8.RuneError
		}
	}
	return v
}

func (r *Reader) byte() byte {
	if r.pos == r.end && !r.fill() {
		r.unexpectedEnd()
		return 0
	}
	r.pos++
	return r.buf[r.pos-1]
}

// skipString passes over a string behind its opening quote, from quote to quote: one with
// an odd number of backslashes before it is not the end. Escapes are not checked; a raw
// line break is, since it is how a cut-off line of JSON Lines shows.
func (r *Reader) skipString() {
	odd := false // an odd number of backslashes ends what was read so far
	for r.err == nil {
		chunk := r.buf[r.pos:r.end]
		i := bytes.IndexByte(chunk, '"')
		stop := i
		if i < 0 {
			stop = len(chunk)
		}
		if n := bytes.IndexByte(chunk[:stop], '\n'); n >= 0 {
			r.pos += n
			r.Fail("unescaped line break in a string")
			return
		}
		odd = oddBackslashes(chunk[:stop], odd)
		if i < 0 {
			r.pos = r.end
			if !r.fill() {
				r.unexpectedEnd()
			}
			continue
		}
		r.pos += i + 1
		if !odd {
			return
		}
		odd = false
	}
}

// oddBackslashes counts those at the end of b; if b is nothing else, what was before it
// counts too.
func oddBackslashes(b []byte, before bool) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	odd := n%2 == 1
	if n == len(b) && before {
		return !odd
	}
	return odd
}

// literal reads a number, true, false or null. Longer than the longest sensible number is
// an error.
func (r *Reader) literal() []byte {
	const longest = 512
	n := 0
	for {
		for r.pos+n < r.end && n <= longest && literalByte[r.buf[r.pos+n]] {
			n++
		}
		if r.pos+n < r.end || n > longest || !r.fill() {
			break
		}
	}
	text := r.buf[r.pos : r.pos+n]
	if n > longest || !isLiteral(text) {
		switch {
		case r.err != nil:
		case r.pos+n == r.end && n <= longest: // it may have been cut off
			r.pos = r.end
			r.unexpectedEnd()
		default:
			r.Fail("malformed literal %q", cut(text, 32))
		}
		return nil
	}
	r.pos += n
	return text
}

func isLiteral(b []byte) bool {
	switch string(b) {
	case "true", "false", "null":
		return true
	}
	return isNumber(b)
}

// isNumber checks the grammar of RFC 8259, section 6.
func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(b) && '0' <= b[n] && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 0 && b[0] == '0' {
		b = b[1:]
	} else if !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		if b = b[1:]; !digits() {
			return false
		}
	}
	if len(b) > 0 && b[0]|0x20 == 'e' {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}

// cut shortens text to at most limit bytes, before a rune that would be split.
func cut(text []byte, limit int) []byte {
	if len(text) <= limit {
		return text
	}
	for i := limit; i > limit-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(text[i]) {
			return text[:i]
		}
	}
	return text[:limit]
}

// valid replaces what is not UTF-8.
func valid(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return bytes.ToValidUTF8(text, []byte(string(utf8.RuneError)))
}

// plainPrefix is how many bytes at the start of b stand for themselves in a string, and
// whether all of them, and maybe some behind them, are ASCII. It looks at eight bytes at a
// time: a byte below n leaves its top bit set in (x - n) &^ x, and one that equals c does
// so in x ^ c below 1. Borrows only reach bytes behind the first hit.
func plainPrefix(b []byte) (n int, ascii bool) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		seen |= x
		if hit := ((x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash) & tops; hit != 0 {
			return n + bits.TrailingZeros64(hit)/8, seen&tops == 0
		}
	}
	for ; n < len(b); n++ {
		c := b[n]
		seen |= uint64(c)
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return n, seen&tops == 0
}

// literalByte are the bytes of which numbers and the three words are made.
var literalByte = func() (t [256]bool) {
	for _, c := range "+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[c] = true
	}
	return t
}()
