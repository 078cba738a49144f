package declarative

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// Limits of what is kept of a document at a time.
const (
	largestItem  = 4 << 20
	largestOther = 64 << 10  // one value beside the items
	mostOthers   = 512 << 10 // all of them
	eachOther    = 64        // what a value takes even if it is empty
)

// walker goes through a document to its items. What it passes on the way is kept in doc,
// as far as it is small: with the current element in the place of every list that leads to
// the items.
type walker struct {
	items []string
	doc   map[string]any
	left  int
	seen  bool // a list of items was found, or there need be none
	item  func(e *report.Emitter, item any) error
	// ended is told that the object or element around a list of items has ended.
	ended func(e *report.Emitter) error
}

func newWalker(items []string) *walker {
	return &walker{items: items, doc: map[string]any{}, left: mostOthers}
}

// json reads a value at the top.
func (w *walker) json(e *report.Emitter, r *jsonpull.Reader) error {
	w.doc, w.left = map[string]any{}, mostOthers
	if k := r.Kind(); k != jsonpull.Object && k != jsonpull.Array {
		r.Fail("neither an object nor a list")
		return nil
	}
	if len(w.items) == 0 {
		w.seen = true
	}
	return w.value(e, r, w.items, w.doc)
}

// value goes down the path. Around is where what is passed is kept.
func (w *walker) value(e *report.Emitter, r *jsonpull.Reader, path []string, around map[string]any) error {
	switch r.Kind() {
	case jsonpull.Array:
		for a := r.Array(); r.Elem(a); {
			if err := e.Live(); err != nil {
				return err
			}
			clear(around)
			if err := w.value(e, r, path, around); err != nil {
				return err
			}
		}
		return nil
	case jsonpull.Object:
		if len(path) > 0 {
			return w.object(e, r, path, around)
		}
	case jsonpull.None, jsonpull.String, jsonpull.Number, jsonpull.Bool, jsonpull.Null:
		if len(path) > 0 {
			r.Skip()
			return nil
		}
	}
	raw := r.Raw(largestItem)
	if !r.OK() { // half an item is none
		return nil
	}
	item, ok := decoded(raw)
	if !ok {
		e.Skip("item_too_large_or_empty")
		return nil
	}
	return w.item(e, item)
}

func (w *walker) object(e *report.Emitter, r *jsonpull.Reader, path []string, around map[string]any) error {
	here := false
	err := r.Fields(func(key string) error {
		if key != path[0] {
			w.keep(around, key, r.Raw(largestOther))
			return nil
		}
		if len(path) == 1 {
			here, w.seen = true, true
			return w.value(e, r, nil, map[string]any{})
		}
		inner := map[string]any{}
		around[key] = inner
		return w.value(e, r, path[1:], inner)
	})
	if err != nil || !r.OK() || !here {
		return err
	}
	return w.ended(e)
}

func (w *walker) keep(around map[string]any, key string, raw []byte) {
	if w.left -= len(key) + len(raw) + eachOther; w.left < 0 || raw == nil {
		return
	}
	if v, ok := decoded(raw); ok {
		around[key] = v
	}
}

// decoded reads a JSON value with its whole numbers whole.
func decoded(raw []byte) (any, bool) {
	if len(raw) == 0 {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	return whole(v), true
}

func whole(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case map[string]any:
		for k, inner := range v {
			v[k] = whole(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = whole(inner)
		}
	}
	return v
}

// xml reads the root element, which is the first name of the path.
func (w *walker) xml(e *report.Emitter, r *xmlpull.Reader) error {
	if string(r.Name()) != w.items[0] {
		return report.Unknown("XML of the mapping", "the root element is not "+w.items[0])
	}
	w.seen = true
	inner := map[string]any{}
	w.doc[w.items[0]] = inner
	if len(w.items) == 1 {
		return w.element(e, r)
	}
	return w.elements(e, r, w.items[1:], inner)
}

func (w *walker) elements(e *report.Emitter, r *xmlpull.Reader, path []string, around map[string]any) error {
	clear(around)
	for i := range r.NumAttr() {
		name, value := r.AttrAt(i)
		if w.left -= len(name) + len(value) + eachOther; w.left >= 0 && len(value) <= largestOther {
			around["@"+string(name)] = string(value)
		}
	}
	for depth := r.Depth(); r.Child(depth); {
		if err := e.Live(); err != nil {
			return err
		}
		name := string(r.Name())
		var err error
		switch {
		case name != path[0]:
			w.other(r, around, name)
		case len(path) == 1:
			err = w.element(e, r)
		default:
			inner, ok := around[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				around[name] = inner
			}
			err = w.elements(e, r, path[1:], inner)
		}
		if err != nil {
			return err
		}
	}
	if !r.OK() || len(path) > 1 {
		return nil
	}
	return w.ended(e)
}

func (w *walker) element(e *report.Emitter, r *xmlpull.Reader) error {
	n, full := r.Tree(largestItem)
	if !r.OK() { // half an item is none
		return nil
	}
	if !full {
		e.Skip("part_of_a_large_item")
	}
	return w.item(e, element(n))
}

// other keeps an element beside the items; of those that repeat a list.
func (w *walker) other(r *xmlpull.Reader, around map[string]any, name string) {
	if w.left <= 0 {
		return
	}
	n, full := r.Tree(min(largestOther, w.left))
	w.left -= eachOther + weight(n)
	if !full { // what it says of itself may still be of use
		n.Text, n.Children = "", nil
	}
	v := element(n)
	switch have := around[name].(type) {
	case nil:
		around[name] = v
	case []any:
		around[name] = append(have, v)
	default:
		around[name] = []any{have, v}
	}
}

func weight(n *xmlpull.Node) int {
	sum := len(n.Text) + eachOther
	for _, a := range n.Attrs {
		sum += len(a.Name) + len(a.Value) + eachOther
	}
	for _, c := range n.Children {
		sum += weight(c)
	}
	return sum
}

// element is a node as expressions see it: its text if it has nothing else, or a map.
func element(n *xmlpull.Node) any {
	if len(n.Attrs) == 0 && len(n.Children) == 0 {
		return n.Text
	}
	out := map[string]any{}
	for _, a := range n.Attrs {
		out["@"+a.Name] = a.Value
	}
	if n.Text != "" {
		out["#text"] = n.Text
	}
	for _, c := range n.Children {
		v := element(c)
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

// row reads a row of a table.
func (w *walker) row(e *report.Emitter, r *csvpull.Reader) error {
	w.seen = true
	item := r.Rest()
	for name, v := range item {
		if s, ok := v.(string); ok {
			item[name] = strings.TrimSpace(s)
		}
	}
	return w.item(e, item)
}
