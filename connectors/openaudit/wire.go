package openaudit

import (
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
)

// Limits of what is held at once.
const (
	largestPart = 8 << 20
	mostItems   = 4096
)

// audit is what is read of a machine.
type audit struct {
	sys     fields
	windows fields
	cards   []fields // network
	ips     []fields // ip
	ports   []fields // nmap
}

// fields is a part of an audit: all its texts by name.
type fields map[string]wire.Text

func (f fields) get(names ...string) string {
	for _, name := range names {
		if text := f[name].String(); text != "" {
			return text
		}
	}
	return ""
}

// fieldsOf gives an element's children that have a text.
func fieldsOf(n *xmlpull.Node) fields {
	out := fields{}
	for _, c := range n.Children {
		if c.Text != "" {
			out[c.Name] = wire.Text(c.Text)
		}
	}
	return out
}

// items gives the items of a list: <network><item>…</item></network>.
func items(n *xmlpull.Node) []fields {
	var out []fields
	for _, c := range n.Children {
		if c.Name == "item" && len(out) < mostItems {
			out = append(out, fieldsOf(c))
		}
	}
	return out
}

// add takes a part over by its name, from XML or JSON.
func (a *audit) add(name string, one fields, many []fields) {
	many = many[:min(len(many), mostItems)]
	switch name {
	case "sys":
		a.sys = one
	case "windows":
		if a.windows = one; len(one) == 0 && len(many) > 0 { // newer ones write it as a list
			a.windows = many[0]
		}
	case "network":
		a.cards = many
	case "ip":
		a.ips = many
	case "nmap":
		a.ports = many
	}
}

// wanted are the parts that are read.
var wanted = map[string]bool{"sys": true, "windows": true, "network": true, "ip": true, "nmap": true} //nolint:gochecknoglobals // a constant table
