// Package csvpull reads tables of comma-separated values from untrusted scanners as a
// stream, by the names of their columns: one row at a time, none longer than a limit.
package csvpull

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"

	"github.com/quellsec/quell/connectors"
)

// longestRow is more than any scanner writes into one; what goes beyond lacks a quote.
const longestRow = 8 << 20

var errRowTooLong = errors.New("a row of more than 8 MiB: a quote is probably missing")

// Reader pulls rows from a body. Make one with NewReader.
type Reader struct {
	format  string
	csv     *csv.Reader
	limit   *limited
	columns map[string]int
	row     []string
	begun   bool
	skip    int // lines before the header
	err     error
}

// NewReader makes a reader of a body whose first row names the columns. Format names what
// is being read in errors: "qualys CSV". It reads nothing before the first call.
func NewReader(body io.Reader, format string) *Reader {
	limit := &limited{r: body, left: longestRow}
	return &Reader{format: format, limit: limit}
}

// SkipLines passes over lines before the header, such as a title or a comment.
func (r *Reader) SkipLines(n int) { r.skip = n }

// limited ends a body in which a row doesn't end, before it fills the memory.
type limited struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// Err gives what ended the reading: nil at the proper end, a *connectors.SyntaxError for
// what is no such table, else the body's own read error.
func (r *Reader) Err() error { return r.err }

// Position is where reading stands.
func (r *Reader) Position() connectors.Position {
	if r.csv == nil {
		return connectors.Position{Line: 1}
	}
	p := connectors.Position{Offset: r.csv.InputOffset(), Line: 1}
	if len(r.row) > 0 {
		p.Line, _ = r.csv.FieldPos(0)
		p.Line += r.skip
	}
	return p
}

// Fail ends the reading with a syntax error, for what is a table but not the format.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		at := r.Position()
		at.Line = max(at.Line, 1)
		r.err = &connectors.SyntaxError{Position: at, Format: r.format, Err: err}
	}
}

// Header reads the names of the columns and reports whether all the given ones are there.
// One that is missing ends the reading with a syntax error which names it.
func (r *Reader) Header(needed ...string) bool {
	if r.begun {
		return r.err == nil
	}
	r.begun = true
	br := bufio.NewReaderSize(r.limit, connectors.RecognizeBytes)
	if head, _ := br.Peek(3); bytes.Equal(head, []byte("\xef\xbb\xbf")) {
		_, _ = br.Discard(3) // they were peeked at
	}
	for range r.skip {
		if _, err := br.ReadSlice('\n'); err != nil {
			r.broken(err)
			return false
		}
	}
	head, _ := br.Peek(connectors.RecognizeBytes) // an error comes again when it is read
	line, _, _ := bytes.Cut(head, []byte("\n"))
	r.csv = csv.NewReader(br)
	r.csv.Comma = Delimiter(line)
	r.csv.ReuseRecord = true
	r.csv.FieldsPerRecord = -1
	r.csv.LazyQuotes = true
	row, err := r.csv.Read()
	if err != nil {
		r.broken(err)
		return false
	}
	r.columns = make(map[string]int, len(row))
	for i, name := range row {
		if name = canonical(name); name != "" {
			if _, twice := r.columns[name]; !twice {
				r.columns[strings.Clone(name)] = i
			}
		}
	}
	for _, name := range needed {
		if _, ok := r.columns[canonical(name)]; !ok {
			r.Fail(errors.New("there is no column " + name))
			return false
		}
	}
	return true
}

// broken notes what the csv reader or the body said.
func (r *Reader) broken(err error) {
	var parse *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		r.Fail(io.ErrUnexpectedEOF)
	case errors.As(err, &parse), errors.Is(err, errRowTooLong), errors.Is(err, bufio.ErrBufferFull):
		r.Fail(err)
	case r.err == nil:
		r.err = err
	}
}

// Delimiter guesses what separates the columns of a header line: comma, semicolon or tab.
func Delimiter(line []byte) rune {
	best, most := ',', bytes.Count(line, []byte{','})
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// Row goes on to the next row and reports whether there was one. Empty rows are passed
// over.
func (r *Reader) Row() bool {
	if !r.Header() {
		return false
	}
	for r.err == nil {
		r.limit.left = longestRow
		row, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			r.broken(err)
			return false
		}
		r.row = row
		for _, v := range row {
			if strings.TrimSpace(v) != "" {
				return true
			}
		}
	}
	return false
}

// Get gives the row's value in the first of the named columns that has one, without
// space around it. Case, spaces, dashes and underscores in names don't matter.
func (r *Reader) Get(names ...string) string {
	for _, name := range names {
		if i, ok := r.columns[canonical(name)]; ok && i < len(r.row) {
			if v := strings.TrimSpace(r.row[i]); v != "" {
				return strings.Clone(v)
			}
		}
	}
	return ""
}

// Has reports whether there is a column of the name.
func (r *Reader) Has(name string) bool {
	_, ok := r.columns[canonical(name)]
	return ok
}

// Rest are the row's values in columns other than the named ones, by the canonical name
// of the column, for wire.Fields.
func (r *Reader) Rest(mapped ...string) map[string]any {
	skip := make(map[string]bool, len(mapped))
	for _, name := range mapped {
		skip[canonical(name)] = true
	}
	out := map[string]any{}
	for name, i := range r.columns {
		if !skip[name] && i < len(r.row) && strings.TrimSpace(r.row[i]) != "" {
			out[name] = strings.Clone(r.row[i])
		}
	}
	return out
}

func canonical(name string) string {
	return strings.Map(func(c rune) rune {
		switch c {
		case ' ', '_', '-', '\t', '"', '\r':
			return -1
		}
		return c
	}, strings.ToLower(strings.TrimSpace(name)))
}
