package shodan

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/report"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// decoding is the state of one Decode.
type decoding struct {
	*Instance
	alert       string // of Monitor, where a banner came from there
	banners     int
	first, last time.Time
	err         error // of the sink
}

// trigger is a trigger of Shodan Monitor that is a weakness by itself.
type trigger struct {
	title    string
	severity exposure.Severity
	class    exposure.Class
}

// triggers are by Shodan's names. new_service is none, vulnerable tells of CVEs, which
// stand on their own.
var triggers = map[string]trigger{ //nolint:gochecknoglobals // a constant table
	"open_database":             {"Database without authentication faces the internet", exposure.SeverityCritical, exposure.ClassCompliance},
	"expired_certificate":       {"Expired certificate", exposure.SeverityMedium, exposure.ClassCompliance},
	"ssl_expired":               {"Expired certificate", exposure.SeverityMedium, exposure.ClassCompliance},
	"malware":                   {"Malware on the host", exposure.SeverityCritical, exposure.ClassDetection},
	"internet_scanner":          {"The host scans the internet", exposure.SeverityHigh, exposure.ClassDetection},
	"industrial_control_system": {"Industrial control system faces the internet", exposure.SeverityHigh, exposure.ClassCompliance},
	"iot":                       {"Device of the internet of things faces the internet", exposure.SeverityMedium, exposure.ClassCompliance},
	"uncommon":                  {"Service at an uncommon port", exposure.SeverityLow, exposure.ClassCompliance},
	"uncommon_plus":             {"Service at an uncommon port", exposure.SeverityLow, exposure.ClassCompliance},
	"end_of_life":               {"Software that has reached its end of life", exposure.SeverityMedium, exposure.ClassVulnerability},
}

// emit tells of a banner's host and service, and of what is weak in it.
func (d *decoding) emit(e *report.Emitter, b *banner) error {
	d.banners++
	if at := b.Timestamp.Time; !at.IsZero() {
		if d.first.IsZero() || at.Before(d.first) {
			d.first = at
		}
		if at.After(d.last) {
			d.last = at
		}
	}
	desc := d.describe(b)
	if err := e.Asset(desc); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(b.Vulns)) {
		f := b.vulnerability(id)
		if f == nil {
			e.Skip("vulnerability_without_cve")
			continue
		}
		if err := e.Observe(desc, f); err != nil {
			return err
		}
	}
	if b.Shodan == nil {
		return nil
	}
	name := connectors.Ident(b.Shodan.Alert.Trigger.String())
	if alert := b.Shodan.Alert.ID.String(); alert != "" {
		d.alert = connectors.Ident(alert) + " " + name
	}
	t, weak := triggers[name]
	if !weak {
		return nil
	}
	f := b.finding(Name + ":trigger:" + name)
	f.Class, f.Title, f.Severity = t.class, t.title, t.severity
	return e.Observe(desc, f)
}

func (b *banner) location() string {
	port := b.Port.Int()
	if port <= 0 || port > 65535 {
		return ""
	}
	transport := strings.ToLower(b.Transport.String())
	if transport != "udp" {
		transport = "tcp"
	}
	return strconv.Itoa(port) + "/" + transport
}

// finding is what all findings of a banner have.
func (b *banner) finding(check string) *exposure.Finding {
	f := &exposure.Finding{
		Connector: Name, Check: check, UID: connectors.UID(check, b.location()), Location: b.location(), Status: exposure.StatusOpen,
		Tags: b.Tags, LastSeen: b.Timestamp.Time,
		Vendor: wire.Rest(b.raw, "vulns", "ip_str", "ip", "port", "transport", "hostnames", "domains", "timestamp", "data", "opts", "location", "_shodan.options", "_shodan.crawler",
			"http.html", "http.favicon", "http.components", "ssl.chain", "ssl.chain_sha256", "screenshot"),
	}
	f.Target = b.IP.String()
	if b.Port.Int() > 0 {
		f.Target = connectors.Address{Host: b.IP.String(), Port: strconv.Itoa(b.Port.Int())}.HostPort()
	}
	const excerpt = 512
	data := strings.ReplaceAll(b.Data.text, "\x00", "")
	f.Evidence = connectors.Redact(strings.ToValidUTF8(data[:min(len(data), excerpt)], ""))
	return f
}

