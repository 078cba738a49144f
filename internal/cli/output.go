package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/quellsec/quell/internal/apiclient"
)

// clean makes text from outside fit for a terminal: scanners report what attackers wrote,
// and a terminal obeys control characters. Line ends and tabs become spaces; controls,
// escape sequences' beginnings and marks that turn the direction of text become U+FFFD.
func clean(text string) string {
	if !strings.ContainsFunc(text, dangerous) && utf8.ValidString(text) {
		return text
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			return ' '
		case dangerous(c):
			return utf8.RuneError
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// dangerous are the characters that do something instead of being seen: controls, line
// separators, and format characters such as direction overrides and zero-width marks.
func dangerous(c rune) bool {
	return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == '\u2028' || c == '\u2029'
}

// cleanLines cleans text that may have lines of its own.
func cleanLines(text, indent string) string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(indent+clean(line), " ")
	}
	return strings.Join(lines, "\n")
}

// paint colours text for one terminal, or leaves it alone.
type paint bool

// The colours, as terminals number them.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (a *app) paint(w io.Writer) paint {
	_, isTerminal := terminal(w)
	return paint(isTerminal && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb")
}

func (p paint) as(colour, text string) string {
	if !p || colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// colourOf is the colour that a word of ours has wherever it stands.
func colourOf(word string) string {
	switch word {
	case "critical", "act", "failed", "fail", "escalation", "unowned", "confirmed":
		return red
	case "high", "attend", "warn", "parked", "fix_claimed", "verifying", "in_progress", "silent":
		return yellow
	case "closed", "done", "ok", "refuted", "verified":
		return green
	case "validating", "open":
		return cyan
	case "info", "track", "tracked", "merged", "out_of_scope", "–":
		return dim
	}
	return ""
}

// table is rows under a header, for people. One column may give way on a narrow terminal.
type table struct {
	header []string
	rows   [][]string
	wide   int // the column that is cut where the line is too long; -1 = none
}

func (t *table) add(cells ...string) {
	for i, cell := range cells {
		if cell = clean(cell); cell == "" {
			cell = "–"
		}
		cells[i] = cell
	}
	t.rows = append(t.rows, cells)
}

const gap = 2 // between columns

// write lays the table out. Width zero cuts nothing.
func (t *table) write(w io.Writer, p paint, width int) {
	widths := make([]int, len(t.header))
	for i, h := range t.header {
		widths[i] = utf8.RuneCountInString(h)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	t.fit(widths, width)
	var b bytes.Buffer
	for i, h := range t.header {
		t.cell(&b, i, widths, p.as(bold, h), utf8.RuneCountInString(h))
	}
	for _, row := range t.rows {
		for i, cell := range row {
			if utf8.RuneCountInString(cell) > widths[i] {
				cell = string([]rune(cell)[:widths[i]-1]) + "…"
			}
			t.cell(&b, i, widths, p.as(colourOf(cell), cell), utf8.RuneCountInString(cell))
		}
	}
	_, _ = w.Write(b.Bytes()) // a terminal that is gone has nobody to tell
}

// fit takes from the wide column what the terminal doesn't have.
func (t *table) fit(widths []int, width int) {
	const least = 16
	total := gap * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	if over := total - width; width > 0 && over > 0 && t.wide >= 0 {
		widths[t.wide] = max(min(least, widths[t.wide]), widths[t.wide]-over)
	}
}

func (t *table) cell(b *bytes.Buffer, i int, widths []int, painted string, length int) {
	b.WriteString(painted)
	if i == len(widths)-1 {
		b.WriteByte('\n')
		return
	}
	b.WriteString(strings.Repeat(" ", widths[i]-length+gap))
}

// print writes a table to the command's output as the terminal wants it.
func (a *app) print(t *table) {
	width, _ := terminal(a.Out)
	t.write(a.Out, a.paint(a.Out), width)
}

// sayf writes a line for people.
func (a *app) sayf(format string, args ...any) { fmt.Fprintf(a.Out, format+"\n", args...) }

// notef writes a line for people beside the output, where programs don't read.
func (a *app) notef(format string, args ...any) { fmt.Fprintf(a.Err, format+"\n", args...) }

// line writes one value of a list for programs.
func (a *app) line(v json.Marshaler) error {
	b, err := v.MarshalJSON()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err = escaping{a.Out}.Write(out.Bytes())
	return err
}

// object writes one value for programs.
func object[T any](a *app, item apiclient.Item[T]) error {
	b, err := item.MarshalJSON()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err = escaping{a.Out}.Write(out.Bytes())
	return err
}

// escaping writes JSON so that a terminal can be shown it: JSON lets through what begins
// escape sequences beyond ASCII and what turns the direction of text. Each write is whole
// lines.
type escaping struct{ w io.Writer }

// Write implements io.Writer.
func (e escaping) Write(b []byte) (int, error) {
	harmful := func(c rune) bool { return c != '\n' && dangerous(c) }
	if !bytes.ContainsFunc(b, harmful) {
		return e.w.Write(b)
	}
	var out bytes.Buffer
	for _, c := range string(b) {
		if !harmful(c) {
			out.WriteRune(c)
			continue
		}
		for _, half := range utf16.AppendRune(nil, c) {
			fmt.Fprintf(&out, `\u%04x`, half)
		}
	}
	if _, err := e.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// lines hands on whole lines, so that what comes in pieces can be escaped.
type lines struct {
	w    io.Writer
	rest []byte
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	end := bytes.LastIndexByte(b, '\n') + 1
	if end > 0 {
		if _, err := l.w.Write(append(l.rest, b[:end]...)); err != nil {
			return 0, err
		}
		l.rest = l.rest[:0]
	}
	l.rest = append(l.rest, b[end:]...)
	return len(b), nil
}

// when is a time for people: to the minute, in UTC as everything here.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

const day = 24 * time.Hour

// due is a day for people, with how far it is.
func (a *app) due(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	text := t.UTC().Format(time.DateOnly)
	switch left := t.Sub(a.Now()); {
	case left < -day:
		return text + fmt.Sprintf(" (%dd over)", int(-left/day))
	case left < 0:
		return text + " (over)"
	case left < day:
		return text + " (today)"
	default:
		return text + fmt.Sprintf(" (%dd)", int(left/day))
	}
}

// ago is how long something is past, for people.
func (a *app) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := a.Now().Sub(t); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d/time.Minute))
	case d < 2*day:
		return fmt.Sprintf("%dh ago", int(d/time.Hour))
	default:
		return fmt.Sprintf("%dd ago", int(d/day))
	}
}
