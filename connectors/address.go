package connectors

import (
	"net"
	"net/netip"
	"strings"
)

// Address is what a scanner calls a target: a URL, host:port, or a host alone.
type Address struct {
	Scheme string // lower case; empty where there is none
	Host   string // lower case, without brackets and final dot
	Port   string // as given, else the scheme's; empty where unknown
	Path   string // without query and fragment; empty for the root
	User   bool   // there was a user name, and maybe a password, before the host
}

// ParseAddress takes a target apart. It never fails, as scanners write what net/url
// refuses (payloads in paths): what makes no sense ends up as the host.
func ParseAddress(target string) Address {
	var a Address
	rest := strings.TrimSpace(target)
	if scheme, after, ok := strings.Cut(rest, "://"); ok && isScheme(scheme) {
		a.Scheme, rest = strings.ToLower(scheme), after
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#\\"); i >= 0 {
		authority = rest[:i]
		a.Path = rest[i:]
		if i := strings.IndexAny(a.Path, "?#"); i >= 0 {
			a.Path = a.Path[:i]
		}
		if a.Path == "/" {
			a.Path = ""
		}
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		a.User, authority = true, authority[i+1:]
	}
	a.Host, a.Port = splitPort(authority)
	a.Host = strings.TrimSuffix(strings.ToLower(a.Host), ".")
	if a.Port == "" {
		switch a.Scheme {
		case "http", "ws":
			a.Port = "80"
		case "https", "wss":
			a.Port = "443"
		}
	}
	return a
}

// isScheme checks the grammar of RFC 3986, section 3.1.
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		inner := '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'
		if !letter && (i == 0 || !inner) {
			return false
		}
	}
	return s != ""
}

func splitPort(authority string) (host, port string) {
	if inner, after, ok := strings.Cut(strings.TrimPrefix(authority, "["), "]"); ok && authority[0] == '[' {
		if p, isPort := strings.CutPrefix(after, ":"); isPort && digits(p) {
			port = p
		}
		return inner, port
	}
	i := strings.LastIndexByte(authority, ':')
	if i < 0 {
		return authority, ""
	}
	if strings.IndexByte(authority, ':') < i { // IPv6 without brackets
		if _, err := netip.ParseAddr(authority); err == nil {
			return authority, ""
		}
	}
	if p := authority[i+1:]; digits(p) {
		return authority[:i], p
	}
	return authority, ""
}

// Without gives the target without the user and password that it may hold.
func (a Address) Without(target string) string {
	if !a.User {
		return target
	}
	start := 0
	if i := strings.Index(target, "://"); i >= 0 && a.Scheme != "" {
		start = i + len("://")
	}
	end := len(target)
	if i := strings.IndexAny(target[start:], "/?#\\"); i >= 0 {
		end = start + i
	}
	at := strings.LastIndexByte(target[start:end], '@')
	return target[:start] + target[start+at+1:]
}

// Location is the address as part of a finding's identity: "443/tcp", and the path where
// there is one, "443/tcp/login". A path without a known port stands alone.
func (a Address) Location() string {
	if a.Port == "" {
		return Ident(a.Path)
	}
	return Ident(a.Port + "/tcp" + a.Path)
}

// HostPort is host and port, or the host alone.
func (a Address) HostPort() string {
	if a.Port == "" {
		return a.Host
	}
	return net.JoinHostPort(a.Host, a.Port)
}
