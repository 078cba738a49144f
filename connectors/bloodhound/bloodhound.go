// Package bloodhound reads what SharpHound and AzureHound collect of a directory, graphs
// in the OpenGraph format, and the attack-path findings of BloodHound Enterprise, which it
// can ask for itself.
package bloodhound

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "bloodhound"

const format = "BloodHound JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "BloodHound",
		Summary:   "Reads SharpHound collections and OpenGraph for identities, hosts and what connects them, and the attack-path findings of BloodHound Enterprise.",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Statuses:  statuses,
		Reach:     reach,
		API:       "API v2, attack-path findings",
		Docs:      docs,
		Samples: []connectors.Sample{
			{File: "computers.json", Assets: 7},
			{File: "groups.json", Assets: 4},
			{File: "opengraph.json", Assets: 3},
			{File: "findings.json", Findings: 3, Assets: 5},
		},
	}
}

// recognize looks for the marks of a collection, a graph and a page of findings. Of a zip
// it only sees that its first member is a collection's.
func recognize(head []byte, _ string) int {
	if isZip(head) {
		name := zipName(head)
		for _, kind := range []string{"computers", "users", "groups", "domains", "gpos", "ous", "containers", "certtemplates", "enterprisecas", "rootcas", "aiacas", "ntauthstores", "issuancepolicies"} {
			if bytes.HasSuffix(name, []byte("_"+kind+".json")) || string(name) == kind+".json" {
				return 90
			}
		}
		return 0
	}
	begin := report.Head(head)
	if len(begin) == 0 || begin[0] != '{' {
		return 0
	}
	switch {
	case report.Has(head, "ObjectIdentifier") && (report.Has(head, "Aces") || report.Has(head, "Properties")):
		return 95
	case report.Has(head, "meta", "methods", "type", "version"):
		return 90
	case report.Has(head, "graph", "nodes", "kinds"):
		return 90
	case report.Has(head, "target_principal_id", "environment_id"), report.Has(head, "DomainSID", "Finding", "PrincipalKind"), report.Has(head, "DomainSID", "Finding", "FromPrincipal"):
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
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return &Instance{source: env.Source, config: *c, api: client(env.HTTP, c, now)}, nil
}

// Instance is one configured BloodHound source.
type Instance struct {
	source string
	config Config
	api    httpclient.API
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	head, whole := report.Peek(body)
	if isZip(head) {
		whole = newArchive(whole)
	}
	d := &decoding{Instance: in, claimed: -1}
	return report.Format{Name: format, Sink: sink, Run: d.describeRun}.JSON(ctx, whole, func(e *report.Emitter, r *jsonpull.Reader) error { return d.document(e, r) })
}
