package slack

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape makes text stand for itself in mrkdwn: nothing in it mentions anybody or leads
// anywhere. Together with verbatim, which keeps Slack from finding links on its own.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// Escape makes text stand for itself where Slack reads markup.
func Escape(text string) string { return escape(text) }

// plain is text on one line, without control characters, cut to so many characters.
func plain(text string, most int) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "\uFFFD"), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || isDirection(r) }), " ")
	return cutRunes(text, most)
}

// isDirection tells the characters that turn text around: a title must not show as what
// it isn't.
func isDirection(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

func cutRunes(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:most-1]), " ") + "…"
}

// link leads to an http address, under a text; without one it is the text alone.
func link(address, text string) string {
	if !httpURL(address) {
		return escape(text)
	}
	return "<" + strings.NewReplacer("&", "&amp;", "<", "%3C", ">", "%3E", "|", "%7C", " ", "%20").Replace(address) + "|" + strings.ReplaceAll(escape(text), "|", "¦") + ">"
}

func httpURL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && u.User == nil
}

var (
	heading = regexp.MustCompile(`^\s{0,3}#{1,6}\s+(.*?)\s*#*$`)
	bullet  = regexp.MustCompile(`^(\s*)[-*+]\s+(.*)$`)
)

// mrkdwn makes Slack's markup of Markdown. A link leads somewhere only if its address is
// among ours: text of vendors, however it got here, leads nowhere.
func mrkdwn(markdown string, ours func(address string) bool) string {
	var out []string
	fenced := false
	for line := range strings.SplitSeq(strings.ToValidUTF8(strings.ReplaceAll(markdown, "\r\n", "\n"), "\uFFFD"), "\n") {
		line = strings.Map(func(r rune) rune {
			if r != '\t' && unicode.IsControl(r) || isDirection(r) {
				return -1
			}
			return r
		}, line)
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			out = append(out, "```")
			continue
		}
		if fenced {
			out = append(out, escape(line))
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			out = append(out, "*"+strings.Trim(inline(m[1], ours), "*")+"*")
			continue
		}
		if m := bullet.FindStringSubmatch(line); m != nil {
			out = append(out, m[1]+"• "+inline(m[2], ours))
			continue
		}
		out = append(out, inline(line, ours))
	}
	if fenced {
		out = append(out, "```")
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

var markdownLink = regexp.MustCompile(`^\[((?:[^\[\]\\]|\\.)*)\]\(([^()\s]*)\)`)

// inline converts what stands in one line.
func inline(line string, ours func(address string) bool) string {
	var b strings.Builder
	for i := 0; i < len(line); {
		rest := line[i:]
		switch {
		case rest[0] == '\\' && len(rest) > 1 && strings.IndexByte("\\`*_{}[]()<>#+-.!|~&\"'$%,/:;=?@^", rest[1]) >= 0:
			b.WriteString(escape(rest[1:2]))
			i += 2
		case rest[0] == '`':
			end := strings.IndexByte(rest[1:], '`')
			if end < 0 {
				b.WriteByte('`')
				i++
				continue
			}
			b.WriteString(escape(rest[:end+2]))
			i += end + 2
		case strings.HasPrefix(rest, "**"):
			b.WriteByte('*')
			i += 2
		case strings.HasPrefix(rest, "~~"):
			b.WriteByte('~')
			i += 2
		case rest[0] == '*':
			b.WriteByte('_')
			i++
		case rest[0] == '[' && markdownLink.MatchString(rest):
			m := markdownLink.FindStringSubmatch(rest)
			b.WriteString(linked(m[1], m[2], ours))
			i += len(m[0])
		default:
			_, size := utf8.DecodeRuneInString(rest)
			b.WriteString(escape(rest[:size]))
			i += size
		}
	}
	return b.String()
}

var escapedMark = regexp.MustCompile(`\\([[:punct:]])`)

func linked(text, address string, ours func(string) bool) string {
	text = escapedMark.ReplaceAllString(text, "$1")
	if ours(address) && httpURL(address) {
		return link(address, text)
	}
	if address == "" || address == text {
		return escape(text)
	}
	return escape(text + " (" + address + ")")
}

// pieces cuts markup into parts that fit into a section each, at the ends of lines where
// that goes, and into so many of them at most.
func pieces(markup string, size, most int) []string {
	var out []string
	part := ""
	flush := func() {
		if strings.TrimSpace(part) != "" {
			out = append(out, strings.Trim(part, "\n"))
		}
		part = ""
	}
	for line := range strings.SplitSeq(markup, "\n") {
		line = cutMarkup(line, size)
		if utf8.RuneCountInString(part)+utf8.RuneCountInString(line)+1 > size {
			flush()
		}
		part += line + "\n"
	}
	flush()
	if len(out) > most {
		out = append(out[:most-1], "… and more: the ticket has all of it.")
	}
	return out
}

// cutMarkup cuts a line without leaving half of an entity or of a link behind.
func cutMarkup(line string, most int) string {
	if utf8.RuneCountInString(line) <= most {
		return line
	}
	cut := string([]rune(line)[:most-1])
	for _, pair := range [][2]string{{"<", ">"}, {"&", ";"}} {
		if begun := strings.LastIndex(cut, pair[0]); begun >= 0 && !strings.Contains(cut[begun:], pair[1]) {
			cut = cut[:begun]
		}
	}
	return cut + "…"
}