// vulnerability makes a finding of a CVE; nil for what is none.
func (b *banner) vulnerability(id string) *exposure.Finding {
	cve := strings.ToUpper(strings.TrimSpace(strings.TrimPrefix(id, "!"))) // older banners mark what isn't verified
	if !connectors.IsCVE(cve) {
		return nil
	}
	v := b.Vulns[id]
	f := b.finding(Name + ":" + cve)
	f.Class, f.CVEs, f.References = exposure.ClassVulnerability, []string{cve}, v.References
	f.Title = cve
	if product := strings.TrimSpace(b.Product.String() + " " + b.Version.String()); product != "" {
		f.Title += " in " + product
		f.Package = &exposure.Package{Name: b.Product.String(), Version: b.Version.String()}
	}
	f.Description, f.EPSS = v.Summary.String(), min(max(v.EPSS.Value, 0), 1)
	f.CVSS = connectors.CVSSOf("", v.CVSS.Value, "shodan")
	f.Severity = rating(v.CVSS)
	if v.CVSS.OK {
		f.RawSeverity = strconv.FormatFloat(v.CVSS.Value, 'f', -1, 64)
	}
	if v.KEV {
		f.Exploit = "active"
	}
	if strings.HasPrefix(id, "!") || v.Verified != nil && !bool(*v.Verified) {
		f.Tags = append(slices.Clone(f.Tags), "unverified")
	}
	return f
}

// rating is the qualitative scale of CVSS 3.1, section 5.
func rating(score wire.Number) exposure.Severity {
	switch {
	case !score.OK:
		return exposure.SeverityUnknown
	case score.Value >= 9:
		return exposure.SeverityCritical
	case score.Value >= 7:
		return exposure.SeverityHigh
	case score.Value >= 4:
		return exposure.SeverityMedium
	case score.Value > 0:
		return exposure.SeverityLow
	}
	return exposure.SeverityInfo
}

// describe makes the description of a banner's host with its service.
func (d *decoding) describe(b *banner) *asset.Description {
	desc := &asset.Description{
		Kind: asset.Host, Name: connectors.Ident(b.IP.String()), Zone: d.config.Zone, OS: b.OS.String(), Internet: asset.InternetYes, SeenAt: b.Timestamp.Time,
		Identifiers: connectors.HostIdentifiers(d.config.Zone, b.Hostnames, []string{b.IP.String()}, nil), Tags: map[string]string{},
	}
	for key, value := range map[string]string{"org": b.Org.String(), "asn": b.ASN.String()} {
		if value != "" {
			desc.Tags[key] = value
		}
	}
	if b.location() != "" {
		s := asset.Service{Port: b.Port.Int(), Protocol: strings.SplitN(b.location(), "/", 2)[1], Product: b.Product.String(), Version: b.Version.String(), SeenAt: b.Timestamp.Time}
		if b.Shodan != nil {
			s.Name = b.Shodan.Module.String()
		}
		if len(b.SSL) > 0 && b.SSL[0] == '{' {
			s.Tunnel = "ssl"
		}
		desc.Services = []asset.Service{s}
	}
	if len(desc.Identifiers) == 0 {
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	return desc
}

// run says what is known of the run.
func (d *decoding) run(*report.Emitter) exposure.Run {
	run := exposure.Run{
		Source: d.source, Connector: Name, Kind: exposure.RunFull, Why: connectors.OnePage, Started: d.first, Finished: d.last, Tool: Name,
		ID: connectors.RunID(Name, d.first, d.last, d.alert, strconv.Itoa(d.banners)), Counts: map[string]int{"received": d.banners},
	}
	if d.alert != "" {
		run.Kind, run.Why = exposure.RunEvent, "a banner is about one port"
	}
	return run
}
