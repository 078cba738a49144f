package ingest

import (
	"net/netip"
	"net/url"

	"github.com/quellsec/quell/internal/asset"
)

// localIdentifiers lets loopback addresses identify the hosts of a lab on this very
// machine. Everywhere else they are junk, since every host has them; a source that says
// it is local gives them a meaning inside its zone, as labels.
func localIdentifiers(ids []asset.Identifier, zone string) []asset.Identifier {
	out := make([]asset.Identifier, 0, len(ids))
	for _, id := range ids {
		if addr, ok := loopback(id); ok {
			id = asset.Identifier{Kind: asset.Label, Scope: zone, Value: addr.String()}
		}
		out = append(out, id)
	}
	return out
}

func loopback(id asset.Identifier) (netip.Addr, bool) {
	host := id.Value
	if id.Kind == asset.URLOrigin {
		u, err := url.Parse(id.Value)
		if err != nil {
			return netip.Addr{}, false
		}
		host = u.Hostname()
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	return addr, err == nil && addr.IsLoopback()
}
