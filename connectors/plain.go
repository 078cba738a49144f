package connectors

import (
	"html"
	"strings"
)

// Plain gives the text of what plainly is HTML for display, as vendors' knowledge bases
// write it: paragraphs and line breaks become lines, list items dashes, other tags go, and
// entities become what they stand for. Text without a tag or an entity stays as it is.
func Plain(text string) string {
	if !strings.ContainsAny(text, "<&") {
		return strings.TrimSpace(text)
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "<")
		out.WriteString(before)
		if !found {
			break
		}
		name, closing := tagName(after)
		end := strings.IndexByte(after, '>')
		if name == "" || end < 0 { // "a < b"
			out.WriteByte('<')
			text = after
			continue
		}
		switch name {
		case "p", "br", "tr", "ul", "ol", "div", "table", "h1", "h2", "h3", "h4", "pre":
			out.WriteByte('\n')
		case "li":
			if !closing {
				out.WriteString("\n- ")
			}
		}
		text = after[end+1:]
	}
	lines := strings.Split(html.UnescapeString(out.String()), "\n")
	kept := lines[:0]
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line != "" || len(kept) > 0 && kept[len(kept)-1] != "" {
			kept = append(kept, line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, "\n"))
}

// tagName reads the name of a tag of which the bracket was read.
func tagName(text string) (name string, closing bool) {
	text, closing = strings.CutPrefix(text, "/")
	end := 0
	for end < len(text) && (text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z' || end > 0 && text[end] >= '0' && text[end] <= '9') {
		end++
	}
	if end == len(text) || !strings.ContainsRune(" \t\r\n/>", rune(text[end])) {
		return "", closing
	}
	return strings.ToLower(text[:end]), closing
}
