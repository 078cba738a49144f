package jira

import (
	"net/url"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/quellsec/quell/connectors"
)

// A description is written in Markdown and read in two other languages. What both can say
// is a tree of a few kinds, into which nothing else gets: no HTML, no images, no links but
// http and https.

type kind int

const (
	paragraph kind = iota
	heading
	bullets
	numbers
	item
	quote
	code
	table
	rule
)

// block is one block of a text.
type block struct {
	kind     kind
	level    int      // of a heading, 1 to 6
	spans    []span   // of a paragraph or heading
	text     string   // of code
	children []block  // of a list its items, of an item or a quote what is in it
	rows     [][]cell // of a table, the first being its head
}

type cell []span

// span is a piece of a line.
type span struct {
	text               string
	strong, em, mono   bool
	link               string
	hardBreak, literal bool
}

// parser is goldmark with GitHub's tables and bare links.
func parser() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Table, extension.NewLinkify(extension.WithLinkifyAllowedProtocols([]string{"http:", "https:"}))))
}

// parse reads Markdown. It never fails: what is none is text.
func parse(markdown string) []block {
	source := []byte(connectors.Paragraphs(markdown))
	w := &walker{source: source}
	return w.blocks(parser().Parser().Parse(text.NewReader(source)))
}

type walker struct{ source []byte }

// deepest bounds how far blocks nest; deeper ones are flattened.
const deepest = 4

func (w *walker) blocks(parent ast.Node) []block { return w.within(parent, 0) }

func (w *walker) within(parent ast.Node, depth int) []block {
	var out []block
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			out = append(out, block{kind: heading, level: n.Level, spans: w.spans(n, span{})})
		case *ast.Paragraph, *ast.TextBlock:
			if spans := w.spans(n, span{}); len(spans) > 0 {
				out = append(out, block{kind: paragraph, spans: spans})
			}
		case *ast.List:
			out = append(out, w.list(n, depth)...)
		case *ast.Blockquote:
			out = append(out, block{kind: quote, children: w.within(n, depth+1)})
		case *ast.FencedCodeBlock:
			out = append(out, block{kind: code, text: w.lines(n)})
		case *ast.CodeBlock:
			out = append(out, block{kind: code, text: w.lines(n)})
		case *ast.HTMLBlock: // is shown as it is written
			out = append(out, block{kind: code, text: w.lines(n)})
		case *ast.ThematicBreak:
			out = append(out, block{kind: rule})
		case *east.Table:
			out = append(out, w.table(n))
		default:
			out = append(out, w.within(n, depth+1)...)
		}
	}
	return out
}

func (w *walker) list(n *ast.List, depth int) []block {
	l := block{kind: bullets}
	if n.IsOrdered() {
		l.kind = numbers
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		l.children = append(l.children, block{kind: item, children: w.within(c, depth+1)})
	}
	if depth < deepest {
		return []block{l}
	}
	var flat []block
	for _, i := range l.children {
		flat = append(flat, i.children...)
	}
	return flat
}

func (w *walker) table(n *east.Table) block {
	t := block{kind: table}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []cell
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, w.spans(c, span{}))
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

func (w *walker) lines(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(w.source))
	}
	return strings.TrimRight(b.String(), "\n")
}

// spans gives the pieces of a block, each as its surroundings make it.
func (w *walker) spans(parent ast.Node, as span) []span {
	var out []span
	add := func(text string) {
		if text != "" {
			s := as
			s.text = text
			out = append(out, s)
		}
	}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			add(unescape(string(n.Segment.Value(w.source))))
			switch {
			case n.HardLineBreak():
				out = append(out, span{hardBreak: true})
			case n.SoftLineBreak():
				add(" ")
			}
		case *ast.String:
			add(string(n.Value))
		case *ast.CodeSpan:
			mono := as
			mono.mono, mono.literal = true, true
			out = append(out, w.literal(n, mono)...)
		case *ast.Emphasis:
			inner := as
			inner.strong, inner.em = as.strong || n.Level > 1, as.em || n.Level == 1
			out = append(out, w.spans(n, inner)...)
		case *ast.Link:
			inner := as
			inner.link = web(string(n.Destination))
			out = append(out, w.spans(n, inner)...)
		case *ast.AutoLink:
			inner := as
			inner.text = string(n.Label(w.source))
			inner.link = web(string(n.URL(w.source)))
			out = append(out, inner)
		case *ast.Image: // is a link to what would be shown
			inner := as
			inner.link = web(string(n.Destination))
			out = append(out, w.spans(n, inner)...)
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				segment := n.Segments.At(i)
				add(string(segment.Value(w.source)))
			}
		default:
			out = append(out, w.spans(n, as)...)
		}
	}
	return out
}

func (w *walker) literal(n ast.Node, as span) []span {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(w.source))
		}
	}
	as.text = strings.ReplaceAll(b.String(), "\n", " ")
	if as.text == "" {
		return nil
	}
	return []span{as}
}

// unescape takes the backslashes away that Markdown puts before punctuation.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// web gives an address that may be linked to, or nothing: an http or https one with a
// host and without a password, written so that no markup ends it early.
func web(address string) string {
	const longest = 2000
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(address) > longest {
		return ""
	}
	return strings.NewReplacer("|", "%7C", "[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D", `\`, "%5C", "^", "%5E", "!", "%21", "*", "%2A", "<", "%3C", ">", "%3E", `"`, "%22", "`", "%60", " ", "%20").Replace(u.String())
}
