package jira

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/quellsec/quell/internal/fault"
)

// Our part of a description stands between two lines. What is above and below them is
// people's, and is written back byte by byte.
const (
	blockBegin = "— quell: kept up to date from here to its end; write above or below —"
	blockEnd   = "— quell: end —"
	// longestBlock is in characters. Jira takes 32,767 in a text field
	// (jira.text.field.character.limit): people have the rest.
	longestBlock = 26000
	cutNote      = "… the rest is too long for Jira. quell shows all of it."
)

// fit converts Markdown, cut at a line so that it is at most so long.
func fit[T any](markdown string, limit int, convert func([]block) T, size func(T) int) T {
	out := convert(parse(markdown))
	if size(out) <= limit {
		return out
	}
	keep := len(markdown)
	for {
		keep = keep * 9 / 10 * limit / max(size(out), limit) // shrinks by a tenth at least
		cut := markdown[:keep]
		if at := strings.LastIndexByte(cut, '\n'); at > 0 {
			cut = cut[:at]
		} else {
			cut = strings.ToValidUTF8(cut, "")
		}
		if out = convert(append(parse(cut), block{kind: paragraph, spans: []span{{text: cutNote}}})); size(out) <= limit || keep == 0 {
			return out
		}
	}
}

// nodesOf converts Markdown for Cloud.
func nodesOf(markdown string, limit int) []node {
	return fit(markdown, limit, adf, func(nodes []node) int {
		n := 0
		for i := range nodes {
			n += utf8.RuneCountInString(adfText(&nodes[i])) + 1
		}
		return n
	})
}

// wikiOf converts Markdown for Data Center.
func wikiOf(markdown string, limit int) string {
	return fit(markdown, limit, wiki, utf8.RuneCountInString)
}

// sentinel reports whether a line is one of the two that our part stands between.
func sentinel(line string) bool {
	line = strings.TrimSpace(line)
	return line == blockBegin || line == blockEnd
}

// ours gives the place of our part among lines or blocks: the first end, and the last
// begin before it. Halves of what people have torn apart are left as theirs.
func ours(n int, line func(int) string) (from, to int, found bool) {
	begin := -1
	for i := range n {
		switch strings.TrimSpace(line(i)) {
		case blockBegin:
			begin = i
		case blockEnd:
			if begin >= 0 {
				return begin, i + 1, true
			}
		}
	}
	return 0, 0, false
}

// wikiWith puts our part into a description in wiki markup; written says whether it
// differed.
func wikiWith(old, markdown string) (text string, written bool) {
	inner := strings.Split(wikiOf(markdown, longestBlock), "\n")
	for i, line := range inner {
		if sentinel(line) {
			inner[i] = "\u200b" + line
		}
	}
	part := slices.Concat([]string{blockBegin, ""}, inner, []string{"", blockEnd})
	lines := strings.Split(old, "\n")
	from, to, found := ours(len(lines), func(i int) string { return lines[i] })
	if !found {
		if strings.TrimSpace(old) == "" {
			return strings.Join(part, "\n"), true
		}
		return strings.TrimRight(old, "\r\n ") + "\n\n" + strings.Join(part, "\n"), true
	}
	if slices.EqualFunc(lines[from:to], part, func(a, b string) bool { return strings.TrimRight(a, "\r\t ") == strings.TrimRight(b, "\t ") }) {
		return old, false
	}
	return strings.Join(slices.Concat(lines[:from], part, lines[to:]), "\n"), true
}

// wikiPart is what stands in our part.
func wikiPart(description string) string {
	lines := strings.Split(strings.ReplaceAll(description, "\r", ""), "\n")
	from, to, found := ours(len(lines), func(i int) string { return lines[i] })
	if !found {
		return ""
	}
	return strings.TrimSpace(strings.Join(lines[from+1:to-1], "\n"))
}

// readDocument reads a description of Cloud; null is an empty one.
func readDocument(raw json.RawMessage) (document, error) {
	doc := document{Type: "doc", Version: 1, Content: []json.RawMessage{}}
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return doc, nil
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return doc, fault.New(fault.Unavailable, "reading a description of Jira: it is not in the Atlassian Document Format")
	}
	return doc, nil
}

func lineOf(raw json.RawMessage) string {
	var n node
	if json.Unmarshal(raw, &n) != nil || n.Type != "paragraph" {
		return ""
	}
	return adfText(&n)
}

// adfWith puts our part into a document.
func adfWith(old json.RawMessage, markdown string) (doc document, written bool, err error) {
	doc, err = readDocument(old)
	if err != nil {
		return doc, false, err
	}
	nodes := nodesOf(markdown, longestBlock)
	for i := range nodes {
		if nodes[i].Type == "paragraph" && sentinel(adfText(&nodes[i])) {
			nodes[i].Content = append([]node{{Type: "text", Text: "\u200b"}}, nodes[i].Content...)
		}
	}
	part, err := rawNodes(slices.Concat([]node{line(blockBegin)}, nodes, []node{line(blockEnd)}))
	if err != nil {
		return doc, false, err
	}
	from, to, found := ours(len(doc.Content), func(i int) string { return lineOf(doc.Content[i]) })
	if !found {
		doc.Content = slices.Concat(doc.Content, part)
		return doc, true, nil
	}
	if slices.EqualFunc(doc.Content[from:to], part, func(a, b json.RawMessage) bool { return alike(a) == alike(b) }) {
		return doc, false, nil
	}
	doc.Content = slices.Concat(doc.Content[:from], part, doc.Content[to:])
	return doc, true, nil
}

func line(text string) node {
	return node{Type: "paragraph", Content: []node{{Type: "text", Text: text, Marks: []mark{{Type: "em"}}}}}
}

// adfPart is what stands in our part, as text.
func adfPart(raw json.RawMessage) string {
	doc, err := readDocument(raw)
	if err != nil {
		return ""
	}
	from, to, found := ours(len(doc.Content), func(i int) string { return lineOf(doc.Content[i]) })
	if !found {
		return ""
	}
	var lines []string
	for _, c := range doc.Content[from+1 : to-1] {
		var n node
		if json.Unmarshal(c, &n) == nil {
			lines = append(lines, adfText(&n))
		}
	}
	return strings.Join(lines, "\n")
}
