// Package qualys reads Qualys: host list, detections and knowledge base of VMDR's API,
// the XML of scans, of host based reports and of web application scanning, and the CSV of
// reports.
package qualys

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/xmlpull"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "qualys"

const (
	xmlFormat = "qualys XML"
	csvFormat = "qualys CSV"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Qualys VMDR",
		Summary:   "Pulls hosts and detections from Qualys, and reads the XML and CSV of its scans and reports.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "VM/PC API: host list, host list detection and knowledge base, version 2.0",
		Every:     4 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "detections.xml", Findings: 4},
			{File: "hosts.xml", Assets: 2},
			{File: "scan.xml", Findings: 5, Assets: 2, Complete: true},
			{File: "report.xml", Findings: 3},
			{File: "was.xml", Findings: 3},
			{File: "portal.xml", Findings: 1, Assets: 2},
			{File: "report.csv", Findings: 3},
		},
	}
}

// roots are the elements by which Qualys' documents begin.
var roots = []string{detectionList, hostList, envelope, "ASSET_DATA_REPORT", "WAS_SCAN_REPORT", "WAS_WEBAPP_REPORT"} //nolint:gochecknoglobals // a constant table

func recognize(head []byte, _ string) int {
	head = report.Head(head)
	if len(head) == 0 {
		return 0
	}
	if head[0] == '<' {
		for _, root := range roots {
			if bytes.Contains(head, []byte("<"+root)) {
				return 95
			}
		}
		scan := bytes.Contains(head, []byte("<SCAN ")) && (bytes.Contains(head, []byte("scan-1.dtd")) || bytes.Contains(head, []byte(`<KEY value="USERNAME"`)))
		portal := bytes.Contains(head, []byte("<ServiceResponse")) && bytes.Contains(head, []byte("<responseCode>"))
		if scan || portal {
			return 90
		}
		return 0
	}
	if _, line, ok := header(head); ok && bytes.Contains(line, []byte("QID")) {
		return 85
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

// Instance is one configured Qualys source.
type Instance struct {
	source string
	config Config
	http   *http.Client
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder. The first character tells XML from tables, and
// the root what the XML is.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, rest := report.Peek(body)
	d := &decoding{Instance: in}
	if len(head) > 0 && head[0] != '<' && head[0] != 0xff {
		return d.table(ctx, head, rest, sink)
	}
	f := report.Format{Name: xmlFormat, Sink: sink, Run: d.run}
	return f.XML(ctx, rest, d.root)
}

// root reads the document whose root was opened.
func (d *decoding) root(e *report.Emitter, r *xmlpull.Reader) error {
	switch name := string(r.Name()); name {
	case envelope:
		return d.envelope(e, r)
	case detectionList, hostList:
		return d.hosts(e, r)
	case "SCAN":
		return d.scan(e, r)
	case "ASSET_DATA_REPORT":
		return d.report(e, r)
	case "WAS_SCAN_REPORT", "WAS_WEBAPP_REPORT":
		return d.webReport(e, r)
	case "ServiceResponse":
		return d.portal(e, r)
	default:
		return report.Unknown(xmlFormat, fmt.Sprintf("<%.40s> is no document of findings", name))
	}
}
