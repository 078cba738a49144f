package openaudit

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
)

// tagFields are the fields of sys that become tags.
var tagFields = []string{"type", "form_factor", "manufacturer", "model", "environment", "status", "os_family", "os_group", "os_version", "location", "last_seen_by", "description", "asset_tag", "snmp_oid"} //nolint:gochecknoglobals // a constant table

// ownerFields are the fields of sys that say whose a machine is.
var ownerFields = []string{"owner", "org_name", "org_id", "contact_name", "sysContact", "function", "attached_user_name"} //nolint:gochecknoglobals // a constant table

// describe describes the machine of an audit.
func (d *decoding) describe(x *audit) *asset.Description {
	s := x.sys
	names := []string{s.get("fqdn"), s.get("dns_fqdn"), s.get("hostname"), s.get("dns_hostname"), s.get("name")}
	cards := append(slices.Clone(x.cards), x.ips...)
	ips, macs := make([]string, 0, len(cards)+1), make([]string, 0, len(cards))
	ips = append(ips, unpadded(s.get("ip")))
	for _, card := range cards {
		ips, macs = append(ips, unpadded(card.get("ip"))), append(macs, card.get("mac"))
	}
	a := &asset.Description{
		Kind: asset.Host, Name: cmp.Or(s.get("fqdn", "dns_fqdn", "hostname", "name", "dns_hostname"), s.get("serial"), s.get("uuid"), unpadded(s.get("ip"))), Zone: d.config.Zone,
		OS: s.get("os_name"), Tags: map[string]string{}, Identifiers: connectors.MachineUUIDs(s.get("uuid"), s.get("serial")),
	}
	if serial := s.get("serial"); serial != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.SerialNumber, Scope: strings.ToLower(strings.ReplaceAll(s.get("manufacturer"), "|", " ")), Value: serial})
	}
	for _, id := range connectors.HostIdentifiers(d.config.Zone, names, ips, macs) {
		if id.Kind != asset.IP || !strings.HasPrefix(id.Value, "127.") && id.Value != "::1" {
			a.Identifiers = append(a.Identifiers, id)
		}
	}
	for _, name := range tagFields {
		if text := s.get(name); text != "" {
			a.Tags[name] = connectors.Redact(text)
		}
	}
	for _, name := range ownerFields {
		if text := s.get(name); text != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: connectors.Redact(text), From: name})
		}
	}
	for name, from := range map[string]string{"registered_user": "registered user", "organisation": "registered organisation", "user_name": "user"} {
		if text := x.windows.get(name); text != "" {
			a.OwnerHints = append(a.OwnerHints, asset.OwnerHint{Value: text, From: from})
		}
	}
	slices.SortStableFunc(a.OwnerHints, func(p, q asset.OwnerHint) int { return strings.Compare(p.From, q.From) })
	switch strings.ToLower(s.get("status")) {
	case "retired", "deleted":
		a.Gone = true
	}
	for _, p := range x.ports {
		if n, err := strconv.Atoi(p.get("port")); err == nil && n > 0 && n <= 65535 {
			a.Services = append(a.Services, asset.Service{Port: n, Protocol: strings.ToLower(cmp.Or(p.get("protocol"), "tcp")), Name: p.get("program")})
		}
	}
	return a
}

// unpadded takes out the zeros with which Open-AudIT makes addresses sort: 192.168.001.007.
func unpadded(ip string) string {
	part := strings.Split(ip, ".")
	const quads = 4
	if len(part) != quads {
		return ip
	}
	for i, p := range part {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 {
			return ip
		}
		part[i] = strconv.Itoa(n)
	}
	return strings.Join(part, ".")
}
