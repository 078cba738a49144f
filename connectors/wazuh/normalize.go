package wazuh

import (
	"cmp"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are those of version 4.7. Later ones have none: what is fixed is deleted.
var statuses = connectors.Statuses{ //nolint:gochecknoglobals // a constant table
	"valid":     exposure.StatusOpen,
	"pending":   exposure.StatusOpen,
	"untriaged": exposure.StatusOpen,
	"obsolete":  exposure.StatusArchived,
}

// document makes a finding of a document of the indexer.
func (d *decoding) document(e *report.Emitter, w *wireHit, raw []byte) error {
	src := &w.Source
	v := &src.Vulnerability
	agent := &src.Agent
	if agent.ID == "" {
		agent = &src.Wazuh.Agent
	}
	id, cve := connectors.Ident(agent.ID.String()), identifier(v.ID.String())
	if id == "" || cve == "" {
		e.Skip("hit_without_agent_or_id")
		return nil
	}
	if key := id + "\x00" + agent.Name.String(); d.asset == nil || d.key != key {
		d.key = key
		d.asset = d.describe(&wireAgent{ID: wire.Text(id), Name: agent.Name, Groups: agent.Groups, OS: src.Host.OS})
		if name := src.Wazuh.Cluster.Name.String(); name != "" {
			tag(d.asset, "cluster", name)
		}
	}
	f := finding(cve)
	f.Description = v.Description.String()
	f.RawSeverity, f.Severity = dash(v.Severity), connectors.Severity(v.Severity.String())
	f.CVSS = connectors.CVSSOf("", v.Score.Base.Value, Name)
	for i := range f.CVSS {
		f.CVSS[i].Version = v.Score.Version.String()
	}
	for _, url := range append(strings.FieldsFunc(v.Reference.String(), func(c rune) bool { return c == ',' || c == ' ' }), v.Scanner.Reference.String()) {
		if strings.HasPrefix(url, "http") {
			f.References = append(f.References, url)
		}
	}
	if v.UnderEvaluation {
		f.StatusNote = "under evaluation"
	}
	f.FirstSeen = v.DetectedAt.Time
	p := &src.Package
	install(f, p, src.Host.OS.Name.String()+" "+src.Host.OS.Platform.String())
	if condition := dash(v.Scanner.Condition); condition != "" {
		f.Remediation = remedy(condition)
	}
	f.LastSeen = d.at
	if d.at.IsZero() {
		f.LastSeen = f.FirstSeen
	}
	d.saw(f.LastSeen)
	var source struct {
		Source keep `json:"_source"`
	}
	wire.Unmarshal(raw, &source)
	f.Vendor = wire.Rest(source.Source, mappedHit...)
	return e.Observe(d.asset, f)
}

// keep is a part of a value as it stands in it.
type keep []byte

// UnmarshalJSON implements json.Unmarshaler.
func (k *keep) UnmarshalJSON(b []byte) error {
	*k = slices.Clone(b)
	return nil
}

// vulnerability makes a finding of one of the manager's, of the agent that the envelope
// names, or the configuration, or nobody.
func (d *decoding) vulnerability(e *report.Emitter, w *wireItem, raw []byte) error {
	cve := identifier(w.CVE.String())
	if cve == "" {
		e.Skip("vulnerability_without_id")
		return nil
	}
	if d.agent == nil {
		d.agent = d.unnamed()
	}
	f := finding(cve)
	f.Title = cmp.Or(w.Title.String(), f.Title)
	f.RawSeverity, f.Severity = dash(w.Severity), connectors.Severity(w.Severity.String())
	for _, s := range []struct {
		version string
		score   float64
	}{{"3.0", w.CVSS3.Value}, {"2.0", w.CVSS2.Value}} {
		for _, c := range connectors.CVSSOf("", s.score, Name) {
			c.Version = s.version
			f.CVSS = append(f.CVSS, c)
		}
	}
	f.References = w.References
	f.FirstSeen = w.Detected.Time
	f.LastSeen = d.looked
	if f.LastSeen.IsZero() {
		f.LastSeen = w.Detected.Time
	}
	state := strings.ToLower(w.Status.String())
	if f.Status = statuses.Of(state); state != "valid" {
		f.StatusNote = state
	}
	install(f, &wirePackage{Name: w.Name, Version: w.Version, Architecture: w.Architecture}, d.agent.OS)
	f.Remediation = remedy(w.Condition.String())
	d.saw(f.LastSeen)
	f.Vendor = wire.Rest(raw, mappedItem...)
	return e.Observe(d.agent, f)
}

// identifier gives the number of a weakness as we write it.
func identifier(text string) string { return strings.ToUpper(connectors.Ident(text)) }

func finding(cve string) *exposure.Finding {
	f := &exposure.Finding{Connector: Name, Class: exposure.ClassVulnerability, Check: Name + ":" + cve, Title: cve, Status: exposure.StatusOpen, CVEs: connectors.CVEs([]string{cve})}
	if f.CVEs == nil {
		f.Advisories = []string{cve}
	}
	return f
}

// install puts a finding at its package.
func install(f *exposure.Finding, p *wirePackage, system string) {
	name := p.Name.String()
	if name == "" {
		f.UID = strings.TrimPrefix(f.Check, Name+":")
		return
	}
	manager := p.Type.String()
	switch strings.ToLower(manager) {
	case "deb", "rpm", "apk":
		manager = "" // the system's own
	}
	f.Package = &exposure.Package{Name: name, Version: p.Version.String(), PURL: cmp.Or(connectors.PURL(manager, name, p.Version.String()), connectors.PURL(system, name, p.Version.String())), Path: dash(p.Path)}
	f.Location = connectors.PackageLocation(f.Package)
	f.UID = connectors.UID(strings.TrimPrefix(f.Check, Name+":"), f.Location, connectors.Ident(dash(p.Architecture)))
	if f.Title == strings.TrimPrefix(f.Check, Name+":") {
		f.Title += ": " + strings.TrimSpace(name+" "+p.Version.String())
	}
}

// remedy reads a condition that names the first good version: "Package less than 1.2".
func remedy(condition string) string {
	if _, version, ok := strings.Cut(condition, "less than "); ok {
		if _, more, ok := strings.Cut(version, "or equal to "); ok {
			return "Update beyond version " + more
		}
		return "Update to version " + version + " or later"
	}
	return ""
}

// dash gives a text, or nothing for the dash that stands for none.
func dash(text wire.Text) string {
	if s := text.String(); s != "-" && s != " " {
		return s
	}
	return ""
}

func word(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// describe makes the description of an agent's host.
func (d *decoding) describe(w *wireAgent) *asset.Description {
	id := connectors.Ident(w.ID.String())
	name := w.Name.String()
	desc := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(name, w.IP.String(), "Wazuh agent "+id), Zone: d.config.Zone, SeenAt: w.KeepAlive.Time,
		OS:          cmp.Or(w.OS.Full.String(), strings.TrimSpace(w.OS.Name.String()+" "+w.OS.Version.String())),
		Identifiers: []asset.Identifier{{Kind: asset.AgentID, Value: id}},
	}
	var ips []string
	for _, ip := range []string{w.IP.String(), w.RegisterIP.String()} {
		if !strings.HasPrefix(ip, "127.") && ip != "::1" { // the manager's own agent
			ips = append(ips, ip)
		}
	}
	desc.Identifiers = append(desc.Identifiers, connectors.HostIdentifiers(d.config.Zone, []string{name}, ips, nil)...)
	var groups []string
	for _, g := range w.Groups {
		if g = strings.TrimSpace(g); g != "" && g != "default" {
			groups = append(groups, g)
			if connectors.OwnerTag(g) {
				desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: g, From: "agent group"})
			}
		}
	}
	if len(groups) > 0 {
		tag(desc, "groups", strings.Join(groups, ", "))
	}
	return desc
}

func tag(desc *asset.Description, key, value string) {
	if desc.Tags == nil {
		desc.Tags = map[string]string{}
	}
	desc.Tags[key] = value
}

// unnamed describes the agent of an answer that doesn't say whose it is.
func (d *decoding) unnamed() *asset.Description {
	if id := connectors.Ident(d.config.Agent); id != "" {
		return d.describe(&wireAgent{ID: wire.Text(id)})
	}
	const name = "unnamed Wazuh agent"
	return &asset.Description{Kind: asset.Host, Name: name, Zone: d.config.Zone, Identifiers: []asset.Identifier{{Kind: asset.Label, Value: name}}}
}
