package marked

import (
	"regexp"
	"strings"
)

var (
	linked  = regexp.MustCompile(`\[([^\[\]\n]*)\]\((https?://[^\s()]*)\)`)
	rule    = regexp.MustCompile(`(?m)^\|[-| :]+\|[ ]*\n`)
	escaped = regexp.MustCompile("\\\\([_~#*`|\\\\\\[\\]])")
	journal = regexp.MustCompile(`(?i)\[(/?)(code)`)
	mention = regexp.MustCompile(`@([0-9A-Za-z_\[])`)
)

// PlainText makes of Markdown a text for where nothing is rendered: links name their address,
// emphasis and escapes go, lists and tables stay readable. Like Harmless it leaves nothing
// that acts: what ServiceNow's journals would show as HTML, and mentions.
func PlainText(text string) string {
	text = rule.ReplaceAllString(visible(text), "")
	text = linked.ReplaceAllString(text, "$1 ($2)")
	text = escaped.ReplaceAllString(strings.ReplaceAll(text, "**", ""), "$1")
	text = strings.ReplaceAll(text, "![", "!"+apart+"[")
	text = journal.ReplaceAllString(text, "["+apart+"$1$2")
	return mention.ReplaceAllString(text, "@"+apart+"$1")
}
