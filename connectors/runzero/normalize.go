package runzero

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// statuses are what runZero's one mark on a vulnerability means.
var statuses = connectors.Statuses{"suppressed": exposure.StatusSuppressed} //nolint:gochecknoglobals // a constant table

// describe describes an asset. Addresses count inside its site, as far as no zone is
// configured: two sites may use the same ones.
func (d *decoding) describe(r *record) *asset.Description {
	zone := cmp.Or(d.config.Zone, r.Site.String(), r.SiteID.String())
	id := cmp.Or(r.VulnAsset.String(), r.ID.String())
	names := slices.Clone([]string(r.Names))
	for _, domain := range r.Domains {
		for _, name := range r.Names {
			if !strings.Contains(name, ".") && strings.Contains(domain, ".") {
				names = append(names, name+"."+domain)
			}
		}
	}
	addresses := make([]string, 0, len(r.Addresses)+len(r.Extra))
	for _, ip := range append(slices.Clone([]string(r.Addresses)), r.Extra...) {
		if !strings.HasPrefix(ip, "127.") && ip != "::1" {
			addresses = append(addresses, ip)
		}
	}
	a := &asset.Description{
		Kind: asset.Host, Zone: zone, OS: cmp.Or(r.OS.String(), strings.TrimSpace(r.OSVendor.String()+" "+r.OSProduct.String()+" "+r.OSVersion.String())), SeenAt: latest(r.LastSeen, r.Updated).Time,
		Identifiers: append([]asset.Identifier{{Kind: asset.SourceAssetID, Value: id}}, connectors.HostIdentifiers(zone, names, addresses, r.MACs)...), Tags: map[string]string{},
	}
	a.Name = cmp.Or(first(r.Names), first(addresses), first(r.MACs), id)
	for name, value := range map[string]string{
		"site": r.Site.String(), "organization": r.Org.String(), "type": r.Type.String(), "hardware": cmp.Or(r.HW.String(), strings.TrimSpace(r.HWVendor.String()+" "+r.HWProduct.String())),
		"criticality": r.Criticality.String(), "alive": r.Alive.String(), "detected_by": r.DetectedBy.String(), "comments": connectors.Redact(r.Comments.String()),
	} {
		if value != "" {
			a.Tags[name] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
		a.Tags["tag "+key] = cmp.Or(r.Tags[key], "yes")
		switch strings.ToLower(key) {
		case "owner", "team", "contact", "squad":
			if value := r.Tags[key]; value != "" {
				a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: value, From: "tag " + key})
			}
		}
	}
	a.OwnerHints = append(a.OwnerHints, owners(r.Owners)...)
	a.Services = append(ports(r.TCP, "tcp"), ports(r.UDP, "udp")...)
	return a
}

// owners are clues of different origins, since one origin has one value.
func owners(list []owner) []asset.OwnerHint {
	var out []asset.OwnerHint
	seen := map[string]int{}
	for _, o := range list {
		if o.Name.String() == "" {
			continue
		}
		from := strings.TrimSpace("owner " + cmp.Or(o.Type.String(), o.Kind.String()))
		if seen[from]++; seen[from] > 1 {
			from += " " + strconv.Itoa(seen[from])
		}
		out = append(out, asset.OwnerHint{Value: o.Name.String(), From: from})
	}
	return out
}

func ports(texts []string, protocol string) []asset.Service {
	var out []asset.Service
	for _, text := range texts[:min(len(texts), mostPorts)] {
		if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 65535 {
			out = append(out, asset.Service{Port: n, Protocol: protocol})
		}
	}
	return out
}

