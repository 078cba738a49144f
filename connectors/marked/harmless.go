package marked

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a forge does with Markdown beyond showing it. What finds nothing to act on here stays
// readable: a zero-width space keeps a sign from what it would act on.
var (
	address   = regexp.MustCompile(`https?://[^\s<>()\[\]"'` + "`" + `|\\]+`)
	reference = regexp.MustCompile(`([#!~%&$@\^])([0-9A-Za-z_"])`) // mentions, issues, merge requests, labels, milestones, epics, snippets
	entity    = regexp.MustCompile(`&(#?[0-9A-Za-z]+;)`)
	target    = regexp.MustCompile(`(?i)\](\s*)\((\s*)(https?://|)`)
	named     = regexp.MustCompile(`(?m)^(\s*)\[([^\]\n]*)\]:`)
	command   = regexp.MustCompile(`(?m)^([\s>*+-]*)/`)
	shorthand = regexp.MustCompile(`(?i)\bGH-([0-9])`)
)

const apart = "\u200b"

// Harmless makes Markdown of which a part comes from elsewhere safe to be posted at a forge:
// headings, lists, tables, emphasis, code spans and links to http addresses stay, and
// nothing else acts: no HTML, image, mention, reference, quick action or code fence, and no
// character that hides or turns round others.
func Harmless(text string) string {
	text = visible(text)
	text = strings.ReplaceAll(strings.ReplaceAll(text, "```", "'''"), "~~~", `\~\~\~`)
	var b strings.Builder
	for text != "" {
		at := address.FindStringIndex(text)
		if at == nil {
			b.WriteString(tame(text))
			break
		}
		b.WriteString(tame(text[:at[0]]))
		b.WriteString(text[at[0]:at[1]])
		text = text[at[1]:]
	}
	out := target.ReplaceAllStringFunc(b.String(), func(m string) string {
		if strings.HasSuffix(m, "(") || !strings.HasSuffix(strings.ToLower(m), "://") {
			return "]" + apart + m[1:]
		}
		return m
	})
	out = named.ReplaceAllString(out, "$1[$2]"+apart+":")
	return command.ReplaceAllString(out, "${1}"+apart+"/")
}

func tame(text string) string {
	text = entity.ReplaceAllString(text, "&"+apart+"$1")
	text = strings.ReplaceAll(text, "![", "!"+apart+"[")
	text = shorthand.ReplaceAllString(text, "GH"+apart+"-$1")
	text = reference.ReplaceAllString(text, "$1"+apart+"$2")
	return strings.ReplaceAll(text, "<", "&lt;")
}

// visible drops what can't be seen, or makes others be seen differently.
func visible(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\t", " ").Replace(strings.ToValidUTF8(text, "\ufffd"))
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200b' && r != '\u200d') {
			return -1
		}
		return r
	}, text)
}

// Line makes a title of a text: one line, not empty, of so many characters at most.
func Line(text string, most int) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(visible(text), "\n", " ")), " ")
	if utf8.RuneCountInString(text) > most {
		text = strings.TrimSpace(string([]rune(text)[:most-1])) + "…"
	}
	if text == "" {
		return "(no title)"
	}
	return text
}

// Cut shortens a text to so many bytes at most, at the end of a line if there is one near,
// and says so.
func Cut(text string, most int) string {
	const said = "\n\n… The rest is too long for this tracker; quell has it."
	if len(text) <= most {
		return text
	}
	text = text[:max(most-len(said), 0)]
	for text != "" && !utf8.ValidString(text[max(len(text)-utf8.UTFMax, 0):]) {
		text = text[:len(text)-1]
	}
	if at := strings.LastIndexByte(text, '\n'); at > len(text)-1000 && at > 0 {
		text = text[:at]
	}
	return text + said
}
