package prose_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/prose"
)

func TestWhatLooksLikeMarkupStaysText(t *testing.T) {
	text := "**weak login** on a\\_b: <script>alert(1)</script> `quell retest`\n\n- one & two\n- [x](javascript:alert(1))\n\n## Why\nbecause\nof it"
	require.Equal(t, "weak login on a_b: <script>alert(1)</script> `quell retest`\n\n- one & two\n- [x](javascript:alert(1))\n\nWhy\nbecause\nof it", prose.Plain(text))
	require.Equal(t, "<p><strong>weak login</strong> on a_b: &lt;script&gt;alert(1)&lt;/script&gt; <code>quell retest</code></p>\n"+
		"<ul>\n<li>one &amp; two</li>\n<li>[x](javascript:alert(1))</li>\n</ul>\n<h3>Why</h3>\n<p>because<br>of it</p>\n", prose.HTML(text))
}

func TestALineIsOneLine(t *testing.T) {
	require.Equal(t, "a b c d", prose.Line("a\r\nb\u2028 c\x00\x1b\td"))
}

func TestLinksAreOnesThatMayBeFollowed(t *testing.T) {
	m := connectors.Message{Links: map[string]string{"ticket": "https://x/1", "b": "javascript:alert(1)", "a": "http://x"}}
	require.Equal(t, []prose.Fact{{"a", "http://x"}, {"ticket", "https://x/1"}}, prose.Links(&m))
}

func FuzzTextIsCutAndEscaped(f *testing.F) {
	f.Add("a\xffb…", 3)
	f.Add("<b>**`x`** \\* \u200b", 8)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most >= 0 {
			require.LessOrEqual(t, len(prose.Cut(text, most)), most)
			if utf8.ValidString(text) {
				require.True(t, utf8.ValidString(prose.Cut(text, most)))
			}
		}
		rest := prose.HTML(text)
		for _, tag := range []string{"p", "ul", "li", "h3", "strong", "code"} {
			rest = strings.NewReplacer("<"+tag+">", "", "</"+tag+">", "").Replace(rest)
		}
		require.NotContains(t, strings.ReplaceAll(rest, "<br>", ""), "<")
		require.NotContains(t, prose.Line(text), "\n")
	})
}
