package xmlpull

import "bytes"

// nameEnd marks the bytes that end a name.
var nameEnd = func() (t [256]bool) {
	for _, c := range " \t\r\n/>=<\"'&" {
		t[byte(c)] = true
	}
	t[0] = true
	return t
}()

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// markup reads what begins with "<" at the current position. None means that it was
// passed over, or failed.
func (r *Reader) markup() Kind {
	if !r.has(2) {
		if r.err == nil {
			r.fail("the document ends after <")
		}
		return None
	}
	switch r.buf[r.pos+1] {
	case '/':
		return r.endTag()
	case '?':
		r.passUntil("?>", 2, "a processing instruction")
	case '!':
		r.declaration()
	default:
		return r.startTag()
	}
	return None
}

// startTag reads a start tag as a whole, trying again with more of it where the buffer
// ends first.
func (r *Reader) startTag() Kind {
	for {
		b := r.buf[r.pos+1 : r.end]
		n, state := r.parseStart(b)
		switch state {
		case tagWhole:
			return r.opened(b, n)
		case tagBroken:
			return None
		case tagCut:
		}
		if r.end-r.pos > MaxTag {
			r.fail("a tag is longer than %d bytes", MaxTag)
			return None
		}
		if !r.double(MaxTag) {
			if r.err == nil {
				r.fail("the document ends inside a tag")
			}
			return None
		}
	}
}

type tagState uint8

const (
	tagCut    tagState = iota // the buffer ends inside it
	tagWhole                  // read
	tagBroken                 // failed, see err
)

// opened takes up the tag that parseStart read from the first n bytes of b.
func (r *Reader) opened(b []byte, n int) Kind {
	switch {
	case len(r.ends) == 0 && r.rooted:
		r.fail("a second root element <%.40s>", r.name)
		return None
	case len(r.ends) == MaxDepth:
		r.fail("elements nest deeper than %d", MaxDepth)
		return None
	}
	r.rooted = true
	r.push(r.name)
	if i := bytes.IndexByte(r.name, ':'); i > 0 && i < len(r.name)-1 {
		r.name = r.name[i+1:]
	}
	r.closing = b[n-2] == '/'
	r.pos += 1 + n
	r.scratch = r.scratch[:0]
	return Start
}

// parseStart reads name and attributes from b, which follows "<". n is the length up to
// and with ">".
func (r *Reader) parseStart(b []byte) (n int, state tagState) {
	i := nameLen(b)
	if i == len(b) {
		return 0, tagCut
	}
	if i == 0 || i > MaxName {
		r.fail("expected the name of an element after <")
		return 0, tagBroken
	}
	r.name, r.attrs = b[:i], r.attrs[:0]
	for {
		start := i
		i = skipSpace(b, i)
		if i == len(b) {
			return 0, tagCut
		}
		switch b[i] {
		case '>':
			return i + 1, tagWhole
		case '/':
			if i+1 == len(b) {
				return 0, tagCut
			}
			if b[i+1] != '>' {
				r.fail("expected /> at the end of <%.40s>", r.name)
				return 0, tagBroken
			}
			return i + 2, tagWhole
		}
		if i == start {
			r.fail("expected a space before an attribute of <%.40s>", r.name)
			return 0, tagBroken
		}
		if i, state = r.parseAttr(b, i); state != tagWhole {
			return 0, state
		}
	}
}

// parseAttr reads one attribute that begins at b[i] and gives where it ends.
func (r *Reader) parseAttr(b []byte, i int) (next int, state tagState) {
	n := nameLen(b[i:])
	if i+n == len(b) {
		return 0, tagCut
	}
	name := b[i : i+n]
	eq := skipSpace(b, i+n)
	if eq == len(b) {
		return 0, tagCut
	}
	if n == 0 || b[eq] != '=' || len(r.attrs) == MaxAttrs {
		r.fail("malformed attribute in <%.40s>", r.name)
		return 0, tagBroken
	}
	q := skipSpace(b, eq+1)
	if q == len(b) {
		return 0, tagCut
	}
	if b[q] != '"' && b[q] != '\'' {
		r.fail("attribute %.40s of <%.40s> isn't quoted", name, r.name)
		return 0, tagBroken
	}
	size := bytes.IndexByte(b[q+1:], b[q])
	if size < 0 {
		return 0, tagCut
	}
	r.attrs = append(r.attrs, attr{name: name, raw: b[q+1 : q+1+size]})
	return q + size + 2, tagWhole
}

