// Package mdvm pulls Microsoft Defender Vulnerability Management: machines, the export of
// vulnerabilities by machine and of their changes, and reads both as files.
package mdvm

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "mdvm"

const format = "mdvm JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Microsoft Defender Vulnerability Management",
		Summary:   "Pulls machines and vulnerabilities from Microsoft Defender, and reads its exports as files.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "Defender for Endpoint API: machines, SoftwareVulnerabilitiesByMachine, SoftwareVulnerabilityChangesByMachine",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "rows.json", Findings: 3},
			{File: "changes.json", Findings: 3},
			{File: "machines.json", Assets: 4},
			{File: "machine.json", Findings: 2, Assets: 1},
			{File: "export.jsonl", Findings: 2},
		},
	}
}

func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, mark):
		return 100
	case report.Has(head, "cveId", "machineId", "productVendor"), report.Has(head, "computerDnsName", "healthStatus", "osPlatform"):
		return 90
	case report.Has(head, "deviceId", "softwareVendor", "cveId"), report.Has(head, "DeviceId", "SoftwareVendor", "CveId"):
		return 90
	}
	return 0
}

func reach(config any) []string {
	if c, ok := config.(*Config); ok && c.URL != "" {
		return []string{httpclient.HostOf(c.URL), httpclient.HostOf(c.Login)}
	}
	return nil
}

func open(env connectors.Env, config any) (connectors.Instance, error) {
	c, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("opening source %s: the configuration is a %T", env.Source, config)
	}
	in := &Instance{source: env.Source, config: *c, now: env.Now}
	in.http = httpclient.OAuth2(env.HTTP, clientcredentials.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(), TokenURL: strings.TrimSuffix(c.Login, "/") + "/" + c.TenantID + "/oauth2/v2.0/token",
		Scopes: []string{c.Scope}, AuthStyle: oauth2.AuthStyleInParams,
	})
	return in, nil
}

// Instance is one configured tenant.
type Instance struct {
	source string
	config Config
	http   *http.Client // with a token
	now    func() time.Time
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, open: map[uint64]struct{}{}}
	f := report.Format{Name: format, Sink: &settling{Sink: sink, d: d}, Run: d.run}
	return f.JSON(ctx, body, func(e *report.Emitter, r *jsonpull.Reader) error { return d.value(ctx, e, r) })
}
