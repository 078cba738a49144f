package jira

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Jira's wiki markup (jira.atlassian.com/secure/WikiRendererHelpAction.jspa) acts on what it
// is not told to leave alone: macros in braces, mentions and links in brackets, images
// between exclamation marks. Braces, brackets, bars and backslashes are written as HTML
// entities, which the renderer passes through; the other marks get the backslash that it
// takes away again. A backslash before any other character, or a second one, would stand.

// wiki gives blocks as wiki markup, without a final newline.
func wiki(blocks []block) string {
	out := make([]string, 0, len(blocks))
	for i := range blocks {
		out = append(out, wikiBlock(&blocks[i], ""))
	}
	return strings.Join(out, "\n\n")
}

func wikiBlock(b *block, prefix string) string {
	switch b.kind {
	case heading:
		return "h" + strconv.Itoa(b.level) + ". " + oneLine(b.spans)
	case bullets, numbers:
		return wikiList(b, prefix)
	case quote:
		var lines []string
		for i := range b.children {
			if c := &b.children[i]; c.kind == paragraph || c.kind == heading {
				lines = append(lines, "bq. "+oneLine(c.spans))
			} else {
				lines = append(lines, wikiBlock(c, ""))
			}
		}
		return strings.Join(lines, "\n\n")
	case code:
		return "{noformat}\n" + strings.NewReplacer("{", "{\u200b", "\r", "").Replace(b.text) + "\n{noformat}"
	case table:
		return wikiTable(b)
	case rule:
		return "----"
	case paragraph, item:
	}
	return wikiLines(b.spans)
}

func wikiList(b *block, prefix string) string {
	prefix += "*"
	if b.kind == numbers {
		prefix = prefix[:len(prefix)-1] + "#"
	}
	lines := make([]string, 0, len(b.children))
	for i := range b.children {
		var text []string
		var below []string
		for j := range b.children[i].children {
			c := &b.children[i].children[j]
			switch c.kind {
			case bullets, numbers:
				below = append(below, wikiList(c, prefix))
			case paragraph, heading:
				text = append(text, oneLine(c.spans))
			case code:
				text = append(text, oneLine([]span{{text: strings.ReplaceAll(c.text, "\n", " "), mono: true}}))
			case table:
				for _, row := range c.rows {
					for _, spans := range row {
						text = append(text, oneLine(spans))
					}
				}
			case item, quote, rule:
				text = append(text, oneLine(spansOf(c)))
			}
		}
		line := strings.Join(text, " ")
		if line == "" {
			line = "&nbsp;"
		}
		lines = append(lines, prefix+" "+line)
		lines = append(lines, below...)
	}
	return strings.Join(lines, "\n")
}

// spansOf gathers all pieces below a block.
func spansOf(b *block) []span {
	out := append([]span(nil), b.spans...)
	for i := range b.children {
		if len(out) > 0 {
			out = append(out, span{text: " "})
		}
		out = append(out, spansOf(&b.children[i])...)
	}
	return out
}

func wikiTable(b *block) string {
	lines := make([]string, 0, len(b.rows))
	for n, row := range b.rows {
		bar := "|"
		if n == 0 {
			bar = "||"
		}
		var line strings.Builder
		for _, c := range row {
			line.WriteString(bar)
			if text := oneLine(c); text != "" {
				line.WriteString(text)
			} else {
				line.WriteByte(' ')
			}
		}
		line.WriteString(bar)
		lines = append(lines, line.String())
	}
	return strings.Join(lines, "\n")
}

func oneLine(spans []span) string {
	return strings.TrimSpace(strings.Join(strings.Fields(wikiLines(spans)), " "))
}

// starts are what makes a heading or a quote of a line, which no backslash keeps it from.
var starts = regexp.MustCompile(`^(\s*)([hHbB])([1-6]|[qQ])\.`)

func wikiLines(spans []span) string {
	var b strings.Builder
	for i := range spans {
		s := &spans[i]
		if s.hardBreak {
			b.WriteByte('\n')
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(b.String())
		after := rune(' ')
		if i+1 < len(spans) && spans[i+1].text != "" {
			after, _ = utf8.DecodeRuneInString(spans[i+1].text)
		}
		b.WriteString(wikiSpan(s, b.Len() > 0 && wordly(before), wordly(after)))
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = starts.ReplaceAllStringFunc(line, func(start string) string {
			at := strings.IndexFunc(start, unicode.IsLetter)
			return start[:at] + map[byte]string{'h': "&#104;", 'H': "&#72;", 'b': "&#98;", 'B': "&#66;"}[start[at]] + start[at+1:]
		})
	}
	return strings.Join(lines, "\n")
}

// wikiSpan is a piece with its marks. They only count between what is no word.
func wikiSpan(s *span, wordBefore, wordAfter bool) string {
	text := escapeWiki(s.text)
	if s.link != "" {
		if s.text == s.link {
			return "[" + s.link + "]"
		}
		return "[" + strings.Join(strings.Fields(text), " ") + "|" + s.link + "]"
	}
	core := strings.TrimSpace(text)
	if core == "" || wordBefore || wordAfter {
		return text
	}
	lead, tail, _ := strings.Cut(text, core)
	switch {
	case s.mono:
		core = "{{" + core + "}}"
	case s.strong:
		core = "*" + core + "*"
	case s.em:
		core = "_" + core + "_"
	}
	return lead + core + tail
}

func wordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// schemes are what the renderer links without being asked, beside http and https.
var schemes = regexp.MustCompile(`(?i)\b(ftps?|mailto|nntp|news|irc|file|javascript|vbscript|data):`)

// escapeWiki makes text that stays text.
func escapeWiki(s string) string {
	runes := []rune(s)
	var b strings.Builder
	for i, r := range runes {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '{':
			b.WriteString("&#123;")
		case '}':
			b.WriteString("&#125;")
		case '[':
			b.WriteString("&#91;")
		case ']':
			b.WriteString("&#93;")
		case '|':
			b.WriteString("&#124;")
		case '\\':
			b.WriteString("&#92;")
		case '-', '_', '+':
			if i == 0 || i+1 == len(runes) || !wordly(runes[i-1]) || !wordly(runes[i+1]) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		case '*', '^', '~', '!', '#', '(', '?':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n', '\r', '\t':
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return schemes.ReplaceAllString(b.String(), "$1&#58;")
}
