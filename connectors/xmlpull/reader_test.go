package xmlpull

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
)

// tokens renders everything that a reader comes upon, with neighbouring texts joined.
func tokens(body io.Reader) ([]string, error) {
	return tokensNamed(body, func(attribute []byte) []byte { return attribute })
}

func tokensNamed(body io.Reader, named func(attribute []byte) []byte) ([]string, error) {
	r := NewReader(body, "test XML")
	var out []string
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			out = append(out, fmt.Sprintf("%q", text.String()))
			text.Reset()
		}
	}
	for {
		switch r.Next() {
		case None:
			flush()
			return out, r.Err()
		case Text:
			text.Write(r.Chunk())
		case End:
			flush()
			out = append(out, "/")
		case Start:
			flush()
			s := "<" + string(r.Name())
			for i := range r.NumAttr() {
				name, value := r.AttrAt(i)
				s += fmt.Sprintf(" %s=%q", named(name), value)
			}
			out = append(out, s)
		}
	}
}

func utf16Bytes(s string, big, mark bool) string {
	units := utf16.Encode([]rune(s))
	if mark {
		units = append([]uint16{0xFEFF}, units...)
	}
	var b []byte
	for _, u := range units {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return string(b)
}

func TestReaderTakesWhatRealFilesHold(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"an element with an attribute and a text", `<a b="1">x</a>`, `<a b="1" "x" /`},
		{"an element without content", `<a><b/><c d='2' /></a>`, `<a <b / <c d="2" / /`},
		{"the predefined entities", `<a b="&quot;&apos;">&lt;&gt;&amp;</a>`, `<a b="\"'" "<>&" /`},
		{"numeric references", `<a>&#65;&#x42;&#x1F600;</a>`, `<a "AB😀" /`},
		{"forbidden characters as U+FFFD", "<a>x\x00\x1by&#0;&#xFFFF;&#xD800;</a>", `<a "x��y���" /`},
		{"a forbidden character in a long text", "<a>0123456789abcdef\x01123456789</a>", `<a "0123456789abcdef�123456789" /`},
		{"a carriage return in a long text", "<a>0123456789abcdef\r0123456789</a>", `<a "0123456789abcdef\n0123456789" /`},
		{"bytes that are not UTF-8 as U+FFFD", "<a b=\"\xff\">\xc3(</a>", `<a b="�" "�(" /`},
		{"line ends made newlines", "<a>1\r\n2\r3\n</a>", `<a "1\n2\n3\n" /`},
		{"CDATA left alone", "<a>1<![CDATA[<b>&amp;]]]]><![CDATA[>]]></a>", `<a "1<b>&amp;]]>" /`},
		{"comments and instructions passed over", "<?x y?><!-- > -- --><a>1<!-- 2 -->3<?p?>4</a><!-- -->", `<a "134" /`},
		{"a comment before the declaration", "<!--\nlicence\n-->\n\n<?xml version=\"1.0\"?><a/>", `<a /`},
		{"a document type with an external DTD", `<!DOCTYPE a SYSTEM "http://evil/x>.dtd"><a/>`, `<a /`},
		{"a document type with element declarations", `<!DOCTYPE a [<!-- ]> --><!ELEMENT a (#PCDATA)>]><a/>`, `<a /`},
		{"name prefixes cut", `<n:a xmlns:n="u" n:b="1"><n:c/></n:a>`, `<a xmlns:n="u" n:b="1" <c / /`},
		{"> inside an attribute", `<a b="x>y" c='"'>z</a>`, `<a b="x>y" c="\"" "z" /`},
		{"spaces in tags", "<a\n\tb = '1'\r\n>x</a \n>", `<a b="1" "x" /`},
		{"a UTF-8 byte order mark", "\xEF\xBB\xBF<a>é</a>", `<a "é" /`},
		{"UTF-16 little endian with mark", utf16Bytes(`<?xml version="1.0" encoding="UTF-16"?><a b="ü">😀</a>`, false, true), `<a b="ü" "😀" /`},
		{"UTF-16 big endian without mark", utf16Bytes(`<a>ü</a>`, true, false), `<a "ü" /`},
		{"ISO-8859-1", "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>", `<a "é" /`},
		{"windows-1252 after a comment", "<!-- x --><?xml version=\"1.0\" encoding=\"Windows-1252\"?><a>\x80</a>", `<a "€" /`},
		{"UTF-16 declared in single bytes", `<?xml version="1.0" encoding="utf-16"?><a/>`, `<a /`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, body := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)), iotest.DataErrReader(strings.NewReader(tt.in))} {
				got, err := tokens(body)
				require.NoError(t, err)
				require.Equal(t, tt.want, strings.Join(got, " "))
			}
		})
	}
}

