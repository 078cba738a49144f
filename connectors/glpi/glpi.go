// Package glpi reads the inventories of GLPI Agent and FusionInventory Agent: XML and
// JSON, whole and partial, as files and as the agents push them.
package glpi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/exposure"
)

// Name is the connector's name.
const Name = "glpi"

const format = "GLPI inventory"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "GLPI Agent",
		Summary:   "Takes the inventories that GLPI Agent and FusionInventory Agent push.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "computer.xml", Assets: 2}, {File: "computer.json", Assets: 2}, {File: "partial.json", Assets: 1}, {File: "equipment.xml", Assets: 2}},
	}
}

// recognize looks, behind the compression, for what XML and JSON inventories have.
func recognize(head []byte, _ string) int {
	plain, compressed := inflated(bytes.NewReader(head))
	if compressed {
		begin := make([]byte, connectors.RecognizeBytes)
		n, _ := io.ReadFull(plain, begin) // the head ends in the middle, which is no matter
		head = begin[:n]
	}
	begin := report.Head(head)
	switch {
	case len(begin) == 0:
		return 0
	case bytes.Contains(begin, []byte("<REQUEST>")) && (bytes.Contains(begin, []byte("<CONTENT>")) || bytes.Contains(begin, []byte("<DEVICEID>"))):
		return 95
	case report.IsJSON(begin) && report.Has(begin, "deviceid", "action") && report.Has(begin, "content"):
		return 90
	case report.IsJSON(begin) && report.Has(begin, "content", "versionclient"), report.IsJSON(begin) && report.Has(begin, "content", "bmanufacturer", "hardware"), report.IsJSON(begin) && report.Has(begin, "content", "network_device"):
		return 85
	case report.IsJSON(begin) && report.Has(begin, "content", "accesslog"), report.IsJSON(begin) && report.Has(begin, "content", "network_components"), report.IsJSON(begin) && report.Has(begin, "content", "bios", "ssn"):
		return 80
	}
	return 0
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c}, nil
}

// Instance is one configured source of inventories.
type Instance struct {
	source string
	config Config
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// InventoryOnly reports that the source tells of assets alone.
func (*Instance) InventoryOnly() bool { return true }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in}
	plain, _ := inflated(body)
	head, plain := report.Peek(plain)
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	switch {
	case bytes.HasPrefix(head, []byte("<")):
		return f.XML(ctx, plain, d.xml)
	case bytes.HasPrefix(head, []byte("{")):
		return f.JSON(ctx, plain, d.json)
	}
	return f.JSON(ctx, plain, func(_ *report.Emitter, r *jsonpull.Reader) error {
		r.Fail("an inventory is an XML document or a JSON object")
		return nil
	})
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	deviceID string // the agent's own
	partial  bool
	inv      inventory
}

// errNone is a body that is of an agent, but no inventory.
var errNone = errors.New("it is no inventory: a question of an agent, or something else")

// xml reads <REQUEST><CONTENT>…</CONTENT><DEVICEID/><QUERY/></REQUEST>. Who sent it stands
// at the end, so the machine is told of there.
func (d *decoding) xml(e *report.Emitter, r *xmlpull.Reader) error {
	if string(r.Name()) != "REQUEST" {
		return syntax(errNone)
	}
	for r.Child(1) {
		switch string(r.Name()) {
		case "DEVICEID":
			d.deviceID = string(r.Text(largestText))
		case "PARTIAL":
			d.partial = true
		case "CONTENT":
			for r.Child(2) {
				if !wanted[string(r.Name())] {
					continue
				}
				n, whole := r.Tree(largestPart)
				if r.Err() != nil {
					return nil //nolint:nilerr // the reader keeps it
				}
				if !whole {
					e.Skip("part_too_large")
					continue
				}
				d.inv.fromXML(n)
			}
		}
	}
	if r.Err() != nil { // half an inventory is none
		return nil //nolint:nilerr // the reader keeps it
	}
	return d.emit(e)
}

const largestText = 1 << 10

// wanted are the children of CONTENT that are read: not the software, processes and
// environment, which are most of it.
var wanted = map[string]bool{ //nolint:gochecknoglobals // a constant table
	"HARDWARE": true, "BIOS": true, "OPERATINGSYSTEM": true, "NETWORKS": true, "USERS": true, "VIRTUALMACHINES": true, "ACCOUNTINFO": true, "ACCESSLOG": true, "VERSIONCLIENT": true, "DEVICE": true,
}

// json reads {"action": "inventory", "deviceid": …, "content": {…}}.
func (d *decoding) json(e *report.Emitter, r *jsonpull.Reader) error {
	d.deviceID, d.partial, d.inv = "", false, inventory{}
	tag := ""
	err := r.Fields(func(key string) error {
		switch key {
		case "deviceid":
			d.deviceID = string(r.Text(largestText))
		case "tag":
			tag = string(r.Text(largestText))
		case "partial":
			d.partial = r.Bool()
		case "content":
			return r.Fields(func(key string) error { return d.part(e, r, key) })
		}
		return nil
	})
	if err != nil || !r.OK() { // half an inventory is none
		return err
	}
	d.inv.tag = tag
	if err := d.emit(e); errors.Is(err, errNone) {
		r.Fail("%v", errNone)
		return nil
	} else if err != nil {
		return err
	}
	return nil
}

// part reads a part of a JSON inventory's content.
func (d *decoding) part(e *report.Emitter, r *jsonpull.Reader, key string) error {
	into := func(v any) {
		if _, ok := r.Into(largestPart, v); !ok && r.OK() {
			e.Skip("part_too_large_or_malformed")
		}
	}
	inv := &d.inv
	switch key {
	case "hardware":
		into(&inv.hardware)
	case "bios":
		into(&inv.bios)
	case "operatingsystem":
		into(&inv.os)
	case "versionclient":
		inv.agent = string(r.Text(largestText))
	case "accesslog":
		var log struct {
			Date wire.Text `json:"logdate"`
		}
		into(&log)
		inv.logDate = log.Date.String()
	case "network_device":
		var x equipment
		into(&x)
		inv.equipment = append(inv.equipment, x)
	case "networks":
		var ports wire.List[port]
		into(&ports)
		inv.ports = ports[:min(len(ports), mostPorts)]
	case "virtualmachines":
		var machines wire.List[machine]
		into(&machines)
		inv.machines = machines[:min(len(machines), mostMachines)]
	case "users":
		var users wire.List[struct {
			Login wire.Text `json:"login"`
		}]
		into(&users)
		for _, u := range users[:min(len(users), mostPorts)] {
			inv.users = append(inv.users, u.Login.String())
		}
	}
	return nil
}

// emit tells of the machine that an inventory is of, once it is read whole.
func (d *decoding) emit(e *report.Emitter) error {
	described := d.describe(&d.inv)
	if len(described) == 0 {
		return syntax(errNone)
	}
	for _, a := range described {
		if len(a.Identifiers) == 0 {
			e.Skip("machine_without_identity")
			continue
		}
		if err := e.Asset(a); err != nil {
			return err
		}
	}
	return nil
}

// run is one machine's own report: it says nothing of others.
func (d *decoding) run(*report.Emitter) exposure.Run {
	at := d.inv.seen()
	run := exposure.Run{ID: connectors.RunID(Name, at, at, d.source, d.deviceID), Source: d.source, Connector: Name, Kind: exposure.RunEvent, Why: "one machine's inventory", Finished: at, Tool: d.inv.agent}
	if d.partial {
		run.Why = "a part of one machine's inventory"
	}
	return run
}
