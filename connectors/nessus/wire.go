package nessus

import (
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// reportItem is one <ReportItem>: what differs between hosts in fields of its own, and
// what the plugin says everywhere in leaves. It is filled anew for each item; its bytes
// are valid until then.
type reportItem struct {
	plugin, port, protocol, service []byte
	output                          []byte
	leaves                          []leaf
	arena                           []byte // the leaves' names and texts, which is also what identifies equal ones
}

// leaf is a piece of plugin text: a child element, or an attribute of the item.
type leaf struct{ name, text span }

// span is a place in the arena; the arena may move while it grows.
type span struct{ from, to int }

// Limits on what is kept of one item.
const (
	maxLeaf   = exposure.MaxDescription
	maxLeaves = 4000 // cumulative updates name more than a thousand CVEs
	maxArena  = 256 << 10
	maxOutput = exposure.MaxEvidence
)

// ignored are child elements that say nothing about the weakness: of the plugin's own
// making, or said by an attribute already.
var ignored = map[string]bool{
	"fname": true, "script_version": true, "script_copyright": true, "plugin_name": true, "pluginName": true,
	"agent": true, "always_run": true, "asset_inventory": true, "os_identification": true, "attachment": true,
}

func (it *reportItem) read(r *xmlpull.Reader) {
	it.leaves, it.arena = it.leaves[:0], it.arena[:0]
	it.plugin, it.port, it.protocol, it.service, it.output = it.plugin[:0], it.port[:0], it.protocol[:0], it.service[:0], it.output[:0]
	for i := range r.NumAttr() {
		name, value := r.AttrAt(i)
		switch string(name) {
		case "pluginID":
			it.plugin = append(it.plugin, value...)
		case "port":
			it.port = append(it.port, value...)
		case "protocol":
			it.protocol = append(it.protocol, value...)
		case "svc_name":
			it.service = append(it.service, value...)
		case "severity", "pluginName", "pluginFamily":
			it.add(name, value)
		}
	}
	for depth := r.Depth(); r.Child(depth); {
		name := r.Name()
		switch {
		case string(name) == "plugin_output":
			it.output = append(it.output, r.Text(maxOutput)...)
		case !ignored[string(name)]:
			at := len(it.arena)
			it.arena = append(it.arena, name...) // the text invalidates the name
			it.finish(at, r.Text(maxLeaf))
		}
	}
}

func (it *reportItem) add(name, text []byte) {
	at := len(it.arena)
	it.arena = append(it.arena, name...)
	it.finish(at, text)
}

// finish adds the text to the leaf whose name was put into the arena at that place, or
// takes the name back where the item is full.
func (it *reportItem) finish(at int, text []byte) {
	if len(it.leaves) == maxLeaves || len(it.arena)+len(text) > maxArena {
		it.arena = it.arena[:at]
		return
	}
	name := span{at, len(it.arena)}
	it.arena = append(it.arena, 0) // XML holds no NUL, so names and texts can't run together
	text0 := len(it.arena)
	it.arena = append(it.arena, text...)
	it.leaves = append(it.leaves, leaf{name: name, text: span{text0, len(it.arena)}})
	it.arena = append(it.arena, 0)
}

func (it *reportItem) bytes(s span) []byte { return it.arena[s.from:s.to] }
