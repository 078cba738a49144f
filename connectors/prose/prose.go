// Package prose turns messages, whose text is markdown, into what notifiers want: plain
// text, HTML, and the facts of a card. All of what comes from a scanner stands in a message
// escaped; here it stays text, whatever it looks like.
package prose

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quellsec/quell/connectors"
)

// Cut shortens a text to at most so many bytes, and says so by an ellipsis.
func Cut(text string, most int) string {
	const ellipsis = "…"
	if len(text) <= most {
		return text
	}
	if most <= len(ellipsis) {
		return ""
	}
	text = text[:most-len(ellipsis)]
	for text != "" && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
		text = text[:len(text)-1]
	}
	return text + ellipsis
}

// Line makes a text one line: no control characters, no line breaks of any kind.
func Line(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r == '\u2028', r == '\u2029':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.Join(strings.Fields(text), " ")
}

// escaped is a character that markdown would obey, with the backslash that keeps it from
// doing so, or a space of no width.
var escaped = regexp.MustCompile(`\\([\\` + "`" + `*_{}\[\]()#+\-.!~|<>@])|\x{200b}`)

// Plain gives the text of markdown as our messages use it, without its marks.
func Plain(markdown string) string {
	lines := strings.Split(strings.ToValidUTF8(markdown, "\uFFFD"), "\n")
	for i, line := range lines {
		line = strings.ReplaceAll(strings.TrimRight(line, " \r"), "**", "")
		line = strings.TrimPrefix(strings.TrimPrefix(line, "## "), "# ")
		lines[i] = printable(escaped.ReplaceAllString(line, "$1"))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, line)
}

var (
	bold = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	code = regexp.MustCompile("`([^`]+)`")
)

// HTML gives markdown as our messages use it as HTML: paragraphs, lists, headings, bold
// and code. Everything else is text. It makes no links: those stand beside the text.
func HTML(markdown string) string {
	var b strings.Builder
	list := false
	paragraph := []string{}
	flush := func() {
		if len(paragraph) > 0 {
			b.WriteString("<p>" + strings.Join(paragraph, "<br>") + "</p>\n")
			paragraph = paragraph[:0]
		}
	}
	for line := range strings.SplitSeq(strings.ToValidUTF8(markdown, "\uFFFD"), "\n") {
		line = strings.TrimSpace(line)
		item, isItem := strings.CutPrefix(line, "- ")
		if list && !isItem {
			b.WriteString("</ul>\n")
			list = false
		}
		heading, isHeading := strings.CutPrefix(strings.TrimPrefix(line, "#"), "# ")
		switch {
		case isItem:
			flush()
			if !list {
				b.WriteString("<ul>\n")
				list = true
			}
			b.WriteString("<li>" + inline(item) + "</li>\n")
		case isHeading && strings.HasPrefix(line, "#"):
			flush()
			b.WriteString("<h3>" + inline(heading) + "</h3>\n")
		case line == "":
			flush()
		default:
			paragraph = append(paragraph, inline(line))
		}
	}
	flush()
	if list {
		b.WriteString("</ul>\n")
	}
	return b.String()
}

func inline(line string) string {
	line = html.EscapeString(printable(line))
	line = code.ReplaceAllString(line, "<code>$1</code>")
	line = bold.ReplaceAllString(line, "<strong>$1</strong>")
	return escaped.ReplaceAllString(line, "$1")
}

// Fact is a line of a card.
type Fact struct{ Name, Value string }

// Facts are the lines of a card that have something to say, in the order in which they
// are read.
func Facts(c *connectors.Card) []Fact {
	if c == nil {
		return nil
	}
	due := ""
	if !c.Due.IsZero() {
		due = c.Due.UTC().Format(time.DateOnly)
	}
	all := []Fact{{"Where", c.Where}, {"Why now", strings.Join(c.Why, "; ")}, {"Due", due}, {"Owner", c.Owner}, {"State", c.State},
		{"Decision", strings.ReplaceAll(c.Decision, "_", " ")}, {"Severity", c.Severity}, {"Ticket", c.Ticket}, {"Proof", c.Proof}}
	return slices.DeleteFunc(all, func(f Fact) bool { return strings.TrimSpace(f.Value) == "" })
}

// Links are the links of a message, by name, of those that may be followed: http and https.
func Links(m *connectors.Message) []Fact {
	var out []Fact
	add := func(name, address string) {
		if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
			const longest = 80
			out = append(out, Fact{Cut(Line(name), longest), address})
		}
	}
	names := make([]string, 0, len(m.Links))
	for name := range m.Links {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		add(name, m.Links[name])
	}
	return out
}