// vulnerability gives a vulnerability as a finding.
func vulnerability(r *record, raw []byte) *exposure.Finding {
	cves := make([]string, 0, len(r.VulnCVE))
	for _, text := range r.VulnCVE {
		cves = append(cves, strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == ';' })...)
	}
	check := connectors.Ident(Name + ":" + cmp.Or(r.VulnID.String(), first(cves), r.VulnName.String(), r.VulnRow.String()))
	location := ""
	if port, err := strconv.Atoi(r.VulnPort.String()); err == nil && port > 0 && port <= 65535 {
		location = connectors.Ident(strconv.Itoa(port) + "/" + cmp.Or(strings.ToLower(r.VulnTransport.String()), "tcp"))
	}
	f := &exposure.Finding{
		UID: connectors.UID(check, location), Connector: Name, Class: exposure.ClassVulnerability, Check: check, Location: location,
		Title: cmp.Or(r.VulnName.String(), first(cves), r.VulnID.String(), "Vulnerability "+r.VulnRow.String()), Description: r.VulnText.String(), Remediation: r.VulnSolution.String(),
		Severity: severity(r), RawSeverity: cmp.Or(r.VulnSeverity.String(), rank(r.VulnRank)), CVEs: connectors.CVEs(cves), Status: exposure.StatusOpen,
		FirstSeen: r.VulnFirst.Time, LastSeen: latest(r.VulnLast, latest(r.VulnUpdated, r.LastSeen)).Time, Vendor: wire.Rest(raw, mapped...),
	}
	if r.VulnEPSS.OK && r.VulnEPSS.Value > 0 && r.VulnEPSS.Value <= 1 {
		f.EPSS = r.VulnEPSS.Value
	}
	for version, score := range map[string]wire.Number{"3.1": r.VulnCVSS3, "2.0": r.VulnCVSS2} {
		if score.OK && score.Value > 0 && score.Value <= 10 {
			f.CVSS = append(f.CVSS, exposure.CVSS{Version: version, Score: score.Value, By: Name})
		}
	}
	slices.SortFunc(f.CVSS, func(a, b exposure.CVSS) int { return strings.Compare(b.Version, a.Version) })
	if r.VulnExploit {
		f.Exploit = "poc"
	}
	if r.VulnHidden {
		f.Status, f.StatusNote = statuses.Of("suppressed"), "suppressed"
	}
	return f
}

func rank(n wire.Number) string {
	if !n.OK {
		return ""
	}
	return strconv.Itoa(n.Int())
}

// severity is the word, or else runZero's rank from 0 to 4.
func severity(r *record) exposure.Severity {
	if s := connectors.Severity(r.VulnSeverity.String()); s != exposure.SeverityUnknown || !r.VulnRank.OK {
		return s
	}
	ranks := []exposure.Severity{exposure.SeverityInfo, exposure.SeverityLow, exposure.SeverityMedium, exposure.SeverityHigh, exposure.SeverityCritical}
	if n := r.VulnRank.Int(); n >= 0 && n < len(ranks) {
		return ranks[n]
	}
	return exposure.SeverityUnknown
}

// mapped are the fields that have a place of ours, and those of the asset beside them.
var mapped = []string{ //nolint:gochecknoglobals // a constant table
	"id", "site_name", "site_id", "org_name", "alive", "first_seen", "last_seen", "updated_at", "created_at", "type", "os", "os_vendor", "os_product", "os_version", "hw", "hw_vendor", "hw_product", "hw_version",
	"addresses", "addresses_extra", "macs", "mac_vendors", "names", "domains", "tags", "owners", "services", "service_ports_tcp", "service_ports_udp", "service_protocols", "service_products", "attributes", "foreign_attributes",
	"credentials", "rtts", "criticality", "comments", "detected_by", "vulnerability_asset_id", "vulnerability_vuln_id", "vulnerability_name", "vulnerability_description", "vulnerability_solution", "vulnerability_cve",
	"vulnerability_severity", "vulnerability_cvss3_base_score", "vulnerability_cvss2_base_score", "vulnerability_epss_score", "vulnerability_service_port", "vulnerability_service_transport", "vulnerability_exploitable",
	"vulnerability_suppressed", "vulnerability_first_detected_at", "vulnerability_last_detected_at",
}

// latest is the first of the times that is one.
func latest(a, b wire.Time) wire.Time {
	if a.IsZero() {
		return b
	}
	return a
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}
