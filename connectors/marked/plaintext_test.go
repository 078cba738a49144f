package marked

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlainTextReadsAsTheMarkdownDid(t *testing.T) {
	require.Equal(t, "payments owns this.\n\n## Why\n\n- a_b\n\n| asset | state |\n| web1 (https://quell.example.org/e/1) | open |\n",
		PlainText("**payments** owns this.\n\n## Why\n\n- a\\_b\n\n| asset | state |\n|---|---|\n| [web1](https://quell.example.org/e/1) | open |\n"))
}

func TestPlainTextOpensNoHTMLAndMentionsNobody(t *testing.T) {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"[code]", "[/CODE]", "[", "code]", "@", "[Ann]", "ann", "**", "\\", "](", "https://a.example", ")", "\n"}))
	rapid.Check(t, func(t *rapid.T) {
		out := strings.ToLower(PlainText(strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "text"), "")))
		for _, bad := range []string{"[code", "[/code", "@ann", "@["} {
			require.NotContains(t, out, bad)
		}
	})
}
