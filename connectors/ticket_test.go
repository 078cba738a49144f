package connectors

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestATitleIsOneLineOfPrintableText(t *testing.T) {
	for text, want := range map[string]string{
		"two\nlines\r\nof it":    "two lines of it",
		"  a \u2028 b\x00\u202e": "a b",
		"":                       "(untitled)",
		"\x00\n":                 "(untitled)",
		"[~admin] {code}":        "[~admin] {code}",
		"0123456789abc":          "012345678…",
		"01234567 9abc":          "01234567…",
		"üüüüüüüüüü":             "üüüüüüüüüü",
	} {
		require.Equal(t, want, Title(text, 10+5*strings.Count(text, "[")+20*strings.Count(text, "\n")), "%q", text)
	}
}

func TestTitlesAndParagraphsAreStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, longest := rapid.String().Draw(t, "text"), rapid.IntRange(12, 40).Draw(t, "longest")
		title := Title(text, longest)
		require.Equal(t, title, Title(title, longest))
		require.LessOrEqual(t, utf8.RuneCountInString(title), longest)
		lines := Paragraphs(text)
		require.Equal(t, lines, Paragraphs(lines))
		require.NotContains(t, lines, "\r")
		require.NotContains(t, lines, "\x00")
	})
	require.Equal(t, "a\nb\nc\td", Paragraphs("a\r\nb\rc\td\x1b\u202e"))
}
