package testssl

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// verdict is what a row's severity says.
type verdict int

const (
	unknown  verdict = iota // a word that we don't know
	finding                 // something is weak
	passed                  // the test ran, and nothing is weak
	untested                // the test could not be done
	broken                  // the host could not be tested at all
)

var verdicts = map[string]verdict{ //nolint:gochecknoglobals // a constant table
	"LOW": finding, "MEDIUM": finding, "HIGH": finding, "CRITICAL": finding, "OK": passed, "INFO": passed, "DEBUG": passed, "WARN": untested, "FATAL": broken,
}

// row is one row of a table.
type row struct{ id, host, port, severity, text, cve, cwe string }

// host is what is known of one scanned host and port.
type host struct {
	asset    *asset.Description
	port     string
	tested   map[string]bool
	untested map[string]bool
	ended    bool
	broken   bool
}

// describe describes a host, which is written as the name that was given and the address
// that was tested: "www.example.org/192.0.2.7".
func (in *Instance) describe(target string) *asset.Description {
	name, address, _ := strings.Cut(target, "/")
	ids := connectors.HostIdentifiers(in.config.Zone, []string{name}, []string{address}, nil)
	if len(ids) == 0 {
		ids = []asset.Identifier{{Kind: asset.Label, Scope: in.source, Value: connectors.Ident(cmp.Or(name, target, Name))}}
	}
	return &asset.Description{Kind: asset.Host, Name: connectors.Ident(cmp.Or(name, address, Name)), Zone: in.config.Zone, Identifiers: ids}
}

func (r *row) finding(h *host) *exposure.Finding {
	id := connectors.Ident(r.id)
	f := &exposure.Finding{
		Connector: Name, Class: exposure.ClassCompliance, Check: Name + ":" + id, Title: id + ": " + r.text, RawSeverity: r.severity, Severity: connectors.Severity(r.severity),
		CVEs: connectors.CVEs(strings.Fields(r.cve)), CWEs: connectors.CWEs(strings.Fields(r.cwe)), Evidence: connectors.Redact(r.text), Status: exposure.StatusOpen,
	}
	if len(f.CVEs) > 0 {
		f.Class = exposure.ClassVulnerability
	}
	if h.port != "" {
		f.Location = connectors.Ident(h.port + "/tcp")
		f.Target = h.asset.Name + ":" + h.port
	}
	f.UID = connectors.UID(f.Check, f.Location)
	return f
}

// checks are the tests that every host has a row for, and none could not be done.
func checks(hosts map[string]*host) []string {
	var out []string
	for _, h := range hosts {
		for id := range h.tested {
			if covered(hosts, id) && !slices.Contains(out, Name+":"+id) {
				out = append(out, Name+":"+id)
			}
		}
		break // what another one has more is not covered anyway
	}
	slices.Sort(out)
	return out
}

func covered(hosts map[string]*host, id string) bool {
	for _, h := range hosts {
		if !h.tested[id] || h.untested[id] {
			return false
		}
	}
	return true
}
