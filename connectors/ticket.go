package connectors

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Title makes a text fit to be a ticket's title: one line without control characters and
// invisible ones, of at most so many characters.
func Title(text string, longest int) string {
	var b strings.Builder
	space := false
	for _, r := range strings.ToValidUTF8(text, "") {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case !unicode.IsPrint(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	if title := b.String(); title != "" {
		return Cut(title, longest)
	}
	return "(untitled)"
}

// Paragraphs is a text of several lines without control characters and invisible ones, its
// lines ended by \n alone.
func Paragraphs(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(strings.ToValidUTF8(text, ""))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\u200b', unicode.IsPrint(r): // the zero-width space keeps mentions from being any
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, text)
}

// Cut shortens a text to at most so many characters, the last of them telling so.
func Cut(text string, longest int) string {
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	n := 0
	for at := range text {
		if n++; n == longest {
			return strings.TrimRightFunc(text[:at], unicode.IsSpace) + "…"
		}
	}
	return text
}
