package jsonpull

import (
	"bytes"
	"math"
	"strconv"
)

// Kind is what sort of value comes next.
type Kind uint8

// The kinds. None is the end of the body, or an error.
const (
	None Kind = iota
	Object
	Array
	String
	Number
	Bool
	Null
)

// More reports whether another value follows at the top: the next line of JSON Lines.
func (r *Reader) More() bool {
	if !r.begun {
		r.begin()
	}
	if r.err != nil || r.depth > 0 {
		return false
	}
	if r.pending {
		r.Skip()
	}
	if r.peek() == 0 && r.pos == r.end {
		return false
	}
	r.pending = true
	return r.err == nil
}

// Kind says what the next value is, without consuming it.
func (r *Reader) Kind() Kind {
	if !r.begun {
		r.begin()
	}
	if r.err != nil {
		return None
	}
	switch c := r.peek(); {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == '-' || '0' <= c && c <= '9':
		return Number
	case c == 't' || c == 'f':
		return Bool
	case c == 'n':
		return Null
	case r.pos == r.end:
		r.unexpectedEnd()
	default:
		r.Fail("unexpected %q where a value should begin", c)
	}
	return None
}

// Object opens the next value if it is an object, and passes over it if not. Go on with
// Field, handing it the result.
func (r *Reader) Object() int { return r.open(Object) }

// Array opens the next value if it is an array, and passes over it if not. Go on with
// Elem, handing it the result.
func (r *Reader) Array() int { return r.open(Array) }

func (r *Reader) open(want Kind) int {
	switch r.Kind() {
	case None:
		return -1
	case want:
	default:
		r.Skip()
		return -1
	}
	if r.depth == MaxDepth {
		r.Fail("nested deeper than %d", MaxDepth)
		return -1
	}
	r.pos++
	r.depth++
	r.first, r.pending = true, false
	return r.depth
}

// Field goes on to the next field of the object that Object opened and reports whether
// there was one: its name is Key, its value is the next value, passed over if left unread.
func (r *Reader) Field(object int) bool {
	if !r.next(object, '}') {
		return false
	}
	if r.peek() != '"' {
		r.bad("a field's name")
		return false
	}
	r.pos++
	const maxKey = 1 << 10
	r.key = append(r.key[:0], r.str(maxKey)...)
	if r.peek() != ':' {
		r.bad("a colon")
		return false
	}
	r.pos++
	r.pending = true
	return r.err == nil
}

// Key is the name of the current field, until the next call of Field. A name of more than
// 1 KiB is cut.
func (r *Reader) Key() []byte { return r.key }

// Elem goes on to the next element of the array that Array opened.
func (r *Reader) Elem(array int) bool {
	if !r.next(array, ']') {
		return false
	}
	r.pending = true
	return r.Kind() != None
}

// next goes on inside a container: over what is unread, then over the comma, or out of it.
func (r *Reader) next(container int, closing byte) bool {
	if container < 0 || r.err != nil {
		return false
	}
	if r.pending {
		r.Skip()
	}
	if r.depth != container {
		r.Fail("a container inside was not read to its end")
		return false
	}
	c := r.peek()
	if c == closing {
		r.pos++
		r.depth--
		r.first = false
		return false
	}
	if !r.first {
		if c != ',' {
			r.bad("a comma")
			return false
		}
		r.pos++
	}
	r.first = false
	return r.err == nil
}

// bad fails for something missing, at what stands there instead.
func (r *Reader) bad(missing string) {
	if r.pos == r.end {
		r.unexpectedEnd()
		return
	}
	r.Fail("unexpected %q where %s should be", r.buf[r.pos], missing)
}

// Skip passes over the next value without keeping it.
func (r *Reader) Skip() {
	switch r.Kind() {
	case None:
	case Object, Array:
		r.skipContainer()
	case String:
		r.pos++
		r.skipString()
	case Number, Bool, Null:
		r.literal()
	}
	r.pending, r.first = false, false
}

// skipContainer walks through a container by its brackets, commas and colons only.
func (r *Reader) skipContainer() {
	var open [MaxDepth + 1]byte // the kind of container at each depth
	for from := r.depth; r.err == nil; {
		if r.skipInto(&open) {
			continue
		}
		for r.depth > from && r.skipOut(&open) {
			continue
		}
		if r.depth == from {
			return
		}
	}
}

// skipInto passes over a value, or opens it and reports true where a value inside it is
// to be passed over first.
func (r *Reader) skipInto(open *[MaxDepth + 1]byte) bool {
	switch c := r.peek(); c {
	case '{', '[':
		if r.depth == MaxDepth {
			r.Fail("nested deeper than %d", MaxDepth)
			return true
		}
		r.pos++
		closing := c + 2 // '}' and ']' in ASCII
		if r.peek() == closing {
			r.pos++
			return false
		}
		r.depth++
		open[r.depth] = closing
		if c == '{' {
			r.skipKey()
		}
		return true
	case '"':
		r.pos++
		r.skipString()
	default:
		r.literal()
	}
	return false
}

// skipOut closes a container that ends here and reports true, or goes on to its next value.
func (r *Reader) skipOut(open *[MaxDepth + 1]byte) bool {
	switch c := r.peek(); c {
	case open[r.depth]:
		r.pos++
		r.depth--
		return true
	case ',':
		r.pos++
		if open[r.depth] == '}' {
			r.skipKey()
		}
	default:
		r.bad("a comma")
	}
	return false
}

// skipKey passes over a field's name and its colon.
func (r *Reader) skipKey() {
	if r.peek() != '"' {
		r.bad("a field's name")
		return
	}
	r.pos++
	r.skipString()
	if r.peek() != ':' {
		r.bad("a colon")
		return
	}
	r.pos++
}

// Raw gives the next value as it stands in the body, until the next call; nil if it is
// longer than limit bytes, or null.
func (r *Reader) Raw(limit int) []byte {
	kind := r.Kind()
	if kind == None {
		return nil
	}
	r.mark, r.markLimit = r.pos, limit
	r.Skip()
	from := r.mark
	r.mark = -1
	if r.err != nil || from < 0 || r.pos-from > limit || kind == Null {
		return nil
	}
	return r.buf[from:r.pos]
}

// Float gives the next value as a number, which scanners also write as a string. Anything
// else, and a number that is not finite, is no number.
func (r *Reader) Float() (f float64, ok bool) {
	const longest = 64
	text := r.Text(longest)
	f, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// Int gives the next value as a whole number, as Float does.
func (r *Reader) Int() (n int, ok bool) {
	f, ok := r.Float()
	if !ok || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int(f), true
}

// Bool gives the next value as true or false, which scanners also write as a string.
func (r *Reader) Bool() bool {
	const longest = 8
	return string(bytes.ToLower(r.Text(longest))) == "true"
}
