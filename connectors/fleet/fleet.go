// Package fleet reads hosts, the vulnerabilities of their software and the answers to
// policies from Fleet, which manages osquery.
package fleet

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/jsonpull"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/httpclient"
)

// Name is the connector's name.
const Name = "fleet"

const format = "Fleet JSON"

// Registration describes the connector.
func Registration() connectors.Registration {
	return connectors.Registration{
		Name:      Name,
		Title:     "Fleet",
		Summary:   "Reads hosts, vulnerable software and policies of Fleet (osquery).",
		Recognize: recognize,
		Config:    func() any { return defaults() },
		Open:      open,
		Inventory: true,
		Statuses:  statuses,
		Reach:     reach,
		API:       "REST API v1 of Fleet 4",
		Every:     6 * time.Hour,
		Docs:      docs,
		Samples:   []connectors.Sample{{File: "host.json", Findings: 6, Assets: 1}, {File: "hosts.json", Assets: 2}},
	}
}

// recognize looks for the fields that every host of Fleet has.
func recognize(head []byte, _ string) int {
	switch {
	case !report.IsJSON(head):
		return 0
	case report.Has(head, "quell_fleet"):
		return 100
	case (report.Has(head, "hosts") || report.Has(head, "host")) && (report.Has(head, "osquery_version") || report.Has(head, "software_updated_at") || report.Has(head, "detail_updated_at")):
		return 95
	case report.Has(head, "host", "software", "generated_cpe"):
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
	return &Instance{source: env.Source, config: *c, http: env.HTTP}, nil
}

// Connector implements connectors.Instance.
func (*Instance) Connector() string { return Name }

// Decode implements connectors.Decoder.
func (in *Instance) Decode(ctx context.Context, body io.Reader, sink connectors.Sink) error {
	d := &decoding{Instance: in, ctx: ctx}
	return report.Format{Name: format, Sink: sink, Run: d.run}.JSON(ctx, body, d.document)
}

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	ctx     context.Context //nolint:containedctx // of this one call
	mapping []wireMapping   // of the host that follows
	first   string          // a host's ID, to tell one page from another
	newest  time.Time
}

// document reads a list of hosts, or one host with its details.
func (d *decoding) document(e *report.Emitter, r *jsonpull.Reader) error {
	if r.Kind() != jsonpull.Object {
		r.Fail("an answer of Fleet is an object")
		return nil
	}
	d.mapping = nil
	found := false
	err := r.Fields(func(key string) error {
		switch key {
		case "device_mapping":
			return r.Each(d.ctx, func() error {
				var m wireMapping
				if _, ok := r.Into(largestHost, &m); ok {
					d.mapping = append(d.mapping, m)
				}
				return nil
			})
		case "host":
			found = true
			return d.host(e, r)
		case "hosts":
			found = true
			return r.Each(d.ctx, func() error { return d.host(e, r) })
		}
		return nil
	})
	if err == nil && r.OK() && !found {
		r.Fail("there is neither a host nor a list of hosts: this is something else")
	}
	return err
}

func (d *decoding) host(e *report.Emitter, r *jsonpull.Reader) error {
	var h wireHost
	switch _, ok := r.Into(largestHost, &h); {
	case !r.OK():
		return nil
	case !ok:
		e.Skip("host_too_large_or_malformed")
		return nil
	case h.ID == "":
		e.Skip("host_without_id")
		return nil
	}
	if d.first == "" {
		d.first = h.ID.String()
	}
	if h.Seen.After(d.newest) {
		d.newest = h.Seen.Time
	}
	a := d.describe(&h)
	matched, err := d.software(e, a, &h)
	if err != nil {
		return err
	}
	for i := range h.Policies {
		f := policy(&h, &h.Policies[i])
		if f == nil {
			e.Skip("policy_without_answer")
			continue
		}
		if err := e.Observe(a, f); err != nil {
			return err
		}
	}
	if !matched || h.SoftwareUpdated.IsZero() {
		return e.Asset(a)
	}
	return e.Cover(exposure.Coverage{Asset: *a, Outcome: exposure.TargetOK, Authenticated: true, CheckedAt: h.SoftwareUpdated.Time})
}

// software emits the vulnerabilities of the packages, each once, and reports whether any
// package was matched against what is known of vulnerabilities at all.
func (d *decoding) software(e *report.Emitter, a *asset.Description, h *wireHost) (matched bool, err error) {
	told := map[string]bool{} // bounded by the host, which is one element
	for i := range h.Software {
		s := &h.Software[i]
		matched = matched || s.CPE != "" || len(s.Vulnerabilities) > 0
		for k := range s.Vulnerabilities {
			v := &s.Vulnerabilities[k]
			if v.CVE == "" || s.Name == "" {
				e.Skip("vulnerability_without_name")
				continue
			}
			f := vulnerability(h, s, v)
			if told[f.UID] {
				e.Skip("same_vulnerability_in_another_version")
				continue
			}
			told[f.UID] = true
			if err := e.Observe(a, f); err != nil {
				return matched, err
			}
		}
	}
	return matched, nil
}

func (d *decoding) run(*report.Emitter) exposure.Run {
	return exposure.Run{ID: connectors.RunID(Name, d.newest, d.newest, d.source, d.first), Source: d.source, Connector: Name,
		Kind: exposure.RunFull, Why: connectors.OnePage, Finished: d.newest, Checks: checks, Tool: Name}
}

// checks are what absence can speak of: the vulnerabilities of software, not policies.
var checks = []string{Name + ":CVE-*"} //nolint:gochecknoglobals // a constant
