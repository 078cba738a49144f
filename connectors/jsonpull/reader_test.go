package jsonpull_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
)

// read builds the value that encoding/json would.
func read(r *jsonpull.Reader) any {
	const limit = 1 << 20
	switch r.Kind() {
	case jsonpull.Object:
		m := map[string]any{}
		for o := r.Object(); r.Field(o); {
			key := string(r.Key())
			m[key] = read(r)
		}
		return m
	case jsonpull.Array:
		list := []any{}
		for a := r.Array(); r.Elem(a); {
			list = append(list, read(r))
		}
		return list
	case jsonpull.String:
		return string(r.Text(limit))
	case jsonpull.Number:
		return json.Number(r.Text(limit))
	case jsonpull.Bool:
		return r.Bool()
	case jsonpull.Null, jsonpull.None:
		r.Skip()
	}
	return nil
}

// all reads a body that is one value.
func all(r *jsonpull.Reader) (any, error) {
	if !r.More() {
		return nil, errors.Join(io.EOF, r.Err())
	}
	v := read(r)
	if r.More() {
		r.Fail("more behind the value")
	}
	return v, r.Err()
}

func oracle(doc []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more behind the value")
	}
	return v, nil
}

var documents = []string{
	`{}`, `[]`, `null`, `"x"`, ` 1 `, `{"a":[1,2,{"b":null}],"c":"d\n\"é😀"}`, `[-0.5e+10,0,true,false]`,
	`{"a":1,"a":2}`, `"\ud83d"`, `"\ud83dA"`, `"\ud83d\ud83d\ude00"`, `"a\\"`, `{"k":"\\\\\"","z":[[],{}]}`, "\"\xff\xfe!\"", `{"":""}`,
	`{`, `[`, `"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `[1,]`, `[,1]`, `[1 2]`, `{"a" 1}`, `{a:1}`, `01`, `1.`, `-`, `+1`,
	`tru`, `nul`, `truex`, `"\x"`, `"\u12g4"`, "\"a\nb\"", `[1}`, `{"a":1]`, `}`, `1 2`, `[[[[[1]]]]]`, `{"a":{"b":[1,{"c":2}]},"d":3}`,
}

func TestReaderAgreesWithEncodingJSON(t *testing.T) {
	for _, doc := range documents {
		t.Run(doc, func(t *testing.T) { agree(t, []byte(doc)) })
	}
}

func agree(t *testing.T, doc []byte) {
	t.Helper()
	want, wantErr := oracle(doc)
	got, err := all(jsonpull.NewReader(bytes.NewReader(doc), "test"))
	slow, slowErr := all(jsonpull.NewReader(iotest.OneByteReader(bytes.NewReader(doc)), "test"))
	require.Equal(t, err == nil, slowErr == nil, "the same whole and byte by byte: %v, %v", err, slowErr)
	skipped := jsonpull.NewReader(iotest.OneByteReader(bytes.NewReader(doc)), "test")
	for skipped.More() {
		skipped.Skip()
	}
	if wantErr != nil {
		require.Error(t, err)
		return
	}
	require.NoError(t, skipped.Err())
	require.NoError(t, err)
	if bytes.ContainsRune(doc, '\ufffd') || !json.Valid(bytes.ToValidUTF8(doc, nil)) || len(bytes.ToValidUTF8(doc, nil)) != len(doc) {
		return // how many U+FFFD stand for bytes that are not UTF-8 is a matter of taste
	}
	require.Equal(t, want, got)
	require.Equal(t, want, slow)
}

func FuzzReader(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if bytes.Count(doc, []byte{'['})+bytes.Count(doc, []byte{'{'}) > jsonpull.MaxDepth {
			return
		}
		if bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")) || bytes.HasPrefix(doc, []byte("\xff\xfe")) || bytes.HasPrefix(doc, []byte("\xfe\xff")) {
			return // byte order marks, which encoding/json doesn't know
		}
		if len(doc) > 512 {
			return // the cut of long names and literals
		}
		agree(t, doc)
	})
}

func TestReaderSaysWhereItStopped(t *testing.T) {
	tests := []struct {
		name, doc, want string
	}{
		{"a cut-off document", "{\"a\":\n[1,", "reading test, line 2 (byte 9): unexpected EOF"},
		{"a strange character", "\n\n?", `reading test, line 3 (byte 2): unexpected '?' where a value should begin`},
		{"nesting that no scanner writes", strings.Repeat("[", 1000), "nested deeper than 64"},
		{"nesting in what is passed over", `{"a":` + strings.Repeat("[", 1000), "nested deeper than 64"},
		{"UTF-16 of PowerShell", "\xff\xfe{\x00}\x00", "this is UTF-16: write the report as UTF-8"},
		{"a line cut off inside a string", "{\"a\":\"b\n{\"a\":\"c\"}", "line break in a string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := jsonpull.NewReader(strings.NewReader(tt.doc), "test")
			for r.More() {
				r.Skip()
			}
			var syntax *connectors.SyntaxError
			require.ErrorAs(t, r.Err(), &syntax)
			require.ErrorContains(t, r.Err(), tt.want)
		})
	}
}

func TestReaderPassesOnTheErrorOfItsBody(t *testing.T) {
	broken := errors.New("broken pipe")
	r := jsonpull.NewReader(io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(broken)), "test")
	for r.More() {
		r.Skip()
	}
	require.ErrorIs(t, r.Err(), broken)
}

func TestReaderReadsASequenceBehindAByteOrderMark(t *testing.T) {
	r := jsonpull.NewReader(strings.NewReader("\xef\xbb\xbf1\r\n\"two\"\n\n[3]"), "test")
	var got []any
	for r.More() {
		got = append(got, read(r))
	}
	require.NoError(t, r.Err())
	require.Equal(t, []any{json.Number("1"), "two", []any{json.Number("3")}}, got)
}

func TestReaderTakesAWrongTypeAsAbsent(t *testing.T) {
	r := jsonpull.NewReader(strings.NewReader(`{"text":{"a":1},"list":"one","object":[1],"number":"4.5","bool":"TRUE","unread":[{}],"last":7}`), "test")
	got := map[string]any{}
	for o := r.Object(); r.Field(o); {
		switch key := string(r.Key()); key {
		case "text":
			got[key] = r.Text(10)
		case "list":
			got[key] = r.Texts(nil, 10, 10)
		case "object":
			for o := r.Object(); r.Field(o); {
				got[key] = true
			}
		case "number":
			got[key], _ = r.Float()
		case "bool":
			got[key] = r.Bool()
		case "last":
			got[key], _ = r.Int()
		}
	}
	require.NoError(t, r.Err())
	require.Equal(t, map[string]any{"text": []byte(nil), "list": []string{"one"}, "number": 4.5, "bool": true, "last": 7}, got)
}

func TestTextIsCutAtARune(t *testing.T) {
	for _, doc := range []string{`"aé€😀z"`, `"a\u00e9\u20ac\ud83d\ude00z"`} {
		for limit, want := range map[int]string{0: "", 1: "a", 2: "a", 3: "aé", 5: "aé", 6: "aé€", 9: "aé€", 10: "aé€😀", 11: "aé€😀z", 99: "aé€😀z"} {
			r := jsonpull.NewReader(iotest.HalfReader(strings.NewReader(doc)), "test")
			require.Equal(t, want, string(r.Text(limit)), "%s at %d", doc, limit)
			require.NoError(t, r.Err())
		}
	}
}

func TestRawGivesAValueAsItStandsUnlessItIsLong(t *testing.T) {
	long := `[` + strings.Repeat(`"0123456789",`, 40_000) + `1]`
	r := jsonpull.NewReader(iotest.HalfReader(strings.NewReader(`{"a": {"b" : [1, "x"]} ,"n":null,"long":`+long+`,"c":"d"}`)), "test")
	var got []string
	for o := r.Object(); r.Field(o); {
		got = append(got, string(r.Key()), string(r.Raw(1000)))
	}
	require.NoError(t, r.Err())
	require.Equal(t, []string{"a", `{"b" : [1, "x"]}`, "n", "", "long", "", "c", `"d"`}, got)
}

func TestReaderKeepsItsMemoryFlat(t *testing.T) {
	// One string, one list and one object of 16 MiB each, of which nothing is asked for.
	part := strings.Repeat(`{"k":"\\vv"},`, 1<<16)
	body := io.MultiReader(strings.NewReader(`{"list":[`), strings.NewReader(strings.Repeat(part, 16)), strings.NewReader(`{}],"text":"`),
		strings.NewReader(strings.Repeat("x", 16<<20)), strings.NewReader(`"}`))
	r := jsonpull.NewReader(body, "test")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for o := r.Object(); r.Field(o); {
		require.LessOrEqual(t, len(r.Text(100)), 100)
	}
	runtime.ReadMemStats(&after)
	require.NoError(t, r.Err())
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}
