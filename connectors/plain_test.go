package connectors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlainLeavesTheTextOfMarkup(t *testing.T) {
	for html, want := range map[string]string{
		"no markup,  as it is ": "no markup,  as it is",
		"a<P>\n\n<P>b<BR/>c":    "a\n\nb\nc",
		"<ul><li>one</li><li>two</li></ul>see <A HREF=\"https://example.org\" TARGET=\"_blank\">there</A>": "- one\n- two\nsee there",
		"1 < 2 &amp;&amp; 3 &gt; 2 <": "1 < 2 && 3 > 2 <",
		"List<String> stays":          "List stays",
		"a <b":                        "a <b",
		"":                            "",
	} {
		require.Equal(t, want, Plain(html), html)
	}
}