func TestReaderRefusesWhatIsNotXML(t *testing.T) {
	t.Parallel()
	lol := `<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>`
	tests := []struct {
		name, in, says string
		offset         int64
		line           int
	}{
		{"nothing at all", "", "no element", 0, 1},
		{"plain text", "hello", "text outside the root element", 0, 1},
		{"an end tag of another element", "<a>\n<b></a>", "expected </b>", 7, 2},
		{"an end tag that is longer", "<a></ab>", "expected </a>", 3, 1},
		{"an end tag without a start", "</a>", "without its start", 0, 1},
		{"a second root", "<a/><b/>", "second root", 4, 1},
		{"text behind the root", "<a/>x", "outside the root", 4, 1},
		{"an unknown entity", "<a>\n\nx&nbsp;</a>", `reference "&nbsp"`, 6, 3},
		{"a bare ampersand", "<a>AT&T</a>", "reference", 5, 1},
		{"an attribute without quotes", "<a b=1>", "isn't quoted", 0, 1},
		{"an unknown entity in an attribute", `<a><b c="x&y;"/></a>`, `reference "&y"`, 10, 1},
		{"attributes without a space", `<a b="1"c="2"/>`, "space before", 0, 1},
		{"an end inside a tag", `<a><b c="`, "ends inside a tag", 3, 1},
		{"an end inside an end tag", `<a></a`, "ends inside <a>", 3, 1},
		{"an end inside a comment", `<a><!-- `, "ends inside a comment", 7, 1},
		{"an end inside CDATA", `<a><![CDATA[x`, "ends inside a CDATA", 13, 1},
		{"an end inside an element", "<a>\n<b>", "ends inside <b>", 7, 2},
		{"an encoding that isn't known", `<?xml version="1.0" encoding="EBCDIC"?><a/>`, `encoding "EBCDIC"`, 0, 1},
		{"billion laughs", lol + `<lolz>&lol2;</lolz>`, "declares entities", 0, 1},
		{"a declared external entity", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, "declares entities", 0, 1},
		{"an endless document type", "<!DOCTYPE a [" + strings.Repeat(" ", MaxDoctype+9), "document type is longer", 0, 1},
		{"deep nesting", strings.Repeat("<a>", MaxDepth+1), "deeper than 64", 3 * MaxDepth, 1},
		{"a name without end", "<" + strings.Repeat("a", MaxName+1) + ">", "name of an element", 0, 1},
		{"a tag without end", `<a b="` + strings.Repeat("a", MaxTag+9), "tag is longer", 0, 1},
		{"a place in UTF-16 counted in the body's bytes", utf16Bytes("<a>ü\n😀</b>", false, true), "expected </a>", 2 + 2*5 + 4, 2},
		{"a place in ISO-8859-1 counted in the body's bytes", "<?xml version='1.0' encoding='latin1'?><a>\xe9\n</b>", "expected </a>", 44, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tokens(strings.NewReader(tt.in))
			var syntax *connectors.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.ErrorContains(t, err, tt.says)
			require.Equal(t, connectors.Position{Offset: tt.offset, Line: tt.line}, syntax.Position)
		})
	}
}

func TestReaderTranscodesTagsThatAreLongerThanItsBuffer(t *testing.T) {
	t.Parallel()
	for pad := range 5 { // wherever the buffer's end cuts a character
		r := NewReader(strings.NewReader("<?xml version='1.0' encoding='latin1'?><a b='"+strings.Repeat("x", pad)+strings.Repeat("\xe9", 3*firstBuffer)+"'/>"), "test XML")
		require.True(t, r.Child(0), r.Err())
		require.Len(t, r.Attr("b"), pad+2*3*firstBuffer)
	}
}

