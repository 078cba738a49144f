// Package servicenow reads a ServiceNow CMDB through the Table API: what there is, who
// answers for it, and who belongs to whom. Where Vulnerability Response is in use it reads
// its vulnerable items too.
package servicenow

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "servicenow"

const format = "ServiceNow JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "ServiceNow CMDB",
		Summary:   "Reads configuration items, their owners and relations, users and groups, and the vulnerable items of Vulnerability Response.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Table API v2 (/api/now/table)",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "servers.json", Assets: 4},
			{File: "people.json", Assets: 3},
			{File: "vulnerable_items.json", Findings: 4, Assets: 0},
		},
	}
}

// recognize looks for the columns that every record of ServiceNow has.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "quell_servicenow"):
		return 100
	case report.Has(head, "result", "sys_id") && (report.Has(head, "sys_updated_on") || report.Has(head, "sys_created_on") || report.Has(head, "sys_mod_count")):
		return 90
	case report.Has(head, "result", "sys_id"):
		return 60
	}
	return 0
}

func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	f := report.Format{Name: format, Sink: sink, Run: d.run}
	return f.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx     context.Context //nolint:containedctx // of this one call
	table   string          // of the page being read; empty where it doesn't say
	lineage []string
	records int // all of the page
	known   int // those that are records of a table
	newest  time.Time
}

// document reads one page, bare or in its envelope.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("a page of the Table API is an object")
		return nil
	}
	d.table, d.lineage, d.records, d.known = "", nil, 0, 0
	found := false
	err := r.Fields(func(key string) error {
		switch key {
		case "table":
			d.table = string(r.Text(shortText))
		case "lineage":
			d.lineage = r.Texts(nil, shortText, deepest)
		case "page":
			return r.Fields(func(key string) error {
				if key != "result" {
					return nil
				}
				found = true
				return d.result(e, r)
			})
		case "result":
			found = true
			return d.result(e, r)
		}
		return nil
	})
	switch {
	case err != nil || !r.OK():
	case !found:
		r.Fail("there is no result: this is something else")
	case d.records > 0 && d.known == 0:
		r.Fail("none of its results is a record with a sys_id")
	}
	return err
}

// result reads the records of a page, or the one that was asked for by its sys_id.
func (d *decoding) result(e *report.Emitter, r *jsonpull.Reader) error {
	one := func() error {
		var rec record
		d.records++
		if _, ok := r.Into(largestRecord, &rec); !ok {
			if r.OK() {
				e.Skip("record_too_large_or_malformed")
			}
			return nil
		}
		if rec.value("sys_id") == "" {
			e.Skip("record_without_sys_id")
			return nil
		}
		d.known++
		return d.emit(e, rec)
	}
	if r.Kind() == jsonpull.Object {
		return one()
	}
	return r.Each(d.ctx, one)
}

// emit tells what one record says, by its table.
func (d *decoding) emit(e *report.Emitter, rec record) error {
	if at := rec.when("sys_updated_on"); at.After(d.newest) {
		d.newest = at
	}
	switch d.tableOf(rec) {
	case tableUser:
		return e.Asset(d.user(rec))
	case tableGroup:
		return e.Asset(d.group(rec))
	case tableMember:
		if a := d.membership(rec); a != nil {
			return e.Asset(a)
		}
		e.Skip("membership_without_ends")
	case tableRelation:
		if a := d.relation(rec); a != nil {
			return e.Asset(a)
		}
		e.Skip("relation_of_unmapped_type")
	case tableVulnerable:
		return e.Observe(d.vulnerableItem(rec))
	case tableCI:
		return e.Asset(d.item(rec))
	default:
		e.Skip("record_of_unmapped_table")
	}
	return nil
}

// tableOf says what a record is: by the page's table, else by its class and columns.
func (d *decoding) tableOf(rec record) string {
	class := rec.value("sys_class_name")
	switch {
	case slices.Contains([]string{tableUser, tableGroup, tableMember, tableRelation, tableVulnerable}, d.table):
		return d.table
	case d.table != "" || len(class) >= 4 && class[:4] == "cmdb":
		return tableCI
	case class == tableUser || rec.has("user_name"):
		return tableUser
	case rec.has("parent", "child", "type"):
		return tableRelation
	case rec.has("user", "group"):
		return tableMember
	case class == tableVulnerable || rec.has("number", "state") && (rec.has("risk_score") || rec.has("vulnerability") || rec.has("first_found")):
		return tableVulnerable
	case rec.has("name") && (class == tableGroup || rec.has("include_members") || rec.has("default_assignee") || rec.has("exclude_manager")):
		return tableGroup
	case rec.has("name") && (rec.has("operational_status") || rec.has("install_status") || rec.has("serial_number")):
		return tableCI
	}
	return ""
}

// run is what a page knows of its sync: nothing of the other pages.
func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{
		ID:        connectors.RunID(Name, d.newest, d.newest, d.source, d.table),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Why:       connectors.OnePage,
		Finished:  d.newest,
		Tool:      "servicenow",
	}
}
