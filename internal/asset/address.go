package asset

import "net/netip"

// sharedNetworks are addresses that many machines have at once: Docker's first bridges
// on every container host, and "this network".
var sharedNetworks = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified address"},
	{netip.MustParsePrefix("172.17.0.0/16"), "an address on a container bridge"},
	{netip.MustParsePrefix("172.18.0.0/16"), "an address on a container bridge"},
	{netip.MustParsePrefix("255.255.255.255/32"), "the broadcast address"},
}

// resolvers are public DNS servers: typed into inventories as if they were the machine.
var resolvers = map[string]bool{
	"1.1.1.1": true, "1.0.0.1": true, "8.8.8.8": true, "8.8.4.4": true, "9.9.9.9": true, "149.112.112.112": true,
	"208.67.222.222": true, "208.67.220.220": true, "4.2.2.1": true, "4.2.2.2": true, "94.140.14.14": true,
	"2606:4700:4700::1111": true, "2606:4700:4700::1001": true, "2001:4860:4860::8888": true,
	"2001:4860:4860::8844": true, "2620:fe::fe": true, "2620:fe::9": true,
}

// carrierGrade is the shared address space of RFC 6598: as private as 10/8.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

// cleanIP gives an address in its canonical form, IPv4 in IPv6 as IPv4.
func cleanIP(v string) (string, string) {
	addr, err := netip.ParseAddr(v)
	if err != nil {
		return v, "not an IP address"
	}
	addr = addr.Unmap()
	switch {
	case addr.IsLoopback():
		return v, "a loopback address"
	case addr.IsUnspecified():
		return v, "an unspecified address"
	case addr.IsLinkLocalUnicast():
		return v, "a link-local address"
	case addr.IsMulticast():
		return v, "a multicast address"
	case addr.Zone() != "":
		return v, "an address with a zone means something on one machine only"
	case resolvers[addr.String()]:
		return v, "a public resolver's address"
	}
	for _, n := range sharedNetworks {
		if n.prefix.Contains(addr) {
			return v, n.why
		}
	}
	return addr.String(), ""
}

// private reports whether an address means another machine in another network.
func private(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && (addr.IsPrivate() || !addr.IsGlobalUnicast() || carrierGrade.Contains(addr))
}
