package xmlpull

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// standardTokens renders the same document as encoding/xml reads it.
func standardTokens(body io.Reader) ([]string, error) {
	d := xml.NewDecoder(body)
	var out []string
	var text strings.Builder
	depth := 0
	flush := func() {
		if text.Len() > 0 && depth > 0 {
			out = append(out, fmt.Sprintf("%q", text.String()))
		}
		text.Reset()
	}
	for {
		token, err := d.Token()
		if err != nil {
			flush()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return out, err
		}
		switch v := token.(type) {
		case xml.StartElement:
			flush()
			depth++
			s := "<" + v.Name.Local
			for _, a := range v.Attr {
				s += fmt.Sprintf(" %s=%q", a.Name.Local, a.Value)
			}
			out = append(out, s)
		case xml.EndElement:
			flush()
			depth--
			out = append(out, "/")
		case xml.CharData:
			text.Write(v)
		}
	}
}

// localTokens are ours with attributes named as encoding/xml does: without the prefix.
func localTokens(body io.Reader) ([]string, error) {
	return tokensNamed(body, func(attribute []byte) []byte {
		if c := bytes.IndexByte(attribute, ':'); c > 0 && c < len(attribute)-1 {
			return attribute[c+1:]
		}
		return attribute
	})
}

func TestReaderAgreesWithEncodingXMLOnRealReports(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..", "shared", "samples")
	if _, err := os.Stat(root); err != nil {
		t.Skip("no samples at " + root)
	}
	compared := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".xml") && !strings.HasSuffix(path, ".nessus") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		want, standardErr := standardTokens(bytes.NewReader(body))
		got, err := localTokens(bytes.NewReader(body))
		if standardErr != nil { // a comment before the declaration, an encoding
			t.Logf("%s: encoding/xml: %v; ours: %v", path, standardErr, err)
			return nil
		}
		require.NoError(t, err, path)
		require.Equal(t, want, got, path)
		compared++
		return nil
	}))
	require.Greater(t, compared, 5)
}

// FuzzPull compares with encoding/xml on whatever both accept, and reading in small pieces
// with reading at once on everything.
func FuzzPull(f *testing.F) {
	for _, seed := range []string{
		`<a b="1">x</a>`, `<a><b/>t<![CDATA[<&]]]>]]></a>`, "\xEF\xBB\xBF<?xml version=\"1.0\"?>\r\n<!-- c --><a>&#65;&lt;\r\n</a>",
		`<!DOCTYPE a [<!ELEMENT a ANY>]><n:a xmlns:n="u" n:b='"'>é</n:a>`, `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`,
		"<?xml version='1.0' encoding='latin1'?><a>\xe9</a>", "\xff\xfe<\x00a\x00/\x00>\x00", "<a>\x00&#0;]]&gt;</a>", `<a b="<">&amp`, "<a>&",
		`<NessusClientData_v2><Report name="x"><ReportHost name="h"><HostProperties><tag name="HOST_END">1</tag></HostProperties></ReportHost></Report></NessusClientData_v2>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := localTokens(bytes.NewReader(body))
		pieces, pieceErr := localTokens(&dribble{body: body})
		require.Equal(t, fmt.Sprint(err), fmt.Sprint(pieceErr))
		if err != nil {
			return
		}
		require.Equal(t, got, pieces)
		if want, standardErr := standardTokens(bytes.NewReader(body)); standardErr == nil {
			require.Equal(t, want, got)
		}
	})
}

// dribble gives a body in pieces of one, two and three bytes.
type dribble struct {
	body []byte
	n    int
}

func (d *dribble) Read(p []byte) (int, error) {
	if len(d.body) == 0 {
		return 0, io.EOF
	}
	d.n = d.n%3 + 1
	n := copy(p, d.body[:min(d.n, len(d.body))])
	d.body = d.body[n:]
	return n, nil
}
