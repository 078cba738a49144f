package scope

import (
	"net/netip"
	"slices"
	"strings"
)

// special are the networks whose addresses are not public hosts, the narrowest first. One
// of them is probed only where a network of the rules lies inside the same range.
func special() []struct{ network, what string } {
	return []struct{ network, what string }{
		{"169.254.169.254/32", "a cloud metadata service"},
		{"169.254.170.2/32", "a cloud metadata service"},
		{"100.100.100.200/32", "a cloud metadata service"},
		{"168.63.129.16/32", "a cloud metadata service"},
		{"192.0.0.192/32", "a cloud metadata service"},
		{"fd00:ec2::254/128", "a cloud metadata service"},
		{"fd20:ce::254/128", "a cloud metadata service"},
		{"0.0.0.0/8", "an address of this host"},
		{"10.0.0.0/8", "a private address"},
		{"100.64.0.0/10", "a carrier's shared address"},
		{"127.0.0.0/8", "a loopback address"},
		{"169.254.0.0/16", "a link-local address"},
		{"172.16.0.0/12", "a private address"},
		{"192.0.0.0/24", "a protocol's reserved address"},
		{"192.0.2.0/24", "a documentation address"},
		{"192.88.99.0/24", "a relay address"},
		{"192.168.0.0/16", "a private address"},
		{"198.18.0.0/15", "a benchmarking address"},
		{"198.51.100.0/24", "a documentation address"},
		{"203.0.113.0/24", "a documentation address"},
		{"224.0.0.0/4", "a multicast address"},
		{"240.0.0.0/4", "a reserved address"},
		{"::/128", "an unspecified address"},
		{"::1/128", "a loopback address"},
		{"::/96", "an IPv4 address inside IPv6"},
		{"64:ff9b::/96", "an IPv4 address inside IPv6"},
		{"64:ff9b:1::/48", "an IPv4 address inside IPv6"},
		{"100::/64", "a discard address"},
		{"2001::/23", "a protocol's reserved address"},
		{"2001:db8::/32", "a documentation address"},
		{"2002::/16", "an IPv4 address inside IPv6"},
		{"3fff::/20", "a documentation address"},
		{"5f00::/16", "a segment routing address"},
		{"fc00::/7", "a private address"},
		{"fe80::/10", "a link-local address"},
		{"fec0::/10", "a site-local address"},
		{"ff00::/8", "a multicast address"},
	}
}

// address checks the address that will really be dialled.
func (e Engagement) address(addr netip.Addr) error {
	if !addr.IsValid() {
		return refuse("there is no address to check")
	}
	addr = addr.Unmap().WithZone("")
	reserved, what := specialRange(addr)
	for _, text := range e.Networks {
		network, err := parseNetwork(text)
		if err != nil || !network.Contains(addr) {
			continue
		}
		// 0.0.0.0/0 means every public address, not the metadata service.
		if what == "" || network.Bits() >= reserved.Bits() {
			return nil
		}
	}
	switch {
	case what != "":
		return refuse("%s is %s: engagement.networks would have to name it in a network inside %s", addr, what, reserved)
	case len(e.Networks) > 0:
		return refuse("%s is in none of the allowed networks %s", addr, strings.Join(e.Networks, ", "))
	}
	return nil
}

func specialRange(addr netip.Addr) (reserved netip.Prefix, what string) {
	ranges := special()
	i := slices.IndexFunc(ranges, func(r struct{ network, what string }) bool {
		return netip.MustParsePrefix(r.network).Contains(addr)
	})
	if i < 0 {
		return netip.Prefix{}, ""
	}
	return netip.MustParsePrefix(ranges[i].network), ranges[i].what
}
