package marked

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWhatWeWriteStaysAsItIs(t *testing.T) {
	for _, text := range []string{
		"**payments** owns this, due **2026-03-20**.\n\n## Why\n\n- known to be exploited\n- 50% of hosts\n\n| a | b |\n|---|---|\n| [web1](https://quell.example.org/exposures/e-1?a=b&c=%20d#x) | 443/tcp |",
		"1. Upgrade lodash to 4.17.21.\n\n`npm ls lodash` shows it.", "a & b", "what? yes! no",
	} {
		require.Equal(t, text, Harmless(text))
	}
}

// acts is what GitHub or GitLab would act on.
var acts = regexp.MustCompile("(?i)@[a-z]|#[0-9]|![0-9\\[]|~[a-z]|%[a-z]|<|```|~~~|(?m:^[ \t]*/[a-z])|\\]\\([^h]|&#?[a-z0-9]+;a|\x00|\u202e|(?m:^\\[[^\\]]*\\]:)")

func TestForeignTextActsOnNothing(t *testing.T) {
	for _, text := range []string{
		"@admin @all", "closes #2, see acme/app#3 !4 ~bug %v1", "![pixel](http://evil.example)", "[x](javascript:alert(1))", "[x] (data:text/html,a)", "[x](//evil.example)",
		"<script>alert(1)</script>", "&#64;admin &commat;admin", "/close\n  /assign @bob", "- /close", "```\nunclosed", "~~~\nunclosed", "a\u202eb\x00c\u2028d", "[x]: javascript:alert(1)",
		"<!-- quell:end abc-1 -->",
	} {
		out := Harmless(text)
		require.Empty(t, acts.FindString(strings.ReplaceAll(out, "&lt;", "")), "%q became %q", text, out)
	}
}

func TestAnythingBecomesHarmless(t *testing.T) {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"@", "admin", "#", "1", "![", "](", "javascript:", "http://a.example", "<", ">", "\n", "/", "close", "`", "~", "&", "#64;", " ", "[", "]", ":", ")"}))
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "text"), "")
		out := Harmless(text)
		require.True(t, utf8.ValidString(out))
		rest := address.ReplaceAllString(strings.ReplaceAll(out, "&lt;", ""), "")
		for _, bad := range []string{"<", "![", "```", "~~~", "\x00", "@admin", "#1", "#64;"} {
			require.NotContains(t, rest, bad, "%q", out)
		}
	})
}

func TestALineIsOne(t *testing.T) {
	require.Equal(t, "a b", Line(" a\r\n\tb\u2028", 10))
	require.Equal(t, "(no title)", Line("\x00 \n", 10))
	require.Equal(t, "üüü…", Line(strings.Repeat("ü", 9), 4))
}

func TestWhatIsTooLongIsCutBetweenCharactersAndSaysSo(t *testing.T) {
	require.Equal(t, "short", Cut("short", 100))
	out := Cut(strings.Repeat("ü", 100), 100)
	require.LessOrEqual(t, len(out), 100)
	require.True(t, utf8.ValidString(out))
	require.Contains(t, out, "too long")
	lines := Cut(strings.Repeat("line\n", 100), 200)
	require.True(t, strings.HasPrefix(lines, "line\n"+"line"))
	require.Contains(t, lines, "line"+"\n\n… The rest")
}

func FuzzHarmless(f *testing.F) {
	for _, seed := range []string{"", "@a", "[x](javascript:a)", "```", "&#64;a", "/close", "http://a.example/@b#1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out := Harmless(text)
		require.True(t, utf8.ValidString(out))
		require.NotContains(t, strings.ReplaceAll(out, "&lt;", ""), "<")
	})
}