func TestReaderPassesOnTheErrorOfItsBody(t *testing.T) {
	t.Parallel()
	broken := errors.New("gzip: invalid checksum")
	got, err := tokens(io.MultiReader(strings.NewReader("<a>x<b>"), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	var syntax *connectors.SyntaxError
	require.NotErrorAs(t, err, &syntax, "a broken upload isn't a malformed document")
	require.Equal(t, []string{"<a", `"x"`, "<b"}, got)
}

func TestChildPassesOverWhatWasLeftUnread(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader(`<r><a><x>1<y/></x></a>t<b k="v"/><c><x>2</x></c></r>`), "test XML")
	var seen []string
	require.True(t, r.Child(0))
	for r.Child(1) {
		name := string(r.Name())
		seen = append(seen, name)
		if name == "c" {
			for r.Child(2) {
				seen = append(seen, string(r.Name())+"="+string(r.Text(10)))
			}
		}
		if name == "b" {
			seen = append(seen, string(r.Attr("k")), fmt.Sprint(r.Attr("none") == nil))
		}
	}
	require.NoError(t, r.Err())
	require.Equal(t, []string{"a", "b", "v", "true", "c", "x=2"}, seen)
	require.False(t, r.Child(0))
	require.NoError(t, r.Err())
	require.Zero(t, r.Depth())
}

func TestTextGivesTheWholeTextCutAtARune(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		limit    int
		want     string
	}{
		{"a plain leaf", "<a>text</a>", 99, "text"},
		{"nothing", "<a/>", 99, ""},
		{"children's text too", "<a>1<b>2</b><![CDATA[3]]></a>", 99, "123"},
		{"references", "<a>a&amp;b</a>", 99, "a&b"},
		{"cut at a rune in one piece", "<a>éé</a>", 3, "é"},
		{"cut at a rune over pieces", "<a>é<b/>éé</a>", 5, "éé"},
		{"an end tag with a space", "<a>x</a >", 99, "x"},
		{"a leaf longer than the buffer", "<a>" + strings.Repeat("0123456789", 20_000) + "</a>", 12, "012345678901"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, one := range []bool{false, true} {
				var body io.Reader = strings.NewReader("<r>" + tt.in + "<z/></r>")
				if one {
					body = iotest.OneByteReader(body)
				}
				r := NewReader(body, "test XML")
				require.True(t, r.Child(0))
				require.True(t, r.Child(1))
				require.Equal(t, tt.want, string(r.Text(tt.limit)))
				require.True(t, r.Child(1), "reading goes on behind the element")
				require.Equal(t, "z", string(r.Name()))
			}
		})
	}
}

func TestReaderKeepsItsMemoryFlat(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	for name, pattern := range map[string]string{
		"elements":   `<b c="d&amp;e">text &lt; with a reference</b>`,
		"one text":   strings.Repeat("0123456789abcde&amp;", 7),
		"one CDATA":  "<![CDATA[" + strings.Repeat("]x] ", 1000) + "]]>",
		"a comment":  "<!-- " + strings.Repeat("- ", 5000) + " -->",
		"white room": strings.Repeat(" \n", 500),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := io.MultiReader(strings.NewReader("<a>"), io.LimitReader(&repeater{pattern: pattern}, size-size%int64(len(pattern))), strings.NewReader("</a>"))
			r := NewReader(body, "test XML")
			for r.Next() != None {
			}
			require.NoError(t, r.Err())
			require.LessOrEqual(t, len(r.buf), 2*firstBuffer)
			require.LessOrEqual(t, cap(r.scratch)+cap(r.gathered), 4*firstBuffer)
			require.Greater(t, r.Position().Offset, int64(size/2), "all of it was read")
		})
	}
}

// repeater is a body without end.
type repeater struct {
	pattern string
	at      int
}

func (p *repeater) Read(b []byte) (n int, err error) {
	for n < len(b) {
		c := copy(b[n:], p.pattern[p.at:])
		n += c
		p.at = (p.at + c) % len(p.pattern)
	}
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	var doc bytes.Buffer
	doc.WriteString("<r>")
	for range 1000 {
		doc.WriteString(`<item port="443" proto="tcp" id="12345"><name>A name</name>` + "\n<text>" + strings.Repeat("Some longer text of a description, ", 12) + "&quot;quoted&quot;</text></item>\n")
	}
	doc.WriteString("</r>")
	b.SetBytes(int64(doc.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(doc.Bytes()), "test XML")
		r.Child(0)
		for r.Child(1) {
			_ = r.Attr("port")
			for r.Child(2) {
				_ = r.Text(8 << 10)
			}
		}
		if r.Err() != nil {
			b.Fatal(r.Err())
		}
	}
}
