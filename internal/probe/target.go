package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quellsec/quell/internal/lifecycle"
	"github.com/quellsec/quell/internal/scope"
)

// target is where a probe goes: a host, a port, and a URL where the target is one.
type target struct {
	host string // name or address, without brackets
	port int
	url  *url.URL // nil for host:port
}

// parseTarget reads a URL with a host, or host:port, or a host alone with the protocol's
// own port.
func parseTarget(text, protocol string) (target, error) {
	if strings.Contains(text, "://") {
		return parseURL(text)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), map[string]string{"http": "80", "ssl": "443", "dns": "53"}[protocol]
	}
	n, err := strconv.Atoi(port)
	switch {
	case err != nil || n < 1 || n > 65535:
		return target{}, fmt.Errorf("target %q names no port", text)
	case !validHost(host):
		return target{}, fmt.Errorf("target %q names no host", text)
	}
	return target{host: host, port: n}, nil
}

func parseURL(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return target{}, errors.New("target is not a URL") // the parser's error repeats it, credentials and all
	}
	ports := map[string]int{"http": 80, "https": 443}
	port, known := ports[u.Scheme]
	switch {
	case !known:
		return target{}, fmt.Errorf("target scheme %q is neither http nor https", u.Scheme)
	case u.User != nil:
		return target{}, errors.New("target carries credentials")
	case !validHost(u.Hostname()):
		return target{}, errors.New("target URL names no host")
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 1 || port > 65535 {
			return target{}, errors.New("target URL has no valid port")
		}
	}
	u.Fragment = ""
	return target{host: u.Hostname(), port: port, url: u}, nil
}

// validHost keeps what could be read in two ways out of URLs, dialers and logs.
func validHost(host string) bool {
	const longest = 253
	if _, err := netip.ParseAddr(host); err == nil {
		return !strings.Contains(host, "%")
	}
	return host != "" && len(host) <= longest && strings.IndexFunc(host, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	}) < 0
}

func (t target) hostport() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

// origin reports whether a URL is of the same scheme, host and port.
func (t target) origin(u *url.URL) bool {
	if t.url == nil || u.Scheme != t.url.Scheme || !strings.EqualFold(u.Hostname(), t.host) {
		return false
	}
	other, err := parseURL(u.Scheme + "://" + u.Host)
	return err == nil && other.port == t.port
}

// Resolver turns names into addresses; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// deadError is a target that can't be reached at all: no verdict but inconclusive.
type deadError struct{ reason string }

func (e *deadError) Error() string { return e.reason }

// pin resolves the target's name, once, and picks the first address that the request and
// the rules of engagement allow. The error is a *scope.RefusedError or a *deadError.
func (p *Prober) pin(ctx context.Context, req *lifecycle.ProbeRequest, t target, protocol string, at time.Time) (netip.Addr, error) {
	addrs, err := p.resolve(ctx, t.host)
	if err != nil {
		return netip.Addr{}, err
	}
	var refused error
	for _, addr := range addrs {
		addr = addr.Unmap()
		err := req.Engagement.Allows(scope.ProbeRequest{At: at, Addr: addr, Port: t.port, Protocol: protocol, Vantage: p.opts.Vantage})
		if err == nil && !knownAddress(req, addr) {
			err = &scope.RefusedError{Reason: fmt.Sprintf("%s resolves to %s, which is neither an address of the asset nor in engagement.networks", t.host, addr)}
		}
		if err == nil {
			return addr, nil
		}
		if refused == nil {
			refused = err
		}
	}
	return netip.Addr{}, refused
}

func (p *Prober) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.opts.RequestTimeout)
	defer cancel()
	addrs, err := p.opts.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil || len(addrs) == 0 {
		return nil, &deadError{reason: "the name " + host + " does not resolve at this vantage"}
	}
	return addrs, nil
}

// knownAddress reports whether an address that the rules allow is the asset's: one of
// its known addresses, or in a network that the rules name. Where neither is known, the
// name is all that identifies the asset, and any public address of it will do.
func knownAddress(req *lifecycle.ProbeRequest, addr netip.Addr) bool {
	if len(req.Addresses) == 0 || len(req.Engagement.Networks) > 0 { // networks were checked by Allows
		return true
	}
	return slices.ContainsFunc(req.Addresses, func(text string) bool {
		known, err := netip.ParseAddr(text)
		return err == nil && known.Unmap() == addr
	})
}
