package xmlpull

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// begin finds out the encoding: by a byte order mark, by the look of UTF-16, or by the
// XML declaration, which may stand behind spaces and comments. Everything after it sees
// UTF-8.
func (r *Reader) begin() bool {
	if !r.has(2) && r.err != nil {
		return false
	}
	r.has(3) // fewer is a document that fails later
	b := r.buf[r.pos:r.end]
	switch {
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		r.pos += 3
		return true // a mark outranks the declaration
	case bytes.HasPrefix(b, []byte("\xFF\xFE")):
		return r.transcode(2, utf16Reader(false), utf16Width)
	case bytes.HasPrefix(b, []byte("\xFE\xFF")):
		return r.transcode(2, utf16Reader(true), utf16Width)
	case bytes.HasPrefix(b, []byte("<\x00")):
		return r.transcode(0, utf16Reader(false), utf16Width)
	case bytes.HasPrefix(b, []byte("\x00<")):
		return r.transcode(0, utf16Reader(true), utf16Width)
	}
	one := func(rune) int { return 1 }
	switch name := r.declared(); strings.ToLower(name) {
	case "", "utf-8", "utf8", "us-ascii", "ascii",
		"utf-16", "utf16": // it says so in single bytes, so it isn't
		return r.err == nil
	case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1":
		return r.transcode(0, singleByte(func(c byte) rune { return rune(c) }), one)
	case "windows-1252", "cp1252", "cp-1252":
		return r.transcode(0, singleByte(fromWindows1252), one)
	default:
		r.fail("encoding %.40q isn't supported; convert the file to UTF-8", name)
		return false
	}
}

// declared is the encoding that the XML declaration names; empty without one. The
// declaration is looked for in the first bytes only.
func (r *Reader) declared() string {
	for {
		name, whole := declaredIn(r.buf[r.pos:r.end])
		if whole || r.end-r.pos >= firstBuffer || !r.double(firstBuffer) {
			return name
		}
	}
}

// declaredIn reads the declaration in the prolog b; whole is false where more is needed.
func declaredIn(b []byte) (name string, whole bool) {
	for {
		b = b[skipSpace(b, 0):]
		rest, comment := bytes.CutPrefix(b, []byte("<!--"))
		if !comment {
			break
		}
		_, after, closed := bytes.Cut(rest, []byte("-->"))
		if !closed {
			return "", false
		}
		b = after
	}
	const opening = "<?xml "
	if len(b) < len(opening) {
		return "", false
	}
	if string(b[:5]) != opening[:5] || !isSpace(b[5]) {
		return "", true
	}
	declaration, _, closed := bytes.Cut(b, []byte("?>"))
	if !closed {
		return "", false
	}
	_, value, found := bytes.Cut(declaration, []byte("encoding"))
	value = bytes.TrimLeft(value, " \t\r\n=")
	if !found || len(value) == 0 {
		return "", true
	}
	quoted, _, _ := bytes.Cut(value[1:], value[:1])
	return string(quoted), true
}

// transcode puts a decoder between the body and the buffer, behind the byte order mark.
func (r *Reader) transcode(mark int, decode decoder, width func(rune) int) bool {
	r.base += int64(r.pos + mark)
	rest := bytes.Clone(r.buf[r.pos+mark : r.end])
	src := io.Reader(bytes.NewReader(rest))
	if !r.eof {
		src = io.MultiReader(src, r.src)
	}
	r.src = &transcoder{src: src, decode: decode, raw: make([]byte, 16<<10)}
	r.pos, r.end, r.eof, r.width = 0, 0, false, width
	return true
}

// decoder turns raw bytes into runes: one and how many bytes it was, 0 where the bytes
// end inside it.
type decoder func(raw []byte) (char rune, n int)

// transcoder reads a body in another encoding as UTF-8.
type transcoder struct {
	src    io.Reader
	decode decoder
	raw    []byte
	have   int
	err    error
}

// Read implements io.Reader.
func (t *transcoder) Read(p []byte) (n int, err error) {
	if t.err == nil && t.have < len(t.raw) {
		var got int
		got, t.err = t.src.Read(t.raw[t.have:])
		t.have += got
	}
	used := 0
	for used < t.have && n+utf8.UTFMax <= len(p) {
		char, size := t.decode(t.raw[used:t.have])
		if size == 0 {
			if t.err == nil {
				break
			}
			char, size = utf8.RuneError, t.have-used // the body ends inside a character
		}
		n += utf8.EncodeRune(p[n:], char)
		used += size
	}
	t.have = copy(t.raw, t.raw[used:t.have])
	if n == 0 && len(p) < utf8.UTFMax {
		return 0, errors.New("reading into less than one character")
	}
	if t.have == 0 {
		return n, t.err
	}
	return n, nil
}

func utf16Width(c rune) int {
	if c > 0xFFFF {
		return 4
	}
	return 2
}

func utf16Reader(big bool) decoder {
	unit := func(b []byte) rune {
		if big {
			return rune(b[0])<<8 | rune(b[1])
		}
		return rune(b[1])<<8 | rune(b[0])
	}
	return func(b []byte) (rune, int) {
		if len(b) < 2 {
			return 0, 0
		}
		c := unit(b)
		if !utf16.IsSurrogate(c) {
			return c, 2
		}
		if len(b) < 4 {
			return 0, 0
		}
		if full := utf16.DecodeRune(c, unit(b[2:])); full != utf8.RuneError {
			return full, 4
		}
		return utf8.RuneError, 2
	}
}

func singleByte(char func(byte) rune) decoder {
	return func(b []byte) (rune, int) { return char(b[0]), 1 }
}

// windows1252 is what bytes 0x80 to 0x9F mean there (unicode.org, CP1252.TXT).
var windows1252 = [32]rune{
	0x20AC, utf8.RuneError, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, utf8.RuneError, 0x017D, utf8.RuneError,
	utf8.RuneError, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, utf8.RuneError, 0x017E, 0x0178,
}

func fromWindows1252(c byte) rune {
	if c >= 0x80 && c < 0xA0 {
		return windows1252[c-0x80]
	}
	return rune(c)
}
