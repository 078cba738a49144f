package generic

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/quellsec/quell/connectors"
)

const longestRow = 8 << 20

var errRowTooLong = errors.New("a row of more than 8 MiB: a quote is probably missing")

// rowLimit ends a body in which a row doesn't end, before it fills the memory.
type rowLimit struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (l *rowLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// csv reads a table. It gives the syntax error and, apart from it, the error of the sink
// or the context.
func (d *decoding) csv(body io.Reader, head []byte) (syntax, err error) {
	limit := &rowLimit{body, longestRow}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		if _, err := io.CopyN(io.Discard, limit, 3); err != nil {
			return err, nil
		}
		head = head[3:]
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	r := csv.NewReader(limit)
	r.Comma = rune(delimiter(line))
	r.ReuseRecord = true
	r.FieldsPerRecord = -1
	columns, broken := header(r)
	if broken != nil {
		return broken, nil
	}
	for {
		limit.left = longestRow
		if err := d.ctx(); err != nil {
			return nil, fmt.Errorf("decoding %s: %w", csvFormat, err)
		}
		row, broken := r.Read()
		if errors.Is(broken, io.EOF) {
			return nil, nil
		}
		reason, syntax := d.row(r, columns, row, broken)
		if syntax != nil {
			return syntax, nil
		}
		at := connectors.Position{Offset: r.InputOffset(), Line: lineOf(r, broken)}
		if reason != "" {
			d.sink.Skip(reason, at)
			continue
		}
		if err := d.finding(at); err != nil {
			return nil, err
		}
	}
}

// row takes over a row, or gives the reason to skip it, or what ends the table.
func (d *decoding) row(r *csv.Reader, columns []field, row []string, broken error) (skip string, syntax error) {
	var parse *csv.ParseError
	switch {
	case errors.As(broken, &parse) && errors.Is(broken, csv.ErrQuote) && atEnd(r):
		return "", tableError(r, parse.StartLine, io.ErrUnexpectedEOF)
	case errors.As(broken, &parse):
		return "malformed_row", nil
	case broken != nil:
		return "", tableError(r, lineOf(r, broken), broken)
	case len(row) != len(columns):
		return "row_of_another_length", nil
	}
	d.item.clear()
	for i, f := range columns {
		value := strings.TrimSpace(strings.ToValidUTF8(row[i], "\uFFFD"))
		switch {
		case value == "" || f == fieldIgnored:
		case f.isList():
			d.item.list[f] = append(d.item.list[f], split(value)...)
		default:
			d.item.text[f] = value
		}
	}
	return "", nil
}

// atEnd reports whether the table has nothing more to give.
func atEnd(r *csv.Reader) bool {
	_, err := r.Read()
	return errors.Is(err, io.EOF)
}

// header reads the names of the columns. A name that we don't know is an error, since its
// content would be lost in silence.
func header(r *csv.Reader) ([]field, error) {
	row, err := r.Read()
	if err != nil {
		return nil, tableError(r, 1, err)
	}
	refuse := func(format string, args ...any) ([]field, error) {
		return nil, &connectors.SyntaxError{Position: connectors.Position{Line: 1}, Format: csvFormat, Err: fmt.Errorf(format, args...)}
	}
	columns := make([]field, len(row))
	seen := map[field]bool{}
	for i, name := range row {
		f := canonical(strings.TrimSpace(name))
		switch {
		case f == "":
			return refuse("column %d, %.60q, is not known", i+1, name)
		case f == fieldIgnored:
		case seen[f] && !f.isList():
			return refuse("column %d, %.60q, is there twice", i+1, name)
		}
		seen[f], columns[i] = true, f
	}
	if !seen[fieldTitle] {
		return refuse("there is no column title")
	}
	return columns, nil
}

// tableError places an error, unless it is the body's own.
func tableError(r *csv.Reader, line int, err error) error {
	var parse *csv.ParseError
	if !errors.Is(err, errRowTooLong) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.As(err, &parse) {
		return err
	}
	return &connectors.SyntaxError{Position: connectors.Position{Offset: r.InputOffset(), Line: line}, Format: csvFormat, Err: err}
}

func lineOf(r *csv.Reader, broken error) int {
	var parse *csv.ParseError
	if errors.As(broken, &parse) {
		return parse.StartLine
	}
	if broken != nil {
		return 0
	}
	line, _ := r.FieldPos(0)
	return line
}

// delimiter is what separates the columns of a header: spreadsheets of some countries
// write semicolons.
func delimiter(header []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte{',', ';', '\t'} {
		if n := bytes.Count(header, []byte{c}); n > most {
			best, most = c, n
		}
	}
	return best
}

// split takes the values of a cell apart.
func split(cell string) []string {
	var out []string
	for _, part := range strings.FieldsFunc(cell, func(c rune) bool { return c == ',' || c == ';' || c == '\n' || c == '\r' }) {
		if part = strings.TrimSpace(part); part != "" && len(out) < mostItems {
			out = append(out, part)
		}
	}
	return out
}
