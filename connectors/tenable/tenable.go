// Package tenable reads Tenable Vulnerability Management (Tenable.io): its export API for
// vulnerabilities and assets, the chunks of that API as files, and the CSV that it and
// Nessus write.
package tenable

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/csvpull"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "tenable"

const (
	jsonFormat = "tenable JSON"
	csvFormat  = "tenable CSV"
)

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Tenable Vulnerability Management",
		Summary:   "Pulls findings and assets from Tenable VM's exports, and reads its chunks and CSV as files.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Export API: /vulns/export and /assets/export (version 1)",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "vulns.json", Findings: 5},
			{File: "assets.json", Assets: 4},
			{File: "export.csv", Findings: 3},
		},
	}
}

// recognize looks for the fields by which chunks, and the columns by which tables are
// told from others.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		line, _, _ := bytes.Cut(report.Head(head), []byte("\n"))
		if !bytes.Contains(line, []byte("Plugin ID")) || !bytes.Contains(line, []byte("Plugin Output")) {
			return 0
		}
		if bytes.Contains(line, []byte("Vulnerability State")) {
			return 90
		}
		return 60 // Nessus' own
	case report.Has(head, "plugin", "severity_modification_type", "state"), report.Has(head, "asset", "plugin", "exploit_framework_metasploit"):
		return 90
	case report.Has(head, "has_plugin_results", "has_agent", "sources"):
		return 90
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
	return &Instance{source: env.Source, config: *c, http: env.HTTP, now: env.Now}, nil
}

// Instance is one configured Tenable source.
type Instance struct {
	source string
	config Config
	http   *http.Client
	now    func() time.Time
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder. The first character tells chunks from tables.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, rest := report.Peek(body)
	d := &decoding{Instance: in}
	if report.IsJSON(head) {
		f := report.Format{Name: jsonFormat, Sink: sink, Run: d.run}
		return f.JSON(ctx, rest, func(e *report.Emitter, r *jsonpull.Reader) error { return d.value(ctx, e, r) })
	}
	t := &table{decoding: d}
	f := report.Format{Name: csvFormat, Sink: report.JoinCVEs(ctx, sink), Run: d.run}
	return f.CSV(ctx, csvpull.NewReader(rest, csvFormat), []string{"Plugin ID", "Host", "Name", "Port"}, t.row)
}

// word is a vendor's word as the tables have it.
func word(text string) string { return strings.ToLower(strings.TrimSpace(text)) }
