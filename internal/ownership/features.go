package ownership

import (
	"net/netip"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// aspect is a sort of feature: what assets have in common, and what is remembered by it.
type aspect int

const (
	itself  aspect = iota
	account        // a cloud account, subscription or project, a namespace, a repository's organization
	domain         // the parent of a DNS name
	subnet         // a /24 or /64 of a zone
	clue           // an owner hint by its value
	fix            // what mends it
	aspects
)

// nearness is how much of what happened to something with the same feature says about
// this one: everything on the asset itself, less where it was merely in the same house.
func nearness() [aspects]float64 {
	return [aspects]float64{itself: 1, clue: 0.8, account: 0.7, domain: 0.55, subnet: 0.5, fix: 0.4}
}

// words are how a feature is called in an explanation.
func (s aspect) words(key string) string {
	_, rest, _ := strings.Cut(key, ":")
	switch s {
	case itself:
		return "this asset"
	case account:
		return rest
	case domain:
		return "*." + rest
	case subnet:
		zone, network, _ := strings.Cut(rest, "|")
		return strings.TrimSpace(network + " " + zone)
	case clue:
		return "what has " + rest
	case fix:
		return "the same fix"
	case aspects:
	}
	return rest
}

// perAspect bounds how many features of one sort an asset is looked at by.
const perAspect = 3

// features calls fn with every feature of an asset, and of an exposure on it where there
// is one. The key is only good until fn returns: it is made in one buffer, so that looking
// a million of them up makes no garbage.
func features(a *asset.Asset, e *exposure.Exposure, buf []byte, fn func(s aspect, key []byte)) []byte {
	var seen [aspects]int
	emit := func(s aspect, key []byte) {
		if seen[s] < perAspect {
			seen[s]++
			fn(s, key)
		}
		buf = key
	}
	fn(itself, append(append(buf[:0], "asset:"...), a.ID...))
	for _, other := range a.Aliases {
		emit(itself, append(append(buf[:0], "asset:"...), other...))
	}
	for i := range a.Identifiers {
		id := &a.Identifiers[i].Identifier
		switch id.Kind {
		case asset.CloudResourceID:
			if of := accountOf(id.Value); of != "" {
				emit(account, append(append(buf[:0], "account:"...), of...))
			}
		case asset.CloudInstanceID:
			if _, within, ok := strings.Cut(id.Scope, "/"); ok {
				of, _, _ := strings.Cut(within, "/")
				emit(account, append(append(buf[:0], "account:"...), of...))
			}
		case asset.RepositoryName:
			if at := strings.LastIndexByte(id.Value, '/'); at > 0 {
				emit(account, append(append(buf[:0], "account:"...), id.Value[:at]...))
			}
		case asset.SourceAssetID: // kubernetes/CLUSTER scopes KIND/NAMESPACE/NAME
			if cluster, ok := strings.CutPrefix(id.Scope, "kubernetes/"); ok {
				if parts := strings.SplitN(id.Value, "/", 4); len(parts) >= 3 {
					emit(account, append(append(append(append(buf[:0], "account:"...), cluster...), '/'), parts[1]...))
				}
			}
		case asset.FQDN:
			if _, parent, ok := strings.Cut(id.Value, "."); ok && strings.Contains(parent, ".") {
				emit(domain, append(append(buf[:0], "domain:"...), parent...))
			}
		case asset.IP:
			if network, ok := networkOf(id.Value); ok {
				key := append(append(append(buf[:0], "subnet:"...), a.Zone...), '|')
				emit(subnet, network.AppendTo(key))
			}
		default:
		}
	}
	if namespace := a.Tags["namespace"]; namespace != "" {
		emit(account, append(append(append(append(buf[:0], "account:"...), a.Zone...), '/'), namespace...))
	}
	for i := range a.OwnerHints {
		buf = hintFeature(buf[:0], &a.OwnerHints[i])
		fn(clue, buf)
	}
	if e.Fix != "" {
		buf = append(append(buf[:0], "fix:"...), e.Fix...)
		fn(fix, buf)
	}
	return buf
}

// hintFeature is a hint as a feature: its origin and its value, in any case of letters.
func hintFeature(buf []byte, h *asset.OwnerHint) []byte {
	buf = append(buf, "hint:"...)
	buf = appendLower(buf, h.From)
	buf = append(buf, '=')
	return appendLower(buf, h.Value)
}

func appendLower(buf []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf
}

// accountOf reads the account, subscription with its resource group, or project out of a
// cloud resource's ID; empty where it names none.
func accountOf(id string) string {
	if rest, ok := strings.CutPrefix(id, "arn:"); ok { // arn:partition:service:region:account:resource
		for range 3 {
			if _, rest, ok = strings.Cut(rest, ":"); !ok {
				return ""
			}
		}
		of, _, _ := strings.Cut(rest, ":")
		return of
	}
	lower := strings.ToLower(id)
	if rest, ok := strings.CutPrefix(lower, "/subscriptions/"); ok {
		subscription, rest, _ := strings.Cut(rest, "/")
		if groupName, ok := strings.CutPrefix(rest, "resourcegroups/"); ok {
			groupName, _, _ = strings.Cut(groupName, "/")
			return subscription + "/" + groupName
		}
		return subscription
	}
	if _, rest, ok := strings.Cut(lower, "/projects/"); ok {
		project, _, _ := strings.Cut(rest, "/")
		return project
	}
	return ""
}

// networkOf is the neighbourhood of an address: its /24, in IPv6 its /64. Loopback and
// link-local addresses have no neighbours.
func networkOf(address string) (netip.Prefix, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() {
		return netip.Prefix{}, false
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 24
	}
	network, err := ip.Prefix(bits)
	return network, err == nil
}
