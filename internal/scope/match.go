package scope

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
)

// subject is an asset as rules look at it, prepared once for all scopes.
type subject struct {
	a     *asset.Asset
	names []string // lower case: name, FQDNs, hostnames
	ids   []string // lower case: kind:value
	addrs []netip.Addr
}

func (s Set) subject(a *asset.Asset) subject {
	sub := subject{a: a}
	if s.needs.names {
		sub.names = append(make([]string, 0, 1+len(a.Identifiers)), strings.ToLower(a.Name))
	}
	for i := range a.Identifiers {
		id := &a.Identifiers[i]
		switch {
		case s.needs.names && (id.Kind == asset.FQDN || id.Kind == asset.Hostname):
			sub.names = append(sub.names, strings.ToLower(id.Value))
		case s.needs.addrs && id.Kind == asset.IP:
			if addr, err := netip.ParseAddr(id.Value); err == nil { // else it is in no network
				sub.addrs = append(sub.addrs, addr.Unmap().WithZone(""))
			}
		}
		if s.needs.ids {
			sub.ids = append(sub.ids, strings.ToLower(string(id.Kind)+":"+id.Value))
		}
	}
	return sub
}

func (s *subject) any(rules []rule) bool {
	for i := range rules {
		if s.matches(&rules[i]) {
			return true
		}
	}
	return false
}

func (s *subject) matches(r *rule) bool {
	switch {
	case r.kind != "" && r.kind != string(s.a.Kind),
		r.zone != "" && r.zone != s.a.Zone,
		r.source != "" && !slices.Contains(s.a.Sources, r.source),
		r.name != nil && !slices.ContainsFunc(s.names, r.name.match),
		r.identifier != nil && !slices.ContainsFunc(s.ids, r.identifier.match),
		r.network.IsValid() && !slices.ContainsFunc(s.addrs, r.network.Contains):
		return false
	}
	for _, tag := range r.tags {
		if value, ok := s.a.Tags[tag.key]; !ok || !tag.value.Match(value) {
			return false
		}
	}
	return true
}
