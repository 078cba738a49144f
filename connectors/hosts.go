package connectors

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// HostIdentifiers types and normalizes what a scanner knows a host by. Zone is the
// source's network zone, which scopes what is unique only inside a network.
//
// A DNS name identifies a host everywhere only if nobody else can have it: names under
// private suffixes ("db1.local"), bare names, and names that a provider made from the
// address ("ec2-3-88-1-2.compute-1.amazonaws.com", which the next tenant of the address
// inherits) are given as weak hostnames. Unspecified, multicast and link-local addresses,
// zero and broadcast MACs, "localhost" and what doesn't parse are left out. Loopback
// addresses stay: only ingest knows whether a source speaks of this very machine.
// The result is sorted, strongest kind first, without duplicates.
func HostIdentifiers(zone string, names, ips, macs []string) []asset.Identifier {
	var out []asset.Identifier
	addresses := make([]netip.Addr, 0, len(ips))
	for _, text := range ips {
		if addr, ok := usableIP(text); ok {
			addresses = append(addresses, addr)
		}
	}
	for _, text := range names {
		if addr, ok := usableIP(text); ok {
			addresses = append(addresses, addr)
			continue
		}
		name, ok := dnsName(text)
		switch {
		case !ok:
		case globallyUnique(name) && !madeFrom(name, addresses):
			out = append(out, asset.Identifier{Kind: asset.FQDN, Value: name})
		default:
			out = append(out, asset.Identifier{Kind: asset.Hostname, Scope: zone, Value: name})
		}
	}
	for _, text := range macs {
		if mac, ok := usableMAC(text); ok {
			out = append(out, asset.Identifier{Kind: asset.MAC, Scope: zone, Value: mac})
		}
	}
	for _, addr := range addresses {
		out = append(out, asset.Identifier{Kind: asset.IP, Scope: zone, Value: addr.String()})
	}
	slices.SortFunc(out, func(a, b asset.Identifier) int {
		if d := hostRank(a.Kind) - hostRank(b.Kind); d != 0 {
			return d
		}
		return strings.Compare(a.Value, b.Value)
	})
	return slices.Compact(out)
}

func hostRank(k asset.IdentifierKind) int {
	return slices.Index([]asset.IdentifierKind{asset.FQDN, asset.MAC, asset.Hostname, asset.IP}, k)
}

func usableIP(text string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return addr, false
	}
	addr = addr.WithZone("").Unmap()
	return addr, !addr.IsUnspecified() && !addr.IsMulticast() && !addr.IsLinkLocalUnicast()
}

// usableMAC gives a MAC as "02:42:0e:7a:f2:27".
func usableMAC(text string) (string, bool) {
	mac, err := net.ParseMAC(strings.TrimSpace(text))
	if err != nil || len(mac) != 6 {
		return "", false
	}
	s := mac.String()
	return s, s != "00:00:00:00:00:00" && s != "ff:ff:ff:ff:ff:ff"
}

// dnsName gives a name in lower case without the final dot, if it is one.
func dnsName(text string) (string, bool) {
	name := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(text)), ".")
	if name == "" || len(name) > 253 || name == "localhost" || strings.HasPrefix(name, "localhost.") {
		return "", false
	}
	letter := false
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for _, c := range label {
			switch {
			case c >= 'a' && c <= 'z', c > 0x7f:
				letter = true
			case c >= '0' && c <= '9', c == '-', c == '_':
			default:
				return "", false
			}
		}
	}
	return name, letter // "192.168.1.1001" is no name
}

// privateSuffixes are the last labels that each network uses as it likes (RFC 6761,
// 6762, 8375, and the habits of routers and directories).
var privateSuffixes = []string{"local", "localdomain", "internal", "lan", "home", "corp", "intranet", "private", "domain", "workgroup", "box", "arpa", "test", "example", "invalid"}

func globallyUnique(name string) bool {
	dot := strings.LastIndexByte(name, '.')
	return dot > 0 && !slices.Contains(privateSuffixes, name[dot+1:])
}

// madeFrom reports whether a name spells out one of the addresses: its four numbers, in
// order or reversed, somewhere among the name's numbers.
func madeFrom(name string, addresses []netip.Addr) bool {
	numbers := strings.FieldsFunc(name, func(c rune) bool { return c < '0' || c > '9' })
	for _, addr := range addresses {
		if !addr.Is4() {
			continue
		}
		want := strings.Split(addr.String(), ".")
		for range 2 {
			for i := 0; i+4 <= len(numbers); i++ {
				if slices.EqualFunc(numbers[i:i+4], want, func(a, b string) bool { return strings.TrimLeft(a, "0") == strings.TrimLeft(b, "0") }) {
					return true
				}
			}
			slices.Reverse(want)
		}
	}
	return false
}
