package xmlpull

import (
	"strings"

	"github.com/quellsec/quell/connectors/wire"
)

// Node is an element that was read whole: one finding, never a report.
type Node struct {
	Name     string
	Attrs    []NodeAttr
	Text     string // of the element itself, without that of its children, trimmed
	Children []*Node
}

// NodeAttr is an attribute of a Node.
type NodeAttr struct{ Name, Value string }

// Tree reads the current element to its end as a tree. Of one that holds more than limit
// bytes of names, attributes and texts the rest is passed over, and whole is false. To be
// called after Start.
func (r *Reader) Tree(limit int) (n *Node, whole bool) {
	const element = 64 // what an element takes even if it is empty
	left := limit
	if r.err != nil || len(r.ends) == 0 {
		return &Node{}, false
	}
	n = r.node(&left)
	open := []*Node{n}
	for len(open) > 0 {
		switch r.advance(left <= 0) {
		case None:
			return n, false
		case Start:
			child := &Node{}
			if left > 0 {
				child = r.node(&left)
				parent := open[len(open)-1]
				parent.Children = append(parent.Children, child)
			}
			left -= element
			open = append(open, child)
		case End:
			last := open[len(open)-1]
			last.Text = strings.TrimSpace(last.Text)
			open = open[:len(open)-1]
		case Text:
			piece := cut(r.text, max(left, 0))
			left -= len(r.text)
			open[len(open)-1].Text += string(piece)
		}
	}
	return n, left > 0
}

func (r *Reader) node(left *int) *Node {
	n := &Node{Name: string(r.name)}
	*left -= len(n.Name)
	for i := range r.attrs {
		name, value := r.AttrAt(i)
		if *left -= len(name) + len(value); *left < 0 {
			break
		}
		n.Attrs = append(n.Attrs, NodeAttr{string(name), string(value)})
	}
	return n
}

// Attr is the value of an attribute, or empty.
func (n *Node) Attr(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.Value
		}
	}
	return ""
}

// At is the first element under a path of names such as "cve/id", or nil. A nil node has
// nothing under it, so that calls can be chained.
func (n *Node) At(path string) *Node {
	for name := range strings.SplitSeq(path, "/") {
		if n == nil {
			return nil
		}
		var found *Node
		for _, c := range n.Children {
			if c.Name == name {
				found = c
				break
			}
		}
		n = found
	}
	return n
}

// Get is the text of the element under a path, or empty.
func (n *Node) Get(path string) string {
	if n = n.At(path); n == nil {
		return ""
	}
	return n.Text
}

// All are the elements under a path: every last one of the first element of all before.
func (n *Node) All(path string) []*Node {
	parent, last := n, path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		parent, last = n.At(path[:i]), path[i+1:]
	}
	if parent == nil {
		return nil
	}
	var out []*Node
	for _, c := range parent.Children {
		if c.Name == last {
			out = append(out, c)
		}
	}
	return out
}

// Gets are the texts of the elements under a path that have one.
func (n *Node) Gets(path string) []string {
	var out []string
	for _, c := range n.All(path) {
		if c.Text != "" {
			out = append(out, c.Text)
		}
	}
	return out
}

// Fields gives the node as the fields of wire.Fields, without the children of the given
// names: attributes as "@name", a text beside other things as "#text", elements that
// repeat as a list.
func (n *Node) Fields(mapped ...string) map[string]any {
	skip := make(map[string]bool, len(mapped))
	for _, name := range mapped {
		skip[name] = true
	}
	out := map[string]any{}
	for _, a := range n.Attrs {
		if !skip["@"+a.Name] {
			out["@"+a.Name] = a.Value
		}
	}
	if n.Text != "" && !skip["#text"] {
		out["#text"] = n.Text
	}
	for _, c := range n.Children {
		if skip[c.Name] {
			continue
		}
		v := c.value()
		switch have := out[c.Name].(type) {
		case nil:
			out[c.Name] = v
		case []any:
			out[c.Name] = append(have, v)
		default:
			out[c.Name] = []any{have, v}
		}
	}
	return out
}

func (n *Node) value() any {
	if len(n.Attrs) == 0 && len(n.Children) == 0 {
		return n.Text
	}
	return n.Fields()
}

// Rest is what the node says beyond what was mapped, for a finding's Vendor.
func (n *Node) Rest(mapped ...string) []byte { return wire.Fields(n.Fields(mapped...)) }
