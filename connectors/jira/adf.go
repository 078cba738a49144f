package jira

import (
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/internal/fault"
)

// node is one of the Atlassian Document Format (developer.atlassian.com/cloud/jira/platform/
// apis/document/structure), as far as we write it.
type node struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []node         `json:"content,omitempty"`
	Text    string         `json:"text,omitempty"`
	Marks   []mark         `json:"marks,omitempty"`
}

type mark struct {
	Type  string         `json:"type"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

// document is a text whose blocks are kept as they came: people's are none of our business.
type document struct {
	Type    string            `json:"type"`
	Version int               `json:"version"`
	Content []json.RawMessage `json:"content"`
}

// adf gives blocks as nodes. Each may be one of the top level.
func adf(blocks []block) []node {
	out := make([]node, 0, len(blocks))
	for i := range blocks {
		out = append(out, adfBlock(&blocks[i])...)
	}
	return out
}

func adfBlock(b *block) []node {
	switch b.kind {
	case heading:
		return []node{{Type: "heading", Attrs: map[string]any{"level": b.level}, Content: adfSpans(b.spans)}}
	case bullets, numbers:
		list := node{Type: "bulletList"}
		if b.kind == numbers {
			list.Type = "orderedList"
		}
		for i := range b.children {
			list.Content = append(list.Content, node{Type: "listItem", Content: inner(b.children[i].children)})
		}
		return []node{list}
	case quote:
		return []node{{Type: "blockquote", Content: inner(b.children)}}
	case code:
		if b.text == "" {
			return nil
		}
		return []node{{Type: "codeBlock", Content: []node{{Type: "text", Text: b.text}}}}
	case table:
		return adfTable(b)
	case rule:
		return []node{{Type: "rule"}}
	case paragraph, item:
	}
	return []node{{Type: "paragraph", Content: adfSpans(b.spans)}}
}

// inner gives what stands in a list item or a quote: paragraphs, lists and code. The format
// allows nothing else there, and wants at least one.
func inner(blocks []block) []node {
	var out []node
	for i := range blocks {
		b := &blocks[i]
		switch b.kind {
		case heading:
			out = append(out, node{Type: "paragraph", Content: adfSpans(b.spans)})
		case quote:
			out = append(out, inner(b.children)...)
		case table:
			for _, row := range b.rows {
				var spans []span
				for i, c := range row {
					if i > 0 {
						spans = append(spans, span{text: " · "})
					}
					spans = append(spans, c...)
				}
				out = append(out, node{Type: "paragraph", Content: adfSpans(spans)})
			}
		case rule:
		case paragraph, bullets, numbers, item, code:
			out = append(out, adfBlock(b)...)
		}
	}
	if len(out) == 0 || out[0].Type != "paragraph" {
		out = append([]node{{Type: "paragraph"}}, out...)
	}
	return out
}

func adfTable(b *block) []node {
	t := node{Type: "table"}
	for n, row := range b.rows {
		r := node{Type: "tableRow"}
		for _, c := range row {
			kind := "tableCell"
			if n == 0 {
				kind = "tableHeader"
			}
			r.Content = append(r.Content, node{Type: kind, Content: []node{{Type: "paragraph", Content: adfSpans(c)}}})
		}
		if len(r.Content) > 0 {
			t.Content = append(t.Content, r)
		}
	}
	if len(t.Content) == 0 {
		return nil
	}
	return []node{t}
}

func adfSpans(spans []span) []node {
	var out []node
	for i := range spans {
		s := &spans[i]
		if s.hardBreak {
			out = append(out, node{Type: "hardBreak"})
			continue
		}
		if s.text == "" { // the format has no empty text
			continue
		}
		n := node{Type: "text", Text: s.text}
		if s.link != "" {
			n.Marks = append(n.Marks, mark{Type: "link", Attrs: map[string]any{"href": s.link}})
		}
		switch {
		case s.mono: // goes with a link and with nothing else
			n.Marks = append(n.Marks, mark{Type: "code"})
		default:
			if s.strong {
				n.Marks = append(n.Marks, mark{Type: "strong"})
			}
			if s.em {
				n.Marks = append(n.Marks, mark{Type: "em"})
			}
		}
		out = append(out, n)
	}
	return out
}

// adfText is a node's visible text, its blocks in lines.
func adfText(n *node) string {
	var b strings.Builder
	writeText(&b, n)
	return strings.TrimRight(b.String(), "\n")
}

func writeText(b *strings.Builder, n *node) {
	switch n.Type {
	case "text":
		b.WriteString(n.Text)
	case "hardBreak":
		b.WriteByte('\n')
	}
	for i := range n.Content {
		writeText(b, &n.Content[i])
	}
	switch n.Type {
	case "paragraph", "heading", "codeBlock", "tableRow", "rule":
		if text := b.String(); text != "" && !strings.HasSuffix(text, "\n") {
			b.WriteByte('\n')
		}
	}
}

// alike is what a node says, without what Jira adds of its own when it keeps one: local
// IDs, layouts, defaults.
func alike(raw json.RawMessage) string {
	var n node
	if json.Unmarshal(raw, &n) != nil {
		return string(raw)
	}
	text, err := json.Marshal(bare(&n))
	if err != nil {
		return string(raw)
	}
	return string(text)
}

func bare(n *node) node {
	out := node{Type: n.Type, Text: n.Text}
	if level, ok := n.Attrs["level"]; ok {
		out.Attrs = map[string]any{"level": level}
	}
	for _, m := range n.Marks {
		kept := mark{Type: m.Type}
		if href, ok := m.Attrs["href"]; ok {
			kept.Attrs = map[string]any{"href": href}
		}
		out.Marks = append(out.Marks, kept)
	}
	for i := range n.Content {
		c := bare(&n.Content[i])
		if last := len(out.Content) - 1; last >= 0 && c.Type == "text" && out.Content[last].Type == "text" && sameMarks(c.Marks, out.Content[last].Marks) {
			out.Content[last].Text += c.Text // Jira joins what looks alike
			continue
		}
		out.Content = append(out.Content, c)
	}
	return out
}

func sameMarks(a, b []mark) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Type != b[i].Type || a[i].Attrs["href"] != b[i].Attrs["href"] {
			return false
		}
	}
	return true
}

func rawNodes(nodes []node) ([]json.RawMessage, error) {
	out := make([]json.RawMessage, 0, len(nodes))
	for i := range nodes {
		raw, err := json.Marshal(&nodes[i])
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "encoding a description")
		}
		out = append(out, raw)
	}
	return out, nil
}