func nameLen(b []byte) int {
	for i, c := range b {
		if nameEnd[c] {
			return i
		}
	}
	return len(b)
}

// endTag reads "</name>", which must be of the innermost open element.
func (r *Reader) endTag() Kind {
	if len(r.ends) == 0 {
		r.fail("an end tag without its start tag")
		return None
	}
	name := r.open()
	n := len(name) + 2 // "</name"
	if r.has(n+1) && bytes.Equal(r.buf[r.pos+2:r.pos+n], name) {
		for i := r.pos + n; r.err == nil; i++ {
			if i == r.end {
				n = i - r.pos
				if n > MaxName || !r.has(n+1) {
					break
				}
				i = r.pos + n
			}
			if r.buf[i] == '>' {
				r.pos = i + 1
				r.name = r.name[:0]
				r.pop()
				return End
			}
			if !isSpace(r.buf[i]) {
				break
			}
		}
	}
	r.has(2 + 40) // for the message
	got := r.buf[r.pos+2 : r.end]
	switch {
	case r.err != nil:
	case r.eof && bytes.IndexByte(got, '>') < 0:
		r.fail("the document ends inside <%.40s>", name)
	default:
		r.fail("expected </%.40s>, found </%.40s", name, got[:nameLen(got)])
	}
	return None
}

// declaration passes over what begins with "<!": a comment or a document type, and
// enters a CDATA section.
func (r *Reader) declaration() {
	const comment, cdata, doctype = "<!--", "<![CDATA[", "<!DOCTYPE"
	switch {
	case r.begins(comment):
		r.passUntil("-->", len(comment), "a comment")
	case r.begins(cdata) && len(r.ends) > 0:
		r.pos += len(cdata)
		r.cdata = true
	case r.begins(doctype) && !r.rooted:
		r.doctype(len(doctype))
	case r.err == nil:
		r.fail("malformed <! declaration")
	}
}

func (r *Reader) begins(s string) bool {
	return r.has(len(s)) && string(r.buf[r.pos:r.pos+len(s)]) == s
}

// passUntil passes over everything up to and with the terminator, however long it is.
func (r *Reader) passUntil(terminator string, skip int, what string) {
	r.pos += skip
	for {
		if i := bytes.Index(r.buf[r.pos:r.end], []byte(terminator)); i >= 0 {
			r.pos += i + len(terminator)
			return
		}
		// the terminator's first bytes may be the last ones here
		r.pos = max(r.pos, r.end-len(terminator)+1)
		if !r.more() {
			if r.err == nil {
				r.fail("the document ends inside %s", what)
			}
			return
		}
	}
}

// doctype passes over a document type declaration without looking at what it refers to.
// One that declares entities is refused: expanding them is how small documents become
// large ones.
func (r *Reader) doctype(skip int) {
	for {
		b := r.buf[r.pos:r.end]
		if n := doctypeLen(b, skip); n > 0 {
			if bytes.Contains(b[:n], []byte("<!ENTITY")) {
				r.fail("the document type declares entities, which are refused")
				return
			}
			r.pos += n
			return
		}
		if r.end-r.pos > MaxDoctype {
			r.fail("the document type is longer than %d bytes", MaxDoctype)
			return
		}
		if !r.double(MaxDoctype) {
			if r.err == nil {
				r.fail("the document ends inside its document type")
			}
			return
		}
	}
}

// doctypeLen is the length of the declaration at the start of b, 0 where it isn't whole.
func doctypeLen(b []byte, i int) int {
	subset := false
	for i < len(b) {
		switch c := b[i]; {
		case c == '"' || c == '\'':
			n := bytes.IndexByte(b[i+1:], c)
			if n < 0 {
				return 0
			}
			i += n + 1
		case bytes.HasPrefix(b[i:], []byte("<!--")):
			n := bytes.Index(b[i:], []byte("-->"))
			if n < 0 {
				return 0
			}
			i += n + 2
		case c == '[':
			subset = true
		case c == ']':
			subset = false
		case c == '>' && !subset:
			return i + 1
		}
		i++
	}
	return 0
}
